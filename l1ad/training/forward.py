"""Compute the autoencoder in the training graph, for several networks side by side, in float or with QKeras' exact values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation
from l1ad.qkeras.quantisers import quantise
from l1ad.training.normalisation import EPSILON, is_normalised
from l1ad.training.plan import LayerPlan, LayerTypes, Plan


@dataclass(frozen=True, slots=True)
class Forward:
    """Hold what the loss looks at; tensors with axes (network, event, value).

    Attributes:
        mean: the latent values (of a variational encoder the means).
        log_variance: None for a plain autoencoder.
        reconstruction: the decoder's output.
    """

    mean: Any
    log_variance: Any
    reconstruction: Any


def scaled_input(tf: Any, counts: Any, factor: Any, type_: FixedPoint, quantised: bool) -> Any:
    """Scale offset-subtracted counts and round or only saturate them to the input type.

    Args:
        tf: TensorFlow.
        counts: integers, offset subtracted, axes (…, column).
        factor: ``2 ** -shift`` of each column, float32.
        type_: the input type.
        quantised: whether to round.
    """
    x = tf.cast(counts, tf.float32) * factor
    return quantise(tf, x, type_) if quantised else tf.clip_by_value(x, type_.min, type_.max)


def forward(
    tf: Any,
    plan: Plan,
    weights: list[Any],
    biases: list[Any],
    x: Any,
    noise: Any,
    types: Sequence[Sequence[LayerTypes]] = (),
    normalised: bool = False,
) -> Forward:
    """Compute encoder and decoder.

    Args:
        tf: TensorFlow.
        plan: the graph.
        weights: one tensor a layer, ``(n_seeds, n_in, n_out)``.
        biases: ``(n_seeds, 1, n_out)``.
        x: scaled inputs, ``(n_seeds, n_events, n_columns)``.
        noise: unit normal numbers ``(n_seeds, n_events, latent)``, or None to decode the means.
        types: of each chip layer's values, one for each network; none for float values.
        normalised: whether hidden layers are normalised over the events given.
    """
    values = x
    mean = log_variance = None
    for i, layer in enumerate(plan.layers):
        values = _dense(
            tf, layer, weights[i], biases[i], values, types[i] if i < len(types) else (), normalised and is_normalised(layer)
        )
        if i == plan.n_encoder - 1:
            mean, log_variance = values, None
            if plan.variational:
                mean, log_variance = values[..., : plan.latent], tf.clip_by_value(values[..., plan.latent :], -8.0, 8.0)
                values = mean if noise is None else mean + noise * tf.exp(0.5 * log_variance)
    return Forward(mean, log_variance, values)


def _dense(tf: Any, layer: LayerPlan, weight: Any, bias: Any, x: Any, types: Sequence[LayerTypes], normalised: bool) -> Any:
    if types:
        weight = quantise(tf, weight, [t.weight for t in types], keep_gradient=True)
        bias = quantise(tf, bias, [t.bias for t in types], keep_gradient=True)
    values = tf.matmul(x, weight)
    if normalised:
        mean, variance = tf.nn.moments(values, axes=[1], keepdims=True)
        values = (values - mean) * tf.math.rsqrt(variance + EPSILON)
    values += bias
    if layer.activation is Activation.RELU:
        values = tf.nn.relu(values)
    if not types:
        return values
    return quantise(tf, values, [t.output for t in types], keep_gradient=layer.activation is Activation.LINEAR)
