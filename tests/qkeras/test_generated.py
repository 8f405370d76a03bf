"""Sources that autograph generates leave nothing behind, not even of a killed process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from l1ad.qkeras.generated import sweep

#: A process that lets autograph convert a function, tells which files there are, and ends without any clean-up.
KILLED = """
import os, sys
from l1ad.qkeras.runtime import tensorflow
tf = tensorflow()
tf.function(lambda x: x + 1 if x > 0 else x)(tf.constant(1.0))
made = [p for p, _, files in os.walk(os.environ["TMPDIR"]) for f in files if f.endswith(".py")]
print(len(made), len([p for p in made if "l1ad_autograph_" in p]))
sys.stdout.flush()
os._exit(0) if sys.argv[1] == "killed" else None
"""


def run(folder: Path, how: str) -> tuple[int, int]:
    """Run the process with its temporary files in a folder; return how many sources it made, and how many of them where they belong."""
    environment = os.environ | {"TMPDIR": str(folder)}
    program = folder.parent / "program.py"  # autograph reads the source of what it converts
    program.write_text(KILLED, encoding="utf-8")
    done = subprocess.run([sys.executable, str(program), how], env=environment, capture_output=True, text=True, check=True)
    made, together = map(int, done.stdout.split())
    return made, together


def test_the_next_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    folder = tmp_path / "temporary"
    folder.mkdir()
    made, together = run(folder, "killed")
    assert made == together > 0
    assert list(folder.iterdir())
    assert run(folder, "ends") == (made, together)
    assert list(folder.iterdir()) == []


def test_folders_of_the_living_and_what_only_looks_like_one_are_left_alone(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine, gone = tmp_path / f"l1ad_autograph_{os.getpid()}_a", tmp_path / f"l1ad_autograph_{ended.pid}_b"
    other, away = tmp_path / "l1ad_autograph_x", tmp_path / "away"
    for folder in (mine, gone, other, away):
        folder.mkdir()
    link = tmp_path / f"l1ad_autograph_{ended.pid}_c"
    link.symlink_to(away)
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([mine, other, away, link])
