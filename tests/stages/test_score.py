"""Scoring files gives what the specification gives, in any output format, and goes on where it was stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.config import Config
from l1ad.core.artefact import MANIFEST
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.network import Score
from l1ad.core.scratch import locked
from l1ad.data import execute, records
from l1ad.data.readers import fortymhz
from l1ad.emulator import build
from l1ad.emulator.kernel import Emulator
from l1ad.spec import reference
from l1ad.stages import score as stage
from l1ad.stages.score import score
from tests.cluster import run_and_kill_a_worker, run_until_killed, two_workers
from tests.datasets_made import make_dataset
from tests.event_files import write_fortymhz
from tests.networks import make_events, make_network
from tests.runs_made import make_run

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
NETWORK = make_network("fortymhz57", widths=(3, 2), score=Score.LATENT_L2)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.getbasetemp() / "score_cache"))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_run(tmp_path, NETWORK, 700)


def files(folder: Path, n: int = 2) -> list[Path]:
    paths = [folder / f"events_{i}.h5" for i in range(n)]
    for i, path in enumerate(paths):
        write_fortymhz(path, 40 + i, seed=i)
    return paths


def test_a_dataset_and_files_are_scored_in_order(config: Config, tmp_path: Path) -> None:
    raw = files(tmp_path)
    out = tmp_path / "scores.h5"
    result = score(config, [str(config.run / "dataset"), str(tmp_path / "events_*.h5")], out)
    dataset = load_dataset(config.run / "dataset")
    with h5py.File(out) as file:
        codes = file["score_hw"][:]
        np.testing.assert_array_equal(codes[:700], reference.scores(NETWORK, np.asarray(dataset.x_hw)))
        np.testing.assert_array_equal(file["file"][:], np.repeat([0, 1, 2], [700, 40, 41]))
        np.testing.assert_array_equal(file["entry"][:], np.r_[0:700, 0:40, 0:41])
        np.testing.assert_array_equal(file["run"][700:], 7)
        np.testing.assert_array_equal(file["event"][740:], np.arange(41))
        np.testing.assert_array_equal(file["score"][:], codes * NETWORK.score.total.step)
        value = NETWORK.thresholds[0].value
        np.testing.assert_array_equal(file["pass_loose"][:], codes >= value)
        assert file.attrs["network_digest"] == NETWORK.digest
        assert file.attrs["files"].split("\n")[1] == str(raw[0])
        assert result.summary["passed"]["loose"] == int((codes >= value).sum())
    assert result.summary["events"] == 781
    assert [entry["events"] for entry in result.summary["inputs"]] == [700, 40, 41]


def test_root_holds_the_same_as_hdf5(config: Config, tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    inputs = [str(config.run / "dataset")]
    score(config, inputs, tmp_path / "scores.h5")
    score(config, inputs, tmp_path / "scores.root")
    with h5py.File(tmp_path / "scores.h5") as hdf5, uproot.open(tmp_path / "scores.root") as root:
        arrays = root["scores"].arrays(library="np")
        assert set(arrays) == set(hdf5)
        for name, values in arrays.items():
            np.testing.assert_array_equal(values, hdf5[name][:])
        assert str(root["network_digest"]) == NETWORK.digest


def test_nothing_is_done_twice_unless_forced_or_changed(config: Config, tmp_path: Path) -> None:
    out, inputs = tmp_path / "scores.h5", [str(path) for path in files(tmp_path)]
    assert score(config, inputs, out).fresh
    again = score(config, inputs, out)
    assert not again.fresh
    assert again.summary["events"] == 81
    assert score(config, inputs, out, force=True).fresh
    assert score(config, inputs[:1], out).summary["events"] == 40


def test_a_stopped_run_goes_on_with_the_next_piece(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, inputs = tmp_path / "scores.h5", [str(path) for path in files(tmp_path, 2)]
    score(config, inputs, tmp_path / "whole.h5")
    monkeypatch.setattr(execute, "PIECE_EVENTS", 16)
    seen: list[tuple[int, int]] = []
    plain, stop = records.fit, True

    def stopping(chunk, layout, policy, tally, where):
        seen.append((where.endswith("_1.h5"), chunk.first))
        if stop and len(seen) == 5:
            raise KeyboardInterrupt
        return plain(chunk, layout, policy, tally, where)

    monkeypatch.setattr(records, "fit", stopping)
    # The files of this project have blocks of 32 768 events, which pieces keep whole.
    monkeypatch.setattr(fortymhz, "block", lambda data: None)
    with pytest.raises(KeyboardInterrupt):
        score(config, inputs, out)
    assert not out.exists()
    stop = False
    result = score(config, inputs, out)
    assert seen == [(0, 0), (0, 16), (0, 32), (1, 0), (1, 16), (1, 16), (1, 32)]
    assert result.summary["events"] == 40 + 41
    assert not list(tmp_path.glob(".scores*"))
    assert out.read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_failure_leaves_the_former_output(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, inputs = tmp_path / "scores.h5", [str(path) for path in files(tmp_path)]
    score(config, inputs, out)
    before = out.read_bytes()
    monkeypatch.setattr(stage, "_columns", lambda network, batch: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score(config, inputs, out, force=True)
    assert out.read_bytes() == before


def test_an_output_that_another_process_writes_is_left_to_it(config: Config, tmp_path: Path) -> None:
    out, inputs = tmp_path / "scores.h5", [str(path) for path in files(tmp_path)]
    message = r"^'.*scores\.h5' is being written by process \d+ on \S+ since [-\d: ]+; wait until it has ended, then run the same command "
    with locked(out), pytest.raises(ArtefactError, match=message + r"again\.$"):
        score(config, inputs, out)
    assert not out.exists()
    assert not list(tmp_path.glob(".scores*"))
    assert score(config, inputs, out).fresh


@pytest.mark.parametrize("name", ["scores.h5", "scores.root"])
@pytest.mark.parametrize("column", ["score_hw", "entry", "pass_loose"])
def test_an_output_that_is_not_read_back_as_written_does_not_count(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, column: str
) -> None:
    inputs, out = [str(config.run / "dataset")], tmp_path / name
    score(config, inputs, out)
    before, plain = out.read_bytes(), stage.writer

    @contextmanager
    def damaged(*args):
        with plain(*args) as append:
            yield lambda columns: append(
                dict(columns) | {column: np.where(np.arange(len(columns[column])) == 9, 3, columns[column])}
            )

    monkeypatch.setattr(stage, "writer", damaged)
    if column == "pass_loose":
        monkeypatch.setattr(stage, "writer", lambda *args: nothing_appended(plain, *args))
    with pytest.raises(
        ArtefactError,
        match=rf"^'.*{name}' was not stored as it was written: {'file' if column == 'pass_loose' else column} of events 0 to 699 cannot",
    ):
        score(config, inputs, out, force=True)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob("*scores*")) == [name, f"{name}.json"]


@contextmanager
def nothing_appended(plain, *args):
    with plain(*args):
        yield lambda columns: None


def test_an_output_that_was_changed_afterwards_is_made_again(config: Config, tmp_path: Path) -> None:
    out, inputs = tmp_path / "scores.h5", [str(config.run / "dataset")]
    score(config, inputs, out)
    before = out.read_bytes()
    with h5py.File(out, "r+") as file:
        file["score_hw"][5] += 1
    assert score(config, inputs, out).fresh
    assert out.read_bytes() == before


def test_an_output_that_is_a_link_is_written_where_it_leads(config: Config, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    out, inputs = tmp_path / "scores.h5", [str(config.run / "dataset")]
    out.symlink_to(tmp_path / "disk" / "far.h5")
    assert score(config, inputs, out).fresh
    assert out.is_symlink()
    assert not score(config, inputs, out).fresh
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["far.h5", "far.h5.json"]


def test_two_processes_with_one_output_leave_it_whole(config: Config, tmp_path: Path) -> None:
    files(tmp_path, 2)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert 0 in [process.returncode for process in both]
    assert all(
        process.returncode == 0 or "is being written by process" in text for process, text in zip(both, said, strict=True)
    ), said
    score(config, given(config, tmp_path), tmp_path / "alone.h5")
    assert (tmp_path / "scores.h5").read_bytes() == (tmp_path / "alone.h5").read_bytes()


def test_batches_do_not_change_the_scores(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [str(config.run / "dataset")]
    score(config, inputs, tmp_path / "whole.h5")
    monkeypatch.setattr(records, "DATASET_EVENTS", 97)
    monkeypatch.setattr(execute, "PIECE_EVENTS", 250)
    score(config, inputs, tmp_path / "cut.h5")
    with h5py.File(tmp_path / "whole.h5") as a, h5py.File(tmp_path / "cut.h5") as b:
        np.testing.assert_array_equal(a["score_hw"][:], b["score_hw"][:])
        np.testing.assert_array_equal(a["entry"][:], b["entry"][:])


def test_an_emulator_of_another_layout_is_refused(config: Config, tmp_path: Path) -> None:
    tiny = make_network()
    make_dataset(
        tmp_path / "other", 20, 0, signals=(), layout=tiny.layout, x_hw=make_events(tiny.layout, 20), split=np.arange(20) % 3
    )
    message = (
        r"^Dataset '.*other' has layout 'tiny8', the emulator was built for 'fortymhz57'; prepare the data with that layout\.$"
    )
    with pytest.raises(InputError, match=message):
        score(config, [str(tmp_path / "other")], tmp_path / "scores.h5")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nothing.h5", r"^There is no file '.*nothing\.h5' to score; check the path\.$"),
        (".", r"^'.*' is a folder and no prepared dataset; give its files, or run 'l1ad prepare'\.$"),
    ],
)
def test_inputs_that_are_none_are_refused(config: Config, tmp_path: Path, given: str, message: str) -> None:
    assert not (tmp_path / MANIFEST).exists()
    with pytest.raises(InputError, match=message):
        score(config, [str(tmp_path / given)], tmp_path / "scores.h5")


def test_an_output_of_another_kind_is_refused(config: Config, tmp_path: Path) -> None:
    message = (
        r"^Scores are written as HDF5 or ROOT: expected a name that ends in \.h5 or \.hdf5 or \.root, got '.*scores\.csv'\.$"
    )
    with pytest.raises(InputError, match=message):
        score(config, ["x.h5"], tmp_path / "scores.csv")


def test_an_output_that_cannot_be_written_is_refused(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtefactError, match=r"^Cannot write beside '.*scores\.h5': .*; choose another place\.$"):
        score(config, [str(config.run / "dataset")], tmp_path / "file" / "scores.h5")


def test_values_outside_are_refused_or_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files(tmp_path, 1)[0]
    with h5py.File(path, "r+") as file:
        file["Particles"][3, 1, 0] = 1e6
    with pytest.raises(InputError, match=r"values of \w+ pt are outside the hardware range \["):
        score(make_run(tmp_path / "refuse", NETWORK, 0), [str(path)], tmp_path / "a.h5")
    clipped = score(make_run(tmp_path / "clip", NETWORK, 0, out_of_range="clip"), [str(path)], tmp_path / "b.h5")
    assert sum(clipped.summary["out_of_range"].values()) == 1
    assert json.loads((tmp_path / "b.h5.json").read_text())["summary"]["events"] == 40


def test_the_emulator_is_what_scores(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    plain = Emulator.scores
    monkeypatch.setattr(Emulator, "scores", lambda self, x: calls.append(len(x)) or plain(self, x))
    score(config, [str(config.run / "dataset")], tmp_path / "scores.h5")
    assert calls == [700]


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Split inputs into pieces of 25 events; the files' own blocks are larger and are cut."""
    monkeypatch.setattr(execute, "PIECE_EVENTS", 25)
    monkeypatch.setattr(fortymhz, "block", lambda data: None)


_KILLED = """
import sys
from pathlib import Path
from l1ad.data import execute
from l1ad.data.readers import fortymhz
from l1ad.stages.score import score
from tests.runs_made import make_config
execute.PIECE_EVENTS, fortymhz.block = 25, lambda data: None
folder = Path(sys.argv[1])
score(make_config(folder), [str(folder / "runs/tiny/dataset"), str(folder / "events_*.h5")], folder / "scores.h5")
"""


def given(config: Config, folder: Path) -> list[str]:
    return [str(config.run / "dataset"), str(folder / "events_*.h5")]


@pytest.mark.usefixtures("small_pieces")
def test_a_killed_run_goes_on_and_ends_with_the_same_output(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path, 2)
    begun = run_until_killed(_KILLED, tmp_path, tmp_path, ".scores.h5.*.partial/*.records", 5)
    calls = []
    plain = Emulator.scores
    monkeypatch.setattr(Emulator, "scores", lambda self, x: calls.append(len(x)) or plain(self, x))
    score(config, given(config, tmp_path), tmp_path / "scores.h5")
    assert len(calls) == 28 + 2 + 2 - begun
    score(config, given(config, tmp_path), tmp_path / "again.h5")
    assert (tmp_path / "scores.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


@pytest.mark.usefixtures("small_pieces")
def test_a_killed_worker_loses_nothing(config: Config, tmp_path: Path) -> None:
    files(tmp_path, 2)
    serial, out = tmp_path / "serial.h5", tmp_path / "scores.h5"
    summary = score(config, given(config, tmp_path), serial).summary
    with two_workers() as client:
        result, pid = run_and_kill_a_worker(
            client, lambda address: score(config, given(config, tmp_path), out, scheduler=address)
        )
        assert pid not in client.run(os.getpid).values()
    assert out.read_bytes() == serial.read_bytes()
    assert result.summary == summary
