"""Train a configuration's model: teachers and float baseline, then the quantised network that starts from the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import FloatArray
from l1ad.core.history import Curves, load_history
from l1ad.core.network import Network
from l1ad.core.trained import FLOAT_FILE, FloatNetwork, FloatScore
from l1ad.scores.selection import threshold_for_fraction
from l1ad.training.embedding import Step
from l1ad.training.events import Events
from l1ad.training.extract import extract_float
from l1ad.training.lesson import Lesson, distil_share, load_lesson, make_lesson, student_plan, student_start
from l1ad.training.loop import Fit, fit
from l1ad.training.plan import Plan
from l1ad.training.problem import Problem, make_problem
from l1ad.training.pruning import NO_PRUNING, PruningSchedule
from l1ad.training.rarity_teacher import RarityTeacher, make_rarity_teacher
from l1ad.training.rounding import chip_network, fitted_to_events
from l1ad.training.state import Parameters, initial_parameters
from l1ad.training.steps import Graph
from l1ad.training.teacher import TEACHERS_CHECKPOINT, Teacher, train_teacher

PARAMETERS_FILE = "parameters.npz"
TEACHER_FILE = "teacher.npz"
TARGETS_FILE = "targets.npz"
#: Seeds of a student's candidates lie this far apart.
CANDIDATE_STRIDE = 1_000_003
#: Events on which the ranges of hidden neurons are measured before quantisation.
RANGE_EVENTS = 20_000
#: Background fraction at which candidates are compared: about that of 1 kHz.
TRIGGER_FRACTION = 3e-5
#: Where the training part has fewer effective events above it, a larger fraction that has so many.
ENOUGH = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class FloatTraining:
    """The float baseline, one network a seed; lesson and teacher are None for the plain recipe."""

    problem: Problem
    fit: Fit
    references: tuple[FloatNetwork, ...]
    best: int
    lesson: Lesson | None
    teacher: Teacher | RarityTeacher | None

    @property
    def reference(self) -> FloatNetwork:
        """The network that is kept."""
        return self.references[self.best]


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedTraining:
    """The quantised networks, one a seed, and the number of the one that is kept."""

    problem: Problem
    fit: Fit
    networks: tuple[Network, ...]
    best: int
    reference: FloatNetwork
    float_history: Curves


def train_float(config: Config, dataset: Dataset, checkpoint: Path) -> FloatTraining:
    """Train the float baseline; with the robust recipe its teachers first.

    Args:
        config: the configuration.
        dataset: its dataset.
        checkpoint: file for the state after every epoch; the teachers' lies beside it.

    Raises:
        TrainingError: the loss diverged.
    """
    problem = make_problem(config, dataset)
    teacher = make_teacher(problem, checkpoint) if problem.taught else None
    lesson = None if teacher is None else make_lesson(problem, teacher)
    problem, done = fit_float(problem, lesson, checkpoint)
    references = tuple(_reference(problem, done.parameters, i) for i in range(len(problem.seeds)))
    return FloatTraining(problem, done, references, best_seed(done), lesson, teacher)


def fit_float(problem: Problem, lesson: Lesson | None, checkpoint: Path) -> tuple[Problem, Fit]:
    """Fit the float networks, and return them with the problem whose plan is theirs.

    Args:
        problem: the problem.
        lesson: what a teacher's students learn; None for the plain recipe.
        checkpoint: file for the state after every epoch.

    Raises:
        TrainingError: the loss diverged.
    """
    plan, (train, validation) = problem.plan, _parts(problem, lesson)
    if lesson is not None:
        plan = student_plan(plan)
    start = initial_parameters(plan, problem.seeds, problem.scaling.columns)
    if lesson is not None:
        start = student_start(plan, start)
    distil = distil_share(plan) if lesson is not None else 0.0
    settings = problem.settings(problem.config.training.float_epochs, "float training")
    done = Fit(start, {})
    for number, step in enumerate(problem.steps):
        graph = problem.graph(plan, distil=distil, step=step)
        done = fit(graph, train, validation, settings, done.parameters, round_checkpoint(checkpoint, number))
    return replace(problem, plan=plan), done


def _parts(problem: Problem, lesson: Lesson | None) -> tuple[Events, Events]:
    """Return what is trained and validated on."""
    return (problem.train, problem.validation) if lesson is None else (lesson.train, lesson.validation)


def make_teacher(problem: Problem, checkpoint: Path) -> Teacher | RarityTeacher:
    """Make what the robust recipe's networks learn from; the checkpoint of an ensemble lies beside the one given."""
    if problem.config.training.teacher == "rarity":
        return make_rarity_teacher(problem)
    return train_teacher(problem, checkpoint.with_name(TEACHERS_CHECKPOINT))


def best_seed(done: Fit) -> int:
    """Choose the network with the smallest validation loss on background; no signal is looked at."""
    return int(np.argmin(done.history["validation"][-1]))


def _reference(problem: Problem, parameters: Parameters, index: int) -> FloatNetwork:
    kind = problem.plan.score
    sources, cyclic = problem.plan.score_sources, problem.config.score.cyclic_phi and kind.is_reconstruction
    score = FloatScore(kind, problem.score_columns, cyclic and not sources, sources)
    return extract_float(problem.plan, problem.layout, problem.scaling.scaling, score, parameters, index)


def train_quantised(config: Config, dataset: Dataset, baseline: Path, checkpoint: Path) -> QuantisedTraining:
    """Train quantisation-aware, starting from the float baseline.

    Args:
        config: the configuration.
        dataset: its dataset.
        baseline: folder of the float baseline.
        checkpoint: file for the state after every epoch.

    Raises:
        TrainingError: the loss diverged.
    """
    problem = make_problem(config, dataset)
    lesson = load_lesson(problem, baseline / TARGETS_FILE) if problem.taught else None
    with np.load(baseline / PARAMETERS_FILE, allow_pickle=False) as arrays:
        parameters = Parameters.from_flat([arrays[f"p{i}"] for i in range(len(arrays.files))])
    problem, done, networks = fit_quantised(problem, lesson, parameters, checkpoint)
    float_history = load_history(baseline).float
    return QuantisedTraining(problem, done, networks, best_seed(done), FloatNetwork.load(baseline / FLOAT_FILE), float_history)


def fit_quantised(
    problem: Problem, lesson: Lesson | None, parameters: Parameters, checkpoint: Path
) -> tuple[Problem, Fit, tuple[Network, ...]]:
    """Fit the quantised networks, and return the one that is kept of each seed's candidates, with the problem whose plan is theirs.

    Args:
        problem: the problem.
        lesson: what a teacher's students learn; None for the plain recipe.
        parameters: the float networks, one a seed.
        checkpoint: file for the state after every epoch; those of further rounds lie beside it.

    Raises:
        TrainingError: the loss diverged.
    """
    train, validation = _parts(problem, lesson)
    if lesson is not None:
        problem = replace(problem, plan=student_plan(problem.plan))
    plans, start = _starting_point(problem, parameters, train)
    n = problem.config.training.candidates if lesson is not None else 1
    distil = distil_share(problem.plan) if lesson is not None else 0.0
    graphs = [
        problem.graph(problem.plan, [plan for plan in plans for _ in range(n)], distil=distil, step=step)
        for step in problem.steps
    ]
    start = Parameters.from_flat([np.repeat(a, n, axis=0) for a in start.flat])
    done = _fit_rounds(problem, graphs, (_repeated(train, n), _repeated(validation, n)), start, n, checkpoint)
    networks = tuple(_network(problem, plans[i // n], done.parameters, i) for i in range(n * len(plans)))
    if n > 1:
        parts = [accepted(network, problem.train.weight, train.x_hw) for network in networks]
        kept = best_candidates(done.history["validation"][-1], parts, n)
        done, networks = chosen_networks(done, kept), tuple(networks[i] for i in kept)
    return problem, done, networks


def _fit_rounds(
    problem: Problem, graphs: Sequence[Graph], parts: tuple[Events, Events], start: Parameters, n: int, checkpoint: Path
) -> Fit:
    """Fit to the configured sparsity, then shrink: prune further and train again, round by round; all of it in every step.

    What follows an encoder that is trained before it is small, and keeps its weights.
    """
    training, seeds, done = problem.config.training, candidate_seeds(problem.seeds, n), Fit(start, {})
    end = round(training.prune_to * training.epochs)
    settings = problem.settings(training.epochs, "quantisation-aware training", seeds, _pruning(problem.config))
    rounds = [settings]
    for former, sparsity in pairwise((training.sparsity, *training.shrink)):
        schedule = PruningSchedule(sparsity, 0, end, former)
        rounds.append(replace(settings, pruning=schedule, label=f"shrinking to {sparsity:.0%}"))
    unpruned = [replace(settings, pruning=NO_PRUNING)]
    every = [(graph, one) for graph in graphs for one in (unpruned if graph.step is Step.RECONSTRUCTION else rounds)]
    for number, (graph, one) in enumerate(every):
        done = fit(graph, *parts, one, done.parameters, round_checkpoint(checkpoint, number))
    return done


def round_checkpoint(checkpoint: Path, number: int) -> Path:
    """Name the checkpoint of a further round, from 1; of round 0 it is the one given."""
    return checkpoint.with_stem(f"{checkpoint.stem}_shrink{number}") if number else checkpoint


def _repeated(events: Events, n: int) -> Events:
    """Return every candidate its student's target."""
    return events if events.target is None else replace(events, target=np.repeat(events.target, n, axis=0))


def candidate_seeds(seeds: Sequence[int], n: int) -> tuple[int, ...]:
    """Return every seed's ``n`` candidates a seed of their own, those of the first seed first."""
    return tuple(seed + k * CANDIDATE_STRIDE for seed in seeds for k in range(n))


def best_candidates(losses: Sequence[float], accepted: Sequence[float], n: int) -> list[int]:
    """Choose, of every ``n`` networks, the one with the smallest sum of two ranks; no signal is looked at.

    The loss alone says little about the few heavy background events that make a threshold; what a threshold lets through does.

    Args:
        losses: validation losses.
        accepted: parts of the mixed events above the threshold of a background fraction.
        n: candidates of a seed.

    Returns:
        Their numbers, one a seed; the smaller loss decides between equal sums.
    """
    kept = []
    for first in range(0, len(losses), n):
        loss, accept = np.array(losses[first : first + n]), np.array(accepted[first : first + n])
        ranks = np.argsort(np.argsort(loss)) + np.argsort(np.argsort(-accept))
        kept.append(first + int(np.lexsort((loss, ranks))[0]))
    return kept


def chosen_networks(done: Fit, kept: list[int]) -> Fit:
    """Keep some of the networks that were trained side by side."""
    history = {name: [[values[i] for i in kept] for values in epochs] for name, epochs in done.history.items()}
    return Fit(Parameters.from_flat([a[kept] for a in done.parameters.flat]), history)


def accepted(network: Network, weight: FloatArray, x_hw: NDArray[Any]) -> float:
    """Return the part of the mixed events that score above all but the trigger's fraction of the background.

    Args:
        network: the exact network.
        weight: the background's weights, shape ``(n_background,)``.
        x_hw: background, then mixed events, hardware integers ``(n_events, n_columns)``.
    """
    from l1ad.spec.reference import scores

    values = scores(network, np.asarray(x_hw, dtype=np.int64))
    background, mixed = values[: len(weight)], values[len(weight) :]
    threshold = threshold_for_fraction(background, weight, trigger_fraction(background, weight))
    return float(np.mean(mixed >= threshold))


def trigger_fraction(scores: NDArray[Any], weight: FloatArray) -> float:
    """Return the fraction at which networks are compared: `TRIGGER_FRACTION`, or the smallest that `ENOUGH` effective events measure.

    Args:
        scores: of background, ``(n_events,)``.
        weight: of at least 0, likewise.
    """
    ranked = weight[np.argsort(-scores, kind="stable")]
    above, squares = np.cumsum(ranked), np.cumsum(ranked**2)
    fraction = above / above[-1]
    enough = np.flatnonzero((fraction >= TRIGGER_FRACTION) & (above**2 >= ENOUGH * squares))
    return min(float(fraction[enough[0]]), 0.5) if len(enough) else 0.5


def _pruning(config: Config) -> PruningSchedule:
    training = config.training
    begin, end = (round(part * training.epochs) for part in (training.prune_from, training.prune_to))
    return PruningSchedule(training.sparsity, begin, end)


def _starting_point(problem: Problem, parameters: Parameters, train: Events) -> tuple[tuple[Plan, ...], Parameters]:
    """Fit the float weights to the types, and open types to them, on events as often as the lesson counts them."""
    share = train.weight / train.weight.sum()
    rows = np.random.default_rng([problem.seeds[0], 5]).choice(len(share), min(RANGE_EVENTS, len(share)), p=share)
    return fitted_to_events(problem.plan, parameters, problem.layout, problem.scaling.scaling, train.x_hw[rows])


def _network(problem: Problem, plan: Plan, parameters: Parameters, index: int) -> Network:
    scaling, columns = problem.scaling.scaling, problem.score_columns
    return chip_network(problem.config, problem.layout, scaling, columns, plan, parameters, index)
