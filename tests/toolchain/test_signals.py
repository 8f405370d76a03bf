"""Signals end the tools of all threads at once; tools and workers end with us, also when we are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from l1ad.core.errors import ToolFailedError
from l1ad.toolchain import FoundTool, Tool, handled, run, tool_threads, worker_processes
from tests.processes import TAG, is_running, none_left, tagged, wait_for

ROOT = Path(__file__).parents[2]
SHELL = FoundTool(Tool("sh", ("sh",), ("L1AD_SH",), "test", "install it"), Path("/bin/sh"), ("/bin/sh", "-c"))
#: Two tools run in threads, each with a child of its own; a third waits for its turn.
THREADS = """
import sys
from pathlib import Path
from l1ad.toolchain import FoundTool, Tool, run, tool_threads
folder = Path(sys.argv[1])
tool = FoundTool(Tool('sh', ('sh',), ('X',), 'test', 'no'), Path('/bin/sh'), ('/bin/sh', '-c'))
def one(name):
    run(tool, [f"sh -c 'echo up > {name}; sleep 100; :'; :"], cwd=folder, log=folder / f"{name}.log")
with tool_threads(2) as pool:
    list(pool.map(one, ["a", "b", "c"]))
"""
WORKERS = """
import sys, time
from pathlib import Path
from l1ad.toolchain import worker_processes
def work(folder, name):
    (Path(folder) / name).write_text("up\\n")
    time.sleep(100)
if __name__ == "__main__":
    with worker_processes(2) as pool:
        [future.result() for future in [pool.submit(work, sys.argv[1], name) for name in ("a", "b", "c")]]
"""
#: Workers inside one call of compiled code that lets no other thread of theirs run, as Pythia's.
BUSY = WORKERS.replace("import sys, time", "import ctypes, sys").replace("time.sleep(100)", "ctypes.PyDLL(None).sleep(100)")


@pytest.fixture
def begin(tmp_path: Path):
    """Start a script, wait until its two tools or workers are up and give its process; its standard error goes to ``said``."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, *prefix: str) -> subprocess.Popen[bytes]:
        file = tmp_path / "script.py"
        file.write_text(script)
        environment = os.environ | {TAG: str(tmp_path), "PYTHONPATH": str(ROOT)}
        command = [*prefix, sys.executable, str(file), str(tmp_path)]
        with (tmp_path / "said").open("wb") as said:
            null = subprocess.DEVNULL
            started.append(
                subprocess.Popen(command, env=environment, stdin=null, stdout=null, stderr=said, start_new_session=True)
            )
        for name in ("a", "b"):
            wait_for(tmp_path / name)
        return started[0]

    yield start
    for process in started:
        process.kill()
        process.wait()
    for pid in tagged(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("script", [THREADS, WORKERS], ids=["tools", "workers"])
@pytest.mark.parametrize(("name", "code"), [("SIGINT", {130, -2, 1}), ("SIGTERM", {143}), ("SIGHUP", {129})])
def test_a_signal_ends_what_runs_and_begins_no_more(tmp_path: Path, begin, script: str, name: str, code: set[int]) -> None:
    process = begin(script)
    start = time.monotonic()
    os.kill(process.pid, getattr(signal, name))
    assert process.wait(30) in code
    assert time.monotonic() - start < 10
    assert none_left(str(tmp_path), 3) == {}
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("script", [THREADS, WORKERS, BUSY], ids=["tools", "workers", "busy workers"])
def test_what_runs_ends_when_we_are_killed(tmp_path: Path, begin, script: str) -> None:
    process = begin(script)
    process.kill()
    process.wait()
    assert none_left(str(tmp_path)) == {}


def test_ctrl_c_in_the_terminal_is_not_the_workers_business(tmp_path: Path, begin) -> None:
    process = begin(WORKERS)
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    said = (tmp_path / "said").read_text()
    assert said.count("Traceback") == 1, said  # the script's own, which catches nothing
    assert none_left(str(tmp_path), 3) == {}


def test_what_is_ignored_stays_ignored(tmp_path: Path, begin) -> None:
    process = begin(THREADS, "nohup")
    before = tagged(str(tmp_path))
    os.kill(process.pid, signal.SIGHUP)
    time.sleep(1)
    assert tagged(str(tmp_path)) == before
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) == 143


def submit_and_fail(folder: Path, pool: ThreadPoolExecutor) -> None:
    for name in ("a", "b"):
        pool.submit(run, SHELL, [f"echo up > {name}; sleep 0.5"], cwd=folder, log=folder / f"{name}.log")
    raise ZeroDivisionError


def test_a_body_that_fails_begins_no_more(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), tool_threads(1) as pool:
        submit_and_fail(tmp_path, pool)
    assert not (tmp_path / "b").exists()


def test_a_handler_of_the_caller_that_goes_on_ends_no_tool(tmp_path: Path) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with tool_threads(1) as pool:
            done = pool.submit(run, SHELL, ["echo up > a; sleep 0.5; echo end"], cwd=tmp_path, log=tmp_path / "log")
            wait_for(tmp_path / "a")
            os.kill(os.getpid(), signal.SIGINT)
            assert done.result().text() == "end\n"
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)


def test_afterwards_all_is_as_before(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises(KeyboardInterrupt), handled(), handled():
        interrupt()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert run(SHELL, ["echo on"], cwd=tmp_path, log=tmp_path / "log").text() == "on\n"


@contextlib.contextmanager
def joined(thread: threading.Thread, event: threading.Event):
    """Let a thread go on when the body ends, in whatever way, and wait for its end."""
    try:
        yield
    finally:
        event.set()
        thread.join()


def test_no_tool_begins_while_the_program_is_ending(tmp_path: Path) -> None:
    failed: list[Exception] = []
    interrupted = threading.Event()

    def late() -> None:
        interrupted.wait(20)
        try:
            run(SHELL, ["echo late > late"], cwd=tmp_path, log=tmp_path / "log", step="late")
        except ToolFailedError as error:
            failed.append(error)

    thread = threading.Thread(target=late)
    thread.start()
    with pytest.raises(KeyboardInterrupt), handled(), joined(thread, interrupted):
        interrupt()
    assert [str(error) for error in failed] == ["late was stopped because the program is being ended."]
    assert not (tmp_path / "late").exists()


def test_a_worker_that_somebody_else_ends_is_said() -> None:
    message = r"^A worker process was ended before its work was done, often for lack of memory; run the same command again to go on, with "
    with pytest.raises(ToolFailedError, match=message + r"fewer processes\.$"), worker_processes(1) as pool:
        pool.submit(os._exit, 9).result()


def test_a_watcher_goes_with_its_tool(tmp_path: Path) -> None:
    before = {path.name for path in Path("/proc").glob("[0-9]*")}
    run(SHELL, ["true"], cwd=tmp_path, log=tmp_path / "log")
    new = [int(path.name) for path in Path("/proc").glob("[0-9]*") if path.name not in before]
    children = [pid for pid in new if is_running(pid) and f"PPid:\t{os.getpid()}\n" in Path(f"/proc/{pid}/status").read_text()]
    assert children == []
