"""Train a configuration's model: the float baseline and the quantised network that starts from it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.dataset import Dataset, Split
from l1ad.layout import ObjectLayout
from l1ad.models.curves import History, save_history
from l1ad.models.data import Events, training_events
from l1ad.models.equalise import equalised
from l1ad.models.extract import extract_float, extract_layers
from l1ad.models.fit import Fit, FitSettings, fit
from l1ad.models.losses import LossSpec, loss_spec
from l1ad.models.plan import Plan, plan_model
from l1ad.models.preprocessing import ScalingChoice, choose_scaling
from l1ad.models.pruning import NO_PRUNING, PruningSchedule
from l1ad.models.score_types import score_spec
from l1ad.models.state import Parameters, initial_parameters
from l1ad.models.steps import Graph
from l1ad.network import Network
from l1ad.scaling import Scaling
from l1ad.trained import FLOAT_FILE, NETWORK_FILE, FloatNetwork, FloatScore

PARAMETERS_FILE = "parameters.npz"
#: Events on which the ranges of hidden neurons are measured before quantisation.
RANGE_EVENTS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Hold what both trainings share."""

    config: Config
    layout: ObjectLayout
    plan: Plan
    scaling: ScalingChoice
    loss: LossSpec
    train: Events
    validation: Events

    @property
    def seeds(self) -> tuple[int, ...]:
        """Give the seeds of the networks trained side by side."""
        first = self.config.training.seed
        return tuple(range(first, first + self.config.training.seeds))

    @property
    def score_columns(self) -> tuple[int, ...]:
        """Give the columns of a reconstruction score; none for others."""
        return self.scaling.columns if self.plan.score.is_reconstruction else ()

    def graph(self, quantised: bool) -> Graph:
        """Describe what is compiled."""
        return Graph(self.plan, self.loss, self.layout, self.scaling.scaling, quantised, self.config.training.average)


def make_problem(config: Config, dataset: Dataset) -> Problem:
    """Read the background, choose the scaling, plan model and loss.

    Raises:
        InputError, ConfigError, ModelError, LayoutError: as the parts raise them.
    """
    layout, training = dataset.layout, config.training
    plan = plan_model(config, layout)
    train = training_events(dataset, Split.TRAIN, event_weights=training.event_weights)
    validation = training_events(dataset, Split.VALIDATION, event_weights=training.event_weights)
    choice = choose_scaling(config.scaling, plan.input_type, layout, train.x_hw, train.weight)
    loss = loss_spec(training, plan.score, config.score.cyclic_phi, layout, choice.scaling, choice.columns)
    return Problem(config, layout, plan, choice, loss, train, validation)


@dataclass(frozen=True, slots=True, eq=False)
class FloatTraining:
    """Hold the float baseline."""

    problem: Problem
    fit: Fit
    reference: FloatNetwork


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedTraining:
    """Hold the quantised networks, one a seed, and the number of the one that is kept."""

    problem: Problem
    fit: Fit
    networks: tuple[Network, ...]
    best: int
    reference: FloatNetwork
    float_history: History


def train_float(config: Config, dataset: Dataset, checkpoint: Path) -> FloatTraining:
    """Train the float baseline.

    Args:
        config: the configuration.
        dataset: its dataset.
        checkpoint: file for the state after every epoch.

    Raises:
        TrainingError: the loss diverged.
    """
    problem = make_problem(config, dataset)
    training = config.training
    settings = FitSettings(
        training.float_epochs,
        training.batch_size,
        training.learning_rate,
        training.schedule == "cosine",
        problem.seeds,
        NO_PRUNING,
        "float training",
    )
    done = fit(
        problem.graph(False),
        problem.train,
        problem.validation,
        settings,
        initial_parameters(problem.plan, problem.seeds),
        checkpoint,
    )
    return FloatTraining(problem, done, _reference(problem, done.parameters, best_seed(done)))


def best_seed(done: Fit) -> int:
    """Choose the network with the smallest validation loss on background; no signal is looked at."""
    return int(np.argmin(done.history["validation"][-1]))


def _reference(problem: Problem, parameters: Parameters, index: int) -> FloatNetwork:
    score = FloatScore(
        problem.plan.score, problem.score_columns, problem.config.score.cyclic_phi and problem.plan.score.is_reconstruction
    )
    return extract_float(problem.plan, problem.layout, problem.scaling.scaling, score, parameters, index)


def save_float(training: FloatTraining, folder: Path) -> dict[str, Any]:
    """Write the float baseline's files; give the summary."""
    training.reference.save(folder / FLOAT_FILE)
    with (folder / PARAMETERS_FILE).open("wb") as file:
        np.savez(file, **{f"p{i}": a for i, a in enumerate(training.fit.parameters.flat)})
    problem = training.problem
    save_history({"float": training.fit.history}, problem.seeds, folder)
    (folder / "checkpoint.npz").unlink(missing_ok=True)
    return _summary(problem, training.fit, best_seed(training.fit))


def _summary(problem: Problem, done: Fit, best: int) -> dict[str, Any]:
    scaling: Scaling = problem.scaling.scaling
    return {
        "shape": "-".join(str(n) for n in (problem.layout.n_columns, *(layer.n_out for layer in problem.plan.layers))),
        "score": problem.plan.score.value,
        "train_events": len(problem.train.x_hw),
        "validation_events": len(problem.validation.x_hw),
        "seeds": list(problem.seeds),
        "kept_seed": problem.seeds[best],
        "selection": "smallest validation loss on background",
        "validation_loss": [round(v, 6) for v in done.history["validation"][-1]],
        "input_type": str(scaling.type),
        "columns_left_out": [n for i, n in enumerate(problem.layout.names) if i not in problem.scaling.columns],
    }


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
    training = config.training
    schedule = PruningSchedule(
        training.sparsity, round(training.prune_from * training.epochs), round(training.prune_to * training.epochs)
    )
    settings = FitSettings(
        training.epochs,
        training.batch_size,
        training.learning_rate,
        training.schedule == "cosine",
        problem.seeds,
        schedule,
        "quantisation-aware training",
    )
    start = _starting_point(problem, baseline)
    done = fit(problem.graph(True), problem.train, problem.validation, settings, start, checkpoint)
    networks = tuple(_network(problem, done.parameters, i) for i in range(len(problem.seeds)))
    float_history = json.loads((baseline / "history.json").read_text(encoding="utf-8"))["float"]
    return QuantisedTraining(problem, done, networks, best_seed(done), FloatNetwork.load(baseline / FLOAT_FILE), float_history)


def _starting_point(problem: Problem, baseline: Path) -> Parameters:
    with np.load(baseline / PARAMETERS_FILE, allow_pickle=False) as arrays:
        parameters = Parameters.from_flat([arrays[f"p{i}"] for i in range(len(arrays.files))])
    scaling = problem.scaling.scaling
    x = scaling.apply_float(problem.layout, np.asarray(problem.train.x_hw[:RANGE_EVENTS], dtype=np.int64))
    return equalised(problem.plan, parameters, scaling.type.quantise(x))


def _network(problem: Problem, parameters: Parameters, index: int) -> Network:
    plan, scaling = problem.plan, problem.scaling.scaling
    layers = extract_layers(plan, parameters, index)
    spec = score_spec(problem.config.score, problem.layout, scaling, layers, problem.score_columns)
    return Network(problem.config.name, problem.layout, scaling, layers, spec)


def save_quantised(training: QuantisedTraining, folder: Path) -> dict[str, Any]:
    """Write the network, its float reference, all seeds' networks and the history; give the summary."""
    problem = training.problem
    network = training.networks[training.best]
    network.save(folder / NETWORK_FILE)
    training.reference.save(folder / FLOAT_FILE)
    seeds = folder / "seeds"
    shutil.rmtree(seeds, ignore_errors=True)
    if len(training.networks) > 1:
        seeds.mkdir()
        for seed, candidate in zip(problem.seeds, training.networks, strict=True):
            candidate.save(seeds / f"network_{seed}.json")
    save_history({"float": training.float_history, "qat": training.fit.history}, problem.seeds, folder)
    (folder / "checkpoint.npz").unlink(missing_ok=True)
    zeros = sum(int((layer.weight == 0).sum()) for layer in network.layers)
    total = sum(layer.weight.size for layer in network.layers)
    return _summary(problem, training.fit, training.best) | {
        "shape": network.shape,
        "network_digest": network.digest,
        "zero_weights": round(zeros / total, 4),
        "score_type": str(network.score.total),
    }
