"""Formats that are known and not read: the refusal says what the file is and what to give instead."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.data.formats import recognise
from tests.root_files import write_trees


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "full_data_cyl",
            r"is background for training AXOL1TL, .* \(it has 'full_data_cyl'\), which is not supported; give the L1Ntuple",
        ),
        ("HTo2Tau_l1bit", r"is signals for training AXOL1TL \(it has 'HTo2Tau_l1bit'\), which is not supported; give"),
        ("Background_data/Train/DATA", r"is AXOL1TL training data after normalisation \(it has 'Background_data'\), which"),
        (
            "Result",
            r"is a submission to the 40 MHz challenge: scores, not events \(it has 'Result'\), which is not supported; give",
        ),
    ],
)
def test_other_hdf5_files_are_told(tmp_path: Path, name: str, message: str) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file[name] = np.zeros(3)
    with pytest.raises(InputError, match=rf"f\.h5' {message}.*\.$"):
        recognise(tmp_path / "f.h5")


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (
            "output_tree/nominal",
            r"is an ntuple of xAODAnaHelpers \(it has 'output_tree/nominal'\), which is not supported; give the HDF5",
        ),
        ("EB_Tree", r"is an older ntuple of xAODAnaHelpers \(it has 'EB_Tree'\), which is not supported; give the HDF5"),
        (
            "l1PhaseIITree/L1PhaseIITree",
            r"is a Phase-2 L1Ntuple \(it has 'l1PhaseIITree/L1PhaseIITree'\), which is not supported",
        ),
        ("Delphes", r"is the output of Delphes \(it has 'Delphes'\), which is not supported; simulate with"),
    ],
)
def test_other_root_files_are_told(tmp_path: Path, tree: str, message: str) -> None:
    write_trees(tmp_path / "f.root", {tree: {"a": [1, 2]}})
    with pytest.raises(InputError, match=rf"f\.root' {message}.*\.$"):
        recognise(tmp_path / "f.root")
