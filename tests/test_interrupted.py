"""Interrupt the command line: every command says so in one sentence, and no tool and no half-written folder stays."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer

from l1ad import cli, toolchain
from tests.networks import make_network
from tests.processes import TAG, none_left, tagged, wait_for
from tests.runs_made import TEXT, make_run

SENTENCE = "l1ad: interrupted{}; finished stages are kept, run the same command again to resume.\n"
COMMANDS = typer.main.get_command(cli.app).commands
ROOT = Path(__file__).parents[1]
#: Answers as Yosys when asked for its version, else runs for ever with a child of its own.
SLOW = """#!/bin/sh
[ "$1" = -V ] && { echo "Yosys 0.70"; exit 0; }
sh -c 'echo up > FOLDER/up; sleep 100; :'; :
"""


def arguments(name: str) -> list[str]:
    """Return a command what it must be given; 1 is a number, a name and a path."""
    given = []
    for parameter in COMMANDS[name].params:
        if parameter.required:
            given += ["1"] if parameter.param_type_name == "argument" else [parameter.opts[0], "1"]
    return given


@pytest.mark.parametrize("raised", [KeyboardInterrupt, functools.partial(toolchain.EndedBySignal, signal.SIGTERM)])
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_says_that_it_was_interrupted(
    name: str, raised, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (registered,) = [
        command for command in cli.app.registered_commands if name in (command.name, command.callback.__name__.rstrip("_"))
    ]

    @functools.wraps(registered.callback)
    def interrupted(*args: object, **kwargs: object) -> None:
        raise raised()

    monkeypatch.setattr(registered, "callback", interrupted)
    monkeypatch.setattr(sys, "argv", ["l1ad", name, *arguments(name)])
    code = cli.main()
    by, wanted = (" by SIGTERM", 143) if raised is not KeyboardInterrupt else ("", 130)
    assert (code, capsys.readouterr().err) == (wanted, SENTENCE.format(by))


@pytest.mark.skipif(any(toolchain.find(tool) is None for tool in ("verilator", "g++")), reason="Verilator or g++ is missing")
@pytest.mark.parametrize(
    ("name", "by", "code"), [("SIGINT", "", 130), ("SIGTERM", " by SIGTERM", 143), ("SIGHUP", " by SIGHUP", 129)]
)
def test_a_signal_ends_synthesis_with_all_its_tools(tmp_path: Path, name: str, by: str, code: int) -> None:
    config = make_run(tmp_path, make_network("l1topo44", (2, 2), zero_fraction=0.9), 60)
    (tmp_path / "tiny.yaml").write_text(TEXT.replace("POLICY", "refuse"))
    (tmp_path / "yosys").write_text(SLOW.replace("FOLDER", str(tmp_path)))
    (tmp_path / "yosys").chmod(0o755)
    environment = os.environ | {TAG: str(tmp_path), "PYTHONPATH": str(ROOT), "L1AD_YOSYS": str(tmp_path / "yosys")}
    command = [sys.executable, "-m", "l1ad.cli", "synth", "tiny.yaml", "--tool", "open"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(tmp_path / "up", 120)
        assert any("yosys" in line for line in tagged(str(tmp_path)).values())
        start = time.monotonic()
        os.kill(process.pid, getattr(signal, name))
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (code, SENTENCE.format(by))
    assert time.monotonic() - start < 15
    assert none_left(str(tmp_path), 3) == {}
    assert sorted(path.name for path in config.run.iterdir()) == ["dataset", "model"]
