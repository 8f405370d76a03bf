"""A shortened run of the script that kills every stage."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.every_stage import contents

ROOT = Path(__file__).parents[1]


def load() -> Any:
    spec = importlib.util.spec_from_file_location("kill_test", ROOT / "scripts" / "kill_test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kills", [3, 14, 200])
def test_kills_are_shared_out_whole_and_more_go_to_what_is_quick(kills: int) -> None:
    found = load().quotas(kills, {"slow": 60.0, "quick": 6.0, "middle": 12.0})
    assert sum(found.values()) == kills
    assert found["quick"] >= found["middle"] >= found["slow"] >= 1


def test_one_changed_byte_is_another_artefact(tmp_path: Path) -> None:
    (tmp_path / "it").mkdir()
    for name in ("report.html", "manifest.json", "timing.log", "tool.log"):
        (tmp_path / "it" / name).write_text("a")
    before = contents(tmp_path / "it")
    for name, counts in {"report.html": True, "manifest.json": True, "timing.log": False, "tool.log": False}.items():
        (tmp_path / "it" / name).write_text("b")
        assert (contents(tmp_path / "it") != before) == counts
        (tmp_path / "it" / name).write_text("a")


@pytest.mark.slow
def test_stages_that_are_killed_recover_with_the_same_artefacts(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "kill_test.py"), "--kills", "8", "--only", "prepare,import,emulator,score"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("8 kills over 4 stages (")
    assert ", 0 with something left running, 0 with files left behind, 0 failed, " in line
