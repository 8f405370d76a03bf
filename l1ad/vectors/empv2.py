"""Write and read EMP pattern files, version 2, by the grammar of CMSSW's reader (L1Trigger/DemonstratorTools, utilities.cc)."""

from __future__ import annotations

import re

from l1ad.core.errors import InputError
from l1ad.vectors.frames import Flag, Frames, from_rows, links_in, numbered_lines, require_whole_packets, require_width

CARRIES = Flag.VALID | Flag.START | Flag.ORBIT | Flag.END | Flag.HELD
_METADATA = "Metadata: (strobe,) start of orbit, start of packet, end of packet, valid"
_WORD = re.compile("([01])?([01])([01])([01])([01]) ([0-9a-fA-F]{16})")
_ORDER = (Flag.ORBIT, Flag.START, Flag.END, Flag.VALID)


def write(frames: Frames) -> str:
    """Return the file's text."""
    strobed = [bool((frames.flags[:, column] & Flag.HELD).any()) for column in range(len(frames.links))]
    head = "".join(f"{' ' if s else ''}            {link:03d}        " for link, s in zip(frames.links, strobed, strict=True))
    lines = [f"ID: {frames.board}", _METADATA, "", f"      Link  {head}"]
    plain, with_strobe = _bits(False), _bits(True)
    tables = [with_strobe if s else plain for s in strobed]
    for number, (flags, words) in enumerate(zip(frames.flags.tolist(), frames.words.tolist(), strict=True)):
        cells = "".join(f"  {table[flag]} {word:016x}" for table, flag, word in zip(tables, flags, words, strict=True))
        lines.append(f"Frame {number:04d}  {cells}")
    return "\n".join(lines) + "\n"


def _bits(strobe: bool) -> list[str]:
    """Return the four or five digits of every combination of flags."""
    return [
        ("01"[not flag & Flag.HELD] if strobe else "") + "".join("01"[bool(flag & one)] for one in _ORDER) for flag in range(64)
    ]


def read(text: str, where: str) -> Frames:
    """Read a file.

    Args:
        text: its text.
        where: its name, for messages.

    Raises:
        InputError: it is of another format, was cut off or is damaged; names the line.
    """
    lines = list(numbered_lines(text))
    board, links = _head(lines, where)
    rows = [_row(line, links, where, number, n) for n, (number, line) in enumerate(lines[3:])]
    return require_whole_packets(from_rows(where, board, links, rows), where)


def _head(lines: list[tuple[int, str]], where: str) -> tuple[str, list[int]]:
    texts = [line for _, line in lines[:3]]
    good = (
        len(texts) == 3
        and texts[0].startswith("ID: ")
        and texts[1].startswith(_METADATA)
        and texts[2].lstrip().startswith("Link  ")
    )
    if not good:
        raise InputError(f"{where} is not an EMPv2 file: expected the lines 'ID: …', {_METADATA!r} and 'Link …', got {texts!r}.")
    return texts[0][4:], links_in(texts[2].split()[1:], where, lines[2][0])


def _row(line: str, links: list[int], where: str, number: int, frame: int) -> list[tuple[int, int]]:
    prefix = f"Frame {frame:04d}  "
    if not line.startswith(prefix):
        raise InputError(
            f"{where}, line {number}: expected {prefix.strip()!r}, got {line[:16]!r}; a frame is missing or the line is damaged."
        )
    tokens = [token for token in re.split(r"\s\s+", line[len(prefix) :]) if token.strip()]
    require_width(tokens, links, where, number)
    return [_word(token.strip(), where, number) for token in tokens]


def _word(token: str, where: str, number: int) -> tuple[int, int]:
    found = _WORD.fullmatch(token)
    if found is None:
        raise InputError(
            f"{where}, line {number}: expected 4 bits (5 with strobe), a blank and 16 hex digits, got {token!r}; the file was cut off, or its "
            "writer leaves out 'valid'."
        )
    flags = sum(flag for flag, bit in zip(_ORDER, found.groups()[1:5], strict=True) if bit == "1")
    return flags | (Flag.HELD if found[1] == "0" else 0), int(found[6], 16)
