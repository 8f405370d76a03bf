"""Judge a network at the working point: what it lets through at a background fraction, of events mixed from background or of signals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.scan import ScanConfig
from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray
from l1ad.scores.selection import MIN_EVENTS, effective_number, threshold_for_fraction
from l1ad.training.mixing import mixed_events
from l1ad.training.recipe import trigger_fraction

#: Decides the mixed events that networks are judged on; trainings take other seeds.
MIXING_SEED = 5_000_011
Scores = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Jury:
    """Events on which networks are judged.

    Attributes:
        background: hardware integers ``(n_events, n_columns)``.
        weight: of the background, ``(n_events,)``.
        wanted: events that should be let through, by name.
    """

    background: NDArray[Any]
    weight: FloatArray
    wanted: dict[str, NDArray[Any]]

    def fraction(self, scores: Scores) -> float:
        """Return the working point's background fraction, or the smallest that these events measure for a score."""
        return trigger_fraction(np.asarray(scores(self.background)), self.weight)

    def efficiency(self, scores: Scores, fraction: float) -> float:
        """Return the mean part of the wanted events above the threshold of a background fraction."""
        return self.measured(scores, fraction)[0]

    def measured(self, scores: Scores, fraction: float) -> tuple[float, float]:
        """Return that efficiency and the effective number of background events above the threshold."""
        values = np.asarray(scores(self.background))
        threshold = threshold_for_fraction(values, self.weight, fraction)
        efficiency = float(np.mean([np.mean(scores(x) >= threshold) for x in self.wanted.values()]))
        return efficiency, effective_number(self.weight[values >= threshold])


def search_jury(dataset: Dataset, scan: ScanConfig) -> Jury:
    """Take what the search looks at: background for training and validation, and events mixed from the latter, or signals.

    Args:
        dataset: the dataset.
        scan: which efficiency.

    Raises:
        InputError: there are no such events.
    """
    return _jury(dataset, scan.efficiency, (Split.TRAIN, Split.VALIDATION), Split.VALIDATION)


def test_jury(dataset: Dataset, efficiency: str) -> Jury:
    """Take what the search never looks at: background for testing, and events mixed from it, or signals; errors as ``search_jury``."""
    return _jury(dataset, efficiency, (Split.TEST,), Split.TEST)


def _jury(dataset: Dataset, efficiency: str, splits: tuple[Split, ...], mixed: Split) -> Jury:
    rows = np.sort(np.concatenate([dataset.rows(role=Role.BACKGROUND, split=split) for split in splits]))
    pool = dataset.rows(role=Role.BACKGROUND, split=mixed)
    if not len(pool):
        raise InputError(
            f"Dataset {str(dataset.path)!r} has no background in its {mixed.name.lower()} part, on which networks are judged."
        )
    weight = np.asarray(dataset.column("weight")[rows], dtype=np.float64)
    wanted = _signals(dataset) if efficiency == "signals" else {"mixed": _mixed(dataset, pool)}
    return Jury(np.asarray(dataset.x_hw[rows]), weight, wanted)


def _mixed(dataset: Dataset, pool: NDArray[Any]) -> NDArray[Any]:
    made = mixed_events(dataset.layout, np.asarray(dataset.x_hw[pool]), len(pool), MIXING_SEED)
    return made.astype(dataset.layout.storage)


def _signals(dataset: Dataset) -> dict[str, NDArray[Any]]:
    samples = [sample.name for sample in dataset.samples if sample.role is not Role.BACKGROUND]
    if not samples:
        raise InputError(
            f"scan.efficiency is 'signals' and dataset {str(dataset.path)!r} has none; add some to data.signals, or use 'mixed'."
        )
    return {name: np.asarray(dataset.x_hw[dataset.rows(sample=name)]) for name in samples}


def require_measured(fraction: float, behind: float) -> None:
    """Refuse a background fraction that too few events are above.

    Args:
        fraction: the background fraction.
        behind: effective number of background events above its threshold.

    Raises:
        InputError: fewer than ``MIN_EVENTS`` effective events.
    """
    if behind < MIN_EVENTS:
        raise InputError(
            f"scan.fraction is {fraction:g}, above which the data have {behind:.2g} effective background events of at least {MIN_EVENTS:g} needed; "
            "give a larger fraction or more data."
        )
