"""Objects are sorted and cut among all that a file has; the layout's places are filled afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.field_files import dataset, event_tree, jag, upgrade_tree, write_daod, write_nano, write_trees

#: Ten jets in the file's order; ``l1topo44`` has places for six.
JETS_GEV = [30, 30, 30, 100, 101, 102, 103, 104, 105, 106]
#: Six muons; ``axol1tl57`` has places for four. In counts.
MUONS = [10, 15, 11, 14, 12, 13]


def gelato(path: Path) -> None:
    jets = np.zeros((1, 10, 3))
    jets[0, :, 0] = JETS_GEV
    with h5py.File(path, "w") as file:
        file["L1_jFexSR_jets"], file["L1_eFex_taus"], file["L1_muons"] = jets, np.zeros((1, 4, 3)), np.zeros((1, 4, 3))
        file["L1_MET"] = np.array([[10.0, 0, 1]])


def daod(path: Path) -> None:
    zero = jag([[0.0] * 10], np.float32)
    jets = {"tobEt": jag([[5 * pt for pt in JETS_GEV]], np.uint16), "tobEtScale": jag([[200] * 10], np.int32)}
    write_daod(path, 1, {"L1_jFexSRJetRoI": jets | {"eta": zero, "phi": zero}})


@pytest.mark.parametrize("write", [gelato, daod])
@pytest.mark.parametrize(
    ("select", "wanted"),
    [
        ("{sort_by_pt: true}", [1060, 1050, 1040, 1030, 1020, 1010]),
        ("{min_pt_gev: {jet: 50.0}}", [1000, 1010, 1020, 1030, 1040, 1050]),
        ("{min_pt_gev: {jet: 104.0}}", [1040, 1050, 1060, 0, 0, 0]),
        ("{}", [300, 300, 300, 1000, 1010, 1020]),
    ],
)
def test_atlas_jets(tmp_path: Path, write: Callable[[Path], None], select: str, wanted: list[int]) -> None:
    write(tmp_path / "file")
    x_hw = dataset(tmp_path, "l1topo44", f"  background: {{s: file}}\n  select: {select}").x_hw
    assert x_hw[0, 0:18:3].tolist() == wanted


def nano(path: Path) -> None:
    write_nano(path, 2, muon=[[(pt, 1, 1) for pt in MUONS], []])


def l1ntuple(path: Path) -> None:
    objects = upgrade_tree([[], []], [[(9, 0, 0)]] * 2, [[(pt, 1, 1) for pt in MUONS], []])
    write_trees(path, {"l1UpgradeTree/L1UpgradeTree": objects, "l1EventTree/L1EventTree": event_tree(2)})


@pytest.mark.parametrize("write", [nano, l1ntuple])
@pytest.mark.parametrize(
    ("select", "wanted"),
    [("{sort_by_pt: true}", [15, 14, 13, 12]), ("{min_pt_gev: {muon: 6.5}}", [15, 14, 13, 0]), ("{}", [10, 15, 11, 14])],
)
def test_cms_muons(tmp_path: Path, write: Callable[[Path], None], select: str, wanted: list[int]) -> None:
    write(tmp_path / "file.root")
    x_hw = dataset(tmp_path, "axol1tl57", f"  background: {{s: file.root}}\n  select: {select}").x_hw
    assert x_hw[0, 15:27:3].tolist() == wanted
    assert x_hw[1, 15:27].tolist() == [0] * 12
