"""A shortened run of the script that kills every stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_stages_that_are_killed_recover_with_the_same_artefacts(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "kill_test.py"), "--kills", "8", "--only", "prepare,import,emulator,score"]
    done = subprocess.run([*command, "--folder", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    line = done.stdout.splitlines()[-1]
    assert line.startswith("8 kills over 4 stages (")
    assert ", 0 with something left running, 0 with files left behind, 0 failed, " in line
