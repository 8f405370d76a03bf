"""All ROOT formats: what was written is read as the same integers; what is wrong is named."""

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
import yaml

from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout
from l1ad.data.formats import Reading, recognise
from l1ad.data.nanoaod_writer import NanoAodWriter
from l1ad.data.readers import reader
from l1ad.simulation.export import nanoaod_layout
from tests.event_files import Counts, event_columns, random_counts
from tests.root_files import write_l1ntuple, write_nanoaod, write_trees, write_xaod

AXOL1TL = load_layout("axol1tl57")


def read(path: Path, layout: str, size: int = 7, seeds: tuple[str, ...] = ()) -> tuple[Counts, dict[str, np.ndarray]]:
    wanted = load_layout(layout)
    chunks = list(reader(recognise(path).name).chunks(path, wanted, size, Reading(seeds)))
    counts = {slot.kind: np.concatenate([chunk.counts[slot.kind] for chunk in chunks]) for slot in wanted.slots}
    return counts, {name: np.concatenate([chunk.columns[name] for chunk in chunks]) for name in chunks[0].columns}


def assert_same(got: Counts, wanted: Counts) -> None:
    for kind, values in wanted.items():
        np.testing.assert_array_equal(got[kind], values, err_msg=kind)


@pytest.mark.parametrize("reduced", [False, True])
def test_nanoaod_full_and_reduced(tmp_path: Path, reduced: bool) -> None:
    wanted = write_nanoaod(tmp_path / "n.root", reduced=reduced)
    assert recognise(tmp_path / "n.root").name == "nanoaod"
    got, columns = read(tmp_path / "n.root", "axol1tl57")
    assert_same(got, wanted)
    assert columns["event"].tolist() == list(range(30))
    note = reader("nanoaod").describe(tmp_path / "n.root").notes[0]
    assert note.startswith("Reduced" if reduced else "Full")


def test_nanoaod_as_rntuple(tmp_path: Path) -> None:
    wanted = write_nanoaod(tmp_path / "n.root")
    with uproot.open(tmp_path / "n.root") as file:
        arrays = {name: file["Events"][name].array() for name in file["Events"].keys() if not name.startswith("nL1")}  # noqa: SIM118
    with uproot.recreate(tmp_path / "r.root") as file:
        file.mkrntuple("Events", arrays)
    assert recognise(tmp_path / "r.root").name == "nanoaod"
    assert reader("nanoaod").describe(tmp_path / "r.root").n_events == 30
    got, columns = read(tmp_path / "r.root", "axol1tl57", seeds=("L1_A",))
    assert_same(got, wanted)
    assert columns["event"].tolist() == list(range(30))
    np.testing.assert_array_equal(columns["pass_l1"], np.arange(30) % 2 == 0)


def as_scouting(arrays: dict[str, ak.Array], counts: Counts, hardware: bool) -> None:
    """Make of a file what Level-1 scouting writes: no crossings, φ on the true grid, sums as columns of one row."""
    for name in [name for name in arrays if name.startswith(("L1EtSum", "event", "L1_"))]:
        del arrays[name]
    for stem in ("Jet", "EG", "Mu"):
        now = arrays.pop(f"L1{stem}_bx") == 0
        for name in [name for name in arrays if name.startswith(f"L1{stem}_")]:
            arrays[name] = arrays[name][now]
        if stem != "Mu":
            arrays[f"L1{stem}_phi"] = np.rint(arrays[f"L1{stem}_phi"] / 0.0435) * (2 * np.pi / 144)
    pt, phi = counts["met"][:, 0, 0], counts["met"][:, 0, 2]
    if hardware:
        arrays |= {"L1EtSum_hwMissEt": ak.Array(pt), "L1EtSum_hwMissEtPhi": ak.Array(phi)}
    signed = np.where(phi >= 72, phi - 144, phi) * 2 * np.pi / 144
    arrays |= {"L1EtSum_missEt": ak.Array(pt / 2), "L1EtSum_missEtPhi": ak.Array(signed.astype(np.float32))}
    arrays |= {"orbitNumber": ak.Array(np.arange(30, dtype=np.uint32)), "bunchCrossing": ak.Array(np.full(30, 5, np.uint32))}


@pytest.mark.parametrize("hardware", [False, True])
def test_nanoaod_of_scouting(tmp_path: Path, hardware: bool) -> None:
    wanted = write_nanoaod(tmp_path / "x.root", reduced=True)
    rewrite_nanoaod(tmp_path / "x.root", lambda arrays: as_scouting(arrays, wanted, hardware))
    got, columns = read(tmp_path / "x.root", "axol1tl57")
    assert_same(got, wanted)
    assert columns["event"].tolist() == [3564 * orbit + 5 for orbit in range(30)]


def test_nanoaod_with_taus_is_written_and_read(tmp_path: Path) -> None:
    layout = nanoaod_layout()
    counts = random_counts(layout, 50, 5)
    for kind, values in counts.items():
        counts[kind] = np.take_along_axis(values, np.argsort(values[:, :, 0] == 0, axis=1, kind="stable")[:, :, None], axis=1)
    with NanoAodWriter(tmp_path / "n.root", ("A", "B")) as writer:
        writer.append(counts, event_columns(50))
    (chunk,) = reader("nanoaod").chunks(tmp_path / "n.root", layout, 100)
    assert set(chunk.counts) == {"met", "eg", "muon", "jet", "tau"}
    assert_same(dict(chunk.counts), counts)


def test_nanoaod_trigger_bits_become_a_menu(tmp_path: Path) -> None:
    write_nanoaod(tmp_path / "n.root")
    _, columns = read(tmp_path / "n.root", "axol1tl57", seeds=("L1_A", "L1_B"))
    event = np.arange(30)
    np.testing.assert_array_equal(columns["menu"], (event % 2 == 0) + 2 * (event % 3 == 0))
    np.testing.assert_array_equal(columns["pass_l1"], columns["menu"] > 0)
    with pytest.raises(InputError, match=r"n\.root' has no trigger bit 'L1_C'; did you mean 'L1_"):
        read(tmp_path / "n.root", "axol1tl57", seeds=("L1_C",))


@pytest.mark.parametrize("emulated", [False, True])
def test_l1ntuple_unpacked_and_emulated(tmp_path: Path, emulated: bool) -> None:
    wanted = write_l1ntuple(tmp_path / "n.root", emulated=emulated)
    assert recognise(tmp_path / "n.root").name == "l1ntuple"
    got, columns = read(tmp_path / "n.root", "axol1tl57")
    assert_same(got, wanted)
    assert columns["run"].tolist() == [7] * 30
    assert ("emulator" in reader("l1ntuple").describe(tmp_path / "n.root").notes[0]) == emulated


@pytest.mark.parametrize("form", ["AuxDyn.", "AuxDyn:", "Aux."])
def test_xaod_dynamic_and_split(tmp_path: Path, form: str) -> None:
    level1, software = write_xaod(tmp_path / "x.root", form=form)
    assert recognise(tmp_path / "x.root").name == "xaod"
    got, columns = read(tmp_path / "x.root", "l1topo44")
    assert_same(got, level1)
    assert_same(read(tmp_path / "x.root", "gelato60")[0], software)
    assert columns["event"].tolist() == list(range(30))


@pytest.mark.parametrize("form", ["AuxDyn.", "Aux."])
@pytest.mark.parametrize(
    ("level", "names"),
    [
        ("L1", {"jet": "LVL1JetRoIs", "tau": "LVL1EmTauRoIs", "met": "LVL1EnergySumRoI"}),
        ("L1", {"tau": "L1_cTauRoI"}),
        ("L1", {"tau": "L1_jFexTauRoI"}),
        (
            "HLT",
            {
                "jet": "HLT_AntiKt4EMPFlowJets_subresjesgscIS_ftf",
                "electron": "HLT_egamma_Electrons",
                "muon": "HLT_Muons_FS",
                "met": "HLT_MET_pfopufit",
            },
        ),
        (
            "HLT",
            {
                "jet": "HLT_xAOD__JetContainer_a4tcemsubjesISFS",
                "electron": "HLT_xAOD__ElectronContainer_egamma_Electrons",
                "met": "HLT_xAOD__TrigMissingETContainer_TrigEFMissingET_mht",
            },
        ),
    ],
)
def test_xaod_of_other_containers(tmp_path: Path, form: str, level: str, names: dict[str, str]) -> None:
    wanted = dict(zip(("L1", "HLT"), write_xaod(tmp_path / "x.root", form=form, names={level: names}), strict=True))
    got, _ = read(tmp_path / "x.root", {"L1": "l1topo44", "HLT": "gelato60"}[level])
    assert_same(got, wanted[level])
    stored = {entry.kind: entry.stored for entry in reader("xaod").describe(tmp_path / "x.root").objects}
    assert {kind: stored[f"{level} {kind}"] for kind in names} == names


def test_xaod_says_which_containers_it_does_not_take(tmp_path: Path) -> None:
    write_xaod(tmp_path / "x.root", 1)
    with uproot.open(tmp_path / "x.root") as file:
        arrays = {name: file["CollectionTree"][name].array() for name in file["CollectionTree"].keys() if name[0] != "n"}  # noqa: SIM118
    arrays |= {f"LVL1JetRoIsAux.{name}": ak.Array([[1.0]]) for name in ("et8x8", "eta", "phi")}
    write_trees(tmp_path / "y.root", {"CollectionTree": arrays | {"L1_gFexSRJetRoIAuxDyn.iEta": ak.Array([[5]])}})
    other, gfex = reader("xaod").describe(tmp_path / "y.root").notes
    assert other == "For jet objects 'L1_jFexSRJetRoI' is read; 'LVL1JetRoIs' is there too and is not."
    assert gfex.startswith("'L1_gFexSRJetRoI' is there and is not read: η is stored as an index only")


def test_xaod_container_that_is_there_in_part_is_refused(tmp_path: Path) -> None:
    write_trees(tmp_path / "x.root", {"CollectionTree": {"L1_eTauRoIAux.et": [[1.0]], "L1_cTauRoIAux.et": [[1.0]]}})
    with pytest.raises(
        InputError,
        match=r"has no branch 'L1_jFexSRJetRoIAux\(Dyn\)\.tobEt'; use a format that keeps this container or 'LVL1JetRoIs'\.$",
    ):
        read(tmp_path / "x.root", "l1topo44")


def test_unsplit_xaod_is_refused(tmp_path: Path) -> None:
    write_trees(tmp_path / "x.root", {"CollectionTree": {"L1_jFexSRJetRoIAux.": [1, 2]}})
    message = (
        r"x\.root': the store 'L1_jFexSRJetRoIAux\.' is written in one piece, which only ATLAS software can read; make a DAOD"
    )
    with pytest.raises(InputError, match=message):
        reader("xaod").describe(tmp_path / "x.root")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "x.root", "l1topo44")


def test_a_tree_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_trees(tmp_path / "x.root", {"tree": {"a": [1, 2]}})
    with pytest.raises(InputError, match=r"x\.root' is a ROOT file without a known tree: it has \['tree'\]; expected 'l1Up"):
        recognise(tmp_path / "x.root")


@pytest.mark.parametrize(
    ("branches", "message"),
    [
        ({"nJet": [1]}, r"x\.root': tree 'Events' has no Level-1 collection such as 'L1Jet_pt'"),
        ({"L1Mu_pt": [[1.0]]}, r"x\.root': tree 'Events' has no branch 'L1EtSum_pt', which 'met' objects come from"),
        (
            {"L1EtSum_pt": [[1.0]], "L1EtSum_phi": [[0.0]]},
            r"x\.root': tree 'Events' has no branch 'L1EtSum_etSumType'; was the file",
        ),
    ],
)
def test_missing_branches_are_named(tmp_path: Path, branches: dict[str, list[object]], message: str) -> None:
    write_trees(tmp_path / "x.root", {"Events": branches})
    with pytest.raises(InputError, match=message):
        describe_and_read(tmp_path / "x.root")


def describe_and_read(path: Path) -> None:
    reader("nanoaod").describe(path)
    read(path, "axol1tl57")


def rewrite_nanoaod(path: Path, edit: Callable[[dict[str, ak.Array]], None]) -> None:
    """Write a reduced NanoAOD file with some branch changed."""
    write_nanoaod(path, reduced=True)
    with uproot.open(path) as file:
        events = file["Events"]
        arrays = {name: events[name].array() for name in events.keys() if not name.startswith("nL1")}  # noqa: SIM118
    edit(arrays)
    write_trees(path, {"Events": arrays})


def test_floats_off_the_grid_are_refused(tmp_path: Path) -> None:
    rewrite_nanoaod(tmp_path / "x.root", lambda a: a.update(L1Jet_eta=a["L1Jet_eta"] + 0.01))
    with pytest.raises(
        InputError, match=r"branch 'L1Jet_eta' at event \d+ is not on the hardware grid \(expected multiples of 0\.0435\); give"
    ):
        read(tmp_path / "x.root", "axol1tl57")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    rewrite_nanoaod(tmp_path / "x.root", lambda a: a.update(L1Jet_phi=a["L1Jet_phi"] * bad))
    with pytest.raises(InputError, match=r"branch 'L1Jet_\w+' at event \d+ is not on the hardware grid"):
        read(tmp_path / "x.root", "axol1tl57")


def test_more_objects_than_level_1_sends_are_refused(tmp_path: Path) -> None:
    def multiply(arrays: dict[str, ak.Array]) -> None:
        arrays |= {name: ak.concatenate([v] * 13, axis=1) for name, v in arrays.items() if name.startswith("L1Jet_")}

    rewrite_nanoaod(tmp_path / "x.root", multiply)
    message = (
        r"^.*x\.root: 'L1Jet' has \d+ objects of bunch crossing 0 at event \d+, Level 1 sends at most 12; give Level-1 objects as "
        r"the hardware or its emulator made them\.$"
    )
    with pytest.raises(InputError, match=message):
        read(tmp_path / "x.root", "axol1tl57")


def test_an_event_without_missing_et_is_refused(tmp_path: Path) -> None:
    rewrite_nanoaod(tmp_path / "x.root", lambda a: a.update(L1EtSum_etSumType=a["L1EtSum_etSumType"] * 0))
    with pytest.raises(
        InputError,
        match=r"x\.root: event 0 has no missing E_T \(type 2 in 'L1EtSum_etSumType'\) at bunch crossing 0; set data\.sel",
    ):
        read(tmp_path / "x.root", "axol1tl57")


def test_branches_of_different_length_are_refused(tmp_path: Path) -> None:
    rewrite_nanoaod(tmp_path / "x.root", lambda a: a.update(L1Jet_phi=a["L1Jet_phi"][:, 1:]))
    with pytest.raises(
        InputError, match=r"branches 'L1Jet_pt' and 'L1Jet_phi' have different numbers of objects; the file is damaged\.$"
    ):
        read(tmp_path / "x.root", "axol1tl57")


def test_a_flat_branch_is_refused(tmp_path: Path) -> None:
    rewrite_nanoaod(tmp_path / "x.root", lambda a: a.update(L1Jet_pt=np.arange(30.0)))
    with pytest.raises(
        InputError, match=r"branches 'L1Jet_pt' and 'L1Jet_eta' have different numbers of objects; the file is damaged\.$"
    ):
        read(tmp_path / "x.root", "axol1tl57")


def test_a_layout_on_another_grid_is_refused(tmp_path: Path) -> None:
    write_nanoaod(tmp_path / "x.root")
    with pytest.raises(
        InputError, match=r"^Layout 'l1topo44' has 128 φ counts for 'jet', NanoAOD has 144; use a layout on the CMS grid"
    ):
        read(tmp_path / "x.root", "l1topo44")
    with pytest.raises(InputError, match=r"^Layout 'gelato60' .*"):
        read(tmp_path / "x.root", "gelato60")


@pytest.mark.parametrize("written", [write_nanoaod, write_l1ntuple])
@pytest.mark.parametrize(
    ("kind", "feature", "lsb", "message"),
    [
        (
            "met",
            "pt",
            1.0,
            r"has a step of 1 for pt of 'met', .* has counts of 0\.5 GeV; set lsb to 0\.5 \(offsets and shifts .*",
        ),
        ("muon", "eta", 0.0435, r"has a step of 0\.0435 for eta of 'muon', .* has counts of 0\.010875; set lsb to 0\.010875 .*"),
        ("jet", "phi", 0.0491, r"has a step of 0\.0491 for phi of 'jet', .* has counts of 0\.0436332 rad; set lsb to .*"),
    ],
)
def test_a_layout_whose_steps_are_others_is_refused(
    tmp_path: Path, written: Callable[[Path], object], kind: str, feature: str, lsb: float, message: str
) -> None:
    """Counts are filled in as the file has them: with another step every GeV would be wrong."""
    written(tmp_path / "x.root")
    layout = load_layout("axol1tl57").to_dict() | {"name": "other"}
    slot = next(slot for slot in layout["slots"] if slot["kind"] == kind)
    slot["features"][feature]["lsb"] = lsb
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(layout))
    with pytest.raises(InputError, match=rf"^Layout 'other' {message}$"):
        read(tmp_path / "x.root", str(tmp_path / "other.yaml"))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    write_nanoaod(tmp_path / "x.root", 500)
    whole = (tmp_path / "x.root").read_bytes()
    (tmp_path / "x.root").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"x\.root' cannot be read as ROOT \(.*\); it may be cut off, fetch it again\.$"):
        read(tmp_path / "x.root", "axol1tl57")


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "n.root"
    write_nanoaod(path, 30)
    first, _ = read(path, "axol1tl57")
    assert_same(read(path, "axol1tl57")[0], first)
    wanted = write_nanoaod(path, 40)
    assert len(wanted["jet"]) == 40
    assert_same(read(path, "axol1tl57")[0], wanted)


def test_a_file_is_opened_once_for_its_description_and_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import uproot

    path, opened = tmp_path / "n.root", []
    write_nanoaod(path, 30)
    monkeypatch.setattr(uproot, "open", lambda path, really=uproot.open: opened.append(path) or really(path))
    reader(recognise(path).name).describe(path)
    read(path, "axol1tl57")
    assert opened == [path]
