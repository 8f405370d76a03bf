"""Events whose missing E_T is not in the file: named, or left out and counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from tests.field_files import event_tree, jag, prepared, upgrade_tree, write_daod, write_nano, write_trees

SUMS = [[(20, 0, 5)], [], [(22, 0, 7)]]


def nano(path: Path) -> None:
    write_nano(path, met=SUMS)


def l1ntuple(path: Path) -> None:
    trees = {"l1UpgradeTree/L1UpgradeTree": upgrade_tree([[]] * 3, SUMS), "l1EventTree/L1EventTree": event_tree(3)}
    write_trees(path, trees)


def daod(path: Path) -> None:
    words = {"tobEx": [[100], [], [110]], "tobEy": [[0], [], [0]], "tobEtScale": [[200], [], [200]], "fpgaNumber": [[1], [], [1]]}
    numbers = {"EventInfo": {"runNumber": np.ones(3, np.uint32), "eventNumber": np.arange(3, dtype=np.uint64)}}
    write_daod(path, 3, {"L1_jFexMETRoI": {name: jag(values, np.int32) for name, values in words.items()}} | numbers)


#: How to write a file, its layout, the column and values of missing E_T.
FILES = {
    "nano": (nano, "axol1tl57", 0, [20, 22]),
    "l1ntuple": (l1ntuple, "axol1tl57", 0, [20, 22]),
    "daod": (daod, "l1topo44", 42, [200, 220]),
}


@pytest.mark.parametrize(("write", "layout", "column", "values"), FILES.values(), ids=FILES)
def test_the_event_is_named_or_left_out(
    tmp_path: Path, write: Callable[[Path], None], layout: str, column: int, values: list[int]
) -> None:
    write(tmp_path / "one.root")
    with pytest.raises(
        InputError, match=r"one\.root.*: event 1 has no missing E_T .*; set data\.select\.incomplete to 'drop' to leave such"
    ):
        prepared(tmp_path, layout, "  background: {s: one.root}")
    result = prepared(tmp_path, layout, "  background: {s: one.root}\n  select: {incomplete: drop}")
    assert (result.summary["n_events"], result.summary["incomplete"], result.summary["deselected"]) == (2, 1, 0)
    data = load_dataset(result.path)
    assert data.x_hw[:, column].tolist() == values
    assert data.column("event")[:].tolist() == [0, 2]


def test_missing_energy_that_is_there_twice_is_refused_all_the_same(tmp_path: Path) -> None:
    write_nano(tmp_path / "twice.root", met=[[(20, 0, 5)], [(20, 0, 5), (21, 0, 5)], [(22, 0, 7)]])
    with pytest.raises(
        InputError, match=r"twice\.root: 'L1EtSum' has 2 objects of bunch crossing 0 at event 1, Level 1 sends at most 1;"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: twice.root}\n  select: {incomplete: drop}")
