"""Formats that are recognised and not supported, each with what to give instead."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from l1ad.core.errors import InputError

#: By how an HDF5 data set's name ends: what such a file is, and what to give instead.
_HDF5 = (
    (
        "full_data_cyl",
        "background for training AXOL1TL, whose energies are counts or GeV by version",
        "give the L1Ntuple or Level-1 NanoAOD that it was made from",
    ),
    (
        "Background_data",
        "AXOL1TL training data after normalisation",
        "give the L1Ntuple or Level-1 NanoAOD that it was made from",
    ),
    ("_l1bit", "signals for training AXOL1TL", "give the L1Ntuple or Level-1 NanoAOD that it was made from"),
    ("Result", "a submission to the 40 MHz challenge: scores, not events", "give the file of events it was made for"),
)
#: By the last part of a ROOT tree's name.
_ROOT = (
    ("nominal", "an ntuple of xAODAnaHelpers", "give the HDF5 ntuple that GELATO's dumper makes from it"),
    ("EB_Tree", "an older ntuple of xAODAnaHelpers", "give the HDF5 ntuple that GELATO's dumper makes from it"),
    ("L1CaloTowerTree", "an L1Ntuple with calorimeter towers only", "give one with the L1UpgradeTree"),
    ("L1uGTTree", "an L1Ntuple with Global-Trigger decisions only", "give one with the L1UpgradeTree"),
    ("L1EventTree", "an L1Ntuple with event numbers only", "give one with the L1UpgradeTree"),
    ("L1GenTree", "an L1Ntuple with generator particles only", "give one with the L1UpgradeTree"),
    ("L1PhaseIITree", "a Phase-2 L1Ntuple", "give a Run-2 or Run-3 L1Ntuple"),
    ("Delphes", "the output of Delphes", "simulate with 'l1ad simulate', or write its objects in the 40 MHz form"),
    ("LuminosityBlocks", "NanoAOD without the tree 'Events'", "give one that has it"),
)


def refuse_foreign(kind: str, names: Collection[str], path: Path) -> None:
    """Refuse a file of a format that is known but not read; do nothing for any other.

    Args:
        kind: ``HDF5`` or ``ROOT``.
        names: of its data sets or trees.
        path: the file.

    Raises:
        InputError: says what it is and what to give instead.
    """
    for ending, what, instead in _HDF5 if kind == "HDF5" else _ROOT:
        found = next((name for name in names if name.rpartition("/")[2].endswith(ending)), None)
        if found is not None:
            raise InputError(f"{str(path)!r} is {what} (it has {found!r}), which is not supported; {instead}.")
