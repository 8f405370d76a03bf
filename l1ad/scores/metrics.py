"""Judge anomaly scores: ROC, AUC, efficiency at a background rate, thresholds, decision flips; with weights and errors.

An event is selected when ``score >= threshold``. Scores may be integers (firmware codes) or float64; every rule is exact on ties.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.scores.selection import (
    MIN_EVENTS,
    Efficiency,
    Scores,
    checked_scores,
    checked_weight,
    effective_number,
    efficiency,
    lowest,
    threshold_for_fraction,
    threshold_for_weight,
)
from l1ad.scores.targets import Target, counted, counted_weight

__all__ = [
    "MIN_EVENTS",
    "Auc",
    "Efficiency",
    "Flips",
    "Roc",
    "Scores",
    "Weighted",
    "WorkingPoint",
    "auc",
    "checked_scores",
    "checked_weight",
    "effective_number",
    "efficiency",
    "flips",
    "flips_at_target",
    "roc",
    "threshold_for_fraction",
    "threshold_for_weight",
    "working_point",
]


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """A ROC curve: what is selected at each distinct score, from the highest down.

    Attributes:
        threshold: distinct scores, descending, shape ``(n_points,)``.
        fpr: selected fraction of the background's weight, same shape.
        tpr: selected fraction of the signal's weight, same shape.
    """

    threshold: NDArray[Any]
    fpr: FloatArray
    tpr: FloatArray


@dataclass(frozen=True, slots=True)
class Auc:
    """The area under a ROC curve and its standard error (DeLong)."""

    value: float
    error: float

    def to_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WorkingPoint:
    """What one threshold does.

    Attributes:
        target: what was asked for.
        threshold: smallest threshold that keeps it.
        background: background fraction reached, with interval and counts; of a pure target what the menu does not take.
        signal: signal efficiency, of the same kind.
    """

    target: Target
    threshold: float
    background: Efficiency
    signal: Efficiency

    @property
    def enough(self) -> bool:
        """Whether enough background events are behind the point for it to mean something."""
        return self.background.enough

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"target": self.target.to_dict(), "enough": self.enough}


@dataclass(frozen=True, slots=True)
class Flips:
    """Count events that two selections decide differently.

    Attributes:
        n_events: events compared.
        n_left_only: selected by the first only.
        n_right_only: selected by the second only.
        n_both: selected by both.
    """

    n_events: int
    n_left_only: int
    n_right_only: int
    n_both: int

    @property
    def n_different(self) -> int:
        """The number of events decided differently."""
        return self.n_left_only + self.n_right_only

    @property
    def fraction(self) -> float:
        """The fraction of all events decided differently."""
        return self.n_different / self.n_events if self.n_events else 0.0

    @property
    def overlap(self) -> float:
        """The Jaccard overlap: selected by both over selected by any; 1 where nothing is selected."""
        either = self.n_different + self.n_both
        return self.n_both / either if either else 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"n_different": self.n_different, "fraction": self.fraction, "overlap": self.overlap}


def roc(
    background: Scores, signal: Scores, background_weight: ArrayLike | None = None, signal_weight: ArrayLike | None = None
) -> Roc:
    """Return the ROC curve, one point for each distinct score.

    Args:
        background: background scores, shape ``(n_background,)``.
        signal: signal scores, shape ``(n_signal,)``.
        background_weight: weights of at least 0, or None.
        signal_weight: likewise.

    Raises:
        InputError: no background, no signal, NaN scores or weights that do not fit.
    """
    b, wb = checked_scores(background, background_weight, "background")
    s, ws = checked_scores(signal, signal_weight, "signal")
    threshold = np.unique(np.concatenate([b, s]))[::-1]
    return Roc(threshold, _selected_fraction(b, wb, threshold), _selected_fraction(s, ws, threshold))


def _selected_fraction(scores: Scores, weight: FloatArray, threshold: NDArray[Any]) -> FloatArray:
    """Return the fraction of the weight at or above each threshold."""
    order = np.argsort(scores, kind="stable")
    above = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    return above[np.searchsorted(scores[order], threshold, side="left")] / above[0]


def auc(
    background: Scores, signal: Scores, background_weight: ArrayLike | None = None, signal_weight: ArrayLike | None = None
) -> Auc:
    """Return the probability that a signal event scores above a background event (ties count half), with its error.

    The error is DeLong's (Biometrics 44 (1988) 837), with the weights normalised to a sum of 1 as probabilities: each sample adds
    ``sum p^2 (v - auc)^2 / (1 - sum p^2)``, ``v`` an event's own probability to beat the other sample; the published form for equal ones.

    Args:
        background: background scores, shape ``(n_background,)``.
        signal: signal scores, shape ``(n_signal,)``.
        background_weight: weights of at least 0, or None.
        signal_weight: likewise.

    Raises:
        InputError: no background, no signal, NaN scores or weights that do not fit.
    """
    b, wb = checked_scores(background, background_weight, "background")
    s, ws = checked_scores(signal, signal_weight, "signal")
    signal_beats, background_loses = _below(s, b, wb), ws.sum() - _below(b, s, ws)
    value = float(ws @ signal_beats) / float(wb.sum() * ws.sum())
    variance = _placement_variance(signal_beats / wb.sum(), ws / ws.sum(), value)
    variance += _placement_variance(background_loses / ws.sum(), wb / wb.sum(), value)
    return Auc(value, float(np.sqrt(variance)))


def _below(scores: Scores, others: Scores, weight: FloatArray) -> FloatArray:
    """Return for each score the weight of the others below it, ties counting half."""
    order = np.argsort(others, kind="stable")
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    ranked = others[order]
    return (below[np.searchsorted(ranked, scores, side="left")] + below[np.searchsorted(ranked, scores, side="right")]) / 2.0


def _placement_variance(placement: FloatArray, probability: FloatArray, value: float) -> float:
    squared = np.square(probability)
    free = 1.0 - float(squared.sum())
    return float(squared @ np.square(placement - value)) / free if free > 0 else float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """Scored events.

    Attributes:
        scores: integers or float64, shape ``(n_events,)``.
        weight: weights of at least 0, same shape, or None for 1 each.
        taken: whether the menu takes each event, same shape; None where nobody says.
    """

    scores: Scores
    weight: ArrayLike | None = None
    taken: NDArray[np.bool_] | None = None

    def threshold(self, target: Target) -> float:
        """Return the smallest threshold that keeps the target on these events.

        Raises:
            InputError: no events, NaN scores, weights that do not fit, or a pure target where nobody says what the menu takes.
        """
        weight = checked_weight(self.weight, len(self.scores), "scored")
        counts = counted_weight(weight, self.taken, target.kind)
        if not counts.any():
            return lowest(self.scores)
        return threshold_for_weight(self.scores, counts, target.fraction * float(weight.sum()))

    def selected(self, threshold: float, target: Target) -> NDArray[np.bool_]:
        """Return of each event whether it counts: selected, and for a pure target not taken by the menu."""
        return counted(np.asarray(self.scores >= threshold), self.taken, target.kind)


def working_point(background: Weighted, signal: Weighted, target: Target) -> WorkingPoint:
    """Return the signal efficiency at the smallest threshold that keeps a background fraction.

    Args:
        background: the background.
        signal: the signal.
        target: the fraction, and of what.

    Raises:
        InputError: as ``Weighted.threshold``.
    """
    threshold = background.threshold(target)
    counted = (efficiency(one.selected(threshold, target), one.weight) for one in (background, signal))
    return WorkingPoint(target, threshold, *counted)


def flips(left: ArrayLike, right: ArrayLike) -> Flips:
    """Count events that two selections decide differently.

    Args:
        left: whether the first selects each event, bool, shape ``(n_events,)``.
        right: likewise the second.

    Raises:
        InputError: the shapes differ.
    """
    a, b = np.asarray(left, dtype=bool), np.asarray(right, dtype=bool)
    if a.shape != b.shape:
        raise InputError(f"Two selections must be of the same events, got shapes {a.shape!r} and {b.shape!r}.")
    return Flips(len(a), int((a & ~b).sum()), int((b & ~a).sum()), int((a & b).sum()))


def flips_at_target(
    left: Scores,
    right: Scores,
    background: IntArray,
    target: Target,
    weight: ArrayLike | None = None,
    taken: NDArray[np.bool_] | None = None,
) -> Flips:
    """Count events that two scores decide differently, each at its own threshold for the same rate.

    Args:
        left: first scores, shape ``(n_events,)``.
        right: second scores of the same events.
        background: numbers of the events that are background and set the thresholds, shape ``(n_background,)``.
        target: the rate.
        weight: weights of those background events, shape ``(n_background,)``, or None.
        taken: whether the menu takes each event, shape ``(n_events,)``, or None.

    Raises:
        InputError: the shapes differ, no background, NaN scores, weights that do not fit, or a pure target without ``taken``.
    """
    among = None if taken is None else taken[background]
    cuts = [Weighted(np.asarray(s)[background], weight, among).threshold(target) for s in (left, right)]
    chosen = (Weighted(np.asarray(s), None, taken).selected(cut, target) for s, cut in zip((left, right), cuts, strict=True))
    return flips(*chosen)
