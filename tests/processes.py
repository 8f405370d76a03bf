"""Look at processes of this machine, for the tests of what happens when some are ended."""

from __future__ import annotations

import time
from pathlib import Path

#: Environment variable by which the processes that a test starts, and all they start, are found.
TAG = "L1AD_TEST_TAG"


def is_running(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(path: Path, seconds: float = 60) -> str:
    """Wait until a file has a full line and give it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"{path} did not come")


def tagged(tag: str) -> dict[int, str]:
    """Return the command line of every running process whose environment has a tag."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{TAG}={tag}\0".encode() in (folder / "environ").read_bytes() and is_running(int(folder.name)):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


def none_left(tag: str, seconds: float = 10) -> dict[int, str]:
    """Wait until no process has a tag; gives those that still have it in the end."""
    deadline = time.monotonic() + seconds
    while (left := tagged(tag)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
