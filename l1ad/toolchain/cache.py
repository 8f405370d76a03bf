"""The cache of compiled code; nothing is loaded from it that this user did not compile.

A shared library that is loaded can do whatever its user can. So a library counts only while three things hold: its bytes are those that
this user's compiler made of the same sources (a private folder keeps the digests), and neither the file nor its folder belongs to
anyone else or can be written by anyone else. A library that came with somebody's run folder is none of these: it is compiled again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Callable
from pathlib import Path

from l1ad.core.errors import ArtefactError, InputError, ToolFailedError
from l1ad.core.scratch import leftovers, locked, put_in_place, remove, working_folder

CACHE_VARIABLE = "L1AD_CACHE_DIR"
_RECORDS = "compiled"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
#: Digests of libraries that this process compiled: all there is where no folder can keep them.
_in_this_process: set[str] = set()


def cache_folder() -> Path:
    """Return the folder of compiled code: ``$L1AD_CACHE_DIR``, else ``l1ad`` in the user's cache folder.

    Raises:
        InputError: nothing says where the user's home is.
    """
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    if chosen:
        return Path(chosen)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME", "").strip() or Path.home() / ".cache") / "l1ad"
    except RuntimeError:
        raise InputError(
            f"Compiled code needs a folder of its own, and this user has no home; set {CACHE_VARIABLE} to a folder."
        ) from None


def processor() -> str:
    """Return the line that names what this processor can do, or its name where there is none: code compiled for it does not run elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.machine())


def private_folder(folder: Path, *, tighten: bool = False) -> Path:
    """Make a folder that only this user can write, or check the one that is there.

    Args:
        folder: the folder.
        tighten: whether to close a folder of this user's that others can write: only where nothing in it is taken without ``is_ours``.

    Raises:
        OSError: it cannot be made.
        InputError: it belongs to somebody else or can be written by others, who could put code there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    if tighten and folder.stat().st_uid == os.geteuid():
        close_to_others(folder)
    reason = why_open(folder)
    if reason is not None:
        raise InputError(
            f"Compiled code is not kept in {str(folder)!r}, where somebody else could change it: it {reason}; "
            f"run 'chmod go-w' on it if it is yours, or set {CACHE_VARIABLE} to a folder of your own."
        )
    return folder


def why_open(path: Path) -> str | None:
    """Explain why somebody else could change a file or folder; None where nobody but this user and root can."""
    found = path.stat()
    if found.st_uid not in (os.geteuid(), 0):
        return f"belongs to user {found.st_uid}"
    return "can be written by others" if found.st_mode & _OTHERS_WRITE else None


def close_to_others(*paths: Path) -> None:
    """Take the right to write from everybody but the owner: a umask of 002 leaves it to the group."""
    for path in paths:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS_WRITE)


def remember(library: Path, key: str) -> None:
    """Note that this user has compiled a library, and let nobody else change it.

    Args:
        library: the library, where it was compiled; it may be moved afterwards.
        key: digest of everything it was made of.

    Raises:
        InputError: the folder of the notes is open to others.
    """
    close_to_others(library.parent, library)
    record = _record(library, key)
    _in_this_process.add(record)
    try:
        (private_folder(cache_folder() / _RECORDS) / record).touch(mode=0o600)
    except OSError:  # nowhere to keep it: the next process compiles again
        return


def is_ours(library: Path, key: str) -> bool:
    """Return whether a library is one that this user compiled from these sources, and nobody else could have changed it.

    Raises:
        InputError: the folder of the notes is open to others.
    """
    try:
        if why_open(library.parent) or why_open(library):
            return False
        record = _record(library, key)
        return record in _in_this_process or (private_folder(cache_folder() / _RECORDS) / record).is_file()
    except OSError:
        return False


def compile_once(folder: Path, library: str, key: str, make: Callable[[Path], None]) -> None:
    """Compile into a folder of its own and move the whole into place, over what somebody else has put there.

    One process works, others wait for it; what one that was killed has left is removed. A compiler's failure leaves sources and log.

    Args:
        folder: where the library is kept.
        library: its name there.
        key: digest of everything it is made of.
        make: writes the library, and whatever it is made of, into the folder that it is given.

    Raises:
        OSError: nothing can be written beside the folder, or the disk is full.
        ToolFailedError: the compiler failed.
    """
    try:
        with locked(folder, wait=True):
            if not is_ours(folder / library, key):
                _compile(folder, library, key, make)
    except ArtefactError as error:
        raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None


def _compile(folder: Path, library: str, key: str, make: Callable[[Path], None]) -> None:
    for left in leftovers(folder):
        remove(left)
    work = working_folder(folder, key)
    try:
        work.mkdir()
        make(work)
        remember(work / library, key)
        put_in_place(work, folder)
    except ToolFailedError:
        raise
    except BaseException:
        remove(work)
        raise


def _record(library: Path, key: str) -> str:
    content = hashlib.sha256(library.read_bytes()).hexdigest()
    return hashlib.sha256(f"{key}\0{content}".encode()).hexdigest()
