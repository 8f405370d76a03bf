"""What comes into a top: the columns by themselves, packed by object, or in the words of the board's links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.firmware.ports import Field, Port, input_ports
from l1ad.graph.graph import HARDWARE, WORDS
from l1ad.graph.words import WORD_BITS, WordBits
from l1ad.vectors.words import EventWords


@dataclass(frozen=True, slots=True)
class Inputs:
    """How events come in.

    Attributes:
        layout: the columns.
        packed: one word an object instead of one port a column.
        words: the words of the board's links, instead of both.
    """

    layout: ObjectLayout
    packed: bool = False
    words: EventWords | None = None

    @property
    def node(self) -> str:
        """Node of the graph that the fields are the elements of."""
        return HARDWARE if self.words is None else WORDS

    @property
    def lowered(self) -> tuple[int, Sequence[WordBits]] | None:
        """What ``l1ad.graph.lower`` takes as ``words``."""
        return None if self.words is None else (len(self.words.names), self.words.pieces)

    @property
    def ports(self) -> tuple[Port, ...]:
        """Data inputs in order."""
        return input_ports(self.layout, self.packed) if self.words is None else tuple(_word_ports(self.words))

    @property
    def fields(self) -> tuple[Field, ...]:
        """Elements of an event's row, in order: columns, or the graph's words."""
        return tuple(sorted((field for port in self.ports for field in port.fields), key=lambda field: field.element))

    @property
    def absent(self) -> tuple[int, ...]:
        """Columns that the words do not have; they are 0."""
        return () if self.words is None else self.words.absent(self.layout)

    def rows(self, x_hw: NDArray[np.integer[Any]]) -> IntArray:
        """Return what comes in for events: the columns, or words that carry them and, where no column is, bits of all kinds.

        Args:
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            int64 ``(n_events, n_fields)``.

        Raises:
            InputError: a value that the board's words have no bits for.
        """
        return np.asarray(x_hw, dtype=np.int64) if self.words is None else self.words.carrying(x_hw, self.layout)

    def checked(self, words: IntArray) -> IntArray:
        """Return words that are as many as the top takes.

        Raises:
            InputError: the top takes columns, or other words.
        """
        wanted = 0 if self.words is None else len(self.words.names)
        if not wanted or words.ndim != 2 or words.shape[1] != wanted:
            takes = f"words of shape (n_events, {wanted})" if wanted else "columns, not words (firmware.ports: words)"
            raise InputError(
                f"The top takes {takes}, got an array of shape {words.shape}; take them out of frames with EventWords.of."
            )
        return words


def _word_ports(words: EventWords) -> Iterator[Port]:
    """Yield a port for each frame of a link; one wider than the graph's words has a field for each of its parts."""
    named = list(enumerate(words.names))
    for (link, frame), parts in groupby(named, key=lambda part: part[1][:2]):
        name = f"link_{link}_frame_{frame}"
        fields = [_word_field(words, name, element, part) for element, (_, _, part) in parts]
        yield Port(name, words.word_bits, False, tuple(fields))


def _word_field(words: EventWords, name: str, element: int, part: int) -> Field:
    low = part * WORD_BITS
    bits = min(WORD_BITS, words.word_bits - low)
    whole = words.word_bits <= WORD_BITS
    return Field(element, name if whole else f"{name}_part_{part}", FixedPoint(False, bits, bits), low)
