"""Start a tool in a process group of its own, which ends with us: on demand, and also when we are killed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Seconds between asking a process group to end and killing it.
GRACE_S = 5.0
#: Waits for a line before it becomes the tool; without one, because we have been killed, it ends.
_TOOL = 'read -r _ || exit 1; exec "$@" </dev/null'
#: Waits until the other end of its input is closed, which it is when we end in whatever way, and kills the group.
_WATCHER = 'read -r _; kill -s KILL -- "-$1"'


@dataclass(frozen=True, slots=True)
class Launched:
    """A running tool.

    Attributes:
        process: the tool, leader of its session and process group; its output is a pipe.
        watcher: the process that kills the group if we are killed. The kernel's own signal for that (PR_SET_PDEATHSIG) would reach the
            tool but not what the tool has started, such as the compiler proper behind ``g++``.
    """

    process: subprocess.Popen[bytes]
    watcher: subprocess.Popen[bytes]

    def end(self) -> None:
        """End every process of the group, politely first; also what a finished tool left behind."""
        _end_group(self.process)
        # Before its input is closed: by then the group's number may be another's.
        self.watcher.kill()
        self.watcher.wait()
        for pipe in (self.process.stdout, self.watcher.stdin):
            if pipe is not None:
                pipe.close()


def launch(command: tuple[str, ...], cwd: Path, env: Mapping[str, str]) -> Launched:
    """Start a tool.

    Args:
        command: the executable and its arguments.
        cwd: folder it runs in.
        env: its environment.

    Raises:
        OSError: it cannot be started.
    """
    _require_executable(command[0], env)
    process = subprocess.Popen(
        ("/bin/sh", "-c", _TOOL, "sh", *command),
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        watcher = _watch(process.pid)
    except BaseException:
        _end_group(process)
        raise
    assert process.stdin is not None  # asked for above
    with contextlib.suppress(BrokenPipeError), process.stdin as go:
        go.write(b"\n")
    return Launched(process, watcher)


def _watch(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ("/bin/sh", "-c", _WATCHER, "sh", str(group)),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _require_executable(name: str, env: Mapping[str, str]) -> None:
    if shutil.which(name, path=env.get("PATH", os.defpath)) is None:
        number = errno.EACCES if Path(name).exists() else errno.ENOENT
        raise OSError(number, os.strerror(number), name)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + GRACE_S
    if _signal_group(process, signal.SIGTERM):
        while time.monotonic() < give_up and _signal_group(process, 0):
            process.poll()
            time.sleep(0.02)
        _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Send a signal to the group; False when nobody is left in it."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True
