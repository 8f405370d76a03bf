"""Lower what arrives on a board's links: words of bits, of which each column is some, to the columns' hardware integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.core.layout import ObjectLayout
from l1ad.graph.builder import Builder
from l1ad.graph.graph import HARDWARE, WORDS
from l1ad.graph.operations import Affine, Cast, Gather, Input, MovePoint

#: Bits of a word of the graph: what a link carries in a frame is taken in pieces of these, so that int64 holds every sum.
WORD_BITS = 32


@dataclass(frozen=True, slots=True)
class WordBits:
    """A piece of a column in a word: ``bits`` bits, from the column's bit ``shift`` on, at the word's bit ``low``."""

    column: int
    shift: int
    word: int
    low: int
    bits: int


def lower_words(build: Builder, layout: ObjectLayout, n_words: int, pieces: Sequence[WordBits]) -> None:
    """Take the columns out of words; a column without bits is 0.

    Bits are taken by a move of the binary point and a cast that truncates and wraps, as any cast of the chip: no operation of its own.

    Args:
        build: an empty graph; it gets the nodes ``words`` and ``hardware``.
        layout: the columns.
        n_words: how many words an event has.
        pieces: where each column's bits are.
    """
    build.let(WORDS, Input((0,) * n_words, ((1 << WORD_BITS) - 1,) * n_words))
    read = build.let("words.read", Gather(tuple((0, piece.word) for piece in pieces)), WORDS)
    moved = build.let("words.moved", MovePoint(tuple(piece.low for piece in pieces)), read)
    taken = build.let("words.taken", Cast(tuple(_type(layout, piece) for piece in pieces)), moved)
    weights = np.zeros((len(pieces), layout.n_columns), dtype=np.int64)
    for i, piece in enumerate(pieces):
        weights[i, piece.column] = 1 << piece.shift
    build.let(HARDWARE, Affine(weights, 0, np.zeros(layout.n_columns, dtype=np.int64), 0), taken)


def _type(layout: ObjectLayout, piece: WordBits) -> FixedPoint:
    """Return the type of some bits: signed where the column's sign is among them."""
    type_ = layout.columns[piece.column].type
    signed = type_.signed and piece.shift + piece.bits == type_.width
    return FixedPoint(signed, piece.bits, piece.bits, Rounding.TRN, Overflow.WRAP)
