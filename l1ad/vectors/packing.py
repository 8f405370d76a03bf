"""Put values into words of links, and take them out again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import IntArray
from l1ad.vectors.frames import Flag, Frames
from l1ad.vectors.linkmap import LinkMap, Piece


def pack(links: LinkMap, pieces: Sequence[Piece], values: IntArray, board: str, *, first_frame: int = 0) -> Frames:
    """Put values into frames, one packet an event.

    Args:
        links: the link map.
        pieces: where the values' bits go; all used links, ascending, are in the result.
        values: int64 ``(n_events, n_values)``; two's complement where negative.
        board: name for the file's head.
        first_frame: empty frames before the first packet.
    """
    numbers = tuple(sorted({piece.link for piece in pieces}))
    words = np.zeros((len(values), links.frames_per_event, len(numbers)), dtype=np.uint64)
    for piece in pieces:
        bits = values[:, piece.value].astype(np.uint64) >> np.uint64(piece.shift) & np.uint64((1 << piece.bits) - 1)
        words[:, piece.frame, numbers.index(piece.link)] |= bits << np.uint64(piece.low)
    flags = np.zeros(words.shape, dtype=np.uint8)
    flags[...] = Flag.VALID
    flags[:, 0] |= int(Flag.START)
    flags[:, -1] |= int(Flag.END)
    flags[:1, 0] |= int(Flag.ORBIT)
    empty = np.zeros((first_frame, len(numbers)), dtype=np.uint64)
    flat = np.concatenate([empty, words.reshape(-1, len(numbers))])
    return Frames(board, numbers, flat, np.concatenate([empty.astype(np.uint8), flags.reshape(-1, len(numbers))]))


def unpack(
    links: LinkMap, pieces: Sequence[Piece], widths: Sequence[tuple[int, bool]], frames: Frames, first_frame: int = 0
) -> IntArray:
    """Take values out of frames.

    Args:
        links: the link map.
        pieces: where the values' bits are.
        widths: bits and sign of every value.
        frames: the frames.
        first_frame: first frame of the first event; events that are not whole are left out.

    Returns:
        int64 ``(n_events, n_values)``; a value without pieces is 0.

    Raises:
        InputError: a link is missing.
    """
    missing = sorted({piece.link for piece in pieces} - set(frames.links))
    if missing:
        raise InputError(
            f"The file has the links {list(frames.links)!r}, link {missing[0]} is needed; dump it too or name another link map."
        )
    n_events = max(0, frames.n_frames - first_frame) // links.frames_per_event
    stop = first_frame + n_events * links.frames_per_event
    words = frames.words[first_frame:stop].reshape(n_events, links.frames_per_event, len(frames.links))
    values = np.zeros((n_events, len(widths)), dtype=np.uint64)
    for piece in pieces:
        bits = words[:, piece.frame, frames.links.index(piece.link)] >> np.uint64(piece.low) & np.uint64((1 << piece.bits) - 1)
        values[:, piece.value] |= bits << np.uint64(piece.shift)
    return signed(values, widths)


def signed(values: NDArray[np.uint64], widths: Sequence[tuple[int, bool]]) -> IntArray:
    """Read two's complement of each value's width."""
    spare = np.array([64 - width for width, _ in widths], dtype=np.int64)
    shifted = (values << spare.astype(np.uint64)).view(np.int64) >> spare
    return np.where([signed for _, signed in widths], shifted, values.view(np.int64))
