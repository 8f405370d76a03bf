"""φ in all the ways it is stored: floats less 2π, signed and unsigned counts, and counts that are none."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.chunk import counts_from_physical
from tests.field_files import dataset, event_tree, jag, prepared, upgrade_tree, write_nano, write_trees

HW_PHI = np.arange(144)
MUON_HW_PHI = np.arange(576)


def with_mantissa(values: np.ndarray, bits: int) -> np.ndarray:
    """Round to fewer bits as NanoAOD's precision does (cmssw MiniFloatConverter::reduceMantissaToNbitsRounding)."""
    word = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return (((word + (1 << (22 - bits))) >> (23 - bits)) << (23 - bits)).astype(np.uint32).view(np.float32)


def write_reduced(path: Path, phi: np.ndarray, muon_phi: np.ndarray) -> None:
    """Write central NanoAOD: one object an event, floats only."""
    n_events = max(len(phi), len(muon_phi))

    def collection(values: np.ndarray, pt: float) -> dict[str, ak.Array]:
        there = [[value] if i < len(values) else [] for i, value in enumerate(np.resize(values, n_events))]
        same = {name: jag([[number] * len(event) for event in there], np.float32) for name, number in (("pt", pt), ("eta", 0.0))}
        return same | {"phi": jag(there, np.float32), "bx": jag([[0] * len(event) for event in there], np.int16)}

    sums = collection(np.resize(phi, n_events), 10.0)
    del sums["eta"]
    branches = {
        "L1Jet": ak.zip(collection(phi, 50.0)),
        "L1EG": ak.zip(collection(np.zeros(0), 10.0)),
        "L1Mu": ak.zip(collection(muon_phi, 5.0)),
        "L1EtSum": ak.zip(sums | {"etSumType": jag([[2]] * n_events, np.int32)}),
    }
    write_trees(path, {"Events": branches})


@pytest.mark.parametrize(
    ("jet", "muon"),
    [
        (np.where(np.pi <= HW_PHI * 0.0435, HW_PHI * 0.0435 - 2 * np.pi, HW_PHI * 0.0435), "signed"),
        (np.where(HW_PHI >= 72, HW_PHI - 144, HW_PHI) * 0.0435, "signed"),
        (HW_PHI * 0.0435, "unsigned"),
        (np.where(HW_PHI >= 72, HW_PHI - 144, HW_PHI) * (2 * np.pi / 144), "signed"),
    ],
    ids=["less 2π", "less 144 counts", "positive", "true grid"],
)
@pytest.mark.parametrize("bits", [12, 23])
def test_every_count_comes_back_from_floats(tmp_path: Path, jet: np.ndarray, muon: str, bits: int) -> None:
    turns = np.where(MUON_HW_PHI >= 288, MUON_HW_PHI - 576, MUON_HW_PHI) if muon == "signed" else MUON_HW_PHI
    rounded = [with_mantissa(values, bits) if bits < 23 else values for values in (jet, turns * (2 * np.pi / 576))]
    write_reduced(tmp_path / "reduced.root", *rounded)
    x_hw = dataset(tmp_path, "axol1tl57", "  background: {s: reduced.root}").x_hw
    assert x_hw[:144, 29].tolist() == HW_PHI.tolist()
    assert x_hw[:144, 2].tolist() == HW_PHI.tolist()
    assert x_hw[:, 17].tolist() == MUON_HW_PHI.tolist()


@pytest.mark.parametrize("phi", [0.02, -0.25 * 0.0435, 6.4, 100 * 0.0435 * 2])
def test_floats_between_counts_or_beyond_a_turn_are_refused(tmp_path: Path, phi: float) -> None:
    write_reduced(tmp_path / "off.root", np.array([0.0, phi]), np.zeros(2))
    with pytest.raises(
        InputError, match=r"branch 'L1(Jet|EtSum)_phi' at event 1 is not on the hardware grid \(expected multiples of 0\.0435\)"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: off.root}")


def write_l1ntuple(path: Path, phi: list[int]) -> None:
    objects = upgrade_tree([[(100, 5, value)] for value in phi], [[(20, 0, 5)]] * len(phi))
    write_trees(path, {"l1UpgradeTree/L1UpgradeTree": objects, "l1EventTree/L1EventTree": event_tree(len(phi))})


def write_nano_of(path: Path, phi: list[int]) -> None:
    write_nano(path, len(phi), jet=[[(100, 5, value)] for value in phi])


@pytest.mark.parametrize("write", [write_nano_of, write_l1ntuple])
def test_stored_counts_beyond_a_turn_are_out_of_range(tmp_path: Path, write: object) -> None:
    data = "  background: {s: f.root}"
    write(tmp_path / "f.root", [143, -1, -72])  # type: ignore[operator]
    assert dataset(tmp_path, "axol1tl57", data).x_hw[:, 29].tolist() == [143, 143, 72]
    for bad in (144, 200, -73, -126):
        write(tmp_path / "f.root", [0, bad])  # type: ignore[operator]
        message = rf"f\.root: 1 values of jet phi are outside the hardware range \[0, 143\] \(they span \[{min(bad, 0)}, {max(bad, 0)}\]\)"
        with pytest.raises(InputError, match=message):
            prepared(tmp_path, "axol1tl57", data)
        result = prepared(tmp_path, "axol1tl57", f"{data}\n  out_of_range: wrap")
        assert result.summary["out_of_range"] == {"jet.phi": 1}
        assert np.load(result.path / "x_hw.npy")[1, 29] == bad % 144


def test_merged_gelato_counts_beyond_a_turn_are_out_of_range(tmp_path: Path) -> None:
    rows = np.zeros((2, 44))
    rows[1, :3] = 432, -50, 130
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["L1_data"] = rows
    with pytest.raises(
        InputError, match=r"1 values of jet phi are outside the hardware range \[0, 127\] \(they span \[0, 130\]\)"
    ):
        prepared(tmp_path, "l1topo44", "  background: {s: m.h5}")


def test_radians_beyond_a_turn_stay_beyond_it() -> None:
    slot = load_layout("l1topo44").slot("jet")
    radians = [-2 * np.pi, -np.pi, -0.05, 0.0, np.pi, 2 * np.pi, 6.4, 45.0]
    objects = np.array([[[30.0, 0.0, phi] for phi in radians]])
    assert counts_from_physical(objects, slot, "f", "d")[0, :, 2].tolist() == [0, 64, 127, 0, 64, 0, 130, 917]
