import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from l1ad.data.readers.fortymhz import FortyMhzReader
from tests.event_files import Counts, event_columns, write_fortymhz

LAYOUT = load_layout("fortymhz57")


def test_what_was_written_is_read_as_the_same_integers(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    counts = write_fortymhz(path, n_events=33_000)
    chunks = list(FortyMhzReader().chunks(path, LAYOUT, 5_000))
    for kind, wanted in counts.items():
        np.testing.assert_array_equal(np.concatenate([chunk.counts[kind] for chunk in chunks]), wanted)
    for name, values in event_columns(33_000).items():
        np.testing.assert_array_equal(np.concatenate([chunk.columns[name] for chunk in chunks]), values)


@pytest.mark.parametrize("chunks", [None, (700, 19, 4), (500, 1, 4), (500, 1, 2)])
def test_the_integers_do_not_depend_on_how_events_are_stored(tmp_path: Path, chunks: tuple[int, ...] | None) -> None:
    wanted = write_fortymhz(tmp_path / "x.h5", n_events=3_000)
    with h5py.File(tmp_path / "x.h5") as file, h5py.File(tmp_path / "y.h5", "w") as other:
        other.create_dataset("Particles", data=file["Particles"][:], chunks=chunks)
    for events in (range(3_000), range(650, 2_900)):
        found = list(FortyMhzReader().chunks(tmp_path / "y.h5", LAYOUT, 1_000, events=events))
        for kind, counts in wanted.items():
            got = np.concatenate([chunk.counts[kind] for chunk in found])
            np.testing.assert_array_equal(got, counts[events.start : events.stop])


def test_the_file_has_the_public_form(fortymhz_file: Path) -> None:
    with h5py.File(fortymhz_file) as file:
        assert file["Particles"].shape == (50, 19, 4)
        assert file["Particles"].dtype == np.float64
        assert list(file["Particles_Names"]) == [b"Pt", b"Eta", b"Phi", b"Class"]
        particles = file["Particles"][:]
    classes = np.repeat([1, 2, 3, 4], [1, 4, 4, 10])
    np.testing.assert_array_equal(particles[:, :, 3], np.where(particles[:, :, 0] > 0, classes, 0))
    assert np.abs(particles[:, :, 2]).max() <= np.pi + 1 / 64


def test_layouts_with_eg_read_the_electrons(fortymhz_file: Path) -> None:
    axol1tl = load_layout("axol1tl57")
    as_eg = next(FortyMhzReader().chunks(fortymhz_file, axol1tl, 100)).counts["eg"]
    as_electron = next(FortyMhzReader().chunks(fortymhz_file, LAYOUT, 100)).counts["electron"]
    np.testing.assert_array_equal(as_eg, as_electron)


@pytest.mark.parametrize(("pt", "note"), [(40.0, r"^Filtered: every"), (10.0, r"^Unfiltered: 50\.0% of")])
def test_the_lepton_filter_is_recognised(tmp_path: Path, pt: float, note: str) -> None:
    particles = np.zeros((4, 19, 4))
    particles[::2, 1], particles[1::2, 5] = [40, 0, 0, 2], [pt, 0, 0, 3]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["Particles"] = particles
    description = FortyMhzReader().describe(tmp_path / "x.h5")
    assert description.n_events == 4
    assert description.columns == ()
    assert re.match(note, description.notes[0])


def test_it_is_recognised(fortymhz_file: Path) -> None:
    assert recognise(fortymhz_file).name == "fortymhz"


def read(path: Path) -> None:
    for _ in FortyMhzReader().chunks(path, LAYOUT, 100):
        pass


def edit(path: Path, event: int, row: int, feature: int, value: float) -> None:
    with h5py.File(path, "a") as file:
        file["Particles"][event, row, feature] = value


def test_a_wrong_class_is_refused(fortymhz_file: Path) -> None:
    edit(fortymhz_file, 3, 6, 3, 2.0)
    with pytest.raises(
        InputError, match=r"'Particles' rows 5 to 8 must have class 0 or 3 \(muon\), got .* at event 3; is the order"
    ):
        read(fortymhz_file)


def test_nan_and_negative_pt_are_refused(fortymhz_file: Path) -> None:
    edit(fortymhz_file, 9, 12, 1, np.nan)
    with pytest.raises(InputError, match=r"fortymhz\.h5: 'Particles' has nan at event 9; remove"):
        read(fortymhz_file)
    edit(fortymhz_file, 9, 12, 1, 0.0)
    edit(fortymhz_file, 11, 0, 0, -1.0)
    with pytest.raises(InputError, match=r"fortymhz\.h5: 'Particles' has the negative pT -1 at event 11; remove"):
        read(fortymhz_file)


def test_another_number_of_objects_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["Particles"] = np.zeros((4, 18, 4))
    with pytest.raises(InputError, match=r"data set 'Particles' must have shape \(any, 19, 4\), got \(4, 18, 4\); is this"):
        FortyMhzReader().describe(tmp_path / "x.h5")


def test_a_layout_with_other_objects_is_refused(fortymhz_file: Path) -> None:
    with pytest.raises(InputError, match=r"^Layout 'l1topo44' needs objects of kind 'tau', .* use layout 'fortymhz57'\.$"):
        next(FortyMhzReader().chunks(fortymhz_file, load_layout("l1topo44"), 10))


def write_derived(path: Path, flat: bool, names: tuple[str, ...]) -> tuple[Counts, int]:
    """Write what the data set's example code makes of a file: its events shared out over data sets, without classes."""
    counts = write_fortymhz(path.with_suffix(".full"), 50)
    with h5py.File(path.with_suffix(".full")) as full, h5py.File(path, "w") as file:
        rows = full["Particles"][:, :, :3].astype(np.float32)
        for name, part in zip(names, np.array_split(rows, len(names)), strict=True):
            file[name] = part.reshape(len(part), 57) if flat else part
    return counts, 50


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("names", [("Data",), ("X_train", "X_val", "X_test")])
def test_derived_files_are_read_one_data_set_after_another(tmp_path: Path, flat: bool, names: tuple[str, ...]) -> None:
    counts, n_events = write_derived(tmp_path / "d.h5", flat, names)
    assert recognise(tmp_path / "d.h5").name == "fortymhz"
    description = reader("fortymhz").describe(tmp_path / "d.h5")
    assert description.n_events == n_events
    assert description.notes[0].startswith(f"Derived from the 40 MHz data set: {', '.join(names)}, one after another")
    chunks = list(reader("fortymhz").chunks(tmp_path / "d.h5", load_layout("fortymhz57"), 7))
    for kind, values in counts.items():
        np.testing.assert_array_equal(np.concatenate([chunk.counts[kind] for chunk in chunks]), values)
    (piece,) = reader("fortymhz").chunks(tmp_path / "d.h5", load_layout("fortymhz57"), 50, events=range(40, 47))
    assert piece.first == 40
    np.testing.assert_array_equal(piece.counts["jet"], counts["jet"][40:47])


@pytest.mark.parametrize(
    ("shape", "place", "value", "message"),
    [
        ((9, 57), (4, 1), 0.5, r"'Data' has missing E_T with η 0\.5 at event 4, which must be 0; is the order of columns"),
        ((9, 57), (4, 3), -0.5, r"'Data' has the negative pT -0\.5 at event 4; remove"),
        ((9, 58), (4, 3), 0.0, r"'Data' must have shape \(any, 57\), got \(9, 58\); is this the right format\?$"),
    ],
)
def test_bad_derived_files_are_refused(tmp_path: Path, shape, place, value: float, message: str) -> None:  # type: ignore[no-untyped-def]
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["Data"] = np.zeros(shape)
        file["Data"][place] = value
    with pytest.raises(InputError, match=message):
        list(reader("fortymhz").chunks(tmp_path / "d.h5", load_layout("fortymhz57"), 7))
