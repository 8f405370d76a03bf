"""Compare two scores of one dataset as physics: AUC, efficiency at given rates, decisions; held to tolerances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset
from l1ad.core.scoreset import ScoreSet
from l1ad.scores.metrics import Flips, flips
from l1ad.scores.performance import Performance, SignalPerformance, background_of, evaluate
from l1ad.scores.targets import Target


@dataclass(frozen=True, slots=True)
class Tolerances:
    """What a comparison must keep to; None does not ask.

    Attributes:
        max_auc_loss: largest drop of a signal's AUC.
        max_efficiency_loss: largest relative drop of a signal's efficiency at any of the rates, beyond its one-sigma interval.
        max_flips: largest share of the background that either selects and only one does, at any of the rates.
    """

    max_auc_loss: float | None = None
    max_efficiency_loss: float | None = None
    max_flips: float | None = None


@dataclass(frozen=True, slots=True)
class Closeness:
    """Two performances side by side.

    Attributes:
        left: how the first score does.
        right: how the second does.
        background_flips: by rate, the background events that the two decide differently, each at its own threshold.
        violations: one sentence for each tolerance that is not kept.
    """

    left: Performance
    right: Performance
    background_flips: Mapping[str, Flips]
    violations: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            self.left.source: self.left.to_dict(),
            self.right.source: self.right.to_dict(),
            "background_flips": {label: counted.to_dict() for label, counted in self.background_flips.items()},
            "violations": list(self.violations),
        }


def compare_scores(
    dataset: Dataset,
    left: ScoreSet,
    right: ScoreSet,
    tolerances: Tolerances,
    targets: Sequence[Target],
    taken: NDArray[np.bool_] | None = None,
) -> Closeness:
    """Compare two scores of the same events.

    Args:
        dataset: the dataset.
        left: the first, what is aimed at.
        right: the second, what is judged.
        tolerances: what to hold.
        targets: rates at which efficiencies and decisions are compared.
        taken: whether the menu takes each event of the dataset, shape ``(n_events,)``; needed for pure targets.

    Returns:
        The comparison, violations listed and not raised.

    Raises:
        InputError: scores of another dataset, or no background among them.
    """
    before, after = (evaluate(dataset, one, targets, taken=taken) for one in (left, right))
    backgrounds = [background_of(dataset, one).weighted(taken) for one in (left, right)]
    counted = {t.label: flips(*(one.selected(one.threshold(t), t) for one in backgrounds)) for t in targets}
    return Closeness(before, after, counted, tuple(_violations(before, after, counted, tolerances)))


def _violations(left: Performance, right: Performance, counted: Mapping[str, Flips], tolerances: Tolerances) -> list[str]:
    found = []
    for a, b in zip(left.signals, right.signals, strict=True):
        found += _signal_violations(a, b, tolerances, f"from {left.source} to {right.source}")
    limit = tolerances.max_flips
    for label, one in counted.items():
        if limit is not None and 1.0 - one.overlap > limit:
            found.append(
                f"at {label}, {1.0 - one.overlap:.3f} of the background selected by {left.source} or {right.source} is selected by one "
                f"only, more than {limit:g}"
            )
    return found


def _signal_violations(left: SignalPerformance, right: SignalPerformance, tolerances: Tolerances, what: str) -> list[str]:
    found = []
    loss = left.auc.value - right.auc.value
    if tolerances.max_auc_loss is not None and loss > tolerances.max_auc_loss:
        found.append(f"the AUC of {left.name!r} drops by {loss:.4f} {what}, more than {tolerances.max_auc_loss:g}")
    limit = tolerances.max_efficiency_loss
    for before, after in zip(left.points, right.points, strict=True):
        aimed = before.signal.value
        if limit is not None and aimed > 0 and after.signal.high < aimed * (1.0 - limit):
            found.append(
                f"the efficiency of {left.name!r} at {before.target.label} drops from {aimed:.4f} to {after.signal.value:.4f} {what}, "
                f"more than {limit:g} of it"
            )
    return found
