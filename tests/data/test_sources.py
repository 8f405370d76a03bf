"""Unpacked or emulated objects: which are read is said by a key, never mixed, and told where it matters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import l1ad.data.readers.l1ntuple as l1ntuple_reader
from l1ad.core.errors import InputError
from l1ad.stages.inspect import inspect
from tests.field_files import dataset, event_tree, hardware, jag, prepared, upgrade_tree, write_nano, write_trees

UNPACKED, EMULATED = [[(100, 5, 10)]] * 3, [[(102, 5, 10)]] * 3
SUMS: list[Any] = [[(44, 0, 5)]] * 3
#: Column of the first jet's pT in axol1tl57.
JET = 27


def l1ntuple(path: Path, trees: dict[str, tuple[Any, Any]]) -> None:
    made = {f"{name}/L1UpgradeTree": upgrade_tree(jets, sums) for name, (jets, sums) in trees.items()}
    write_trees(path, made | {"l1EventTree/L1EventTree": event_tree(3)})


def both_l1ntuple(path: Path) -> None:
    l1ntuple(path, {"l1UpgradeTree": (UNPACKED, SUMS), "l1UpgradeEmuTree": (EMULATED, SUMS)})


def both_nano(path: Path) -> None:
    import awkward as ak

    empty: Any = [[]] * 3
    twins = {"Jet": hardware(EMULATED), "EG": hardware(empty), "Mu": hardware(empty)}
    sums = hardware(SUMS, eta=False) | {"etSumType": jag([[2]] * 3, np.int32)}
    more = {f"L1Emul{name}": ak.zip(fields) for name, fields in (twins | {"EtSum": sums}).items()}
    write_nano(path, jet=UNPACKED, met=SUMS, more=more)


@pytest.mark.parametrize("write", [both_l1ntuple, both_nano])
@pytest.mark.parametrize(("key", "pt"), [("auto", 100), ("unpacked", 100), ("emulated", 102)])
def test_a_key_chooses(tmp_path: Path, write: Callable[[Path], None], key: str, pt: int) -> None:
    write(tmp_path / "both.root")
    data = dataset(tmp_path, "axol1tl57", f"  background: {{s: both.root}}\n  objects: {key}")
    assert data.x_hw[:, JET].tolist() == [pt] * 3
    sample = dataset(tmp_path, "axol1tl57", f"  background: {{s: {{files: both.root, objects: {key}}}}}")
    assert sample.x_hw[:, JET].tolist() == [pt] * 3


@pytest.mark.parametrize(("tree", "asked"), [("l1UpgradeTree", "emulated"), ("l1UpgradeEmuTree", "unpacked")])
def test_objects_that_are_not_there_are_not_replaced(tmp_path: Path, tree: str, asked: str) -> None:
    l1ntuple(tmp_path / "one.root", {tree: (UNPACKED, SUMS)})
    with pytest.raises(
        InputError, match=rf"one\.root' has no {asked} objects, which data\.objects asks for; set it to 'auto' or"
    ):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: one.root}}\n  objects: {asked}")


def test_a_sample_of_both_sources_is_refused(tmp_path: Path) -> None:
    l1ntuple(tmp_path / "a.root", {"l1UpgradeTree": (UNPACKED, SUMS)})
    l1ntuple(tmp_path / "b.root", {"l1UpgradeEmuTree": (UNPACKED, SUMS)})
    both_l1ntuple(tmp_path / "both.root")
    with pytest.raises(
        InputError, match=r"'s' mixes sources: 'met' objects are 'l1UpgradeTree: sum' in .*a\.root.*make one sample"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: [a.root, b.root]}")
    # One file has both, the other the emulated ones only: with the key they agree.
    data = dataset(tmp_path, "axol1tl57", "  background: {s: [b.root, both.root]}\n  objects: emulated")
    assert data.x_hw[:, JET].tolist() == [100] * 3 + [102] * 3
    with pytest.raises(InputError, match="mixes sources"):
        prepared(tmp_path, "axol1tl57", "  background: {s: [b.root, both.root]}")


@pytest.mark.parametrize(
    ("sums", "sentence"),
    [
        (
            [[]] * 3,
            r"event 0 has no missing E_T .*; 'data\.objects: emulated' reads 'l1UpgradeEmuTree/L1UpgradeTree', which is there too, or",
        ),
        (
            [[(0, 0, 0)]] * 3,
            r"has no object of the layout .* It has emulated objects too, which 'data\.objects: emulated' reads\.",
        ),
    ],
)
def test_an_empty_unpacked_tree_points_to_the_full_emulated_one(tmp_path: Path, sums: Any, sentence: str) -> None:
    l1ntuple(tmp_path / "e.root", {"l1UpgradeTree": ([[]] * 3, sums), "l1UpgradeEmuTree": (EMULATED, SUMS)})
    with pytest.raises(InputError, match=sentence):
        prepared(tmp_path, "axol1tl57", "  background: {s: e.root}")


def test_inspect_tells_of_both(tmp_path: Path) -> None:
    both_l1ntuple(tmp_path / "both.root")
    found = inspect(tmp_path / "both.root")
    assert "Objects as the hardware sent them, and as the emulator made them: data.objects chooses." in found.notes
    places = {entry["stored"]: entry["emulated"] for entry in found.objects if entry["kind"] == "jet"}
    assert places == {"l1UpgradeTree: jet": False, "l1UpgradeEmuTree: jet": True}


def test_decisions_come_from_the_same_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trees: dict[str, Any] = {
        f"{name}/L1UpgradeTree": upgrade_tree(UNPACKED, SUMS) for name in ("l1UpgradeTree", "l1UpgradeEmuTree")
    }
    for name, fired in (("l1uGTTree", [1, 0, 0]), ("l1uGTEmuTree", [0, 0, 1])):
        trees[f"{name}/L1uGTTree"] = {"m_algoDecisionInitial": jag([[bit] for bit in fired], np.bool_)}
    write_trees(tmp_path / "bits.root", trees)
    # uproot writes no aliases, which name the bits in real files.
    monkeypatch.setattr(l1ntuple_reader, "_aliases", lambda tree: {"L1_A": ("m_algoDecisionInitial", 0)} if tree else {})
    text = "  background: {{s: bits.root}}\n  menu: [L1_A]\n  objects: {}"
    assert dataset(tmp_path, "axol1tl57", text.format("auto")).column("menu")[:].tolist() == [1, 0, 0]
    assert dataset(tmp_path, "axol1tl57", text.format("emulated")).column("menu")[:].tolist() == [0, 0, 1]
