"""Bad files of every format, by the command line: one sentence with file and branch, exit code 2, nothing written."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak
import h5py
import numpy as np
import pytest
import uproot

from l1ad import cli
from l1ad.core.errors import USER_MISTAKE
from tests.event_files import write_fortymhz, write_gelato
from tests.root_files import write_l1ntuple, write_nanoaod, write_trees, write_xaod

Edit = Callable[[Path], object]
N = 30


def write_merged(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["L1_data"], file["HLT_data"] = np.zeros((N, 44)), np.zeros((N, 48))
        file["event_numbers"], file["run_numbers"] = np.arange(N), np.full(N, 3)


#: File and layout by format.
FILES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "fortymhz": (lambda path: write_fortymhz(path, N), "f.h5", "fortymhz57"),
    "gelato": (lambda path: write_gelato(path, N), "g.h5", "l1topo44"),
    "gelato_merged": (write_merged, "m.h5", "l1topo44"),
    "nanoaod": (lambda path: write_nanoaod(path, N, reduced=True), "n.root", "axol1tl57"),
    "l1ntuple": (lambda path: write_l1ntuple(path, N), "l.root", "axol1tl57"),
    "xaod": (lambda path: write_xaod(path, N), "x.root", "l1topo44"),
}


def truncated(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put(name: str, values: Any) -> Edit:
    """Replace a data set of an HDF5 file; None makes it a group."""

    def edit(path: Path) -> None:
        with h5py.File(path, "a") as file:
            del file[name]
            if values is None:
                file.create_group(name)
            else:
                file[name] = values

    return edit


def poke(name: str, place: Any, value: float | tuple[float, ...]) -> Edit:
    def edit(path: Path) -> None:
        with h5py.File(path, "a") as file:
            file[name][place] = value

    return edit


def only(**values: Any) -> Edit:
    """Leave nothing in an HDF5 file but these data sets."""

    def edit(path: Path) -> None:
        path.unlink()
        with h5py.File(path, "w") as file:
            for name, array in values.items():
                file[name] = array

    return edit


def trees_of(path: Path) -> dict[str, dict[str, ak.Array]]:
    trees = {}
    with uproot.open(path) as file:
        for key, kind in file.classnames().items():
            if kind == "TTree":
                counters = {b.count_branch.name for b in file[key].branches if b.count_branch is not None}
                names = [name for name in file[key].keys() if name not in counters]  # noqa: SIM118
                trees[key.rpartition(";")[0]] = {name: file[key][name].array() for name in names}
    return trees


def branch(name: str, change: Callable[[ak.Array], ak.Array | None]) -> Edit:
    """Change the branch of this name in a ROOT file; None removes it."""

    def edit(path: Path) -> None:
        trees = trees_of(path)
        branches = next(branches for branches in trees.values() if name in branches)
        if (changed := change(branches.pop(name))) is not None:
            branches[name] = changed
        write_trees(path, trees)

    return edit


def other_tree(path: Path) -> None:
    write_trees(path, {"mytree": {"a": [1, 2, 3]}})


def strings(values: ak.Array) -> ak.Array:
    return ak.Array(["x"] * len(values))


def times(factor: float) -> Callable[[ak.Array], ak.Array]:
    return lambda values: ak.values_astype(values, np.float32) * factor


def integers(factor: int) -> Callable[[ak.Array], ak.Array]:
    return lambda values: values * factor


JET_ET, TAU_ET = "L1_jFexSRJetRoIAuxDyn.tobEt", "L1_eTauRoIAuxDyn.et"
WORDS = np.full((N, 19, 4), b"x")
CASES: dict[str, dict[str, tuple[Edit, str]]] = {
    "fortymhz": {
        "wrong dtype": (put("Particles", WORDS), r"data set 'Particles' must hold numbers, got dtype \|S1"),
        "no data set": (only(Particle=np.zeros(3)), r"is an HDF5 file of unknown format: it has \['Particle'\]"),
        "group": (put("Particles", None), r"has 'Particles' as a group with \[\], expected a data set"),
        "NaN": (poke("Particles", (7, 3, 1), np.nan), r"'Particles' has nan at event 7"),
        "inf": (poke("Particles", (7, 3, 0), np.inf), r"'Particles' has inf at event 7"),
        "negative": (poke("Particles", (7, 3, 0), -3.0), r"'Particles' has the negative pT -3 at event 7"),
        "many": (put("Particles", np.zeros((N, 25, 4))), r"'Particles' must have shape \(any, 19, 4\), got \(30, 25, 4\)"),
        "short column": (put("EvtId", np.arange(20)), r"data set 'EvtId' must have shape \(30,\), got \(20,\)"),
        "words": (put("EvtId", np.full(N, b"a")), r"data set 'EvtId' must hold numbers, got dtype \|S1"),
        "NaN pile-up": (poke("Interactions", 4, np.nan), r"'Interactions' has nan at event 4; remove such events"),
    },
    "gelato": {
        "wrong dtype": (put("L1_MET", np.full((N, 3), b"x")), r"data set 'L1_MET' must hold numbers, got dtype \|S1"),
        "no objects": (only(L1_jFexSR=np.zeros(3)), r"is an HDF5 file of unknown format"),
        "group": (put("L1_MET", None), r"has 'L1_MET' as a group with"),
        "NaN": (poke("L1_jFexSR_jets", (7, 3), (30.0, np.nan, 0.0)), r"'L1_jFexSR_jets' has nan at event 7"),
        "inf": (poke("L1_eFex_taus", (7, 3, 0), np.inf), r"'L1_eFex_taus' has inf at event 7"),
        "negative": (poke("L1_muons", (7, 3, 0), -0.003), r"'L1_muons' has the negative pT -3 at event 7"),
        "shape": (
            put("L1_jFexSR_jets", np.zeros((N, 6, 9))),
            r"'L1_jFexSR_jets' must have shape \(n_events, n_objects, 3 or 4\)",
        ),
        "short column": (put("event_number", np.arange(20)), r"data sets differ in their number of events"),
        "NaN pile-up": (poke("mu", 3, np.nan), r"'mu' has nan at event 3"),
    },
    "gelato_merged": {
        "wrong dtype": (put("L1_data", np.full((N, 44), b"x")), r"data set 'L1_data' must hold numbers"),
        "group": (put("L1_data", None), r"has 'L1_data' as a group with"),
        "NaN": (poke("L1_data", (3, slice(3, 6)), (30.0, np.nan, 0.0)), r"'L1_data' has nan at event 3"),
        "negative": (poke("L1_data", (3, 0), -2), r"'L1_data' has the negative pT -2 at event 3"),
        "many": (put("L1_data", np.zeros((N, 50))), r"'L1_data' must have shape \(any, 44\), got \(30, 50\)"),
        "short column": (put("event_numbers", np.arange(20)), r"'event_numbers' must have shape \(30,\), got \(20,\)"),
    },
    "nanoaod": {
        "wrong dtype": (branch("L1Jet_pt", strings), r"branch 'L1Jet_pt' must hold a list of numbers for each event"),
        "no branch": (branch("L1Jet_pt", lambda _: None), r"tree 'Events' has no branch 'L1Jet_pt'"),
        "other tree": (other_tree, r"is a ROOT file without a known tree: it has \['mytree'\]"),
        "NaN": (branch("L1Jet_eta", times(np.nan)), r"branch 'L1Jet_eta' at event \d+ is not on the hardware grid"),
        "inf": (branch("L1Jet_pt", times(np.inf)), r"branch 'L1Jet_pt' at event \d+ is not on the hardware grid"),
        "negative": (branch("L1Jet_pt", times(-1.0)), r"branch 'L1Jet_pt' at event \d+ is not on the hardware grid"),
        "crossing": (branch("L1Jet_bx", times(np.nan)), r"branch 'L1Jet_bx' has a bunch crossing that is not finite"),
        "words": (branch("event", strings), r"'event' must hold one number for each of 30 events"),
        "lists": (branch("event", lambda v: ak.Array([[1]] * len(v))), r"'event' must hold one number for each of 30 events"),
    },
    "l1ntuple": {
        "wrong dtype": (
            branch("jetIEt", times(1.0)),
            r"branch 'jetIEt' at event \d+ has hardware values that are stored as floats",
        ),
        "no branch": (branch("jetBx", lambda _: None), r"tree 'l1UpgradeTree/L1UpgradeTree' has no branch 'jetBx'"),
        "other tree": (other_tree, r"is a ROOT file without a known tree"),
        "negative": (branch("jetIEt", integers(-1)), r"branch 'jetIEt' at event \d+ has the negative pT -\d+;"),
        "words": (branch("event", strings), r"'event' must hold one number for each of 30 events"),
        "short tree": (
            branch("event", lambda v: ak.Array([[1]] * len(v))),
            r"'event' must hold one number for each of 30 events",
        ),
    },
    "xaod": {
        "wrong dtype": (branch(JET_ET, strings), rf"branch '{JET_ET}' must hold a list of numbers for each event"),
        "no branch": (
            branch(JET_ET, lambda _: None),
            r"has no branch 'L1_jFexSRJetRoIAux\(Dyn\)\.tobEt'; use a format that keeps",
        ),
        "other tree": (other_tree, r"is a ROOT file without a known tree"),
        "NaN": (branch(TAU_ET, times(np.nan)), rf"branch '{TAU_ET}' has nan at event \d+"),
        "inf": (branch(TAU_ET, times(np.inf)), rf"branch '{TAU_ET}' has inf at event \d+"),
        "negative": (branch(TAU_ET, times(-1.0)), rf"'{TAU_ET}' has the negative pT -[\d.e+]+ at event \d+"),
        "floats": (
            branch("LVL1MuonRoIsAuxDyn.roiWord", times(1.0)),
            r"branch 'LVL1MuonRoIsAuxDyn\.roiWord' must hold words of bits",
        ),
        "length": (
            branch("L1_eTauRoIAuxDyn.phi", lambda v: v[:, :0]),
            rf"'{TAU_ET}' and 'L1_eTauRoIAuxDyn\.phi' differ in length",
        ),
        "words": (
            branch("EventInfoAux.eventNumber", strings),
            r"'EventInfoAux\.eventNumber' must hold one number for each of 30",
        ),
    },
}


def barely_truncated(path: Path) -> None:
    """Cut off less than what is read: the branches of the layout are whole."""
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])


EVERYWHERE: dict[str, tuple[Edit, str]] = {
    "truncated": (truncated, r"cannot be read as (HDF5|ROOT) \(.*it may be cut off, fetch it again"),
    "barely truncated": (barely_truncated, r"cannot be read as (HDF5|ROOT) \(.*it may be cut off, fetch it again"),
    "empty": (lambda path: path.write_bytes(b""), r"is empty; download or write it again"),
    "folder": (a_folder, r"is a folder; give a file"),
    "text": (lambda path: path.write_text("hello"), r"is neither an HDF5, a ROOT nor a Parquet file"),
}
ALL = [(form, case, *what) for form in FILES for case, what in (EVERYWHERE | CASES[form]).items()]


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["l1ad", *arguments])
    return cli.main()


def write_config(folder: Path, layout: str, background: str) -> None:
    text = f"name: t\nlayout: {layout}\nruns: runs\nmodel: {{kind: vae}}\nscore: {{kind: latent_l2}}\n"
    (folder / "c.yaml").write_text(f"{text}data:\n  background: {{zb: {background}}}\n")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("form", "edit", "message"), [(a, c, d) for a, _, c, d in ALL], ids=[f"{a}-{b}" for a, b, _, _ in ALL])
def test_bad_files_are_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, form: str, edit: Edit, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write, name, layout = FILES[form]
    write(tmp_path / name)
    edit(tmp_path / name)
    write_config(tmp_path, layout, name)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    for arguments in (("prepare", "c.yaml"), ("inspect", name, "--layout", layout)):
        assert command(monkeypatch, *arguments) == USER_MISTAKE, arguments
        said = [line for line in re.split(r"[\r\n]+", capsys.readouterr().err) if line.startswith("l1ad:")]
        assert len(said) == 1
        assert re.search(rf"^l1ad: .*{re.escape(name)}.*{message}.*[.?]$", said[0]), said[0]
        assert sorted(tmp_path.rglob("*")) == before


def test_two_formats_in_one_list_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fortymhz(tmp_path / "f.h5", N)
    write_nanoaod(tmp_path / "n.root", N)
    write_config(tmp_path, "axol1tl57", "[f.h5, n.root]")
    monkeypatch.chdir(tmp_path)
    assert command(monkeypatch, "prepare", "c.yaml") == USER_MISTAKE
    assert re.search(
        r"^l1ad: Sample 'zb' mixes formats: '.*f\.h5' is 'fortymhz', '.*n\.root' is 'nanoaod'; make one", capsys.readouterr().err
    )
    assert not (tmp_path / "runs").exists()
