"""Judge one set of scores on a dataset: AUC and efficiency of every signal against the weighted background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.scoreset import ScoreSet
from l1ad.scores.metrics import Auc, Scores, Weighted, WorkingPoint, auc, working_point
from l1ad.scores.selection import mean_efficiency
from l1ad.scores.targets import FRACTIONS, Target


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSample:
    """The scores and weights of one sample's events.

    Attributes:
        name: the sample's key; ``background`` for all background samples together.
        label: what plots show.
        rows: numbers of the dataset's events, shape ``(n_events,)``.
        scores: same shape, integers or float64.
        weight: same shape.
    """

    name: str
    label: str
    rows: IntArray
    scores: Scores
    weight: FloatArray

    def weighted(self, taken: NDArray[np.bool_] | None = None) -> Weighted:
        """Return what a threshold looks at; ``taken`` says of each event of the dataset whether the menu takes it."""
        return Weighted(self.scores, self.weight, None if taken is None else taken[self.rows])


@dataclass(frozen=True, slots=True)
class SignalPerformance:
    """How one signal does against the background.

    Attributes:
        name: the sample's key.
        label: what plots show.
        n_events: signal events.
        auc: area under the ROC curve.
        points: one for each target.
    """

    name: str
    label: str
    n_events: int
    auc: Auc
    points: tuple[WorkingPoint, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            "label": self.label,
            "n_events": self.n_events,
            "auc": self.auc.to_dict(),
            "points": [point.to_dict() for point in self.points],
        }


@dataclass(frozen=True, slots=True)
class MeanEfficiency:
    """The mean efficiency over signals at one rate.

    Attributes:
        target: the rate.
        value: the mean.
        low: lower end of its interval: the signals' own, added in quadrature.
        high: upper end.
        n_effective: effective number of background events behind the threshold.
    """

    target: Target
    value: float
    low: float
    high: float
    n_effective: float

    @classmethod
    def of(cls, points: Sequence[WorkingPoint]) -> MeanEfficiency:
        """Return the mean of every signal's working point at one rate."""
        interval = mean_efficiency([point.signal for point in points])
        return cls(points[0].target, *interval, points[0].background.n_effective)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        interval = {"value": self.value, "low": self.low, "high": self.high}
        return {"target": self.target.to_dict(), **interval, "n_effective": self.n_effective}


@dataclass(frozen=True, slots=True)
class Performance:
    """How one set of scores does.

    Attributes:
        source: who computed the scores, as ``csim``.
        n_background: background events behind it.
        signals: one for each signal of the dataset that was scored.
    """

    source: str
    n_background: int
    signals: tuple[SignalPerformance, ...]

    def mean_auc(self) -> float | None:
        """Return the mean AUC over signals; None without any."""
        return float(np.mean([signal.auc.value for signal in self.signals])) if self.signals else None

    @property
    def targets(self) -> tuple[Target, ...]:
        """Rates that it was judged at; none without a signal."""
        return tuple(point.target for point in self.signals[0].points) if self.signals else ()

    def points(self, target: Target) -> list[WorkingPoint]:
        """Return every signal's working point at a rate, in the signals' order; none if it was not judged there."""
        return [point for signal in self.signals for point in signal.points if point.target == target]

    def mean(self, target: Target) -> MeanEfficiency | None:
        """Return the mean efficiency over signals at a rate; None without a signal or if it was not judged there."""
        points = self.points(target)
        return MeanEfficiency.of(points) if points else None

    def mean_efficiency(self, target: Target) -> float | None:
        """Return the value of ``mean``."""
        found = self.mean(target)
        return found.value if found else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "source": self.source,
            "n_background": self.n_background,
            "signals": [signal.to_dict() for signal in self.signals],
            "means": [mean.to_dict() for target in self.targets if (mean := self.mean(target))],
        }


def background_of(dataset: Dataset, scores: ScoreSet, split: Split | None = Split.TEST) -> ScoredSample:
    """Return the scored background, all its samples together.

    Args:
        dataset: the dataset.
        scores: scores of some or all of its events.
        split: only this part; None for all.

    Raises:
        InputError: scores of another dataset, or none of the background was scored.
    """
    found = _sample(dataset, scores, "background", "Background", dataset.rows(role=Role.BACKGROUND, split=split))
    if not len(found.rows):
        raise InputError(f"The {scores.source.value} scores hold no background event; score a dataset that has background.")
    return found


def signals_of(dataset: Dataset, scores: ScoreSet) -> tuple[ScoredSample, ...]:
    """Return every signal that was scored, in the dataset's order.

    Raises:
        InputError: scores of another dataset.
    """
    samples = dataset.of_role(Role.SIGNAL)
    found = [
        _sample(dataset, scores, sample.name, sample.label or sample.name, dataset.rows(sample=sample.name)) for sample in samples
    ]
    return tuple(sample for sample in found if len(sample.rows))


def _sample(dataset: Dataset, scores: ScoreSet, name: str, label: str, rows: IntArray) -> ScoredSample:
    scores.require_dataset(dataset.digest)
    chosen = np.isin(scores.rows, rows)
    kept = np.asarray(scores.rows)[chosen]
    return ScoredSample(
        name, label, kept, np.asarray(scores.values)[chosen], np.asarray(dataset.column("weight")[kept], dtype=np.float64)
    )


def evaluate(
    dataset: Dataset,
    scores: ScoreSet,
    targets: Sequence[Target] = FRACTIONS,
    split: Split | None = Split.TEST,
    taken: NDArray[np.bool_] | None = None,
) -> Performance:
    """Evaluate scores on a dataset.

    Args:
        dataset: the dataset they belong to.
        scores: the scores.
        targets: rates at which efficiencies are given.
        split: part of the background; None for all.
        taken: whether the menu takes each event of the dataset, shape ``(n_events,)``; needed for pure targets.

    Raises:
        InputError: scores of another dataset, no background, unusable weights, or a pure target without ``taken``.
    """
    background = background_of(dataset, scores, split)
    behind = background.weighted(taken)
    results = []
    for signal in signals_of(dataset, scores):
        points = tuple(working_point(behind, signal.weighted(taken), target) for target in targets)
        area = auc(background.scores, signal.scores, background.weight, signal.weight)
        results.append(SignalPerformance(signal.name, signal.label, len(signal.rows), area, points))
    return Performance(scores.source.value, len(background.rows), tuple(results))
