"""Compute the training loss: reconstruction with cyclic phi and absent objects left out, and the Kullback-Leibler term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.model import TrainingConfig
from l1ad.core.errors import ConfigError, nearest
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Score
from l1ad.core.scaling import Scaling
from l1ad.graph import Graph
from l1ad.training.forward import Forward
from l1ad.training.interpret import evaluate_tensors
from l1ad.training.lowered import OUTPUT, lower_training_difference

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LossSpec:
    """Describe the loss of one event.

    It is ``sum_c w_c m_c d_c**2 / sum_c w_c`` for an autoencoder (the mean squared error), and
    ``0.5 sum_c w_c m_c d_c**2 + beta KL`` for a variational one (the negative evidence lower bound with unit variance, Kingma & Welling,
    arXiv:1312.6114, appendix B; ``beta`` as in Higgins et al., ICLR 2017), with ``d`` the difference of scaled input and reconstruction.

    Attributes:
        column_weight: ``w``: 0 for columns that carry nothing, else the object's weight; shape ``(n_columns,)``.
        columns: the columns that take part.
        cyclic: whether ``d`` is folded once into half a turn for phi columns.
        difference: the graph of ``d``.
        masked: whether absent objects are left out; else ``m`` is 1.
        beta: weight of the Kullback-Leibler term.
        bound: where a decoder off the chip bounds its output by ``bound * tanh(y / bound)``; 0 for no bound. ``(n_columns,)``.
    """

    column_weight: Array
    columns: tuple[int, ...]
    cyclic: bool
    difference: Graph
    masked: bool
    beta: float
    bound: Array


def loss_spec(
    training: TrainingConfig, score: Score, cyclic: bool, layout: ObjectLayout, scaling: Scaling, columns: tuple[int, ...]
) -> LossSpec:
    """Make the loss from the configuration.

    Args:
        training: the training section.
        score: the score on the chip.
        cyclic: whether phi differences are folded.
        layout: the columns.
        scaling: offset and shift of each.
        columns: the columns that take part.

    Raises:
        ConfigError: a weight for an object that the layout does not have, or a bound for a decoder on the chip.
    """
    kinds = {slot.kind for slot in layout.slots}
    for kind in training.object_weights:
        if kind not in kinds:
            raise ConfigError(
                f"Key 'training.object_weights' names {kind!r}, which layout {layout.name!r} does not have; {nearest(kind, kinds)}"
            )
    if training.bounded_outputs and score.is_reconstruction:
        raise ConfigError(
            "Key 'training.bounded_outputs' needs a tanh and score "
            f"{score.value!r} puts the decoder on the chip; leave it out: there the output type's saturation is the bound."
        )
    weight = [training.object_weights.get(c.kind, 1.0) if i in columns else 0.0 for i, c in enumerate(layout.columns)]
    bound = [scaling.type.max if training.bounded_outputs and c.feature != "pt" else 0.0 for c in layout.columns]
    masked = score.formula.masked or not score.is_reconstruction if training.loss == "auto" else training.loss == "masked_mse"
    f32 = np.float32
    difference = lower_training_difference(layout, scaling, cyclic=cyclic)
    return LossSpec(np.array(weight, f32), columns, cyclic, difference, masked, training.beta, np.array(bound, f32))


def event_loss(tf: Any, spec: LossSpec, out: Forward, x: Any, present: Any) -> Any:
    """Compute the loss of every event.

    Args:
        tf: TensorFlow.
        spec: the loss.
        out: the network's values, axes (network, event, value).
        x: scaled inputs, ``(n_seeds, n_events, n_columns)``.
        present: 1 where the column's object is present, same shape.

    Returns:
        Shape ``(n_seeds, n_events)``.
    """
    weight = tf.constant(spec.column_weight) * present if spec.masked else tf.constant(spec.column_weight)
    squared = tf.reduce_sum(weight * difference(tf, spec, x, out.reconstruction) ** 2, axis=-1)
    if out.log_variance is None:
        return squared / float(max(spec.column_weight.sum(), 1e-6))
    return 0.5 * squared + spec.beta * divergence(tf, out)


def difference(tf: Any, spec: LossSpec, x: Any, y: Any) -> Any:
    """Subtract the reconstruction, phi folded into half a turn."""
    if spec.bound.any():
        bound = np.where(spec.bound > 0, spec.bound, 1.0)
        y = tf.where(tf.constant(spec.bound > 0), bound * tf.tanh(y / bound), y)
    return evaluate_tensors(tf, spec.difference, {SCALED: x, OUTPUT: y})["difference"]


def divergence(tf: Any, out: Forward) -> Any:
    """Compute the Kullback-Leibler divergence to the unit Gaussian, shape ``(n_seeds, n_events)``."""
    terms = out.mean**2 + tf.exp(out.log_variance) - out.log_variance - 1.0
    return 0.5 * tf.reduce_sum(terms, axis=-1)
