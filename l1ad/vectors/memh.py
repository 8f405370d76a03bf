"""Write and read ``$readmemh`` files: one hex word a frame, that any simulator loads into a memory.

A word holds every link, the first in the lowest bits: 64 bits of data, then 8 of ``Flag``. A comment names the links and the frames.
"""

from __future__ import annotations

import re

import numpy as np

from l1ad.core.errors import InputError
from l1ad.vectors.frames import DIGITS, Flag, Frames, from_rows, require_whole_packets

CARRIES = Flag.VALID | Flag.START | Flag.ORBIT | Flag.END | Flag.ERROR | Flag.HELD
_PER_LINK = DIGITS + 2
_HEAD = re.compile(r"// board (.*); links ([0-9 ]+); frames (\d+)")


def write(frames: Frames) -> str:
    """Return the file's text."""
    links = " ".join(map(str, frames.links))
    lines = [f"// board {frames.board}; links {links}; frames {frames.n_frames}"]
    for flags, words in zip(np.flip(frames.flags, 1).tolist(), np.flip(frames.words, 1).tolist(), strict=True):
        lines.append("".join(f"{flag:02x}{word:016x}" for flag, word in zip(flags, words, strict=True)))
    return "\n".join(lines) + "\n"


def read(text: str, where: str) -> Frames:
    """Read a file.

    Args:
        text: its text; comments and ``@`` addresses that continue the count are understood.
        where: its name, for messages.

    Raises:
        InputError: it has no head of this project, was cut off or is damaged; names the line.
    """
    lines = text.splitlines()
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if head is None:
        raise InputError(
            f"{where} is not a memory file of this project: expected '// board …; links …; frames …' first, got {lines[:1]!r}."
        )
    links = [int(link) for link in head[2].split()]
    rows: list[list[tuple[int, int]]] = []
    for number, line in enumerate(lines[1:], 2):
        for token in re.sub(r"//.*", "", line).split():
            _read_token(token, links, where, number, rows)
    if len(rows) != int(head[3]):
        raise InputError(f"{where} has {len(rows)} frames, its header says {head[3]}; it was cut off or edited.")
    return require_whole_packets(from_rows(where, head[1], links, rows), where)


def _read_token(token: str, links: list[int], where: str, number: int, rows: list[list[tuple[int, int]]]) -> None:
    """Add one word to the rows, or check an address."""
    digits = _PER_LINK * len(links)
    if token.startswith("@"):
        wanted, good = f"the address @{len(rows):x}", _value(token[1:]) == len(rows)
    else:
        wanted, good = f"{digits} hex digits", len(token) == digits and _value(token) is not None
    if not good:
        raise InputError(f"{where}, line {number}: expected {wanted}, got {token[:40]!r}; the file was cut off or edited.")
    if not token.startswith("@"):
        pieces = [token[i : i + _PER_LINK] for i in range(0, digits, _PER_LINK)][::-1]
        rows.append([(int(piece[:2], 16), int(piece[2:], 16)) for piece in pieces])


def _value(digits: str) -> int | None:
    """Read hex digits, None for anything else."""
    return int(digits, 16) if re.fullmatch("[0-9a-fA-F]+", digits) else None
