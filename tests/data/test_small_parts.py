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


def word(threshold: int, sector: int) -> int:
    return threshold << 8 | sector << 21 | 1 << 31


@pytest.mark.parametrize(
    ("threshold", "sector", "pt_gev"),
    [(1, 0x00, 4.0), (6, 0x1F, 14.0), (1, 0x80, 3.0), (15, 0x80, 20.0), (14, 0x40, 18.0), (7, 0x00, 0.0), (0, 0x80, 0.0)],
)
def test_a_muon_word_says_which_threshold_was_passed(threshold: int, sector: int, pt_gev: float) -> None:
    assert muon_pt_gev(np.array([word(threshold, sector)], dtype=np.uint32)).tolist() == [pt_gev]


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
