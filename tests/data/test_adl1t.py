"""The public Level-1 anomaly data set in Parquet: folders of objects, or a row an event; the same integers either way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.core.errors import InputError
from l1ad.data.formats import recognise
from l1ad.data.readers import reader
from l1ad.stages.inspect import inspect
from tests.field_files import dataset, prepared

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

#: Three events: jets, e/γ and muons of (pt, eta, phi), and missing E_T of (pt, phi); more muons than axol1tl57 has places.
JETS = [[(100, 5, 10), (60, -60, 143)], [], [(9, 1, 1)]]
EGS = [[], [(30, -3, 7)], [(511, 2, 0)]]
MUONS = [[(10, -200, 575), (8, 1, 0), (7, 2, 1), (6, 3, 2), (5, 4, 3)], [], [(9, 5, 4)]]
MET = [(20, 5), (0, 0), (4095, 143)]
WANTED = np.zeros((3, 57), dtype=np.int64)
WANTED[:, 0], WANTED[:, 2] = [20, 0, 4095], [5, 0, 143]
WANTED[1, 3:6], WANTED[2, 3:6] = (30, -3, 7), (511, 2, 0)
WANTED[0, 15:27] = [v for muon in MUONS[0][:4] for v in muon]
WANTED[2, 15:18] = (9, 5, 4)
WANTED[0, 27:33], WANTED[2, 27:30] = (100, 5, 10, 60, -60, 143), (9, 1, 1)


def lists(objects: Any, i: int) -> Any:
    return pa.array([[o[i] for o in event] for event in objects], pa.list_(pa.int16()))


def tables() -> dict[str, dict[str, Any]]:
    """Return the columns by folder."""
    found = {
        folder: {f"{stem}I{name}": lists(objects, i) for i, name in enumerate(("Et", "Eta", "Phi"))}
        for folder, stem, objects in (
            ("jets", "jet", JETS),
            ("egammas", "eg", EGS),
            ("muons", "muon", MUONS),
            ("taus", "tau", [[]] * 3),
        )
    }
    found["muons"] |= {"muonIEtaAtVtx": lists(MUONS, 1), "muonIPhiAtVtx": lists(MUONS, 2)}
    found["MET"] = {"Et": lists([[m] for m in MET], 0), "phi": lists([[m] for m in MET], 1)}
    one = lambda values, type_: pa.array([[v] for v in values], pa.list_(type_))  # noqa: E731
    found["event_info"] = {
        "run": one([398183] * 3, pa.uint32()), "lumi": one([7, 7, 8], pa.uint32()), "event": one([11, 12, 13], pa.uint64()),
        "nPV_True": one([41.5, 40.0, 39.0], pa.float32()),
    }  # fmt: skip
    found["seeds"] = {"L1bit": one([True, False, True], pa.bool_()), "L1_SingleMu22": one([False, False, True], pa.bool_())}
    return found


def folders(root: Path, found: Mapping[str, Mapping[str, Any]], row_group: int = 2) -> str:
    for folder, columns in found.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        parquet.write_table(
            pa.table(dict(columns)), root / folder / "a.parquet", row_group_size=row_group if folder != "MET" else 1
        )
    return "zb/jets/a.parquet"


def rows(root: Path, found: Mapping[str, Mapping[str, Any]]) -> str:
    plain = {name: pa.array([v[0] for v in values.to_pylist()], values.type.value_type) for folder in ("event_info", "seeds")
             for name, values in found[folder].items()}  # fmt: skip
    listed = {f"{folder}_{name}": values for folder, columns in found.items() if folder not in ("event_info", "seeds")
              for name, values in columns.items()}  # fmt: skip
    parquet.write_table(pa.table(listed | plain), root / "train-00000-of-00001.parquet", row_group_size=2)
    return "train-00000-of-00001.parquet"


@pytest.fixture(params=["folders", "rows"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return folders(tmp_path / "zb", tables()) if request.param == "folders" else rows(tmp_path, tables())


def test_every_integer_is_read(tmp_path: Path, file: str) -> None:
    assert recognise(tmp_path / file).name == "adl1t"
    data = dataset(tmp_path, "axol1tl57", f"  background: {{s: {file}}}\n  menu: [L1_SingleMu22]")
    np.testing.assert_array_equal(data.x_hw, WANTED)
    assert data.column("run")[:].tolist() == [398183] * 3
    assert data.column("lumi")[:].tolist() == [7, 7, 8]
    assert data.column("event")[:].tolist() == [11, 12, 13]
    assert data.column("pileup")[:].tolist() == [41.5, 40.0, 39.0]
    assert data.column("menu")[:].tolist() == [0, 0, 1]
    assert dataset(tmp_path, "axol1tl57", f"  background: {{s: {file}}}").column("pass_l1")[:].tolist() == [True, False, True]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_pieces_and_ranges_are_the_same_events(tmp_path: Path, file: str, size: int) -> None:
    from l1ad.core.layout import load_layout

    layout = load_layout("axol1tl57")
    for events in (range(3), range(1, 3), range(2)):
        chunks = list(reader("adl1t").chunks(tmp_path / file, layout, size, events=events))
        assert [chunk.first for chunk in chunks] == list(range(events.start, events.stop, size))
        got = np.concatenate([chunk.counts["jet"][:, :2].reshape(-1, 6) for chunk in chunks])
        np.testing.assert_array_equal(got, WANTED[events.start : events.stop, 27:33])


def test_inspect_says_what_the_layout_leaves_out(tmp_path: Path, file: str) -> None:
    found = inspect(tmp_path / file)
    assert {entry["kind"] for entry in found.objects} == {"jet", "eg", "tau", "muon", "met"}
    assert "Layout 'axol1tl57' leaves out: tau, jet 11 and on, eg 5 and on, muon 5 and on." in found.notes


def test_a_digest_is_of_all_files(tmp_path: Path) -> None:
    name = folders(tmp_path / "zb", tables())
    first = prepared(tmp_path, "axol1tl57", f"  background: {{s: {name}}}")
    other = tables()
    other["muons"]["muonIEt"] = lists([[(9, 0, 0)] * 5, [], [(9, 0, 0)]], 0)
    folders(tmp_path / "zb", other)
    from l1ad.core.artefact import read_manifest

    before = read_manifest(first.path).inputs
    assert read_manifest(prepared(tmp_path, "axol1tl57", f"  background: {{s: {name}}}").path).inputs != before


@pytest.mark.parametrize(
    ("folder", "name", "values", "sentence"),
    [
        (
            "jets",
            "jetIEta",
            None,
            r"has no column 'jetIEta' of 'jets', which 'jet' objects come from; was the file written with it, and",
        ),
        ("muons", None, None, r"has no column 'muonIEt' of 'muons', which 'muon' objects come from"),
        ("jets", "jetIEt", [[1.5, 2.0], [], [2.5]], r"'jets_jetIEt' at event 0 has hardware values that are stored as floats"),
        ("jets", "jetIEt", [[1, 2], [], None], r"column 'jetIEt' has values that are not there \(null\); write it again without"),
        (
            "jets",
            "jetIEt",
            [["a", "b"], [], ["c"]],
            r"column 'jetIEt' must hold numbers, or a list of numbers for each event, got list",
        ),
        ("jets", "jetIEt", [[1], [], [2]], r"have different numbers of objects; the file is damaged"),
        ("jets", "jetIEt", [[-1, 2], [], [2]], r"has the negative pT -1"),
        ("MET", "Et", [[20], [], [5]], r"different numbers of objects"),
        ("event_info", "run", [[1], [1, 2], [1]], r"column 'run' must have one value for each event, got 2 at event 1"),
        ("event_info", "run", [[1], [1]], r"has 3 events and '.*event_info/a\.parquet' 2; they are not of the same data"),
    ],
)
def test_damage_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, folder: str, name: str | None, values: Any, sentence: str
) -> None:
    found = tables()
    if name is None:
        del found[folder]
    elif values is None:
        del found[folder][name]
    else:
        found[folder] = {k: pa.array(values) if k == name else v.slice(0, len(values)) for k, v in found[folder].items()}
    path = folders(tmp_path / "zb", found)
    with pytest.raises(InputError, match=sentence):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: {path}}}")
    assert not (tmp_path / "runs" / "field" / "dataset").exists()


def test_other_parquet_and_cut_files_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(
        InputError, match=r"other\.parquet' is a Parquet file without Level-1 objects: expected 'jets_jetIEt' and others"
    ):
        prepared(tmp_path, "axol1tl57", "  background: {s: other.parquet}")
    name = rows(tmp_path, tables())
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"cannot be read as Parquet \(ArrowInvalid: .*\); it may be cut off, fetch it again\.$"):
        prepared(tmp_path, "axol1tl57", f"  background: {{s: {name}}}")


def test_no_mutated_file_gives_a_traceback(tmp_path: Path) -> None:
    name = rows(tmp_path, tables())
    whole, random = (tmp_path / name).read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 4):
            damaged[place] = random.integers(256)
        (tmp_path / name).write_bytes(damaged)
        try:
            from l1ad.core.layout import load_layout

            source = reader(recognise(tmp_path / name).name)
            source.describe(tmp_path / name)
            list(source.chunks(tmp_path / name, load_layout("axol1tl57"), 2))
        except InputError:
            refused += 1
    assert refused
