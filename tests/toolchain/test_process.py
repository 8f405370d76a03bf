from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from l1ad.core.errors import InputError, ToolFailedError
from l1ad.toolchain import FoundTool, Tool, describe_exit, launch, run
from tests.processes import is_running, wait_for

SHELL = FoundTool(Tool("sh", ("sh",), ("L1AD_SH",), "test", "install it"), Path("/bin/sh"), ("/bin/sh", "-c"))


def test_output_goes_to_the_log_and_the_callback(tmp_path: Path) -> None:
    lines: list[str] = []
    log = tmp_path / "deep" / "a.log"
    done = run(SHELL, ["echo one; echo two >&2; printf 'x\\ry'; pwd"], cwd=tmp_path, log=log, on_line=lines.append)
    assert lines == ["one", "two", "x", f"y{tmp_path}"]
    assert done.returncode == 0
    assert done.text() == log.read_text() == f"one\ntwo\nx\ry{tmp_path}\n".replace("\r", "\n")


def test_environment_reaches_the_tool(tmp_path: Path) -> None:
    tool = FoundTool(SHELL.tool, SHELL.path, SHELL.command, (("FROM_TOOL", "1"),))
    done = run(tool, ["echo $FROM_TOOL $FROM_CALL $LC_ALL"], cwd=tmp_path, log=tmp_path / "log", env={"FROM_CALL": "2"})
    assert done.text() == "1 2 C\n"


def test_bytes_that_are_no_text_do_not_stop_a_run(tmp_path: Path) -> None:
    lines: list[str] = []
    run(SHELL, ["printf '\\377a\\n\\303\\244'"], cwd=tmp_path, log=tmp_path / "log", on_line=lines.append)
    assert lines == ["\ufffda", "ä"]


def test_a_line_of_50_mb_costs_neither_time_nor_memory_and_is_not_repeated(tmp_path: Path) -> None:
    lines: list[str] = []
    start = time.monotonic()
    with pytest.raises(ToolFailedError, match=r"the last lines of \S+ are:\nbefore\nx{1000}…$|are:\nx{1000}…$") as caught:
        run(
            SHELL,
            ["echo before; head -c 50000000 /dev/zero | tr '\\0' x; exit 1"],
            cwd=tmp_path,
            log=tmp_path / "log",
            on_line=lines.append,
        )
    assert time.monotonic() - start < 10
    assert len(str(caught.value)) < 3000
    assert [len(line) for line in lines] == [6, 1 << 16]
    assert (tmp_path / "log").stat().st_size == 50000007


def test_a_failure_names_step_code_and_last_lines(tmp_path: Path) -> None:
    message = r"^csynth failed: sh ended with exit code 3; the last lines of .*/log are:\n2\n(\d+\n)*13$"
    with pytest.raises(ToolFailedError, match=message) as caught:
        run(SHELL, ["seq 13; exit 3"], cwd=tmp_path, log=tmp_path / "log", step="csynth")
    assert caught.value.exit_code == 1


def test_a_silent_failure_says_that_the_log_is_empty(tmp_path: Path) -> None:
    with pytest.raises(
        ToolFailedError, match=r"^sh failed: sh was ended by SIGKILL \(often: out of memory\); its log .*/log is empty$"
    ):
        run(SHELL, ["kill -9 $$"], cwd=tmp_path, log=tmp_path / "log")


def test_a_failure_can_be_left_to_the_caller(tmp_path: Path) -> None:
    assert run(SHELL, ["exit 3"], cwd=tmp_path, log=tmp_path / "log", check=False).returncode == 3


def test_a_timeout_ends_the_whole_group(tmp_path: Path) -> None:
    script = "sleep 100 & echo $! > child; echo $$ > leader; wait"
    with pytest.raises(ToolFailedError, match=r"^place did not finish within 1 s and was stopped; its log"):
        run(SHELL, [script], cwd=tmp_path, log=tmp_path / "log", timeout_s=1, step="place")
    assert not is_running(int((tmp_path / "child").read_text()))
    assert not is_running(int((tmp_path / "leader").read_text()))


def test_a_group_that_ignores_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "GRACE_S", 0.3)
    script = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > child; while true; do sleep 1; done' & while true; do sleep 1; done"
    with pytest.raises(ToolFailedError, match=r"^sh did not finish within 1 s"):
        run(SHELL, [script], cwd=tmp_path, log=tmp_path / "log", timeout_s=1)
    time.sleep(0.1)
    assert not is_running(int((tmp_path / "child").read_text()))


def test_an_endless_printer_meets_its_timeout(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"^sh did not finish within 0\.5 s"):
        run(SHELL, ["while :; do echo x; done"], cwd=tmp_path, log=tmp_path / "log", timeout_s=0.5)


def test_an_error_in_the_callback_ends_the_group(tmp_path: Path) -> None:
    def fail(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(SHELL, ["sleep 100 & echo $! > child; echo up; wait"], cwd=tmp_path, log=tmp_path / "log", on_line=fail)
    assert not is_running(int((tmp_path / "child").read_text()))


def test_what_a_finished_tool_leaves_behind_is_ended(tmp_path: Path) -> None:
    start = time.monotonic()
    done = run(SHELL, ["sleep 100 & echo $! > child; echo done"], cwd=tmp_path, log=tmp_path / "log")
    assert (done.returncode, done.text()) == (0, "done\n")
    assert time.monotonic() - start < 10
    assert not is_running(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_us_ends_the_tool(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "from pathlib import Path\n"
        "from l1ad.toolchain import FoundTool, Tool, run\n"
        "tool = FoundTool(Tool('sh', ('sh',), ('X',), 'test', 'no'), Path('/bin/sh'), ('/bin/sh', '-c'))\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "run(tool, ['sleep 100 & echo $! > child; wait'], cwd=folder, log=folder / 'log')\n"
    )
    root = Path(__file__).parents[2]
    ours = subprocess.Popen([sys.executable, "-c", program], cwd=root, stderr=subprocess.DEVNULL)
    child = int(wait_for(tmp_path / "child"))
    time.sleep(0.2)
    os.kill(ours.pid, number)
    assert ours.wait(20) != 0
    assert not is_running(child)


def test_temporary_files_go_with_the_run(tmp_path: Path) -> None:
    done = run(SHELL, ["echo x > $TMPDIR/left; echo $TMPDIR"], cwd=tmp_path, log=tmp_path / "log")
    assert done.text() == f"{tmp_path}/.log.tmp\n"
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_tool_that_may_not_be_executed_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("#!/bin/sh\n")
    tool = FoundTool(SHELL.tool, tmp_path / "x", (str(tmp_path / "x"),))
    with pytest.raises(ToolFailedError, match=r"^sh could not start '.*/x' in .*: Permission denied$"):
        run(tool, [], cwd=tmp_path, log=tmp_path / "log")


def test_a_tool_that_cannot_start_is_named(tmp_path: Path) -> None:
    absent = FoundTool(SHELL.tool, Path("/nowhere/x"), ("/nowhere/x",))
    with pytest.raises(ToolFailedError, match=r"^sh could not start '/nowhere/x' in .*: No such file or directory$"):
        run(absent, [], cwd=tmp_path, log=tmp_path / "log")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_as_such(tmp_path: Path) -> None:
    message = r"^The log /dev/full cannot be written: No space left on device; make room or choose another folder$"
    with pytest.raises(InputError, match=message):
        run(SHELL, ["echo x; sleep 100"], cwd=tmp_path, log=Path("/dev/full"))


def test_exits_are_described() -> None:
    assert describe_exit(1) == "ended with exit code 1"
    assert describe_exit(-15) == "was ended by SIGTERM"
    assert describe_exit(-200) == "was ended by signal 200"
