"""Inputs and findings of a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import IntArray
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.core.trained import TrainedModel
from l1ad.physics.variables import Cut, cut_variable
from l1ad.reporting.document import Block, State
from l1ad.scores.performance import ScoredSample, background_of, signals_of


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What studies start from.

    Attributes:
        config: the configuration.
        dataset: its dataset.
        model: its trained model.
        work: folder for checkpoints and derived data.
    """

    config: Config
    dataset: Dataset
    model: TrainedModel
    work: Path


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """What a study found.

    Attributes:
        name: the study.
        question: what it asks.
        finding: one or two sentences computed from the numbers.
        state: how the finding reads; good and bad only where the study can pass or fail.
        numbers: everything behind it, plain data.
        blocks: tables and plots.
    """

    name: str
    question: str
    finding: str
    state: State
    numbers: Mapping[str, Any]
    blocks: tuple[Block, ...]


def evaluation_rows(dataset: Dataset) -> IntArray:
    """Return the events that studies judge on: the test part of the background, and all signals.

    Raises:
        InputError: there is no background for testing, or no signal.
    """
    background = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    signal = dataset.rows(role=Role.SIGNAL)
    for name, rows in (("background", background), ("signal", signal)):
        if not len(rows):
            raise InputError(
                f"A study needs {name} events for testing, dataset {str(dataset.path)!r} has none; add some to 'data'."
            )
    return np.sort(np.concatenate([background, signal]))


def as_scores(dataset: Dataset, values: np.ndarray[Any, Any], rows: IntArray, name: str = "") -> ScoreSet:
    """Wrap values of some events as float scores, so that every metric can take them."""
    return ScoreSet(Source.FLOAT, np.asarray(values, dtype=np.float64), None, rows, dataset.digest, name)


def firmware_scores(material: Material) -> ScoreSet:
    """Compute the integer scores of the evaluation events with the exact reference emulator."""
    from l1ad.spec.reference import scores

    rows = evaluation_rows(material.dataset)
    codes = scores(material.model.network, np.asarray(material.dataset.x_hw[rows]))
    step = material.model.network.score.total.step
    return ScoreSet(Source.EMULATOR, codes, step, rows, material.dataset.digest, material.model.network.digest)


def float_reference_scores(material: Material) -> ScoreSet | None:
    """Compute the float64 scores of the evaluation events; None for a model without a float reference."""
    from l1ad.scores.float_reference import float_scores

    if material.model.reference is None:
        return None
    rows = evaluation_rows(material.dataset)
    values = float_scores(material.model.reference, np.asarray(material.dataset.x_hw[rows]))
    return ScoreSet(Source.FLOAT, values, None, rows, material.dataset.digest, material.model.network.digest)


def cut_scores(dataset: Dataset, cut: Cut) -> ScoreSet:
    """Compute a plain variable of the evaluation events, as if it were a score."""
    rows = evaluation_rows(dataset)
    return as_scores(dataset, cut_variable(dataset.layout, np.asarray(dataset.x_hw[rows]), cut), rows, cut.name)


def judged_samples(dataset: Dataset, scores: ScoreSet) -> tuple[ScoredSample, ...]:
    """Return the test background and every signal."""
    return (background_of(dataset, scores), *signals_of(dataset, scores))
