from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.formats import recognise
from l1ad.data.readers.gelato_merged import GelatoMergedReader
from tests.event_files import random_counts

L1TOPO44, HLT48 = load_layout("l1topo44"), load_layout("hlt48")


@pytest.fixture
def merged(tmp_path: Path) -> Path:
    level1, software = random_counts(L1TOPO44, 40, 1), random_counts(HLT48, 40, 2)
    features = {"jet": 3, "tau": 3, "muon": 3}
    rows = [level1[kind].reshape(40, -1) for kind in features] + [level1["met"][:, 0, [0, 2]]]
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["L1_data"] = np.concatenate(rows, axis=1).astype(np.float32)
        scale = np.array([0.1, 0.025, 2 * np.pi / 128])
        file["HLT_data"] = np.concatenate([(software[slot.kind] * scale).reshape(40, -1) for slot in HLT48.slots], axis=1)
        file["event_numbers"], file["run_numbers"], file["mus"] = np.arange(40), np.full(40, 3), np.full(40, 55.0)
        file["pass_L1_unprescaled"] = np.arange(40) % 2
    return tmp_path / "m.h5"


@pytest.mark.parametrize(("layout", "seed"), [(L1TOPO44, 1), (HLT48, 2)])
def test_both_levels_are_read_as_the_same_integers(merged: Path, layout: object, seed: int) -> None:
    assert recognise(merged).name == "gelato_merged"
    (chunk,) = GelatoMergedReader().chunks(merged, layout, 100)  # type: ignore[arg-type]
    for kind, wanted in random_counts(layout, 40, seed).items():  # type: ignore[arg-type]
        np.testing.assert_array_equal(chunk.counts[kind], wanted)
    assert set(chunk.columns) == {"event", "run", "pileup", "pass_l1"}


def test_a_file_is_described(merged: Path) -> None:
    description = GelatoMergedReader().describe(merged)
    assert description.n_events == 40
    assert "disagree on MET" in description.notes[0]


def test_energies_and_eta_as_the_public_writer_leaves_them_are_the_nearest_counts(tmp_path: Path) -> None:
    rows = np.zeros((1, 44))
    # make_ntuples multiplies float32 GeV by 10 (muons in TeV by 10000) and η by 40, and rounds φ only.
    rows[0, 0:3] = float(np.float32(43.2)) * 10.0, float(np.float32(-1.25)) * 40.0, 17
    rows[0, 30:33] = float(np.float32(0.008)) * 10000.0, float(np.float32(1.2345)) * 40.0, 64
    rows[0, 42:44] = float(np.float32(14.703)) * 10.0, 100
    assert rows[0, 0] != 432
    assert rows[0, 31] == pytest.approx(49.38)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["L1_data"] = rows
    (chunk,) = GelatoMergedReader().chunks(tmp_path / "m.h5", L1TOPO44, 100)
    assert chunk.counts["jet"][0, 0].tolist() == [432, -50, 17]
    assert chunk.counts["muon"][0, 0].tolist() == [80, 49, 64]
    assert chunk.counts["met"][0, 0].tolist() == [147, 0, 100]


def test_a_scaled_file_is_refused(merged: Path) -> None:
    with h5py.File(merged, "a") as file:
        file["L1_data"][7, 5] = 12.5
    with pytest.raises(
        InputError, match=r"'L1_data' must hold φ in whole counts, got 12\.5 at event 7; was it scaled already\?$"
    ):
        next(GelatoMergedReader().chunks(merged, L1TOPO44, 100))


def test_another_width_is_refused(merged: Path) -> None:
    with h5py.File(merged, "a") as file:
        del file["L1_data"]
        file["L1_data"] = np.zeros((40, 43))
    with pytest.raises(
        InputError, match=r"data set 'L1_data' must have shape \(any, 44\), got \(40, 43\); is this the right format\?$"
    ):
        GelatoMergedReader().describe(merged)


def test_more_objects_than_stored_are_refused(merged: Path) -> None:
    with pytest.raises(
        InputError, match=r"^Layout 'gelato60' has objects that merged GELATO files .* use layout 'l1topo44' or 'hlt48'\.$"
    ):
        next(GelatoMergedReader().chunks(merged, load_layout("gelato60"), 100))
