"""CICADA's regions: of its own HDF5 and of an L1Ntuple, column by column."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import uproot

from l1ad.core.errors import InputError
from l1ad.data.formats import recognise
from l1ad.stages.inspect import inspect
from tests.field_files import dataset, event_tree, prepared, upgrade_tree

#: Each region has a number of its own, so that an exchange of φ and η shows.
REGIONS = (np.arange(3 * 18 * 14).reshape(3, 18, 14) * 7) % 1024


def hdf5(path: Path, values: np.ndarray = REGIONS) -> None:
    with h5py.File(path, "w") as file:
        file["CaloRegions"] = values
        file["AcceptanceFlag"] = np.ones(len(values), bool)
        file["run"], file["lumi"], file["event"] = np.full(len(values), 5), np.arange(len(values)), np.arange(len(values)) + 10
        file["npv"] = np.full(len(values), 40)


def ntuple(path: Path, *, objects: bool = False) -> None:
    trees = {
        "l1CaloSummaryEmuTree/L1CaloSummaryTree": {
            "modelInput": REGIONS.astype(np.uint16),
            "CICADAScore": np.zeros(3, np.float32),
        }
    }
    trees["l1EventTree/L1EventTree"] = event_tree(3)
    if objects:
        trees["l1UpgradeTree/L1UpgradeTree"] = upgrade_tree([[(100, 5, 10)]] * 3, [[(44, 0, 5)]] * 3)
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            types = {k: (v.dtype, v.shape[1:]) if isinstance(v, np.ndarray) and v.ndim > 1 else v.dtype if isinstance(v, np.ndarray)
                     else __import__("awkward").type(v).content for k, v in branches.items()}  # fmt: skip
            file.mktree(name, types).extend(branches)


@pytest.mark.parametrize("form", ["hdf5", "ntuple", "ntuple with objects"])
def test_every_region_is_in_its_column(tmp_path: Path, form: str) -> None:
    hdf5(tmp_path / "f") if form == "hdf5" else ntuple(tmp_path / "f", objects=form != "ntuple")
    assert recognise(tmp_path / "f").name == ("l1ntuple" if form.endswith("objects") else "cicada")
    data = dataset(tmp_path, "cicada252", "  background: {s: f}")
    for event, phi, eta in ((0, 0, 1), (1, 17, 0), (2, 9, 13), (2, 17, 13)):
        assert data.x_hw[event, 14 * phi + eta] == REGIONS[event, phi, eta]
    np.testing.assert_array_equal(data.x_hw, REGIONS.reshape(3, 252))
    assert data.column("event")[:].tolist() == ([10, 11, 12] if form == "hdf5" else [0, 1, 2])
    assert data.layout.names[14] == "region[14].pt_hw"


def test_inspect_says_that_both_are_there(tmp_path: Path) -> None:
    ntuple(tmp_path / "f", objects=True)
    found = inspect(tmp_path / "f")
    assert any(entry["kind"] == "region" for entry in found.objects)
    assert any(note.startswith("Layout 'axol1tl57' leaves out: tau, region") for note in found.notes)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (REGIONS.transpose(0, 2, 1), r"'CaloRegions' must have shape \(any, 18, 14\), got \(3, 14, 18\)"),
        (
            REGIONS / 1023.0,
            r"'CaloRegions' has an energy that is not a count \(whole and from 0\) at event 0; give the regions as the",
        ),
        (-REGIONS, r"not a count \(whole and from 0\) at event 0"),
        (np.where(REGIONS == 7, np.nan, REGIONS), r"not a count \(whole and from 0\) at event 0"),
        (REGIONS + 1000, r"outside the hardware range \[0, 1023\]"),
    ],
)
def test_what_are_no_regions_is_refused(tmp_path: Path, values: np.ndarray, sentence: str) -> None:
    hdf5(tmp_path / "f", values)
    with pytest.raises(InputError, match=sentence):
        prepared(tmp_path, "cicada252", "  background: {s: f}")


def test_other_layouts_are_refused(tmp_path: Path) -> None:
    hdf5(tmp_path / "f")
    with pytest.raises(
        InputError, match=r"^Layout 'axol1tl57' needs \['met', 'eg', 'muon', 'jet'\], the file has regions; use 'cicada252'\.$"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: f}")
