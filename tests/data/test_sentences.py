"""Sentences about files that are not what was asked for: each says what is there and what to do."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import ConfigError, InputError
from l1ad.data.files import resolve
from l1ad.data.formats import recognise
from tests.event_files import write_fortymhz
from tests.field_files import dataset, prepared, write_nano


@pytest.mark.parametrize("files", ["[]", "{files: []}"])
def test_a_sample_without_files(tmp_path: Path, files: str) -> None:
    with pytest.raises(
        ConfigError, match=r"key 'data\.background\.s\.files': no file is named; give a path or a pattern, got \[\]\.$"
    ):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: {files}}}")


@pytest.mark.parametrize("address", ["root://host.example//store/x.root", "https://a.b/c.h5", "davs://a.b/*.root", "s3://a/b"])
def test_addresses_of_other_machines(tmp_path: Path, address: str) -> None:
    with pytest.raises(
        InputError, match=rf"^'{address.replace('*', '.')}' is an address, and only local files are read; copy the"
    ):
        resolve([address], tmp_path)


@pytest.mark.parametrize("name", ["X_train", "X_val", "X_test", "Data"])
def test_derived_files_of_any_one_part(tmp_path: Path, name: str) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file[name] = np.full((2, 57), 30.0) * (np.arange(57) % 3 == 0)
    assert recognise(tmp_path / "d.h5").name == "fortymhz"
    assert dataset(tmp_path, "fortymhz57", "  background: {s: d.h5}").x_hw[:, 3].tolist() == [60, 60]


def scaled(path: Path, name: str) -> None:
    """Write pT in parts of the greatest one."""
    write_fortymhz(path, 30)
    with h5py.File(path, "a") as file:
        values = file["Particles"][:]
        values[:, :, 0] /= values[:, :, 0].max()
        del file["Particles"]
        file[name] = values if name == "Particles" else values[:, :, :3] * (np.arange(19) > 0)[:, None]


@pytest.mark.parametrize("name", ["Particles", "X_train"])
def test_scaled_momenta_are_no_gev(tmp_path: Path, name: str) -> None:
    scaled(tmp_path / "s.h5", name)
    with pytest.raises(
        InputError, match=rf"'{name}' has no pT above [01].* in its first 30 events, so it was divided by .* in GeV\.$"
    ):
        prepared(tmp_path, "fortymhz57", "  background: {s: s.h5}")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (
            h5py.ExternalLink("gone.h5", "P"),
            r"has 'Particles' as a link to 'P' in 'gone\.h5', which is not there; fetch that file too\.$",
        ),
        (h5py.SoftLink("/P"), r"has 'Particles' as a link to '/P', which is not in it; write the file again\.$"),
    ],
)
def test_links_that_lead_nowhere(tmp_path: Path, place: object, sentence: str) -> None:
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file["Particles"] = place
    with pytest.raises(InputError, match=sentence):
        prepared(tmp_path, "fortymhz57", "  background: {s: l.h5}")


@pytest.mark.parametrize("seed", ["L1_SingleMu22", "event", "L1Jet_hwPt"])
def test_only_booleans_are_trigger_bits(tmp_path: Path, seed: str) -> None:
    jets = [[(100, 1, 1)], [], []]
    write_nano(tmp_path / "none.root", jet=jets)
    with pytest.raises(InputError, match=rf"has no trigger bit '{seed}'; it has none at all, leave data\.menu out\.$"):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: none.root}}\n  menu: [{seed}]")
    write_nano(tmp_path / "bits.root", jet=jets, more={"L1_SingleMu20": np.array([True, False, True])})
    with pytest.raises(InputError, match=rf"has no trigger bit '{seed}'; .*'L1_SingleMu20'"):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: bits.root}}\n  menu: [{seed}]")
    right = dataset(tmp_path, "axol1tl57", "  background: {s: bits.root}\n  menu: [L1_SingleMu20]")
    assert right.column("menu")[:].tolist() == [1, 0, 1]


def test_a_menu_is_not_dropped_without_a_word(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["Data"] = np.full((2, 57), 30.0) * (np.arange(57) % 3 == 0)
    with pytest.raises(
        InputError, match=r"^data\.menu names trigger bits, and '.*d\.h5' of format 'fortymhz' has none that it could"
    ):
        prepared(tmp_path, "fortymhz57", "  background: {s: d.h5}\n  menu: [L1_A]")
