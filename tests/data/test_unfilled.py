"""Files that open and hold nothing: values kept elsewhere and gone, never written, cut away by the selection, or failing when read."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from tests.event_files import write_fortymhz
from tests.field_files import event_tree, prepared, upgrade_tree, write_nano, write_trees

SHAPE = (6, 19, 4)
ONE = "  background: {s: file}"


def write_virtual(path: Path, source: Path) -> None:
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(SHAPE, dtype=np.float64)
        layout[:] = h5py.VirtualSource(str(source), "Particles", SHAPE)
        file.create_virtual_dataset("Particles", layout)


def test_a_virtual_data_set_needs_its_sources(tmp_path: Path) -> None:
    write_fortymhz(tmp_path / "there.h5", 6)
    write_virtual(tmp_path / "file", tmp_path / "there.h5")
    assert load_dataset(prepared(tmp_path, "fortymhz57", ONE).path).x_hw.any()
    write_virtual(tmp_path / "file", tmp_path / "gone.h5")
    with pytest.raises(InputError, match=r"'Particles' is made of '.*gone\.h5', which is not there; fetch that file too\.$"):
        prepared(tmp_path, "fortymhz57", ONE)
    with h5py.File(tmp_path / "gone.h5", "w") as file:
        file["Other"] = np.ones(3)
    with pytest.raises(
        InputError, match=r"'Particles' is made of 'Particles' in '.*gone\.h5', which has no such data set; write it"
    ):
        prepared(tmp_path, "fortymhz57", ONE)


def test_values_in_an_external_file_must_all_be_there(tmp_path: Path) -> None:
    particles = np.zeros(SHAPE)
    particles[:, 0, 0], particles[:, 0, 3] = 10.0, 1
    raw = tmp_path / "raw.bin"
    with h5py.File(tmp_path / "file", "w") as file:
        file.create_dataset("Particles", SHAPE, np.float64, external=[(str(raw), 0, particles.nbytes)])
        file["Particles"][:] = particles
    assert load_dataset(prepared(tmp_path, "fortymhz57", ONE).path).n_events == 6
    raw.write_bytes(raw.read_bytes()[:-8])
    with pytest.raises(
        InputError, match=r"data set 'Particles' has its values in '.*raw\.bin', which is cut off; fetch that file\.$"
    ):
        prepared(tmp_path, "fortymhz57", ONE)


def test_a_data_set_that_was_never_written_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "file", "w") as file:
        file.create_dataset("Particles", SHAPE, np.float64)
    with pytest.raises(
        InputError, match=r"data set 'Particles' was never filled, all of it would be zeros; write the file again\.$"
    ):
        prepared(tmp_path, "fortymhz57", ONE)


def test_a_file_without_any_object_is_refused_or_skipped(tmp_path: Path) -> None:
    write_nano(tmp_path / "good.root")
    write_nano(tmp_path / "zero.root", met=[[(0, 0, 0)]] * 3)
    with pytest.raises(
        InputError, match=r"zero\.root' has no object of the layout in any of the events read; is it the right file"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: [good.root, zero.root]}")
    summary = prepared(tmp_path, "axol1tl57", "  background: {s: [good.root, zero.root]}", skip_bad=True).summary
    assert summary["n_events"] == 3
    assert [Path(name).name for name in summary["skipped"]] == ["zero.root"]


def test_a_file_that_fails_while_it_is_read_is_under_skipped_only(tmp_path: Path) -> None:
    write_nano(tmp_path / "good.root")
    write_nano(tmp_path / "bad.root", eg=[[(-1, 1, 1)], [], []])
    summary = prepared(tmp_path, "axol1tl57", "  background: {s: [good.root, bad.root]}", skip_bad=True).summary
    assert [(file["name"], file["n_events"]) for file in summary["files"]] == [("good.root", 3)]
    assert [Path(name).name for name in summary["skipped"]] == ["bad.root"]


def write_l1ntuple(path: Path, true_pileup: int) -> None:
    objects = upgrade_tree([[(100, 5, 10)]] * 3, [[(44, 0, 5)]] * 3)
    write_trees(path, {"l1UpgradeTree/L1UpgradeTree": objects, "l1EventTree/L1EventTree": event_tree(3, true_pileup)})


def test_a_true_pileup_of_0_throughout_is_none(tmp_path: Path) -> None:
    cut = ONE + "\n  select: {pileup_above: 0.0}"
    write_l1ntuple(tmp_path / "file", 0)
    assert "pileup" not in reader("l1ntuple").describe(tmp_path / "file").columns
    assert "pileup" not in load_dataset(prepared(tmp_path, "axol1tl57", ONE).path).columns
    with pytest.raises(
        InputError, match=r"file has no column 'pileup', which data\.select\.pileup_above needs; leave the cut out"
    ):
        prepared(tmp_path, "axol1tl57", cut)
    write_l1ntuple(tmp_path / "file", 51)
    assert load_dataset(prepared(tmp_path, "axol1tl57", cut).path).column("pileup")[:].tolist() == [51.0] * 3


def test_a_sample_without_events_left_is_refused(tmp_path: Path) -> None:
    write_l1ntuple(tmp_path / "file", 51)
    with pytest.raises(
        InputError,
        match=r"^No event of sample 's' is left: data\.select removed 3 and 0 were incomplete; loosen the cuts, or leave",
    ):
        prepared(tmp_path, "axol1tl57", ONE + "\n  select: {pileup_above: 60.0}")
    assert not (tmp_path / "runs").exists()


def test_a_root_file_with_a_negative_version_is_read(tmp_path: Path) -> None:
    write_nano(tmp_path / "file")
    raw = bytearray((tmp_path / "file").read_bytes())
    raw[4:8] = (int.from_bytes(raw[4:8], "big") - 1_000_000).to_bytes(4, "big", signed=True)
    (tmp_path / "file").write_bytes(raw)
    assert recognise(tmp_path / "file").name == "nanoaod"
    assert load_dataset(prepared(tmp_path, "axol1tl57", ONE).path).n_events == 3
    (tmp_path / "file").write_bytes(raw[:-100])
    with pytest.raises(InputError, match=r"cannot be read as ROOT \(\d+ of \d+ bytes are there\); it may be cut off"):
        recognise(tmp_path / "file")
