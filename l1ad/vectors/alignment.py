"""Find at which frame of a capture the events begin, and which of its events are the expected ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import LinkMap, Piece
from l1ad.vectors.packing import unpack

#: Events with the same values that are looked at; a value more frequent than that says nothing of where it is.
_MOST_ALIKE = 8
#: Share of the events found, and number of events, that must agree for an offset to be believed.
_BELIEVED, _FEWEST = 0.5, 4


@dataclass(frozen=True, slots=True)
class Reader:
    """How one side of a board is read: link map, places and widths of the values, and how many of them identify an event."""

    links: LinkMap
    pieces: tuple[Piece, ...]
    widths: tuple[tuple[int, bool], ...]
    n_keys: int

    def values(self, frames: Frames, first_frame: int) -> IntArray:
        """Values of the events from a frame on, int64 ``(n_events, n_values)``."""
        return unpack(self.links, self.pieces, self.widths, frames, first_frame)

    def at(self, frames: Frames, offset: int, n_events: int) -> tuple[int, IntArray]:
        """Return the first event that the capture has, and the values from it on, if event 0 begins at ``offset``."""
        period = self.links.frames_per_event
        first = max(0, -(offset // period)) if offset < 0 else 0
        return first, self.values(frames, offset + first * period)[: n_events - first]


def find_offset(reader: Reader, frames: Frames, wanted: IntArray, nominal: int) -> int | None:
    """Find the frame at which event 0 begins.

    Args:
        reader: how the capture is read.
        frames: the capture.
        wanted: expected values by event; the first ``reader.n_keys`` columns are compared.
        nominal: the frame that the link map says; it is taken where it is as good as any.

    Returns:
        The frame, negative where the capture begins later; None where no offset makes most of the captured events agree.
    """
    places = _places(wanted[:, : reader.n_keys])
    votes: dict[int, float] = defaultdict(float)
    for phase in range(reader.links.frames_per_event):
        for row, key in enumerate(_keys(reader.values(frames, phase)[:, : reader.n_keys])):
            alike = places.get(key, ())
            for event in alike:
                votes[phase + (row - event) * reader.links.frames_per_event] += 1 / len(alike)
    best = sorted(votes, key=lambda offset: (-votes[offset], abs(offset - nominal)))[:4]
    counts = {offset: agreeing(reader, frames, wanted, offset) for offset in {*best, nominal}}
    chosen = max(counts, key=lambda offset: (counts[offset], offset == nominal, -abs(offset - nominal)))
    n_found = len(reader.at(frames, chosen, len(wanted))[1])
    return chosen if counts[chosen] > _BELIEVED * n_found and counts[chosen] >= min(_FEWEST, len(wanted)) else None


def agreeing(reader: Reader, frames: Frames, wanted: IntArray, offset: int) -> int:
    """Count the expected events that the capture has and that agree."""
    first, got = reader.at(frames, offset, len(wanted))
    same = (got[:, : reader.n_keys] == wanted[first : first + len(got), : reader.n_keys]).all(axis=1)
    return int(same.sum())


def _places(wanted: IntArray) -> dict[bytes, Sequence[int]]:
    """Return the events by their values, without those that are frequent."""
    found: dict[bytes, list[int]] = defaultdict(list)
    for event, key in enumerate(_keys(wanted)):
        found[key].append(event)
    return {key: events for key, events in found.items() if len(events) <= _MOST_ALIKE}


def _keys(values: NDArray[np.int64]) -> list[bytes]:
    return [row.tobytes() for row in np.ascontiguousarray(values)]
