"""Find a frame format by its name, or by a file's first line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.errors import InputError, nearest
from l1ad.vectors import apx, empv1, empv2, memh
from l1ad.vectors.frames import Flag, Frames


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """A format: its name, the start of its files, what it carries, its writer and its reader."""

    name: str
    begins: tuple[str, ...]
    suffix: str
    carries: Flag
    write: Callable[[Frames], str]
    read: Callable[[str, str], Frames]


FORMATS = {
    one.name: one
    for one in (
        FrameFormat("empv2", ("ID:",), ".txt", empv2.CARRIES, empv2.write, empv2.read),
        FrameFormat("empv1", ("Board ",), ".txt", empv1.CARRIES, empv1.write, empv1.read),
        FrameFormat("apx", ("#Sideband", "#LinkLabel"), ".txt", apx.CARRIES, apx.write, apx.read),
        FrameFormat("memh", ("// board ",), ".mem", memh.CARRIES, memh.write, memh.read),
    )
}


def read_frames(path: Path) -> tuple[str, Frames]:
    """Read a file of any frame format.

    Returns:
        The format's name, and the frames.

    Raises:
        InputError: no such file, no format known by its first line, or damaged.
    """
    text = read_text(path)
    for one in FORMATS.values():
        if text.startswith(one.begins):
            return one.name, one.read(text, str(path))
    first = text.partition("\n")[0][:60]
    raise InputError(
        f"{str(path)!r} begins with {first!r}, which is none of the formats {', '.join(FORMATS)}; give a capture of one of them."
    )


def read_text(path: Path) -> str:
    """Read a file's text.

    Raises:
        InputError: it cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        raise InputError(f"{str(path)!r} is not ASCII text; give the text file that the board's software writes.") from None
    except OSError as error:
        raise InputError(f"Cannot read {str(path)!r}: {error.strerror or error}; give the path of a capture.") from None


def require_format(name: str, known: tuple[str, ...]) -> str:
    """Refuse an unknown format.

    Raises:
        InputError: the name is none of those known.
    """
    if name not in known:
        raise InputError(f"There is no vector format {name!r}; {nearest(name, known)}")
    return name
