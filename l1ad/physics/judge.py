"""Judge scores where a trigger works: at the working point in total and beyond the menu, and at one larger background fraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.config.physics import RatesConfig, StudiesConfig
from l1ad.core.dataset import Dataset, Split
from l1ad.core.errors import InputError
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.rates import crossing_rate_khz, menu_taken
from l1ad.physics.veto import Veto, veto_of
from l1ad.scores.performance import Performance, evaluate
from l1ad.scores.targets import Kind, Target


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """What scores of one dataset are judged by.

    Attributes:
        dataset: the dataset.
        targets: the rates, the working point's first: total, then pure where the data have a menu, then the background fraction.
        taken: whether the menu takes each event of the dataset, shape ``(n_events,)``; None where the data do not say.
    """

    dataset: Dataset
    targets: tuple[Target, ...]
    taken: NDArray[np.bool_] | None

    @property
    def working_point(self) -> tuple[Target, ...]:
        """Rates of the working point alone."""
        return tuple(target for target in self.targets if target.khz is not None)

    def performance(self, scores: ScoreSet, split: Split | None = Split.TEST) -> Performance:
        """Evaluate scores.

        Args:
            scores: scores of some or all events of the dataset.
            split: part of the background; None for all.

        Raises:
            InputError: as ``evaluate``.
        """
        return evaluate(self.dataset, scores, self.targets, split, self.taken)


def judge_of(config: Config, dataset: Dataset, *fractions: float) -> Judge:
    """Return the judge that a configuration asks for.

    Args:
        config: ``studies.rate_khz`` is the working point, ``rates`` says which rate the weights stand for and what vetoes.
        dataset: the dataset.
        fractions: background fractions beside it; by default ``studies.fpr``.

    Raises:
        InputError: a rate at or above the crossings', or a menu that cannot be read.
    """
    return judge_at(dataset, config.rates, config.studies, veto_of(config, dataset), *fractions)


def judge_at(dataset: Dataset, rates: RatesConfig, studies: StudiesConfig, veto: Veto | None, *fractions: float) -> Judge:
    """Return the judge for a working point; arguments as ``judge_of``, with the menu that vetoes."""
    taken = menu_taken(dataset, np.arange(dataset.n_events), veto)
    crossing = crossing_rate_khz(rates)
    if studies.rate_khz >= crossing:
        raise InputError(
            f"The working point of {studies.rate_khz:g} kHz must be below the bunch-crossing rate of {crossing:g} kHz; change "
            "studies.rate_khz, or rates.bunches or rates.crossing_khz."
        )
    fraction = studies.rate_khz / crossing
    kinds = (Kind.TOTAL,) if taken is None else (Kind.TOTAL, Kind.PURE)
    points = tuple(Target(fraction, kind, studies.rate_khz) for kind in kinds)
    return Judge(dataset, (*points, *(Target(one) for one in fractions or (studies.fpr,))), taken)
