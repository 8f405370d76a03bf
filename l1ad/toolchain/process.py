"""Run a tool in its own session: logged, watched, and ended with all its children."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from l1ad.core.errors import InputError, ToolFailedError
from l1ad.toolchain.launch import Launched, launch
from l1ad.toolchain.progress import detail, from_here
from l1ad.toolchain.signals import handled, require_going_on
from l1ad.toolchain.tools import FoundTool

#: Lines of a log that an error message repeats.
TAIL_LINES = 12
_TAIL_BYTES = 1 << 18
_LINE_CHARACTERS = 1000
#: Characters of a line that a callback is told; the log has all of it.
_TOLD_CHARACTERS = 1 << 16
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Completed:
    """How a run ended.

    Attributes:
        command: what was started, with all arguments.
        returncode: exit code; negative for the signal that ended it.
        seconds: wall time.
        log: file with everything it printed.
    """

    command: tuple[str, ...]
    returncode: int
    seconds: float
    log: Path

    def text(self) -> str:
        """Return everything that the run printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def run(
    found: FoundTool,
    args: Sequence[str | Path],
    *,
    cwd: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    on_line: Callable[[str], None] | None = None,
    step: str | None = None,
    check: bool = True,
) -> Completed:
    """Run a tool to its end; on a timeout, Ctrl-C, SIGTERM, SIGHUP or any error its whole process group is ended.

    If we are killed, a watcher ends the group. Signals reach a run in any thread if the main thread is inside ``signals.handled``.

    Args:
        found: the tool.
        args: its arguments.
        cwd: folder it runs in.
        log: file that takes its standard output and error; its folder is made.
        env: environment variables on top of the present ones.
        timeout_s: seconds after which the run has failed; ``None`` waits for ever.
        on_line: called with each line of output as it comes.
        step: what the run is for, named in an error; default the tool's key.
        check: whether an exit code other than 0 is an error.

    Returns:
        How the run ended.

    Raises:
        ToolFailedError: the exit code is not 0, the timeout has passed, the tool could not be started, or the program is being ended.
        InputError: the log cannot be written, e.g. because the disk is full.
    """
    command = (*found.command, *(str(arg) for arg in args))
    step = step or found.tool.key
    start = time.monotonic()
    deadline = None if timeout_s is None else start + timeout_s
    with handled(), _opened(log) as stream, _temporary(log) as temporary:
        require_going_on(step)
        full_env = {**os.environ, "LC_ALL": "C", **temporary, **dict(found.env), **(env or {})}
        tool = _started(command, cwd, full_env, step)
        try:
            in_time = _follow(tool.process, stream, on_line, deadline, step)
        finally:
            tool.end()
    completed = Completed(command, tool.process.returncode, time.monotonic() - start, log)
    detail(
        f"{step}: {found.name} {describe_exit(completed.returncode)} after {completed.seconds:.1f} s, log {from_here(str(log))}"
    )
    if not in_time:
        raise ToolFailedError(f"{step} did not finish within {timeout_s:g} s and was stopped; {_tail(log)}")
    if check and completed.returncode != 0:
        raise ToolFailedError(f"{step} failed: {found.name} {describe_exit(completed.returncode)}; {_tail(log)}")
    return completed


def describe_exit(returncode: int) -> str:
    """Return how a process ended, e.g. ``ended with exit code 1`` or ``was ended by SIGKILL``."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    name = signal.Signals(-returncode).name if -returncode in set(signal.Signals) else f"signal {-returncode}"
    return f"was ended by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """Return the last non-empty lines of a log, one below the other; of a long line its beginning."""
    with log.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL_BYTES))
        text = stream.read().decode("utf-8", errors="replace")
    last = [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(line if len(line) <= _LINE_CHARACTERS else f"{line[:_LINE_CHARACTERS]}…" for line in last)


def _tail(log: Path) -> str:
    last = tail(log)
    return f"the last lines of {log} are:\n{last}" if last else f"its log {log} is empty"


def _started(command: tuple[str, ...], cwd: Path, env: Mapping[str, str], step: str) -> Launched:
    try:
        return launch(command, cwd, env)
    except OSError as error:
        raise ToolFailedError(f"{step} could not start {command[0]!r} in {cwd}: {error.strerror or error}") from error


def _follow(
    process: subprocess.Popen[bytes], stream: FileIO, on_line: Callable[[str], None] | None, deadline: float | None, step: str
) -> bool:
    """Copy the output until the process ends; False when the deadline came first."""
    assert process.stdout is not None  # launch opens the pipe
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    lines = _Lines(on_line)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            require_going_on(step)
            if deadline is not None and time.monotonic() >= deadline:
                return False
            if not selector.select(_POLL_S):
                # Silence after the end: a straggler that left its parent still holds the pipe; it is not waited for.
                if process.poll() is not None:
                    break
                continue
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            text = decoder.decode(chunk, final=not chunk)
            _write(stream, chunk)
            lines.feed(text)
            if not chunk:
                break
    lines.feed("\n")
    return _wait(process, deadline, step)


def _write(stream: FileIO, chunk: bytes) -> None:
    with _log_errors(str(stream.name)):
        while chunk:
            chunk = chunk[stream.write(chunk) :]


@dataclass(slots=True)
class _Lines:
    """Put pieces of output together into lines, in time and memory that do not grow with the length of a line."""

    on_line: Callable[[str], None] | None
    begun: str = ""

    def feed(self, text: str) -> None:
        """Call back with each line that is complete now."""
        if self.on_line is None:
            return
        first, *rest = re.split(r"[\r\n]+", text)
        self.begun += first[: _TOLD_CHARACTERS - len(self.begun)]
        for begin in rest:
            if self.begun:
                self.on_line(self.begun)
            self.begun = begin[:_TOLD_CHARACTERS]


def _wait(process: subprocess.Popen[bytes], deadline: float | None, step: str) -> bool:
    """Wait for a process that has closed its output; False when the deadline came first."""
    while True:
        require_going_on(step)
        left = _POLL_S if deadline is None else min(_POLL_S, deadline - time.monotonic())
        if left <= 0:
            return False
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(left)
            return True


@contextlib.contextmanager
def _opened(log: Path) -> Iterator[FileIO]:
    with _log_errors(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        stream = log.open("wb", buffering=0)  # unbuffered: what was printed is in the file, and a full disk shows at once
    with stream:
        yield stream


@contextlib.contextmanager
def _log_errors(log: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The log {log} cannot be written: {error.strerror or error}; make room or choose another folder"
        ) from error


@contextlib.contextmanager
def _temporary(log: Path) -> Iterator[dict[str, str]]:
    """Return a tool a folder for its temporary files, beside its log: what it leaves there goes, at the latest with the log's folder."""
    folder = log.with_name(f".{log.name}.tmp").absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        yield {}
        return
    try:
        yield {"TMPDIR": str(folder)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
