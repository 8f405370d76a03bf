"""Keep what is unfinished beside its target, and let one process at a time write there.

A target that is a symbolic link is written where it leads: drafts are made on that disk, so that one rename finishes them.
"""

from __future__ import annotations

import fcntl
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from l1ad.core.errors import ArtefactError, reason_of

#: Characters of a stage's key in the name of its working folder.
_KEY = 16
#: What is put in place of a key in the name of a target's former version.
_OLD = "old"


def place_of(target: Path) -> Path:
    """Follow a target that is a symbolic link to where it is written.

    Raises:
        ArtefactError: the link leads to a folder that is not there, e.g. on a disk that is not mounted.
    """
    if not target.is_symlink():
        return target
    place = Path(os.path.realpath(target))
    if place.is_symlink() or not place.parent.is_dir():
        raise ArtefactError(
            f"{str(target)!r} is a symbolic link to {str(target.readlink())!r}, and there is no such place; mount its disk or remove "
            "the link."
        )
    return place


def working_folder(target: Path, key: str) -> Path:
    """Name the folder beside a target in which the stage with a key works."""
    return target.with_name(f".{target.name}.{key[:_KEY]}.partial")


def former(target: Path) -> Path:
    """Name the place to which a target's former version moves while the new one is put there."""
    return target.with_name(f".{target.name}.{_OLD}.partial")


def leftovers(target: Path) -> list[Path]:
    """List what earlier attempts at a target have left beside it, in any key's name."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.[\w-]+\.partial")
    return [path for path in target.parent.iterdir() if pattern.fullmatch(path.name)] if target.parent.is_dir() else []


def remove(path: Path) -> None:
    """Remove a file, a folder or a link (never what it leads to) as far as that is allowed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def put_in_place(draft: Path, target: Path) -> None:
    """Rename a finished draft to its target; whatever interrupts this, the target is the former version or the new one."""
    old = former(target)
    remove(old)
    try:
        if target.exists():
            target.rename(old)
        draft.rename(target)
    except BaseException:
        bring_back(target)
        raise
    remove(old)


def bring_back(target: Path) -> None:
    """Return a target its former version back, if it was interrupted between its two renames."""
    if former(target).is_dir() and not target.exists():
        former(target).rename(target)


@contextmanager
def locked(target: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock on a target, so that no other process (and no other thread) writes it; the system frees it when we end.

    Args:
        target: what is written; folders above it are made.
        wait: whether to wait for another process instead of refusing.

    Raises:
        ArtefactError: another process holds the lock, or nothing can be written beside the target.
    """
    file = target.with_name(f".{target.name}.lock")
    try:
        descriptor = _acquire(file, wait)
    except BlockingIOError:
        raise ArtefactError(
            f"{str(target)!r} is being written by {_holder(file)}; wait until it has ended, then run the same command again."
        ) from None
    except OSError as error:
        raise ArtefactError(f"Cannot write beside {str(target)!r}: {reason_of(error)}; choose another place.") from error
    try:
        yield
    finally:
        with suppress(OSError):
            file.unlink()  # before it is freed: whoever waits for this very file sees that it has gone, and makes the next
        os.close(descriptor)


def _acquire(file: Path, wait: bool) -> int:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except FileNotFoundError:
            continue  # whoever had it before removed an empty folder above it
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_named(descriptor, file):
                _sign(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_named(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Write down who holds a lock, for messages only."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())


def _holder(file: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8") or "another process"
    return "another process"
