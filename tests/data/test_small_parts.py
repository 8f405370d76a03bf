"""Decoding of muon words, trigger bits, jagged branches, and running jobs."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.execute import execute
from l1ad.data.muon_roi import muon_pt_gev
from l1ad.data.root import Jagged
from l1ad.data.seeds import check_seeds, seed_columns
from l1ad.data.select import Selection
from tests.field_files import dataset, jag, prepared, write_daod


def word(threshold: int, sector: int) -> int:
    return threshold << 8 | sector << 21 | 1 << 31


@pytest.mark.parametrize(
    ("threshold", "sector", "pt_gev"),
    [(1, 0x00, 4.0), (6, 0x1F, 14.0), (1, 0x80, 3.0), (15, 0x80, 20.0), (14, 0x40, 18.0), (7, 0x00, 0.0), (0, 0x80, 0.0)],
)
def test_a_muon_word_says_which_threshold_was_passed(threshold: int, sector: int, pt_gev: float) -> None:
    assert muon_pt_gev(np.array([word(threshold, sector)], dtype=np.uint32)).tolist() == [pt_gev]


def run2_word(threshold: int, sector: int) -> int:
    return threshold << 11 | sector << 14 | 3 << 2


def test_a_word_of_run_2_has_its_threshold_beside_it() -> None:
    words = np.array([run2_word(4, 0x05), run2_word(2, 0x91), run2_word(0, 0x91), word(6, 0x1F)], dtype=np.uint32)
    beside = np.array([11e3, 6e3, 0.0, 99e3])
    assert muon_pt_gev(words, beside).tolist() == [11.0, 6.0, 0.0, 14.0]
    assert np.isnan(muon_pt_gev(words)).tolist() == [True, True, False, False]
    assert np.isnan(muon_pt_gev(words, np.zeros(4))).tolist() == [True, True, False, False]


@pytest.mark.parametrize("form", ["AuxDyn.", "Aux."])
def test_muons_of_run_2_are_read_with_their_threshold_or_refused(tmp_path: Path, form: str) -> None:
    muons = {
        "roiWord": jag([[run2_word(4, 0x05)], [run2_word(2, 0x91)]], np.uint32),
        "eta": jag([[-0.5], [2.0]], np.float32),
        "phi": jag([[0.5], [-2.0]], np.float32),
    }
    write_daod(tmp_path / "x.root", 2, {"LVL1MuonRoIs": muons}, form)
    with pytest.raises(
        InputError,
        match=r"\.roiWord' has a muon word of Run 2 \(bit 31 is not set\) at event 0, whose threshold only the run's menu or",
    ):
        prepared(tmp_path, "l1topo44", "  background: {s: x.root}")
    write_daod(tmp_path / "x.root", 2, {"LVL1MuonRoIs": muons | {"thrValue": jag([[11e3], [6e3]], np.float32)}}, form)
    x_hw = dataset(tmp_path, "l1topo44", "  background: {s: x.root}").x_hw
    assert x_hw[:, 30:33].tolist() == [[110, -20, 10], [60, 80, 87]]


def test_jagged_values_go_to_their_places() -> None:
    jagged = Jagged.of(np.array([2, 0, 3]), 2)
    assert jagged.fill(np.array([1, 2, 3, 4, 5])).tolist() == [[1, 2], [0, 0], [3, 4]]


def test_jagged_values_can_be_chosen() -> None:
    jagged = Jagged.of(np.array([2, 0, 3]), 3, np.array([False, True, True, False, True]))
    assert jagged.fill(np.array([1, 2, 3, 4, 5])).tolist() == [[2, 0, 0], [0, 0, 0], [3, 5, 0]]


def test_bits_make_a_word() -> None:
    columns = seed_columns({"A": np.array([True, False, True]), "B": np.array([1, 0, 0])})
    assert columns["menu"].tolist() == [3, 0, 1]
    assert columns["pass_l1"].tolist() == [True, False, True]
    assert seed_columns({}) == {}


def test_more_bits_than_a_word_has_are_refused() -> None:
    names = tuple(f"L1_{i}" for i in range(65))
    with pytest.raises(
        InputError, match=r"^A menu column holds 64 trigger bits, data\.menu names 65; choose those that matter\.$"
    ):
        check_seeds(names, names, Path("x"))


def test_thresholds_are_counts_rounded_up() -> None:
    selection = Selection.of(load_layout("l1topo44"), {"jet": 20.0, "tau": 12.34}, False, None, False)
    assert selection.thresholds == {"jet": 200, "tau": 124}


def half(item: int, folder: Path) -> int:
    if item % 2:
        raise InputError(f"{item} is odd")
    return item // 2


def test_jobs_give_results_or_errors_in_order(tmp_path: Path) -> None:
    done: list[int] = []
    results = execute(half, [(4, tmp_path), (3, tmp_path), (8, tmp_path)], None, done.append, keep_errors=True)
    assert results[0] == 2
    assert isinstance(results[1], InputError)
    assert results[2] == 4
    assert done == [0, 1, 2]
