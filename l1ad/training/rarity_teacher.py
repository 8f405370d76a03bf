"""Score events by how rare their objects' pT are on background: a teacher without labels, networks or seeds.

For each place of each kind of object, the decades of the background rate at or above its pT; their sum over a kind's places, again as
decades of its own rate, is the kind's rarity r_k. The score is Σ w_k r_k², each with the weight w_k = 1 / Σ_l ρ²_kl from the correlations of the
rarities on background: kinds that say the same share one vote. Sums and squares are what of ten forms lets most mixed events through at a
fixed background rate, which looks at no signal: `scripts/compare_teachers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.scaling import Scaling
from l1ad.scores.metrics import MIN_EVENTS, effective_number
from l1ad.training.problem import Problem

#: Events scored at a time.
CHUNK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """How rare values are on background, in decades: −log₁₀ of the part of all weight at or above a value.

    Attributes:
        values: the lowest value, which is not an object's, and distinct ones that enough effective events reach; ascending.
        decades: of each.
        start: decades just above the last value: those of it, or where there is only the lowest, of what too few events have.
        slope: decades for each unit above it.
    """

    values: FloatArray
    decades: FloatArray
    start: float
    slope: float

    @classmethod
    def measure(cls, values: NDArray[Any], weight: FloatArray) -> Tail:
        """Measure it.

        Args:
            values: of background, shape ``(n_events,)``.
            weight: of at least 0, same shape.
        """
        order = np.argsort(-values, kind="stable")
        ranked, heavy = np.asarray(values, dtype=np.float64)[order], weight[order]
        above, squares = np.cumsum(heavy), np.cumsum(heavy**2)
        last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of equal values the last has them all at or above it
        enough = above[last] ** 2 >= MIN_EVENTS * squares[last]
        kept = last[(enough & (above[last] > 0)) | (last == len(ranked) - 1)][::-1]
        decades = -np.log10(np.minimum(above[kept] / above[-1], 1.0))
        never = np.log10(max(effective_number(weight) / MIN_EVENTS, 1.0))  # an object where fewer events than those have one
        start = float(decades[-1]) if len(kept) > 1 else float(never)
        return cls(ranked[kept], decades, start, _slope(ranked[kept][1:], decades[1:]))

    def __call__(self, values: NDArray[Any]) -> FloatArray:
        """Return the decades of any values, same shape; between two known values those of the higher one."""
        x = np.asarray(values, dtype=np.float64)
        inside = self.decades[np.minimum(np.searchsorted(self.values, x, side="left"), len(self.values) - 1)]
        beyond = x - self.values[-1]
        return np.where(beyond > 0, self.start + self.slope * beyond, inside)


def _slope(values: FloatArray, decades: FloatArray) -> float:
    """Return the slope over the last decade of rate; one decade a unit where too few values say."""
    if len(values) < 2:
        return 1.0
    first = min(int(np.searchsorted(decades, decades[-1] - 1.0)), len(values) - 2)
    return float((decades[-1] - decades[first]) / (values[-1] - values[first]))


@dataclass(frozen=True, slots=True, eq=False)
class RarityTeacher:
    """The tails of every place and kind, and each kind's weight.

    Attributes:
        layout: the columns.
        scaling: says which objects the chip drops for their pT.
        places: a tail for each place, by kind.
        kinds: a tail for the sum of each kind's decades, in the same order.
        weights: one a kind.
        n_students: how many students learn the score.
    """

    layout: ObjectLayout
    scaling: Scaling
    places: tuple[tuple[Tail, ...], ...]
    kinds: tuple[Tail, ...]
    weights: FloatArray
    n_students: int

    def scores(self, x_hw: NDArray[Any]) -> FloatArray:
        """Score events, the same for every student, ``(n_students, n_events)``."""
        parts = [self._score(x_hw[start : start + CHUNK]) for start in range(0, len(x_hw), CHUNK)]
        return np.repeat(np.concatenate(parts)[np.newaxis], self.n_students, axis=0)

    def _score(self, x_hw: NDArray[Any]) -> FloatArray:
        pt = pt_by_kind(self.layout, self.scaling, x_hw)
        decades = [tail(summed(places, one)) for tail, places, one in zip(self.kinds, self.places, pt, strict=True)]
        return self.weights @ np.square(np.stack(decades))


def make_rarity_teacher(problem: Problem) -> RarityTeacher:
    """Measure a teacher on training background.

    Args:
        problem: the problem.
    """
    scaling, weight = problem.scaling.scaling, problem.train.weight
    pt = pt_by_kind(problem.layout, scaling, problem.train.x_hw)
    places = tuple(tuple(Tail.measure(one[:, i], weight) for i in range(one.shape[1])) for one in pt)
    sums = [summed(tails, one) for tails, one in zip(places, pt, strict=True)]
    kinds = tuple(Tail.measure(values, weight) for values in sums)
    rarities = np.stack([tail(values) for tail, values in zip(kinds, sums, strict=True)])
    return RarityTeacher(problem.layout, scaling, places, kinds, vote_weights(rarities, weight), len(problem.seeds))


def vote_weights(rarities: FloatArray, weight: FloatArray) -> FloatArray:
    """Return each kind's weight, 1 / Σ_l ρ²_kl: 1 for one that nothing else follows, 1/n for n that are the same.

    Args:
        rarities: of background, ``(n_kinds, n_events)``.
        weight: of the events.
    """
    centred = rarities - np.average(rarities, axis=1, weights=weight)[:, None]
    covariance = (centred * weight) @ centred.T / weight.sum()
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    correlation = covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)  # also of a kind that never varies
    return 1.0 / np.square(correlation).sum(axis=1)


def pt_by_kind(layout: ObjectLayout, scaling: Scaling, x_hw: NDArray[Any]) -> list[FloatArray]:
    """Take log(1 + pT) of every kind, 0 below the chip's threshold; one ``(n_events, n_places)`` a kind.

    Spectra fall by a power: beyond the background's events a tail goes on as a straight line in the logarithm.
    """
    x = scaling.surviving(layout, x_hw)
    return [np.log1p(x[:, layout.feature_columns("pt", slot.kind)].astype(np.float64)) for slot in layout.slots]


def summed(tails: Sequence[Tail], pt: NDArray[Any]) -> FloatArray:
    """Sum the decades of a kind's places, ``(n_events,)``."""
    return np.sum([tail(pt[:, i]) for i, tail in enumerate(tails)], axis=0)
