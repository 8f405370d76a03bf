"""The bits of an event's link words that make up each column, as inputs of a graph, and the packing of events into such words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.graph.words import WORD_BITS, WordBits
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import LinkMap, Piece, input_pieces, require_absent


@dataclass(frozen=True, slots=True)
class EventWords:
    """How an event's words are made up.

    Attributes:
        word_bits: bits of a frame's word.
        names: of each word of the graph: link, frame, and which part of the frame's word, lowest first; every part of a frame that carries
            a column is there.
        pieces: where the columns' bits are in them.
    """

    word_bits: int
    names: tuple[tuple[int, int, int], ...]
    pieces: tuple[WordBits, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EventWords:
        """Read what ``dataclasses.asdict`` gave."""
        names = tuple((int(link), int(frame), int(part)) for link, frame, part in data["names"])
        return cls(int(data["word_bits"]), names, tuple(WordBits(**piece) for piece in data["pieces"]))

    def absent(self, layout: ObjectLayout) -> tuple[int, ...]:
        """Return the columns that no bits are of; they are 0."""
        there = {piece.column for piece in self.pieces}
        return tuple(i for i in range(layout.n_columns) if i not in there)

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
            by_event[:, frame, frames.links.index(link)] >> np.uint64(part * WORD_BITS) & mask for link, frame, part in self.names
        ]
        return np.stack(columns, axis=1).astype(np.int64)

    def carrying(self, x_hw: NDArray[np.integer[Any]], layout: ObjectLayout, seed: int = 1) -> IntArray:
        """Put events into words; bits that belong to no column are random, as a link has other things there.

        Args:
            x_hw: hardware integers, shape ``(n_events, n_columns)``.
            layout: the columns.
            seed: decides the bits outside the columns.

        Returns:
            int64 ``(n_events, n_words)``.

        Raises:
            InputError: a column that the words do not have is not 0.
        """
        values = np.asarray(x_hw, dtype=np.int64)
        require_absent(layout, self.absent(layout), values)
        words = np.random.default_rng(seed).integers(0, 1 << WORD_BITS, size=(len(values), len(self.names)))
        words &= [(1 << min(WORD_BITS, self.word_bits - part * WORD_BITS)) - 1 for _, _, part in self.names]
        for piece in self.pieces:
            mask = (1 << piece.bits) - 1
            words[:, piece.word] &= ~(mask << piece.low)
            words[:, piece.word] |= (values[:, piece.column] >> piece.shift & mask) << piece.low
        return words


def event_words(links: LinkMap, layout: ObjectLayout) -> EventWords:
    """Return how an event's words are made up by a board's link map.

    Raises:
        LayoutError: the link map leaves something out.
    """
    parts = [part for piece in input_pieces(links, layout) for part in _parts(piece)]
    n_parts = -(-links.word_bits // WORD_BITS)
    frames = sorted({(link, frame) for (link, frame, _), *_ in parts})
    names = tuple((link, frame, part) for link, frame in frames for part in range(n_parts))
    places = {name: i for i, name in enumerate(names)}
    pieces = tuple(WordBits(column, shift, places[name], low, n) for name, column, shift, low, n in parts)
    return EventWords(links.word_bits, names, pieces)


def _parts(piece: Piece) -> Iterator[tuple[tuple[int, int, int], int, int, int, int]]:
    """Cut a piece where a word of the graph ends: name of the word, column, shift, lowest bit and number of bits of each."""
    done = 0
    while done < piece.bits:
        part, low = divmod(piece.low + done, WORD_BITS)
        n = min(piece.bits - done, WORD_BITS - low)
        yield (piece.link, piece.frame, part), piece.value, piece.shift + done, low, n
        done += n
