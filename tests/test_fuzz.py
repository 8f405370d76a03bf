"""Some hostile files of every kind, and that the script that makes thousands of them notices what it is there for."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from l1ad.core.errors import InputError

ROOT = Path(__file__).parents[1]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("fuzz", ROOT / "scripts" / "fuzz.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzz = load()


def test_hostile_files_of_every_kind_are_refused_or_harmless() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "fuzz.py"), "--cases", "84", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    line = done.stdout.splitlines()[-1]
    assert line.startswith("84 cases of seed 7: ")
    assert ", 0 tracebacks, 0 other sentences, 0 with code run, 0 with text let through, 0 processes died, 0 over 20 s, " in line
    assert int(line.split(" refused")[0].split()[-1]) > 40


def refuses(folder: Path) -> str:
    raise InputError("Expected something else, got this; give the other.")


def breaks(folder: Path) -> str:
    raise ValueError("what")


def mutters(folder: Path) -> str:
    raise InputError("x" * 19)


def lets_through(folder: Path) -> str:
    return "a PWNED source"


def runs(folder: Path) -> str:
    subprocess.run(["true"], check=True)
    return ""


def writes(folder: Path) -> str:
    (folder.parents[1] / "elsewhere").write_text("x")
    return ""


def sleeps(folder: Path) -> str:
    while True:
        pass


@pytest.mark.parametrize(
    ("door", "answer", "seen"),
    [
        (refuses, "refused", ""),
        (breaks, "traceback", ""),
        (mutters, "sentence", ""),
        (lets_through, "text", ""),
        (runs, "accepted", "subprocess.Popen"),
        (writes, "accepted", "open ("),
        (sleeps, "slow", ""),
    ],
)
def test_what_is_wrong_is_noticed(
    door: Callable[[Path], str], answer: str, seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    monkeypatch.setattr(fuzz, "MOST_SECONDS", 1)
    previous = signal.signal(signal.SIGPROF, fuzz.too_slow)
    watch = fuzz.Watch(tmp_path / "mine")
    folder = tmp_path / "mine" / "case"
    folder.mkdir(parents=True)
    found = fuzz.judged(door, folder, watch)
    signal.signal(signal.SIGPROF, previous)
    assert found[0] == answer
    assert bool(watch.seen) == bool(seen)
    assert all(seen in one for one in watch.seen[:1])


@pytest.mark.parametrize(
    ("script", "seconds", "said"),
    [
        ("print('{}', flush=True)\nprint('{}', flush=True)\ninput()", 9.0, [b"{}\n", b"{}\n"]),
        ("import time\ntime.sleep(1.2)\nprint('late', flush=True)\ninput()", 0.2, [b"late\n"]),
        ("while True: pass", 0.2, [b""]),
    ],
)
def test_a_worker_is_waited_for_unless_it_takes_the_processor(
    script: str, seconds: float, said: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "MOST_SECONDS", seconds)
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, bufsize=0) as worker:
        assert [fuzz.next_line(worker) for _ in said] == said
        worker.kill()


def test_a_message_is_one_line_of_bounded_length_that_a_terminal_can_show() -> None:
    said = str(InputError("Expected a name, got '\x1b[2J\u202e'" + "x" * 10_000 + "; rename it."))
    assert "\\x1b[2J\\u202e" in said
    assert said.endswith("x; rename it.")
    assert fuzz.is_sentence(said)
    assert str(InputError("two\nlines")) == "two\nlines"
    assert os.linesep not in said
