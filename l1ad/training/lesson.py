"""Turn a teacher's scores into what a student on the chip can learn: events and target scores.

A latent score is free in its scale: its target is linear in how rare the teacher finds an event, in decades of the background rate,
so that a decade is as many counts of the chip's score at 10 % as at 0.1 %. A reconstruction score has its own scale: its target is
the ensemble's mean squared error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from l1ad.core.fixed import FloatArray
from l1ad.training.events import Events
from l1ad.training.mixing import mixed_events
from l1ad.training.plan import Plan
from l1ad.training.problem import Problem
from l1ad.training.rarity_teacher import RarityTeacher
from l1ad.training.state import Parameters
from l1ad.training.teacher import Teacher

#: Background rates at which the teacher's scale is read; beyond the last the slope of the last decade goes on.
RATES = np.array([0.999, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 5e-4, 2e-4])
#: Part of the mixed events whose target stays below the top of the student's range.
COVERED = 0.995
#: Part of the largest possible sum of squares that is the top target.
HEADROOM = 0.5
#: Part of the output's range that is the top target of a score that is no sum of squares.
LINEAR_HEADROOM = 0.9
#: How much of a reconstruction student's loss is the distance to the teacher; a latent student learns nothing else.
RECONSTRUCTION_SHARE = 0.5
#: Where a latent student's outputs start: away from 0, where the square has no slope.
FIRST_BIAS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Hold the events of a student's training and validation, with targets."""

    train: Events
    validation: Events

    def save(self, path: Path) -> None:
        """Write the targets; the events follow from the dataset and the seed."""
        assert self.train.target is not None  # a lesson has targets
        assert self.validation.target is not None
        with path.open("wb") as file:
            np.savez(file, train=self.train.target.astype(np.float32), validation=self.validation.target.astype(np.float32))


def make_lesson(problem: Problem, teacher: Teacher | RarityTeacher) -> Lesson:
    """Score background and mixed events with the teacher.

    Args:
        problem: the problem.
        teacher: the trained ensembles, or the rarities of background.
    """
    events, unseen = _with_mixed(problem, problem.train, 0), _with_mixed(problem, problem.validation, 1)
    n = len(problem.train.x_hw)
    if isinstance(teacher, Teacher) and problem.plan.score.is_reconstruction:
        scale = float(problem.loss.column_weight.sum())
        train, validation = (scale * teacher.mean_loss(x) for x in (events.x_hw, unseen.x_hw))
    else:
        scores, others = teacher.scores(events.x_hw), teacher.scores(unseen.x_hw)
        scales = [rarity_scale(s[:n], problem.train.weight) for s in scores]
        decades = np.stack([rarity(s, scale) for s, scale in zip(scores, scales, strict=True)])
        gain = top_target(problem.plan) / np.quantile(decades[:, n:], COVERED, axis=1, keepdims=True)
        train = gain * decades
        validation = gain * np.stack([rarity(s, scale) for s, scale in zip(others, scales, strict=True)])
    # As they are saved: a resumed training sees the same numbers.
    train, validation = (t.astype(np.float32).astype(np.float64) for t in (train, validation))
    return Lesson(replace(events, target=train), replace(unseen, target=validation))


def load_lesson(problem: Problem, path: Path) -> Lesson:
    """Read the targets that ``Lesson.save`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        train, validation = (arrays[name].astype(np.float64) for name in ("train", "validation"))
    return Lesson(
        replace(_with_mixed(problem, problem.train, 0), target=train),
        replace(_with_mixed(problem, problem.validation, 1), target=validation),
    )


def _with_mixed(problem: Problem, events: Events, part: int) -> Events:
    """Give background and as many events mixed from it; these count 1 each."""
    mixed = mixed_events(problem.layout, events.x_hw, len(events.x_hw), 2 * problem.config.training.seed + part)
    x = np.concatenate([events.x_hw, mixed.astype(problem.layout.storage)])
    return Events(x, np.concatenate([events.weight, np.ones(len(mixed))]))


def top_target(plan: Plan) -> float:
    """Give the largest target of a latent score: part of what the outputs' squares can reach."""
    types = plan.layers[plan.n_encoder - 1].types
    assert types is not None  # an encoder's last layer is on the chip
    if not plan.score.formula.squares:
        return LINEAR_HEADROOM * types.output.max
    return HEADROOM * plan.latent * types.output.max**2


def rarity_scale(scores: FloatArray, weight: FloatArray) -> FloatArray:
    """Read the teacher's score at fixed background rates.

    Args:
        scores: of background, shape ``(n,)``.
        weight: its weights.

    Returns:
        The score at each of ``RATES``, not falling.
    """
    order = np.argsort(-scores, kind="stable")
    above = np.cumsum(weight[order]) / weight.sum()
    index = np.minimum(np.searchsorted(above, RATES), len(scores) - 1)
    return np.maximum.accumulate(scores[order][index])


def rarity(scores: FloatArray, scale: FloatArray) -> FloatArray:
    """Turn scores into decades of background rate, ``-log10`` of the rate above them.

    Args:
        scores: the teacher's, any shape.
        scale: what ``rarity_scale`` gave.
    """
    decades = -np.log10(RATES)
    slope = (decades[-1] - decades[-4]) / max(scale[-1] - scale[-4], 1e-6)
    inside = np.interp(scores, scale, decades)
    return np.where(scores > scale[-1], decades[-1] + slope * (scores - scale[-1]), inside)


def student_plan(plan: Plan) -> Plan:
    """Keep what is on the chip: a latent score needs no decoder, and without log-variances none in the last layer."""
    if plan.score.is_reconstruction:
        return plan
    layers = list(plan.layers[: plan.n_encoder])
    layers[-1] = replace(layers[-1], n_out=plan.chip_outputs)
    return replace(plan, layers=tuple(layers), variational=plan.score.needs_log_variance)


def student_start(plan: Plan, parameters: Parameters) -> Parameters:
    """Move a latent student's first outputs away from 0."""
    if plan.score.is_reconstruction or not plan.score.formula.squares:
        return parameters
    biases = list(parameters.biases)
    last = biases[-1].copy()
    last[..., : plan.latent] += np.float32(FIRST_BIAS)
    biases[-1] = last
    return Parameters(parameters.weights, tuple(biases))


def distil_share(plan: Plan) -> float:
    """Give how much of the student's loss is the distance to the teacher."""
    return RECONSTRUCTION_SHARE if plan.score.is_reconstruction else 1.0
