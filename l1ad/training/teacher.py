"""Train the teacher: an ensemble of float autoencoders whose mean log-loss is a far steadier score than one network's.

Two trainings of one autoencoder that differ in nothing but the seed rank events differently; their loss (for a variational one the
negative evidence lower bound, decoder included) differs less than their latent, and the mean over several less again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.qkeras.runtime import tensorflow
from l1ad.training.events import Events
from l1ad.training.forward import forward
from l1ad.training.loop import fit
from l1ad.training.losses import event_loss
from l1ad.training.problem import Problem
from l1ad.training.state import Parameters, initial_parameters
from l1ad.training.steps import Graph, Table, gather, make_table

#: Events scored at a time.
CHUNK = 16_384
#: Beside the student's checkpoint.
TEACHERS_CHECKPOINT = "checkpoint_teachers.npz"
#: Seeds of one student's teachers lie this far from the next student's.
SEED_STRIDE = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """The members of all ensembles, and what their log-losses are on background.

    Attributes:
        graph: the members' graph, float.
        parameters: their weights, those of the first ensemble first.
        n_ensembles: how many ensembles, one for each student.
        centre: mean of each member's log-loss.
        width: its standard deviation.
    """

    graph: Graph
    parameters: Parameters
    n_ensembles: int
    centre: FloatArray
    width: FloatArray

    def scores(self, x_hw: NDArray[Any]) -> FloatArray:
        """Score events: the mean standardised log-loss of each ensemble, ``(n_ensembles, n_events)``."""
        losses = log_losses(self.graph, self.parameters, x_hw)
        return self._mean((losses - self.centre[:, None]) / self.width[:, None])

    def mean_loss(self, x_hw: NDArray[Any]) -> FloatArray:
        """Return the geometric mean of each ensemble's losses, ``(n_ensembles, n_events)``."""
        return np.exp(self._mean(log_losses(self.graph, self.parameters, x_hw)))

    def first_of(self, ensemble: int) -> Parameters:
        """Return one autoencoder, decoder included, of an ensemble."""
        return self.parameters.of_seed(ensemble * (self.parameters.n_seeds // self.n_ensembles))

    def _mean(self, values: FloatArray) -> FloatArray:
        return values.reshape(self.n_ensembles, -1, values.shape[1]).mean(axis=1)


def train_teacher(problem: Problem, checkpoint: Path) -> Teacher:
    """Train one ensemble for each student, all side by side.

    Args:
        problem: the problem.
        checkpoint: file for the state after every epoch.

    Raises:
        TrainingError: a loss diverged.
    """
    training = problem.config.training
    seeds = tuple((seed + 1) * SEED_STRIDE + k for seed in problem.seeds for k in range(training.teachers))
    plan = problem.teacher_plan
    graph = problem.graph(plan)
    settings = problem.settings(training.teacher_epochs, "teachers", seeds)
    start = initial_parameters(plan, seeds, problem.scaling.columns)
    done = fit(graph, problem.train, problem.validation, settings, start, checkpoint)
    plain = replace(graph, normalised=False)
    losses = log_losses(plain, done.parameters, problem.train.x_hw)
    centre = np.average(losses, axis=1, weights=problem.train.weight)
    width = np.sqrt(np.average((losses - centre[:, None]) ** 2, axis=1, weights=problem.train.weight))
    return Teacher(plain, done.parameters, len(problem.seeds), centre, np.maximum(width, 1e-6))


def log_losses(graph: Graph, parameters: Parameters, x_hw: NDArray[Any]) -> FloatArray:
    """Compute every network's log-loss of every event, without noise.

    Args:
        graph: a float graph.
        parameters: the weights.
        x_hw: hardware integers ``(n_events, n_columns)``.

    Returns:
        float64 ``(n_seeds, n_events)``.
    """
    tf = tensorflow()
    n = len(graph.plan.layers)
    flat = [tf.constant(a) for a in parameters.flat]
    whole = make_table(tf, graph, Events(x_hw, np.ones(len(x_hw))))

    def chunk(codes: Any, present: Any) -> Any:
        ones = tf.ones_like(present[:, 0], dtype=tf.float32)
        index = tf.tile(tf.range(tf.shape(codes)[0])[tf.newaxis], [parameters.n_seeds, 1])
        batch = gather(tf, graph, Table(codes, present, ones, ones[tf.newaxis], 0), index)
        out = forward(tf, graph.plan, flat[:n], flat[n:], batch.x, None)
        return tf.math.log(event_loss(tf, graph.loss, out, batch.x, batch.present) + 1e-6)

    signature = [tf.TensorSpec((None, t.shape[1]), t.dtype) for t in (whole.codes, whole.present)]
    compiled = tf.function(chunk, input_signature=signature, autograph=False)
    starts = range(0, len(x_hw), CHUNK)
    parts = [compiled(whole.codes[s : s + CHUNK], whole.present[s : s + CHUNK]).numpy() for s in starts]
    return np.concatenate(parts, axis=1).astype(np.float64)
