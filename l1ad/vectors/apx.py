"""Write and read APx buffer files, by the grammar of CMSSW's reader (L1Trigger/DemonstratorTools, utilities.cc)."""

from __future__ import annotations

import re

from l1ad.core.errors import InputError
from l1ad.vectors.frames import DIGITS, Flag, Frames, from_rows, links_in, require_whole_packets, require_width

CARRIES = Flag.VALID | Flag.START | Flag.ORBIT | Flag.END | Flag.ERROR
_LABEL = "LINK_"
_HEX = re.compile("0x[0-9a-fA-F]+")


def write(frames: Frames) -> str:
    """Return the file's text."""
    labels = "".join(f"                {_LABEL}{link:02d}    " for link in frames.links)
    lines = ["#Sideband ON", f"#LinkLabel{labels}", "#BeginData"]
    for number, (flags, words) in enumerate(zip((frames.flags & CARRIES).tolist(), frames.words.tolist(), strict=True)):
        cells = "".join(f"    0x{flag:02x} 0x{word:016x}" for flag, word in zip(flags, words, strict=True))
        lines.append(f"0x{number:04x}{cells}")
    return "\n".join(lines) + "\n"


def read(text: str, where: str) -> Frames:
    """Read a file.

    Args:
        text: its text.
        where: its name, for messages.

    Raises:
        InputError: it is of another format, was cut off or is damaged; names the line.
    """
    lines = text.splitlines()
    first = 1 if lines and lines[0].startswith("#Sideband") else 0
    head = lines[first : first + 2]
    if len(head) != 2 or not head[0].startswith("#LinkLabel") or head[1] != "#BeginData":
        raise InputError(f"{where} is not an APx file: expected the lines '#LinkLabel …' and '#BeginData', got {head!r}.")
    labels = head[0].split()[1:]
    links = links_in([label.removeprefix(_LABEL) if label.startswith(_LABEL) else label for label in labels], where, first + 1)
    rows = [_row(line, links, where, first + 3 + n, n) for n, line in enumerate(lines[first + 2 :])]
    return require_whole_packets(from_rows(where, "", links, rows), where)


def _row(line: str, links: list[int], where: str, number: int, frame: int) -> list[tuple[int, int]]:
    tokens = line.split()
    require_width(tokens[1::2], links, where, number)
    require_width(tokens[2::2], links, where, number)
    wrong = [t for t in tokens if not _HEX.fullmatch(t)] + [t for t in tokens[2::2] if len(t) != DIGITS + 2]
    if wrong:
        raise InputError(
            f"{where}, line {number}: expected '0x' and hex digits, {DIGITS} for a word, got {wrong[0]!r}; the file was cut off or edited."
        )
    if int(tokens[0], 16) != frame:
        raise InputError(f"{where}, line {number}: expected the row number 0x{frame:04x}, got {tokens[0]!r}; a row is missing.")
    return [(int(side, 16) & CARRIES, int(word, 16)) for side, word in zip(tokens[1::2], tokens[2::2], strict=True)]
