"""Measure how far a threshold that was set on one part of the data is off on the other.

``drift = |log((p + ε) / (FPR + ε))|``, ε = 0.5 / N: p is the fraction that the threshold selects on the other part, FPR the one that it
selects where it was set (the target fraction, as far as the score's steps reach it), N the effective number of events of the other part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from l1ad.core.plain import Plain
from l1ad.physics.needed import needed_threshold
from l1ad.physics.rates import Rate, RateSample
from l1ad.scores.metrics import effective_number
from l1ad.scores.targets import Kind

#: A drift is said to be one from so many times what the statistics of both parts let expect.
SIGNIFICANT = 3.0


@dataclass(frozen=True, slots=True)
class Drift(Plain):
    """What a threshold that was set on one part does on the other.

    Attributes:
        bit: the trigger bit whose rate is counted.
        variable: how the parts were made: ``time``, ``pile-up`` or ``chance``.
        set_on: the part that the threshold was set on.
        applied_to: the other.
        threshold: the threshold.
        rate: total rate on the other part, as if all crossings were like its.
        needed: the threshold that the other part needs for the same rate; None where its events do not resolve it.
        drift: see above.
        expected: standard deviation of the logarithm that the events behind both fractions let expect.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("significant",)

    bit: str
    variable: str
    set_on: str
    applied_to: str
    threshold: float
    rate: Rate
    needed: float | None
    drift: float
    expected: float

    @property
    def significant(self) -> bool:
        """Whether the drift is more than statistics."""
        return self.drift > SIGNIFICANT * self.expected


@dataclass(frozen=True, slots=True, eq=False)
class Halves:
    """Name a way to cut the data in two: which events are in the first part, ``(n_events,)``, and both parts' names."""

    variable: str
    first: NDArray[np.bool_]
    names: tuple[str, str]


def measure(p: float, fpr: float, n_effective: float) -> float:
    """Return ``|log((p + ε) / (fpr + ε))|`` with ε = 0.5 / N."""
    epsilon = 0.5 / n_effective
    return abs(math.log((p + epsilon) / (fpr + epsilon)))


def drifts(sample: RateSample, bit: str, target_khz: float, halves: Halves) -> Iterator[Drift]:
    """Set a threshold for a total rate on each half, and apply it to the other; nothing where a half does not resolve the rate.

    Args:
        sample: the background.
        bit: name of the trigger bit.
        target_khz: its rate.
        halves: the two parts.
    """
    parts = [_part(sample, mask) for mask in (halves.first, ~halves.first)]
    if any(not part.weight.any() for part in parts):
        return
    found = [needed_threshold(part, target_khz, Kind.TOTAL) for part in parts]
    for (here, there), set_on in zip(((0, 1), (1, 0)), found, strict=True):
        if set_on is None:
            continue
        threshold, other = set_on[0].threshold, parts[there]
        rate = other.selected(np.asarray(other.scores >= threshold))
        drift = measure(rate.khz / other.crossing_khz, set_on[1].khz / other.crossing_khz, effective_number(other.weight))
        expected = math.sqrt(1 / max(set_on[1].n_effective, 1.0) + 1 / max(rate.n_effective, 1.0))
        needed = None if (one := found[there]) is None else one[0].threshold
        yield Drift(bit, halves.variable, halves.names[here], halves.names[there], threshold, rate, needed, drift, expected)


def _part(sample: RateSample, mask: NDArray[np.bool_]) -> RateSample:
    taken = None if sample.taken is None else sample.taken[mask]
    return RateSample(sample.scores[mask], sample.weight[mask], taken, sample.crossing_khz)


def halves_by(variable: str, order: NDArray[Any], weight: NDArray[np.float64], names: tuple[str, str]) -> Halves | None:
    """Cut where half of the weight is reached; None where all events have one value.

    Args:
        variable: what is cut.
        order: its values, ``(n_events,)``; equal ones stay together.
        weight: of the events.
        names: of the parts with smaller and with larger values.
    """
    values, position = np.unique(order, return_inverse=True)
    if len(values) < 2:
        return None
    reached = np.cumsum(np.bincount(position, weights=weight, minlength=len(values)))
    cut = int(np.clip(np.searchsorted(reached, reached[-1] / 2), 0, len(values) - 2))
    return Halves(variable, position <= cut, names)


def halves_by_chance(n_events: int, seed: int = 1) -> Halves:
    """Cut by chance: what is seen then is statistics."""
    return Halves("chance", np.random.default_rng(seed).random(n_events) < 0.5, ("one random half", "the other half"))
