"""Compile training: one XLA call an epoch, over integers held in memory, for several networks side by side.

Stock ``model.fit`` pays for Python, for the input pipeline and for a graph of small operations at every step. Here the whole
epoch is one compiled loop: gather, scale, forward, backward, Adam and the moving average.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED
from l1ad.core.scaling import Scaling
from l1ad.graph import Graph as ExactGraph
from l1ad.training.distillation import distillation_loss
from l1ad.training.embedding import Step, pair_loss, reconstruction_loss
from l1ad.training.events import Events
from l1ad.training.forward import forward
from l1ad.training.interpret import evaluate_tensors
from l1ad.training.losses import LossSpec, event_loss
from l1ad.training.lowered import Inputs, lower_training_inputs, lower_training_score
from l1ad.training.plan import LayerTypes, Plan

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-7  # Adam's constants, as in Keras
#: Events a validation step takes at most.
VALIDATION_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Graph:
    """What the compiled functions are made for.

    Attributes:
        plan: the layers.
        types: of each chip layer's quantised values, one for each network; none to train in float.
        loss: the loss.
        layout: the columns.
        scaling: hardware integers to the input type.
        average: decay of the moving average.
        distil: how much the distance to the events' target scores counts against the loss itself; 1 is all, 0 nothing.
        normalised: whether hidden layers are normalised over each batch.
        step: which layers are trained, and on what.
    """

    plan: Plan
    loss: LossSpec
    layout: ObjectLayout
    scaling: Scaling
    types: tuple[tuple[LayerTypes, ...], ...]
    average: float
    distil: float = 0.0
    normalised: bool = False
    step: Step = Step.WHOLE

    @property
    def trained(self) -> tuple[int, ...]:
        """Numbers of the layers whose weights change."""
        plan = self.plan
        return tuple(i for i, layer in enumerate(plan.layers) if not layer.fixed and self.step.trains(i, plan.n_encoder))

    @property
    def quantised(self) -> bool:
        """Whether chip layers have their quantised values."""
        return bool(self.types)

    @property
    def inputs(self) -> Inputs:
        """Lowered scaling."""
        return lower_training_inputs(self.layout, self.scaling, rounded=self.quantised)

    @property
    def score(self) -> ExactGraph:
        """Lowered score of the chip."""
        plan, loss = self.plan, self.loss
        return lower_training_score(plan.score, plan.chip_outputs, self.layout, self.scaling, loss.columns, cyclic=loss.cyclic)

    @property
    def noisy(self) -> bool:
        """Whether a variational encoder's latent values are drawn."""
        return self.plan.variational and self.distil < 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """Events as tensors: the codes that the input type's cast reads, presence bits, weights, target scores, and the codes of other views."""

    codes: Any
    present: Any
    weight: Any
    target: Any
    n_events: int
    pair: Any = None


def make_table(tf: Any, graph: Graph, events: Events) -> Table:
    """Put events into memory as integers.

    Args:
        tf: TensorFlow.
        graph: whose layout and scaling.
        events: the events.
    """
    x_hw = np.asarray(events.x_hw)
    target = np.zeros((1, len(x_hw))) if events.target is None else events.target
    codes, present = graph.inputs.tabulated(x_hw)
    weight, target = (tf.constant(v.astype(np.float32)) for v in (events.weight, target))
    pair = None if events.pair is None else tf.constant(graph.inputs.tabulated(events.pair)[0])
    return Table(tf.constant(codes), tf.constant(present), weight, target, len(x_hw), pair)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: scaled inputs and presence ``(n_seeds, n, n_columns)``, weight and target ``(n_seeds, n)``, the scaled inputs of other views."""

    x: Any
    present: Any
    weight: Any
    target: Any
    pair: Any = None


def gather(tf: Any, graph: Graph, table: Table, index: Any) -> Batch:
    """Take events out of a table and scale them.

    Args:
        tf: TensorFlow.
        graph: how to scale.
        table: the events.
        index: event numbers ``(n_seeds, n)``.
    """
    x = _scaled(tf, graph, table.codes, index)
    pair = _scaled(tf, graph, table.pair, index) if graph.step is Step.PAIRS else None
    present = tf.cast(tf.gather(table.present, index), tf.float32)
    one_target = table.target.shape[0] == 1
    target = tf.gather(table.target[0], index) if one_target else tf.gather(table.target, index, batch_dims=1)
    return Batch(x, present, tf.gather(table.weight, index), target, pair)


def _scaled(tf: Any, graph: Graph, codes: Any, index: Any) -> Any:
    inputs = graph.inputs
    values = tf.cast(tf.gather(codes, index), tf.float32) * tf.constant(inputs.unit)
    return evaluate_tensors(tf, inputs.scaled, {inputs.codes: values})[SCALED]


def _losses(tf: Any, graph: Graph, flat: list[Any], masks: list[Any], batch: Batch, noise: Any) -> Any:
    """Return the weighted mean loss of each network, shape ``(n_seeds,)``."""
    n = len(graph.plan.layers)
    weights = [w * m for w, m in zip(flat[:n], masks, strict=True)]
    out = forward(tf, graph.plan, weights, flat[n:], batch.x, noise, graph.types, graph.normalised)
    if graph.step is Step.PAIRS:
        other = forward(tf, graph.plan, weights, flat[n:], batch.pair, noise, graph.types, graph.normalised)
        return pair_loss(tf, out.mean, other.mean, batch.weight)
    if graph.step is Step.RECONSTRUCTION:
        return tf.reduce_mean(batch.weight * reconstruction_loss(tf, out.mean, out.reconstruction), axis=1)
    loss = 0.0
    if graph.distil < 1.0:
        loss += (1.0 - graph.distil) * event_loss(tf, graph.loss, out, batch.x, batch.present)
    if graph.distil > 0.0:
        loss += graph.distil * distillation_loss(tf, graph.plan, graph.score, out, batch)
    return tf.reduce_mean(batch.weight * loss, axis=1)


def compile_epoch(tf: Any, graph: Graph, table: Table) -> Callable[..., Any]:
    """Compile one epoch.

    Args:
        tf: TensorFlow.
        graph: what to train.
        table: the events.

    Returns:
        A function of flat parameters, Adam's moments (two lists), flat averages, masks, event numbers
        ``(n_steps, n_seeds, batch)``, learning rates ``(n_steps,)``, the number of the first step and a seed ``(2,)``; it gives the
        four lists after the epoch and the mean loss ``(n_seeds,)``.
    """
    ranges = _ranges(graph)

    def step(carry: Any, masks: Any, index: Any, rate: Any, number: Any, seed: Any) -> Any:
        flat, first, second, average = carry
        batch = gather(tf, graph, table, index)
        noise = None
        if graph.noisy:
            shape = (*index.shape, graph.plan.latent)
            noise = tf.random.stateless_normal(shape, tf.stack([seed[0], seed[1] + number]))
        with tf.GradientTape() as tape:
            tape.watch(flat)
            losses = _losses(tf, graph, flat, masks, batch, noise)
            total = tf.reduce_sum(losses)
        updated = adam(
            tf,
            flat,
            tape.gradient(total, flat, unconnected_gradients=tf.UnconnectedGradients.ZERO),
            first,
            second,
            rate,
            number,
            ranges,
        )
        return *updated, _averaged(tf, average, updated[0], graph.average, number), losses

    def epoch(flat: Any, first: Any, second: Any, average: Any, masks: Any, index: Any, rates: Any, start: Any, seed: Any) -> Any:
        def body(i: Any, carry: Any, total: Any) -> Any:
            *carry, losses = step(carry, masks, index[i], rates[i], start + i, seed)
            return i + 1, tuple(carry), total + losses

        zero = tf.zeros([index.shape[1]], tf.float32)
        _, carry, total = tf.while_loop(lambda i, *_: i < index.shape[0], body, (0, (flat, first, second, average), zero))
        return *carry, total / float(index.shape[0])

    return tf.function(epoch, jit_compile=True, autograph=False)


def _ranges(graph: Graph) -> list[Any]:
    """Return the range of each parameter's type for each network, 1 where it has none, 0 where it is not trained: steps are taken in parts of it.

    Adam's steps do not depend on the loss' scale; with these they do not depend on a layer's either, and weights of a type with large
    steps move as easily from one to the next as others.
    """
    n, trained = len(graph.plan.layers), graph.trained
    free = [1.0] * (n - len(graph.types))
    weights = [_range([t.weight for t in layer]) for layer in graph.types]
    biases = [_range([t.bias for t in layer]) for layer in graph.types]
    every = [*weights, *free, *biases, *free]
    return [size if i % n in trained else 0.0 for i, size in enumerate(every)]


def _range(types: Sequence[FixedPoint]) -> Any:
    return np.ldexp(1.0, [t.integer - 1 for t in types]).astype(np.float32)[:, np.newaxis, np.newaxis]


def adam(
    tf: Any, flat: Any, gradients: Any, first: Any, second: Any, rate: Any, number: Any, ranges: list[Any]
) -> tuple[Any, Any, Any]:
    """Take one step of Adam (Kingma & Ba, arXiv:1412.6980), in Keras' form: the bias correction is in the rate, not in the moments.

    Args:
        tf: TensorFlow.
        flat: the parameters.
        gradients: of the loss.
        first: first moments.
        second: second moments.
        rate: the learning rate.
        number: number of the step, from 0.
        ranges: factor on each parameter's step.

    Returns:
        Parameters and moments after the step.
    """
    first = [_BETA1 * m + (1.0 - _BETA1) * g for m, g in zip(first, gradients, strict=True)]
    second = [_BETA2 * v + (1.0 - _BETA2) * g * g for v, g in zip(second, gradients, strict=True)]
    t = tf.cast(number + 1, tf.float32)
    scale = rate * tf.sqrt(1.0 - _BETA2**t) / (1.0 - _BETA1**t)
    parts = zip(flat, first, second, ranges, strict=True)
    flat = [p - scale * size * m / (tf.sqrt(v) + _EPSILON) for p, m, v, size in parts]
    return flat, first, second


def _averaged(tf: Any, average: Any, flat: Any, decay: float, number: Any) -> Any:
    """Move the average; early on it follows closely, so that the starting weights are forgotten."""
    t = tf.cast(number, tf.float32)
    keep = tf.minimum(decay, (1.0 + t) / (10.0 + t)) if decay > 0 else 0.0
    return [keep * a + (1.0 - keep) * p for a, p in zip(average, flat, strict=True)]


def compile_validation(tf: Any, graph: Graph, table: Table) -> Callable[[list[Any], list[Any]], FloatArray]:
    """Compile the mean loss over all events of a table, without noise.

    Args:
        tf: TensorFlow.
        graph: what is trained.
        table: the events.

    Returns:
        A function of flat parameters and masks that gives the loss of each network, float64 ``(n_seeds,)``.
    """
    size = -(-table.n_events // -(-table.n_events // VALIDATION_CHUNK))  # chunks of about the same size

    def chunk(flat: Any, masks: Any, start: Any) -> Any:
        index = start + tf.range(size)
        every = tf.tile(tf.minimum(index, table.n_events - 1)[tf.newaxis], [flat[0].shape[0], 1])
        batch = gather(tf, graph, table, every)
        inside = tf.cast(index < table.n_events, tf.float32)  # beyond the last event: the last one again, without weight
        return _losses(tf, graph, flat, masks, replace(batch, weight=batch.weight * inside), None)

    compiled = tf.function(chunk, jit_compile=True, autograph=False)

    def validate(flat: list[Any], masks: list[Any]) -> FloatArray:
        parts = [compiled(flat, masks, tf.constant(s)).numpy() for s in range(0, table.n_events, size)]
        return np.sum(np.array(parts, dtype=np.float64), axis=0) * (size / table.n_events)

    return validate
