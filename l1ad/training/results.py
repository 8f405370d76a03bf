"""Write what a training made into its artefact, and give the summary."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.history import History
from l1ad.core.network import Network
from l1ad.core.trained import FLOAT_FILE, NETWORK_FILE
from l1ad.qkeras.files import KERAS_FILE, QKERAS_FILE, save_keras, save_qkeras, why_not_as_it_is
from l1ad.training.curves import save_history
from l1ad.training.loop import Fit
from l1ad.training.problem import Problem
from l1ad.training.recipe import PARAMETERS_FILE, TARGETS_FILE, TEACHER_FILE, FloatTraining, QuantisedTraining
from l1ad.training.state import Parameters
from l1ad.training.teacher import Teacher


def save_float(training: FloatTraining, folder: Path) -> dict[str, Any]:
    """Write the float baseline's files.

    Args:
        training: the baseline.
        folder: where to.

    Returns:
        The summary.
    """
    training.reference.save(folder / FLOAT_FILE)
    save_keras(training.reference, folder / KERAS_FILE)
    _save_parameters(training.fit.parameters, folder / PARAMETERS_FILE)
    if training.lesson is not None:
        training.lesson.save(folder / TARGETS_FILE)
    if isinstance(training.teacher, Teacher):
        _save_parameters(training.teacher.first_of(training.best), folder / TEACHER_FILE)
    save_history(History(training.problem.seeds, training.fit.curves), folder)
    _drop_checkpoints(folder)
    return _summary(training.problem, training.fit, training.best)


def _save_parameters(parameters: Parameters, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **{f"p{i}": a for i, a in enumerate(parameters.flat)})


def save_quantised(training: QuantisedTraining, folder: Path) -> dict[str, Any]:
    """Write the network, its float reference, all seeds' networks and the history.

    Args:
        training: the quantised training.
        folder: where to.

    Returns:
        The summary.
    """
    problem, network = training.problem, training.networks[training.best]
    network.save(folder / NETWORK_FILE)
    save_qkeras(network, folder / QKERAS_FILE)
    training.reference.save(folder / FLOAT_FILE)
    _save_seeds(training, folder / "seeds")
    save_history(History(problem.seeds, training.float_history, training.fit.curves), folder)
    _drop_checkpoints(folder)
    return _summary(problem, training.fit, training.best) | {
        "shape": network.shape,
        "network_digest": network.digest,
        "zero_weights": zero_weights(network),
        "score_type": str(network.score.total),
        "hls4ml_as_it_is": why_not_as_it_is(network) or "yes",
        "layers": {layer.name: [str(layer.weight_type), str(layer.bias_type), str(layer.output)] for layer in network.layers},
    }


def _save_seeds(training: QuantisedTraining, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if len(training.networks) > 1:
        folder.mkdir()
        for seed, network in zip(training.problem.seeds, training.networks, strict=True):
            network.save(folder / f"network_{seed}.json")


def zero_weights(network: Network) -> float:
    """Return the part of a network's weights that are 0."""
    zeros = sum(int(np.count_nonzero(layer.weight == 0)) for layer in network.layers)
    return round(zeros / sum(layer.weight.size for layer in network.layers), 4)


def _drop_checkpoints(folder: Path) -> None:
    for file in folder.glob("checkpoint*.npz"):
        file.unlink()


def _summary(problem: Problem, done: Fit, best: int) -> dict[str, Any]:
    widths = (problem.layout.n_columns, *(layer.n_out for layer in problem.plan.layers))
    return {
        "shape": "-".join(str(n) for n in widths),
        "score": problem.plan.score.value,
        "recipe": problem.config.training.recipe,
        "teacher": problem.config.training.teacher if problem.taught else None,
        "train_events": len(problem.train.x_hw),
        "validation_events": len(problem.validation.x_hw),
        "seeds": list(problem.seeds),
        "kept_seed": problem.seeds[best],
        "selection": "smallest validation loss on background",
        "validation_loss": [round(v, 6) for v in done.history["validation"][-1]],
        "median_validation_loss": round(float(np.median(done.history["validation"][-1])), 6),
        "input_type": str(problem.scaling.scaling.type),
        "columns_left_out": [n for i, n in enumerate(problem.layout.names) if i not in problem.scaling.columns],
    }
