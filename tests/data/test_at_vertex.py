"""Muons of CMS files have their coordinates at the vertex where the file stores both, in counts or as floats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.choices import ObjectSource
from l1ad.data.readers.nanoaod import _collection
from tests.field_files import dataset, jag, upgrade_tree, write_trees

COUNTS, FLOATS = ("hwPt", "hwEta", "hwPhi"), ("pt", "eta", "phi")


@pytest.mark.parametrize(
    ("stored", "wanted"),
    [
        ((*COUNTS, *FLOATS), {"pt": "hwPt", "eta": "hwEta", "phi": "hwPhi"}),
        ((*COUNTS, *FLOATS, "hwEtaAtVtx", "hwPhiAtVtx"), {"pt": "hwPt", "eta": "hwEtaAtVtx", "phi": "hwPhiAtVtx"}),
        ((*COUNTS, *FLOATS, "etaAtVtx", "phiAtVtx"), {"pt": "pt", "eta": "etaAtVtx", "phi": "phiAtVtx"}),
        ((*FLOATS, "etaAtVtx", "phiAtVtx"), {"pt": "pt", "eta": "etaAtVtx", "phi": "phiAtVtx"}),
        ((*FLOATS, "etaAtVtx"), {"pt": "pt", "eta": "eta", "phi": "phi"}),
    ],
)
def test_nanoaod_takes_the_vertex(stored: tuple[str, ...], wanted: dict[str, str]) -> None:
    names = {f"L1Mu_{name}": f"L1Mu_{name}" for name in stored}
    collection = _collection("muon", names, Path("x.root"), ObjectSource.AUTO)
    assert {f: branch.removeprefix("L1Mu_") for f, branch in (collection.hardware or collection.floats).items()} == wanted


def test_other_objects_have_no_vertex() -> None:
    names = {f"L1Jet_{name}": f"L1Jet_{name}" for name in (*COUNTS, "hwEtaAtVtx", "hwPhiAtVtx")}
    assert _collection("jet", names, Path("x.root"), ObjectSource.AUTO).hardware["eta"] == "L1Jet_hwEta"


def test_an_l1ntuple_is_read_at_the_vertex(tmp_path: Path) -> None:
    one = [[(20, 5, 7)]] * 3
    branches = upgrade_tree(one, one, one)
    branches |= {"muonIEtaAtVtx": jag([[9]] * 3, np.int16), "muonIPhiAtVtx": jag([[570]] * 3, np.int16)}
    write_trees(tmp_path / "x.root", {"l1UpgradeTree/L1UpgradeTree": branches})
    x_hw = dataset(tmp_path, "axol1tl57", "  background: {s: x.root}").x_hw
    assert x_hw[:, 15:18].tolist() == [[20, 9, 570]] * 3
    assert x_hw[:, 27:30].tolist() == [[20, 5, 7]] * 3
