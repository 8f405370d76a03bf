"""Turn a teacher's scores into what a student on the chip can learn: events, target scores, and how much each event counts.

A latent or linear score is free in its scale: its target is linear in how rare the teacher finds an event, in decades of the background rate,
so that a decade is as many counts of the chip's score at 10 % as at the trigger's working point, up to the rate beyond which no trigger cuts.
Events count so that every half decade does: background falls by a power, and what is natural teaches only its bulk. A
reconstruction score has its own scale: its target is the ensemble's mean squared error, and decades of that error count alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.training.distillation import TOP_DECADES, top_target
from l1ad.training.events import Events
from l1ad.training.mixing import mixed_events
from l1ad.training.plan import Plan
from l1ad.training.problem import Problem
from l1ad.training.rarity_teacher import RarityTeacher, Tail
from l1ad.training.state import Parameters
from l1ad.training.teacher import Teacher

#: Events are counted in bins of so many decades.
BIN_DECADES = 0.5
#: Bins from this rate on count so much: triggers cut there.
TAIL_DECADES, TAIL_SHARE = 3.0, 3.0
#: No event of a bin of few is counted more than so many times the mean, so that it is not learnt by heart.
MOST = 100.0
#: How much of a reconstruction student's loss is the distance to the teacher; a latent student learns nothing else.
RECONSTRUCTION_SHARE = 0.5
#: Where a latent student's outputs start: away from 0, where the square has no slope.
FIRST_BIAS = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """The events of a student's training and validation, with targets."""

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
    if isinstance(teacher, Teacher) and problem.plan.score.is_reconstruction:
        scale = float(problem.loss.column_weight.sum())
        targets = [scale * teacher.mean_loss(x) for x in (events.x_hw, unseen.x_hw)]
    else:
        scores, others = teacher.scores(events.x_hw), teacher.scores(unseen.x_hw)
        tails = [Tail.measure(s[: len(problem.train.x_hw)], problem.train.weight) for s in scores]
        gain = top_target(problem.plan) / TOP_DECADES
        targets = [gain * decades_of(tails, values) for values in (scores, others)]
    # As they are saved: a resumed training sees the same numbers.
    train, validation = (t.astype(np.float32).astype(np.float64) for t in targets)
    return Lesson(_weighed(problem, events, train), _weighed(problem, unseen, validation))


def decades_of(tails: Sequence[Tail], scores: FloatArray) -> FloatArray:
    """Turn scores into decades of background rate, at least 0 and at most `TOP_DECADES`, ``(n_students, n_events)``."""
    decades = np.stack([tail(one) for tail, one in zip(tails, scores, strict=True)])
    return np.clip(decades, 0.0, TOP_DECADES)


def _weighed(problem: Problem, events: Events, target: FloatArray) -> Events:
    """Return events with their targets and weights by which every half decade of background rate counts."""
    half, mean = len(events.x_hw) // 2, target.mean(axis=0)
    if problem.plan.score.is_reconstruction:
        decades = decades_of([Tail.measure(mean[:half], events.weight[:half])], mean[np.newaxis])[0]
    else:
        decades = mean * (TOP_DECADES / top_target(problem.plan))
    classes = _muons(problem.layout, events.x_hw)
    parts = [flat_weights(decades[part], classes[part]) for part in (slice(half), slice(half, None))]
    return replace(events, target=target, weight=np.concatenate(parts))


def _muons(layout: ObjectLayout, x_hw: NDArray[Any]) -> IntArray:
    """Count the muons, two and more alike; 0 in a layout without them, ``(n_events,)``."""
    columns = [i for slot in layout.slots if slot.kind == "muon" for i in layout.feature_columns("pt", slot.kind)]
    return np.minimum(np.count_nonzero(np.asarray(x_hw)[:, columns], axis=1), 2)


def flat_weights(decades: FloatArray, classes: IntArray) -> FloatArray:
    """Weigh events so that every bin of decades and class counts the same, those of the tail `TAIL_SHARE` times.

    Args:
        decades: of each event, ``(n_events,)``.
        classes: small numbers, likewise.

    Returns:
        Weights of mean 1; none above `MOST` before that.
    """
    bins = np.floor(decades / BIN_DECADES).astype(np.int64)
    keys = bins * (int(classes.max(initial=0)) + 1) + classes
    _, index, count = np.unique(keys, return_inverse=True, return_counts=True)
    weight = np.where(decades >= TAIL_DECADES, TAIL_SHARE, 1.0) / count[index]
    weight = np.minimum(weight * (len(weight) / weight.sum()), MOST)
    return np.asarray(weight / weight.mean())


def load_lesson(problem: Problem, path: Path) -> Lesson:
    """Read the targets that ``Lesson.save`` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        train, validation = (arrays[name].astype(np.float64) for name in ("train", "validation"))
    return Lesson(
        _weighed(problem, _with_mixed(problem, problem.train, 0), train),
        _weighed(problem, _with_mixed(problem, problem.validation, 1), validation),
    )


def _with_mixed(problem: Problem, events: Events, part: int) -> Events:
    """Return background and as many events mixed from it; these count 1 each."""
    mixed = mixed_events(problem.layout, events.x_hw, len(events.x_hw), 2 * problem.config.training.seed + part)
    x = np.concatenate([events.x_hw, mixed.astype(problem.layout.storage)])
    return Events(x, np.concatenate([events.weight, np.ones(len(mixed))]))


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
    """Return how much of the student's loss is the distance to the teacher."""
    return RECONSTRUCTION_SHARE if plan.score.is_reconstruction else 1.0
