"""Make golden vectors: hardware integers, and the score and trigger bits that the reference computes for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network
from l1ad.firmware.inputs import Inputs
from l1ad.spec import reference

FOLDER = "tb_data"
INPUTS = f"{FOLDER}/golden_inputs.txt"
SCORES = f"{FOLDER}/golden_scores.txt"


@dataclass(frozen=True, slots=True, eq=False)
class Golden:
    """Golden vectors.

    Attributes:
        x_hw: hardware integers, int64 ``(n_events, n_columns)``.
        scores: integer scores, int64 ``(n_events,)``.
        bits: trigger bits, bool ``(n_events, n_thresholds)``.
    """

    x_hw: IntArray
    scores: IntArray
    bits: NDArray[np.bool_]

    def files(self, inputs: Inputs | None = None) -> dict[str, bytes]:
        """Return the plain-text files: an event a line, inputs by column, or by word of the links where they come in; score, then bits."""
        return {
            INPUTS: _text(self.x_hw if inputs is None else inputs.rows(self.x_hw)),
            SCORES: _text(np.column_stack([self.scores, self.bits.astype(np.int64)])),
        }


def _text(rows: IntArray) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in rows.tolist()).encode()


def make_golden(network: Network, n_events: int, seed: int = 1, absent: Sequence[int] = ()) -> Golden:
    """Make golden vectors that look for trouble.

    Args:
        network: the network.
        n_events: how many events.
        seed: decides the random ones.
        absent: columns that the inputs do not have, which are 0.
    """
    return golden_of(network, adversarial_events(network, n_events, seed, absent))


def golden_of(network: Network, x_hw: IntArray) -> Golden:
    """Make golden vectors of given events, int64 ``(n_events, n_columns)``."""
    scores = reference.scores(network, x_hw)
    return Golden(x_hw, scores, reference.bits(network, scores, x_hw))


def adversarial_events(network: Network, n_events: int, seed: int = 1, absent: Sequence[int] = ()) -> IntArray:
    """Make events at the edges: empty, full, range ends, rounding ties of the scaling, sparse, small and random bits, pt thresholds.

    Args:
        network: the network whose scaling gives the ties.
        n_events: how many.
        seed: decides the random ones.
        absent: columns that the inputs do not have, which are 0.

    Returns:
        Hardware integers in the layout's range, int64 ``(n_events, n_columns)``.
    """
    layout = network.layout
    random = np.random.default_rng(seed)
    low, high = _ranges(layout)
    fixed = [np.clip(np.zeros_like(low), low, high), low, high, *_alternating(low, high)]
    shape = (n_events, layout.n_columns)
    makers: list[Callable[[], NDArray[Any]]] = [
        lambda: random.integers(low, high, size=shape, endpoint=True),
        lambda: np.where(random.random(shape) < 0.5, low, high),
        lambda: _ties(network, random, shape),
        lambda: random.integers(low, high, size=shape, endpoint=True) >> random.integers(0, 12, size=shape),
        lambda: random.integers(low, high, size=shape, endpoint=True) * _present(layout, random, n_events),
    ]
    if network.scaling.min_pt_hw:
        makers.append(lambda: _at_threshold(network, random, shape))
    drawn = np.stack([np.clip(make(), low, high) for make in makers])
    chosen = drawn[np.arange(n_events) % len(makers), np.arange(n_events)]
    made: IntArray = np.concatenate([np.array(fixed, dtype=np.int64), chosen.astype(np.int64)])[:n_events]
    made[:, list(absent)] = 0
    return made


def _ranges(layout: ObjectLayout) -> tuple[IntArray, IntArray]:
    return (
        np.array([column.type.min_int for column in layout.columns], dtype=np.int64),
        np.array([column.type.max_int for column in layout.columns], dtype=np.int64),
    )


def _alternating(low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    even = np.arange(len(low)) % 2 == 0
    return np.where(even, low, high), np.where(even, high, low)


def _present(layout: ObjectLayout, random: np.random.Generator, n_events: int) -> IntArray:
    return (random.random((n_events, layout.n_objects)) < 0.5)[:, layout.object_index].astype(np.int64)


def _at_threshold(network: Network, random: np.random.Generator, shape: tuple[int, int]) -> IntArray:
    """Return objects whose pt is one below, at or one above its threshold, other columns at random."""
    low, high = _ranges(network.layout)
    x = random.integers(low, high, size=shape, endpoint=True)
    least = network.scaling.thresholds(network.layout)
    columns = [i for i in network.layout.feature_columns("pt") if least[i]]
    x[:, columns] = least[columns] + random.integers(-1, 1, size=(shape[0], len(columns)), endpoint=True)
    return x.astype(np.int64)


def _ties(network: Network, random: np.random.Generator, shape: tuple[int, int]) -> IntArray:
    """Return values that the scaling puts half-way between two codes of the input type, and those beside them."""
    low, high = _ranges(network.layout)
    bits = np.array(network.scaling.shift) - network.scaling.type.fractional
    step = np.int64(1) << np.clip(bits, 0, 40)
    half = np.where(bits > 0, step >> 1, 0)
    offset = np.array(network.scaling.offset, dtype=np.int64)
    first, last = (low - offset) // step, (high - offset) // step
    return (
        offset
        + random.integers(first, last, size=shape, endpoint=True) * step
        + half
        + random.integers(-1, 1, size=shape, endpoint=True)
    )
