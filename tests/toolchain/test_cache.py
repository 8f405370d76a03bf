"""Compiled code: kept where nobody else can write, taken only when this user compiled it."""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from l1ad.core.errors import InputError
from l1ad.toolchain import cache
from tests.planted import plant


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(cache.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_in_this_process", set())
    return tmp_path


@pytest.fixture
def library(place: Path) -> Path:
    folder = place / "work"
    folder.mkdir(mode=0o775)
    file = folder / "lib.so"
    file.write_bytes(b"compiled")
    file.chmod(0o775)
    return file


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to somebody else than who asks, who is not root."""
    os.chown(path, 4711, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 4711)


def test_a_library_that_was_remembered_is_ours(library: Path) -> None:
    assert not cache.is_ours(library, "key")
    cache.remember(library, "key")
    assert cache.is_ours(library, "key")
    assert [stat.S_IMODE(path.stat().st_mode) & 0o022 for path in (library, library.parent)] == [0, 0]
    folder = library.parents[1] / "cache" / "compiled"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(list(folder.iterdir())) == 1


def test_a_later_process_knows_it_too(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.remember(library, "key")
    monkeypatch.setattr(cache, "_in_this_process", set())
    moved = shutil.copytree(library.parent, library.parents[1] / "elsewhere") / library.name
    assert cache.is_ours(moved, "key")


def test_other_sources_or_other_bytes_are_not_ours(library: Path) -> None:
    cache.remember(library, "key")
    assert not cache.is_ours(library, "another key")
    library.write_bytes(b"compilee")
    assert not cache.is_ours(library, "key")
    library.unlink()
    assert not cache.is_ours(library, "key")


@pytest.mark.parametrize("mode", [0o720, 0o702])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_others_can_write_is_not_ours(library: Path, what: str, mode: int) -> None:
    cache.remember(library, "key")
    (library if what == "file" else library.parent).chmod(mode)
    assert not cache.is_ours(library, "key")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_somebody_else_is_not_ours(library: Path, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.remember(library, "key")
    give_away(library if what == "file" else library.parent, monkeypatch)
    assert not cache.is_ours(library, "key")


def test_a_folder_that_others_can_write_is_refused(place: Path, library: Path) -> None:
    folder = place / "cache" / "compiled"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    sentence = (
        r"^Compiled code is not kept in '.*compiled', where somebody else could change it: it can be written by others; run 'chmod go-w' on it "
        r"if it is yours, or set L1AD_CACHE_DIR to a folder of your own\.$"
    )
    with pytest.raises(InputError, match=sentence):
        cache.remember(library, "key")
    with pytest.raises(InputError, match=sentence):
        cache.private_folder(folder)
    assert cache.private_folder(folder, tighten=True) == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_folder_of_somebody_else_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache.private_folder(place / "cache" / "emulator")
    give_away(folder, monkeypatch)
    with pytest.raises(InputError, match=r"where somebody else could change it: it belongs to user \d+; run"):
        cache.private_folder(folder, tighten=True)


def test_without_a_place_for_notes_a_process_knows_its_own(place: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "cache").write_text("in the way")
    cache.remember(library, "key")
    assert cache.is_ours(library, "key")
    monkeypatch.setattr(cache, "_in_this_process", set())
    assert not cache.is_ours(library, "key")


def test_a_user_without_a_home_is_told_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cache.CACHE_VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(InputError, match=r"this user has no home; set L1AD_CACHE_DIR to a folder\.$"):
        cache.cache_folder()


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_planted_library_does_say_when_it_is_loaded(place: Path) -> None:
    plant(place / "planted.so", place / "sign")
    ctypes.CDLL(str(place / "planted.so"))
    assert (place / "sign").is_file()


def test_one_of_two_compiles_and_what_a_killed_one_left_goes(place: Path) -> None:
    folder, calls = place / "build" / "lib", []
    killed = folder.with_name(".lib.0123456789abcdef.partial")
    killed.mkdir(parents=True)
    (killed / "half.o").write_text("half")

    def make(work: Path) -> None:
        calls.append(work)
        time.sleep(0.05)
        (work / "a.so").write_bytes(b"code")

    def fail(work: Path) -> None:
        (work / "half.o").write_text("half")
        raise ZeroDivisionError

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: cache.compile_once(folder, "a.so", "k" * 64, make), range(3)))
    assert len(calls) == 1
    assert cache.is_ours(folder / "a.so", "k" * 64)
    assert [path.name for path in folder.parent.iterdir()] == ["lib"]
    with pytest.raises(ZeroDivisionError):
        cache.compile_once(folder, "a.so", "other", fail)
    assert [path.name for path in folder.parent.iterdir()] == ["lib"]
    assert cache.is_ours(folder / "a.so", "k" * 64)
