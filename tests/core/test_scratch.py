"""One process at a time writes a target; what was interrupted is brought back or cleared; links are followed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from l1ad.core import artefact, scratch
from l1ad.core.errors import ArtefactError
from l1ad.core.scratch import bring_back, former, leftovers, locked, put_in_place

HOLDER = """
import sys, time
from pathlib import Path
from l1ad.core.scratch import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(100)
"""
BUSY = r"^'.*thing' is being written by process {} on \S+ since \d{{4}}-\d\d-\d\d [\d:]+; wait until it has ended, then run the same command again\.$"


def write(target: Path, text: str = "one", key: str = "a" * 64) -> None:
    with artefact.writing(target, "thing", key=key, inputs={}, config={}) as draft:
        (draft.path / "data.txt").write_text(text)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path: Path):
    """Return another process that holds the lock on ``thing``."""
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "thing")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": root}) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_opens_nothing(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    before = names(tmp_path)
    with pytest.raises(ArtefactError, match=BUSY.format(holder.pid)):
        write(tmp_path / "thing")
    assert names(tmp_path) == before == [".thing.lock"]


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert names(tmp_path) == [".thing.lock"]
    write(tmp_path / "thing")
    assert names(tmp_path) == ["thing"]


def test_a_second_process_waits_where_it_is_asked_to(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    got = threading.Event()

    def wait() -> None:
        with locked(tmp_path / "thing", wait=True):
            got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.wait(0.3)
    holder.kill()
    assert got.wait(20)
    thread.join()
    assert names(tmp_path) == []


def test_many_waiters_hold_a_lock_one_after_another(tmp_path: Path) -> None:
    inside, most, turns = [0], [0], [0]

    def work() -> None:
        for _ in range(20):
            with locked(tmp_path / "new" / "thing", wait=True):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0005)
                inside[0] -= 1
                turns[0] += 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, turns) == ([1], [120])
    assert names(tmp_path / "new") == []


def test_another_target_is_free(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    write(tmp_path / "other")
    assert holder.poll() is None


def test_a_link_is_written_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link, far = tmp_path / "thing", tmp_path / "disk" / "far"
    link.symlink_to(far)
    for text in ("one", "two", "three"):
        write(link, text)
        assert link.is_symlink()
        assert (far / "data.txt").read_text() == text
        assert (names(tmp_path), names(tmp_path / "disk")) == (["disk", "thing"], ["far"])


def test_a_link_and_what_it_leads_to_have_one_lock(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "thing")
    with locked(tmp_path / "thing"), pytest.raises(ArtefactError, match=BUSY.format(os.getpid())):
        write(tmp_path / "link")


@pytest.mark.parametrize("target", ["nowhere/thing", "thing"])
def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "thing").symlink_to(target)
    message = rf"^'.*thing' is a symbolic link to '{target}', and there is no such place; mount its disk or remove the link\.$"
    with pytest.raises(ArtefactError, match=message):
        write(tmp_path / "thing")
    assert names(tmp_path) == ["thing"]


def test_a_link_that_an_older_version_left_is_cleared_but_not_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "kept.txt").write_text("mine")
    former(tmp_path / "thing").symlink_to(tmp_path / "disk")
    write(tmp_path / "thing")
    write(tmp_path / "thing", "two")
    assert names(tmp_path) == ["disk", "thing"]
    assert names(tmp_path / "disk") == ["kept.txt"]


def test_leftovers_are_those_of_this_target_only(tmp_path: Path) -> None:
    for name in (".a[1].h5.0f.partial", ".a[1].h5.old.partial", ".a[1].h5.root.0f.partial", ".a1.h5.0f.partial", ".a[1].h5.lock"):
        (tmp_path / name).mkdir()
    assert sorted(path.name for path in leftovers(tmp_path / "a[1].h5")) == [".a[1].h5.0f.partial", ".a[1].h5.old.partial"]
    assert leftovers(tmp_path / "nowhere" / "a") == []


def test_a_former_version_comes_back_when_the_new_one_cannot_be_put_there(tmp_path: Path) -> None:
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "data.txt").write_text("one")
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "no draft", tmp_path / "thing")
    assert (tmp_path / "thing" / "data.txt").read_text() == "one"
    assert names(tmp_path) == ["thing"]


def test_a_former_version_comes_back_after_a_kill_between_the_renames(tmp_path: Path) -> None:
    write(tmp_path / "thing")
    (tmp_path / "thing").rename(former(tmp_path / "thing"))
    with pytest.raises(ZeroDivisionError), artefact.writing(tmp_path / "thing", "thing", key="b" * 64, inputs={}, config={}):
        raise ZeroDivisionError
    assert (tmp_path / "thing" / "data.txt").read_text() == "one"
    assert names(tmp_path) == ["thing"]
    former(tmp_path / "thing").mkdir()
    bring_back(tmp_path / "thing")
    assert (tmp_path / "thing" / "data.txt").exists()


def test_a_place_that_cannot_be_locked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, how: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(scratch.fcntl, "flock", refuse)
    with pytest.raises(ArtefactError, match=r"^Cannot write beside '.*thing': Function not implemented; choose another place\.$"):
        write(tmp_path / "thing")
