"""Compare two scores of one dataset as physics: AUC, efficiency at a background fraction, decisions; held to tolerances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.dataset import Dataset
from l1ad.core.scoreset import ScoreSet
from l1ad.scores.metrics import Flips, flips
from l1ad.scores.performance import Performance, SignalPerformance, background_of, evaluate
from l1ad.scores.selection import threshold_for_fraction


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What a comparison must keep to; None does not ask.

    Attributes:
        fpr: background fraction of the working point.
        max_auc_loss: largest drop of a signal's AUC.
        max_efficiency_loss: largest relative drop of a signal's efficiency, beyond its one-sigma interval.
        max_flips: largest share of the background that either selects and only one does.
    """

    fpr: float
    max_auc_loss: float | None = None
    max_efficiency_loss: float | None = None
    max_flips: float | None = None


@dataclass(frozen=True, slots=True)
class Closeness:
    """Two performances side by side.

    Attributes:
        left: how the first score does.
        right: how the second does.
        background_flips: background events the two decide differently, each at its own threshold for the fraction.
        violations: one sentence for each tolerance that is not kept.
    """

    left: Performance
    right: Performance
    background_flips: Flips
    violations: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            self.left.source: self.left.to_dict(),
            self.right.source: self.right.to_dict(),
            "background_flips": self.background_flips.to_dict(),
            "violations": list(self.violations),
        }


def compare_scores(dataset: Dataset, left: ScoreSet, right: ScoreSet, tolerances: Tolerances) -> Closeness:
    """Compare two scores of the same events.

    Args:
        dataset: the dataset.
        left: the first, what is aimed at.
        right: the second, what is judged.
        tolerances: what to hold.

    Returns:
        The comparison, violations listed and not raised.

    Raises:
        InputError: scores of another dataset, or no background among them.
    """
    fprs = (tolerances.fpr,)
    performances = evaluate(dataset, left, fprs), evaluate(dataset, right, fprs)
    counted = _background_flips(dataset, left, right, tolerances.fpr)
    return Closeness(*performances, counted, tuple(_violations(*performances, counted, tolerances)))


def _background_flips(dataset: Dataset, left: ScoreSet, right: ScoreSet, fpr: float) -> Flips:
    selections = []
    for scores in (left, right):
        background = background_of(dataset, scores)
        threshold = threshold_for_fraction(background.scores, background.weight, fpr)
        selections.append(np.asarray(background.scores) >= threshold)
    return flips(*selections)


def _violations(left: Performance, right: Performance, counted: Flips, tolerances: Tolerances) -> list[str]:
    found = []
    for a, b in zip(left.signals, right.signals, strict=True):
        found += _signal_violations(a, b, tolerances, f"from {left.source} to {right.source}")
    limit = tolerances.max_flips
    if limit is not None and 1.0 - counted.overlap > limit:
        found.append(
            f"{1.0 - counted.overlap:.3f} of the background selected by {left.source} or {right.source} is selected by one only, more than {limit:g}"
        )
    return found


def _signal_violations(left: SignalPerformance, right: SignalPerformance, tolerances: Tolerances, what: str) -> list[str]:
    found = []
    loss = left.auc.value - right.auc.value
    if tolerances.max_auc_loss is not None and loss > tolerances.max_auc_loss:
        found.append(f"the AUC of {left.name!r} drops by {loss:.4f} {what}, more than {tolerances.max_auc_loss:g}")
    limit = tolerances.max_efficiency_loss
    efficiency = left.points[0].signal.value
    if limit is not None and efficiency > 0 and right.points[0].signal.high < efficiency * (1.0 - limit):
        found.append(
            f"the efficiency of {left.name!r} at a background fraction of {tolerances.fpr:g} drops from {efficiency:.4f} to "
            f"{right.points[0].signal.value:.4f} {what}, more than {limit:g} of it"
        )
    return found
