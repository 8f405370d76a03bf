"""Luminosity blocks become a column, whatever a format calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.field_files import dataset, event_tree, upgrade_tree, write_daod, write_nano, write_trees

BLOCKS = np.array([5, 5, 6], dtype=np.uint32)
JETS = [[(100, 5, 10)]] * 3


def nano(path: Path) -> str:
    write_nano(path, jet=JETS, more={"luminosityBlock": BLOCKS})
    return "axol1tl57"


def l1ntuple(path: Path) -> str:
    events = event_tree(3) | {"lumi": BLOCKS}
    write_trees(path, {"l1UpgradeTree/L1UpgradeTree": upgrade_tree(JETS, [[(44, 0, 5)]] * 3), "l1EventTree/L1EventTree": events})
    return "axol1tl57"


def daod(path: Path) -> str:
    numbers = {"runNumber": np.ones(3, np.uint32), "eventNumber": np.arange(3, dtype=np.uint64), "lumiBlock": BLOCKS}
    write_daod(path, 3, {"EventInfo": numbers})
    return "l1topo44"


def merged(path: Path) -> str:
    with h5py.File(path, "w") as file:
        file["L1_data"] = np.full((3, 44), 10)
        file["event_numbers"], file["run_numbers"], file["LBs"] = np.arange(3), np.ones(3, int), BLOCKS
    return "l1topo44"


@pytest.mark.parametrize("write", [nano, l1ntuple, daod, merged])
def test_the_blocks_are_read(tmp_path: Path, write: Callable[[Path], str]) -> None:
    layout = write(tmp_path / "file")
    assert dataset(tmp_path, layout, "  background: {s: file}").column("lumi")[:].tolist() == [5, 5, 6]
