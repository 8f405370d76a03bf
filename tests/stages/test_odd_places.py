"""Stages in folders with blanks and foreign letters, without home, on one core, with 4 GB, without a terminal: they work or say it."""

from __future__ import annotations

import os
import resource
import subprocess
from pathlib import Path

import pytest

from l1ad import toolchain
from tests.every_stage import STAGES, command, environment, hidden, make_place
from tests.networks import make_network
from tests.runs_made import make_run

ADDRESSES = 4 * 2**30


def confined() -> None:
    """Take all cores but one, and all memory but 4 GB."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


def run(folder: Path, name: str, **changes: str) -> subprocess.CompletedProcess[str]:
    given = environment(**changes)
    bare = {key: value for key, value in given.items() if key not in ("HOME", "XDG_CACHE_HOME", "TERM")} | changes
    null = subprocess.DEVNULL
    return subprocess.run(
        command(STAGES[name]), cwd=folder, env=bare, stdin=null, capture_output=True, text=True, check=False, preexec_fn=confined
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if any(toolchain.find(tool) is None for tool in ("g++", "verilator", "yosys")):
        pytest.skip("g++, Verilator or Yosys is missing")
    folder = tmp_path_factory.mktemp("Größe und µ 测") / "a 'quoted' folder"
    folder.mkdir()
    make_place(folder, 60)
    make_run(folder, make_network("l1topo44", (2, 2), zero_fraction=0.9), 60)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prepare", "import", "convert", "synth", "verify", "vectors", "score", "emulator"])
def test_a_stage_works_there(place: Path, name: str) -> None:
    done = run(place, name)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (place / STAGES[name].target).exists()
    assert [path for path in hidden(place) if not path.startswith(".cache")] == []


@pytest.mark.parametrize("cache", ["/proc/l1ad", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_no_obstacle_or_is_said(place: Path, cache: str) -> None:
    done = run(place, "score", L1AD_CACHE_DIR=cache)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or done.stderr.splitlines()[-1].startswith("l1ad: ")
