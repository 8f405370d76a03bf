"""Judge one set of scores on a dataset: AUC and efficiency of every signal against the weighted background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.scoreset import ScoreSet
from l1ad.scores.metrics import Auc, Scores, WorkingPoint, auc, working_point

#: Background fractions at which efficiencies are quoted unless others are asked for.
FPRS = (1e-3, 1e-4, 1e-5)


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


@dataclass(frozen=True, slots=True)
class SignalPerformance:
    """How one signal does against the background.

    Attributes:
        name: the sample's key.
        label: what plots show.
        n_events: signal events.
        auc: area under the ROC curve.
        points: one for each background fraction.
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

    def mean_efficiency(self, fpr: float) -> float | None:
        """Return the mean efficiency over signals at a background fraction; None without any or if it was not evaluated."""
        values = [point.signal.value for signal in self.signals for point in signal.points if point.target_fpr == fpr]
        return float(np.mean(values)) if values else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "source": self.source,
            "n_background": self.n_background,
            "signals": [signal.to_dict() for signal in self.signals],
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


def evaluate(dataset: Dataset, scores: ScoreSet, fprs: tuple[float, ...] = FPRS, split: Split | None = Split.TEST) -> Performance:
    """Evaluate scores on a dataset.

    Args:
        dataset: the dataset they belong to.
        scores: the scores.
        fprs: background fractions.
        split: part of the background; None for all.

    Raises:
        InputError: scores of another dataset, no background, or unusable weights.
    """
    background = background_of(dataset, scores, split)
    results = []
    for signal in signals_of(dataset, scores):
        pair = background.scores, signal.scores
        weights = background.weight, signal.weight
        points = tuple(working_point(*pair, fpr, *weights) for fpr in fprs)
        results.append(SignalPerformance(signal.name, signal.label, len(signal.rows), auc(*pair, *weights), points))
    return Performance(scores.source.value, len(background.rows), tuple(results))
