"""The bits of an event's link words that make up each column, as inputs of a graph, and the packing of events into such words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.graph.words import WORD_BITS, WordBits
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import LinkMap, Piece, input_pieces


@dataclass(frozen=True, slots=True)
class EventWords:
    """How an event's words are made up.

    Attributes:
        names: of each word: link, frame, and which half of the frame's word, lowest first.
        pieces: where the columns' bits are in them.
    """

    names: tuple[tuple[int, int, int], ...]
    pieces: tuple[WordBits, ...]

    def of(self, links: LinkMap, frames: Frames, first_frame: int = 0) -> IntArray:
        """Take events' words out of frames, int64 ``(n_events, n_words)``; events that are not whole are left out.

        Args:
            links: the link map.
            frames: what is on the links.
            first_frame: first frame of the first event.
        """
        n_events = max(0, frames.n_frames - first_frame) // links.frames_per_event
        stop = first_frame + n_events * links.frames_per_event
        by_event = frames.words[first_frame:stop].reshape(n_events, links.frames_per_event, len(frames.links))
        mask = np.uint64((1 << WORD_BITS) - 1)
        columns = [
            by_event[:, frame, frames.links.index(link)] >> np.uint64(half * WORD_BITS) & mask for link, frame, half in self.names
        ]
        return np.stack(columns, axis=1).astype(np.int64)


def event_words(links: LinkMap, layout: ObjectLayout) -> EventWords:
    """Return how an event's words are made up by a board's link map.

    Raises:
        LayoutError: the link map leaves something out.
    """
    halves = [half for piece in input_pieces(links, layout) for half in _halves(piece)]
    names = tuple(sorted({name for name, *_ in halves}))
    bits = (WordBits(column, shift, names.index(name), low, n) for name, column, shift, low, n in halves)
    return EventWords(names, tuple(bits))


def _halves(piece: Piece) -> Iterator[tuple[tuple[int, int, int], int, int, int, int]]:
    """Cut a piece where a word of the graph ends: name of the word, column, shift, lowest bit and number of bits of each."""
    done = 0
    while done < piece.bits:
        half, low = divmod(piece.low + done, WORD_BITS)
        n = min(piece.bits - done, WORD_BITS - low)
        yield (piece.link, piece.frame, half), piece.value, piece.shift + done, low, n
        done += n
