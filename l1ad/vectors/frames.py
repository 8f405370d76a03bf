"""What stands on a board's links frame by frame, and what the readers of all frame formats share."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError

#: Hex digits of a word in every frame format.
DIGITS = 16


class Flag(enum.IntFlag):
    """What stands beside a word; bits 0 to 3 are those of the APx sideband."""

    VALID = 1
    START = 2
    ORBIT = 4
    END = 8
    ERROR = 16
    #: The strobe is low: the link's clock enable leaves this frame out.
    HELD = 32


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Words of links.

    Attributes:
        board: name in the file's head; "" where the format has none.
        links: number of every link, ascending or as the file has them.
        words: uint64 ``(n_frames, n_links)``.
        flags: ``Flag`` bits, uint8 ``(n_frames, n_links)``.
    """

    board: str
    links: tuple[int, ...]
    words: NDArray[np.uint64]
    flags: NDArray[np.uint8]

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.words)

    def same(self, other: Frames, carried: Flag) -> bool:
        """Return whether links, words and those flags that a format carries are the same."""
        mask = np.uint8(carried)
        return (
            self.links == other.links
            and np.array_equal(self.words, other.words)
            and np.array_equal(self.flags & mask, other.flags & mask)
        )


def from_rows(where: str, board: str, links: list[int], rows: list[list[tuple[int, int]]]) -> Frames:
    """Put rows of flags and words together.

    Args:
        where: the file's name, for messages.
        board: its board.
        links: number of every link.
        rows: ``(flags, word)`` by link, a frame a row.

    Raises:
        InputError: no frame, or a link twice.
    """
    if not rows:
        raise InputError(f"{where} has no frames after its header; it was cut off, or the capture was never started.")
    if len(set(links)) != len(links):
        raise InputError(f"{where} names a link twice in {links!r}; every column is one link.")
    flags = np.array([[flag for flag, _ in row] for row in rows], dtype=np.uint8)
    words = np.array([[word for _, word in row] for row in rows], dtype=np.uint64)
    return Frames(board, tuple(links), words, flags)


def require_whole_packets(frames: Frames, where: str) -> Frames:
    """Refuse a file that ends inside a packet that it has begun.

    Raises:
        InputError: a link's last packet has a start and no end.
    """
    for column, link in enumerate(frames.links):
        starts = np.flatnonzero(frames.flags[:, column] & Flag.START)
        ends = np.flatnonzero(frames.flags[:, column] & Flag.END)
        if len(starts) and (not len(ends) or ends[-1] < starts[-1]):
            raise InputError(
                f"{where} ends at frame {frames.n_frames - 1} inside the packet that link {link} began at frame {starts[-1]}: "
                "it was cut off; capture or copy it again."
            )
    return frames


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """Return the lines that are neither empty nor a comment, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def links_in(tokens: list[str], where: str, number: int) -> list[int]:
    """Read the numbers of the links in a head.

    Raises:
        InputError: none, or one that is not a number.
    """
    if not tokens or not all(token.isascii() and token.isdigit() for token in tokens):
        raise InputError(
            f"{where}, line {number}: expected the numbers of the links, got {' '.join(tokens)!r}; the header is damaged."
        )
    return [int(token) for token in tokens]


def require_width(tokens: list[Any], links: list[int], where: str, number: int) -> None:
    """Refuse a row that has not one word for every link.

    Raises:
        InputError: fewer words, as in a file that was cut off, or more.
    """
    if len(tokens) != len(links):
        raise InputError(
            f"{where}, line {number}: expected {len(links)} words, one a link, got {len(tokens)}; the file was cut off or edited."
        )
