"""Event weights: negative ones, and files of which some have them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.stages.inspect import inspect
from tests.event_files import write_gelato
from tests.field_files import dataset, prepared, write_nano

WEIGHT = 26331.25


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_nano(tmp_path / "nlo.root", more={"genWeight": np.array([WEIGHT, -WEIGHT, WEIGHT], np.float32)})
    write_nano(tmp_path / "lo.root", more={"genWeight": np.full(3, WEIGHT, np.float32)})
    write_nano(tmp_path / "data.root")
    return tmp_path


def test_negative_weights_are_refused_with_the_key_that_leaves_them_out(folder: Path) -> None:
    message = (
        r"nlo\.root' has the weight -26331\.2 at event 1; weights must .* 'weights: none' to count each of its events once\.$"
    )
    with pytest.raises(InputError, match=message):
        prepared(folder, "axol1tl57", "  background: {zb: data.root}\n  signals: {dy: nlo.root}")
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("signals", ["{dy: {files: nlo.root, weights: none}}", "{dy: nlo.root}\n  weights: none"])
def test_weights_are_left_out_of_a_sample_or_of_all(folder: Path, signals: str) -> None:
    data = dataset(folder, "axol1tl57", f"  background: {{zb: data.root}}\n  signals: {signals}")
    assert data.column("weight")[:].tolist() == [1.0] * 6


def test_other_samples_keep_their_weights(folder: Path) -> None:
    signals = "{dy: {files: nlo.root, weights: none}, tt: lo.root}"
    data = dataset(folder, "axol1tl57", f"  background: {{zb: data.root}}\n  signals: {signals}")
    assert data.column("weight")[:].tolist() == [1.0] * 6 + [WEIGHT] * 3


def test_weights_in_some_files_of_a_sample_are_refused(folder: Path) -> None:
    message = (
        r"^Sample 's' mixes weights: '.*lo\.root' has event weights, '.*data\.root' has none; take files of one kind, or give"
    )
    for files in ("[data.root, lo.root]", "[lo.root, data.root]"):
        with pytest.raises(InputError, match=message):
            prepared(folder, "axol1tl57", f"  background: {{s: {files}}}")
    data = dataset(folder, "axol1tl57", "  background: {s: [data.root, lo.root]}\n  weights: none")
    assert data.column("weight")[:].tolist() == [1.0] * 6


def test_weights_in_some_samples_of_the_background_are_refused(folder: Path) -> None:
    with pytest.raises(
        InputError, match=r"^The background mixes weights: '.*lo\.root' has event weights, '.*data\.root' has none;"
    ):
        prepared(folder, "axol1tl57", "  background: {a: data.root, b: lo.root}")
    data = dataset(folder, "axol1tl57", "  background: {a: data.root, b: {files: lo.root, weights: none}}")
    assert data.column("weight")[:].tolist() == [1.0] * 6


def test_a_file_with_negative_weights_is_drawn_without_them(folder: Path) -> None:
    inspect(folder / "nlo.root", page=folder / "page.html")
    assert "Some of the file's weights are negative or not finite" in (folder / "page.md").read_text(encoding="utf-8")


def test_events_without_weight_can_be_left_out(tmp_path: Path) -> None:
    write_gelato(tmp_path / "eb.h5", 5)
    with h5py.File(tmp_path / "eb.h5", "a") as file:
        file["EB_weights"][:] = [2.0, np.nan, 3.0, np.nan, 4.0]
    with pytest.raises(
        InputError, match=r"has the weight nan at event 1; .*, or set data\.select\.incomplete to 'drop' to leave out events"
    ):
        prepared(tmp_path, "l1topo44", "  background: {s: eb.h5}")
    result = prepared(tmp_path, "l1topo44", "  background: {s: eb.h5}\n  select: {incomplete: drop}")
    assert result.summary["incomplete"] == 2
    assert load_dataset(result.path).column("weight")[:].tolist() == [2.0, 3.0, 4.0]
    with h5py.File(tmp_path / "eb.h5", "a") as file:
        file["EB_weights"][4] = -4.0
    with pytest.raises(InputError, match=r"has the weight -4 at event 4; "):
        prepared(tmp_path, "l1topo44", "  background: {s: eb.h5}\n  select: {incomplete: drop}")
