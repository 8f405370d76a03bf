from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.formats import recognise
from l1ad.data.readers.gelato import GelatoReader
from l1ad.data.readers.gelato_merged import GelatoMergedReader
from tests.event_files import event_columns, write_gelato

L1TOPO44, GELATO60 = load_layout("l1topo44"), load_layout("gelato60")


def test_what_was_written_is_read_as_the_same_integers(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    both = write_gelato(path, n_events=33_000)
    for layout, counts in zip((L1TOPO44, GELATO60), both, strict=True):
        chunks = list(GelatoReader().chunks(path, layout, 5_000))
        for kind, wanted in counts.items():
            np.testing.assert_array_equal(np.concatenate([chunk.counts[kind] for chunk in chunks]), wanted)
    for name, values in event_columns(33_000).items():
        np.testing.assert_array_equal(np.concatenate([chunk.columns[name] for chunk in chunks]), values)


def test_the_file_has_the_public_form(gelato_file: Path) -> None:
    with h5py.File(gelato_file) as file:
        shapes = {name: file[name].shape for name in file}
        assert file["L1_jFexSR_jets"].dtype == np.float32
        jets, met = file["HLT_jets"][:], file["L1_MET"][:]
    assert shapes["L1_jFexSR_jets"] == (50, 6, 3)
    assert shapes["HLT_jets"] == (50, 10, 4)
    assert shapes["L1_MET"] == (50, 3)
    assert (met[:, 1] == 0).all()
    present = jets[:, :, 0] > 0
    np.testing.assert_allclose(jets[present][:, 1], (jets[:, :, 0] * np.cosh(jets[:, :, 2]))[present], rtol=1 / 8)


def test_muons_are_stored_in_tev(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["L1_jFexSR_jets"], file["L1_eFex_taus"] = np.zeros((1, 6, 3)), np.zeros((1, 4, 3))
        file["L1_muons"] = np.array([[[0.014, 1.0, -1.0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]])
        file["L1_MET"] = np.array([[12.3, 0.0, 0.5]])
    counts = next(GelatoReader().chunks(tmp_path / "x.h5", L1TOPO44, 10)).counts
    assert counts["muon"][0, 0].tolist() == [140, 40, 108]
    assert counts["met"][0, 0].tolist() == [123, 0, 10]


def test_the_oldest_names_are_read(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["HLT_jets"] = np.array([[[30.0, 99.0, 1.0, 2.0]] + [[0.0] * 4] * 9])
        for name in ("electrons", "muons", "photons"):
            file[name] = np.zeros((1, 3, 4))
        file["MET"] = np.array([[10.0, 0.0, 0.0, 1.0]])
    assert recognise(tmp_path / "x.h5").name == "gelato"
    counts = next(GelatoReader().chunks(tmp_path / "x.h5", GELATO60, 10)).counts
    assert counts["jet"][0, 0].tolist() == [300, 40, 41]
    assert counts["met"][0, 0].tolist() == [100, 0, 20]


def test_a_file_is_described(gelato_file: Path) -> None:
    description = GelatoReader().describe(gelato_file)
    assert description.n_events == 50
    assert description.menu_items == ("A", "B")
    assert set(description.columns) == {"run", "event", "weight", "pileup", "menu", "pass_l1", "pass_hlt"}
    assert {entry.stored: entry.places for entry in description.objects}["L1_jFexSR_jets"] == 6


def test_a_missing_data_set_is_named(gelato_file: Path) -> None:
    with h5py.File(gelato_file, "a") as file:
        del file["L1_eFex_taus"]
    with pytest.raises(
        InputError, match=r"has no data set 'L1_eFex_taus', which the layout's 'tau' objects come from; it has \["
    ):
        next(GelatoReader().chunks(gelato_file, L1TOPO44, 10))


def test_different_lengths_are_refused(gelato_file: Path) -> None:
    with h5py.File(gelato_file, "a") as file:
        file["mu"].resize(49, axis=0)
    with pytest.raises(
        InputError, match=r"data sets differ in their number of events: \{.*'mu': 49.*\}; write the file again\.$"
    ):
        next(GelatoReader().chunks(gelato_file, L1TOPO44, 10))


def test_a_wrong_shape_is_refused(gelato_file: Path) -> None:
    with h5py.File(gelato_file, "a") as file:
        del file["L1_MET"]
        file["L1_MET"] = np.zeros((50, 2))
    with pytest.raises(InputError, match=r"data set 'L1_MET' must have shape \(n_events, 3\), got \(50, 2\); is this"):
        next(GelatoReader().chunks(gelato_file, L1TOPO44, 10))


def test_text_is_refused(gelato_file: Path) -> None:
    with h5py.File(gelato_file, "a") as file:
        del file["mu"]
        file["mu"] = np.array([b"x"] * 50)
    with pytest.raises(InputError, match=r"data set 'mu' must hold numbers, got dtype \|S1; write it again as floats\.$"):
        next(GelatoReader().chunks(gelato_file, L1TOPO44, 10))


def test_a_layout_of_neither_level_is_refused(gelato_file: Path) -> None:
    mixed = replace(GELATO60, name="mixed", slots=(*GELATO60.slots, L1TOPO44.slot("tau")))
    with pytest.raises(InputError, match=r"^Layout 'mixed' needs .*: use layout 'l1topo44', 'hlt48' or 'gelato60'\.$"):
        next(GelatoReader().chunks(gelato_file, mixed, 10))


def test_nan_is_an_object_that_is_not_there(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["L1_jFexSR_jets"] = np.array([[[30.0, 1.0, 0.5], [np.nan] * 3, [np.nan, 0.5, 0.5]] + [[0.0, np.nan, 0.0]] * 3])
        file["L1_eFex_taus"], file["L1_muons"] = np.full((1, 4, 3), np.nan), np.zeros((1, 4, 3))
        file["L1_MET"] = np.array([[0.0, 0.0, np.nan]])
    counts = next(GelatoReader().chunks(tmp_path / "x.h5", L1TOPO44, 10)).counts
    assert counts["jet"][0].tolist() == [[300, 40, 10]] + [[0, 0, 0]] * 5
    assert not counts["tau"].any()
    assert not counts["met"].any()


def test_merged_rows_with_nan_are_read_likewise(tmp_path: Path) -> None:
    rows = np.zeros((1, 44))
    rows[0, :6] = 432, -50, 17, np.nan, np.nan, np.nan
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["L1_data"] = rows
    counts = next(GelatoMergedReader().chunks(tmp_path / "m.h5", L1TOPO44, 10)).counts
    assert counts["jet"][0].tolist() == [[432, -50, 17]] + [[0, 0, 0]] * 5
