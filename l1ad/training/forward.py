"""Compute the autoencoder in the training graph, for several networks side by side, in float or with QKeras' exact values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from l1ad.core.network import SCALED
from l1ad.training.interpret import Variables, evaluate_tensors
from l1ad.training.lowered import LATENT, LOG_VARIANCE, MEAN, cast_of, lower_layers
from l1ad.training.normalisation import is_normalised
from l1ad.training.plan import LayerTypes, Plan
from l1ad.training.windows import spread_tensor


@dataclass(frozen=True, slots=True)
class Forward:
    """What the loss looks at; tensors with axes (network, event, value).

    Attributes:
        mean: the latent values (of a variational encoder the means).
        log_variance: None for a plain autoencoder.
        reconstruction: the decoder's output.
    """

    mean: Any
    log_variance: Any
    reconstruction: Any


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
        weights: kernels, one tensor a layer, ``(n_seeds, *layer.shape)``.
        biases: ``(n_seeds, 1, channels)``.
        x: scaled inputs, ``(n_seeds, n_events, n_columns)``.
        noise: unit normal numbers ``(n_seeds, n_events, latent)``, or None to decode the means.
        types: of each chip layer's values, one for each network; none for float values.
        normalised: whether hidden layers are normalised over the events given.
    """
    quantised = [one[0].output for one in types]
    encoder, decoder = lower_layers(plan, quantised)
    casts = {cast_of(plan, i): [t.output for t in one] for i, one in enumerate(types)}
    variables = {}
    for i, (layer, weight, bias) in enumerate(zip(plan.layers, weights, biases, strict=True)):
        one = types[i] if i < len(types) else ()
        matrix, spread_bias = spread_tensor(tf, layer.kernel, weight, bias)
        own = [t.weight for t in one], [t.bias for t in one]
        digits = one[0].digits if one else None
        variables[f"{layer.name}.accumulator"] = Variables(matrix, spread_bias, *own, normalised and is_normalised(layer), digits)
    found = evaluate_tensors(tf, encoder, {SCALED: x}, variables, casts)
    mean, log_variance = found[MEAN], found.get(LOG_VARIANCE)
    latent = mean if log_variance is None or noise is None else mean + noise * tf.exp(0.5 * log_variance)
    if decoder is None:
        return Forward(mean, log_variance, latent)
    return Forward(mean, log_variance, evaluate_tensors(tf, decoder, {LATENT: latent}, variables, casts)[decoder.outputs[0]])
