"""Two processes of one stage: the second says who writes, whatever the stage, and changes nothing."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from l1ad import cli, toolchain
from l1ad.core.scratch import locked
from tests.every_stage import STAGES, make_place
from tests.networks import make_network
from tests.runs_made import make_run

PACKAGE = Path(cli.__file__).parent
#: Stages that need nothing but a model and events before they write.
AT_ONCE = ("prepare", "import", "vectors", "score", "emulator")
#: The same, with TensorFlow imported before.
LATER = [pytest.param(name, marks=pytest.mark.slow) for name in ("convert", "synth", "verify")]
#: What writes no artefact: a page or a file of the user's, or nothing at all.
WITHOUT = {"__init__", "capture", "init", "inspect", "runs", "trace"}


@pytest.mark.parametrize("name", [*AT_ONCE, *LATER])
def test_the_second_says_who_writes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if any(toolchain.find(tool) is None for tool in ("g++", "verilator", "yosys")):
        pytest.skip("g++, Verilator or Yosys is missing")
    make_place(tmp_path, 60)
    make_run(tmp_path, make_network("l1topo44", (2, 2), zero_fraction=0.9), 60)
    stage = STAGES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["l1ad", *stage.arguments, "--force"])
    target = tmp_path / stage.target
    with locked(target):
        before = sorted(path for path in tmp_path.rglob("*"))
        assert cli.main() == 2
        assert sorted(path for path in tmp_path.rglob("*")) == before
    said = capsys.readouterr().err
    assert re.search(rf"^l1ad: '[^']*{re.escape(target.name)}' is being written by process {os.getpid()} on ", said, re.MULTILINE)
    assert said.endswith("; wait until it has ended, then run the same command again.\n")


def test_every_other_stage_takes_the_lock_in_the_same_place() -> None:
    """``writing``, which ``run_stage`` and ``ensure`` go through, takes it before anything is made, see tests/core/test_scratch.py."""
    without = {
        path.stem
        for path in (PACKAGE / "stages").glob("*.py")
        if not re.search(r"\b(writing|locked|run_stage|run_file_stage|ensure)\(", path.read_text("utf-8"))
    }
    assert without == WITHOUT
