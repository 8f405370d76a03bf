"""Write and read EMP and MP7 pattern files, version 1, by the grammar of CMSSW's reader (DemonstratorTools, utilities.cc)."""

from __future__ import annotations

import re

from l1ad.core.errors import InputError
from l1ad.vectors.frames import Flag, Frames, from_rows, links_in, numbered_lines, require_width

CARRIES = Flag.VALID | Flag.HELD
_WORD = re.compile("([01]s)?([01]v)([0-9a-fA-F]{16})")


def write(frames: Frames) -> str:
    """Return the file's text."""
    quads = "".join(f"         q{link // 4:02d}c{link % 4}       " for link in frames.links)
    links = "".join(f"          {link:03d}        " for link in frames.links)
    lines = [f"Board {frames.board}", f" Quad/Chan :{quads}", f"      Link :{links}"]
    strobed = bool((frames.flags & Flag.HELD).any())
    marks = [(f"{'01'[not flag & Flag.HELD]}s" if strobed else "") + f"{flag & Flag.VALID}v" for flag in range(64)]
    for number, (flags, words) in enumerate(zip(frames.flags.tolist(), frames.words.tolist(), strict=True)):
        cells = "".join(f"   {marks[flag]}{word:016x}" for flag, word in zip(flags, words, strict=True))
        lines.append(f"Frame {number:04d} :{cells}")
    return "\n".join(lines) + "\n"


def read(text: str, where: str) -> Frames:
    """Read a file.

    Args:
        text: its text.
        where: its name, for messages.

    Raises:
        InputError: it is of another format, was cut off inside a line or is damaged; names the line.
    """
    lines = list(numbered_lines(text))
    texts = [line for _, line in lines[:3]]
    good = (
        len(texts) == 3 and texts[0].startswith("Board ") and "Quad/Chan :" in texts[1] and texts[2].lstrip().startswith("Link :")
    )
    if not good:
        raise InputError(
            f"{where} is not an EMPv1 file: expected the lines 'Board …', 'Quad/Chan :' and 'Link :', got {texts!r}."
        )
    links = links_in(texts[2].partition(":")[2].split(), where, lines[2][0])
    rows = [_row(line, links, where, number, n) for n, (number, line) in enumerate(lines[3:])]
    return from_rows(where, texts[0][6:], links, rows)


def _row(line: str, links: list[int], where: str, number: int, frame: int) -> list[tuple[int, int]]:
    prefix = f"Frame {frame:04d} :"
    if not line.startswith(prefix):
        raise InputError(
            f"{where}, line {number}: expected {prefix!r}, got {line[:16]!r}; a frame is missing or the line is damaged."
        )
    tokens = line[len(prefix) :].split()
    require_width(tokens, links, where, number)
    return [_word(token, where, number) for token in tokens]


def _word(token: str, where: str, number: int) -> tuple[int, int]:
    found = _WORD.fullmatch(token)
    if found is None:
        raise InputError(
            f"{where}, line {number}: expected '1v' or '0v' and 16 hex digits, got {token!r}; the file was cut off or edited."
        )
    return int(found[2] == "1v") | (Flag.HELD if found[1] == "0s" else 0), int(found[3], 16)
