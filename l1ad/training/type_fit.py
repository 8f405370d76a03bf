"""Fit a float network to its fixed-point types and the open types to the network, without changing what it computes.

A ReLU passes positive factors: what a hidden neuron is multiplied by, the next layer's weights are divided by (Nagel et al.,
arXiv:1906.04721). With that freedom every hidden neuron is brought to fill its output type, and every layer's weights to fill
theirs; the fewest integer bits that hold them are chosen where the configuration leaves them open.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Activation
from l1ad.training.plan import LayerPlan, LayerTypes, Plan
from l1ad.training.state import Parameters
from l1ad.training.windows import every_place, spread

#: Part of a hidden neuron's values that must lie in its output type's range.
ACTIVATIONS_COVERED = 0.9995
#: Part of a layer's weights that must lie in their type's range.
WEIGHTS_COVERED = 0.98
#: A neuron that is (almost) never active is taken to be this part of the layer's median.
LEAST_ACTIVE = 0.05
#: Least part of an output type of no integer bits that is filled: there are none below 0, and each layer would fill less than the one before.
LEAST_FILLED = 0.25


def fitted(plan: Plan, parameters: Parameters, x: Any) -> tuple[tuple[Plan, ...], Parameters]:
    """Fit weights and open types to each other, for each network by itself.

    Args:
        plan: the graph, with open types.
        parameters: float weights.
        x: scaled inputs to measure on, float, shape ``(n_events, n_columns)``.

    Returns:
        The graph with all types chosen, one for each network, and parameters of the same float function.
    """
    weights = [w.astype(np.float64) for w in parameters.weights]
    biases = [b.astype(np.float64) for b in parameters.biases]
    values = np.broadcast_to(np.asarray(x, dtype=np.float64), (parameters.n_seeds, *x.shape))
    plans = [list(plan.layers) for _ in range(parameters.n_seeds)]
    carried: FloatArray | None = None
    for i, layer in enumerate(plan.layers[: plan.n_chip]):
        if carried is not None and not layer.fixed:
            weights[i], carried = weights[i] / _rows(carried, layer), None
        values = values @ spread(layer.kernel, weights[i]) + every_place(layer.kernel, biases[i])
        if layer.types is None:
            continue
        if layer.activation is Activation.RELU:
            values = np.maximum(values, 0.0)
            if not layer.fixed:
                top = np.quantile(values, ACTIVATIONS_COVERED, axis=1, keepdims=True)
                carried = _factors(layer.types, weights[i], _of_channels(top, layer))
                weights[i], biases[i], values = (
                    weights[i] * carried,
                    biases[i] * carried,
                    values * every_place(layer.kernel, carried),
                )
        elif plan.variational and i == plan.n_encoder - 1:
            values = values[..., : plan.latent]
        for chosen, weight, bias, value in zip(plans, weights[i], biases[i], values, strict=True):
            chosen[i] = replace(layer, types=_chosen(layer.types, weight, bias, value))
    return tuple(replace(plan, layers=tuple(chosen)) for chosen in plans), Parameters.from_flat([*weights, *biases])


def _of_channels(values: FloatArray, layer: LayerPlan) -> FloatArray:
    """Take the largest over a channel's places, ``(n_seeds, 1, channels)``."""
    return values.reshape(len(values), -1, layer.shape[1]).max(axis=1, keepdims=True)


def _rows(factor: FloatArray, layer: LayerPlan) -> FloatArray:
    """Return the factor of what each row of a kernel reads, ``(n_seeds, rows, 1)``: channels follow one another in every position."""
    return np.tile(factor, layer.shape[0] // factor.shape[2]).swapaxes(1, 2)


def _factors(types: LayerTypes, weight: FloatArray, top: FloatArray) -> FloatArray:
    """Return the factor of each hidden neuron or channel, ``(n_seeds, 1, channels)``: equal ranges within a layer, weights that fill their type."""
    floor = LEAST_ACTIVE * np.array([[[np.median(t[t > 0]) if (t > 0).any() else 1.0]] for t in top])
    relative = 1.0 / np.maximum(top, floor)
    if "output" not in types.open:
        return relative * types.output.max
    largest = np.quantile(np.abs(weight * relative), WEIGHTS_COVERED, axis=(1, 2), keepdims=True)
    filling = types.weight.max / np.maximum(largest, 1e-9)
    return relative * (np.maximum(filling, LEAST_FILLED) if "weight" in types.open else filling)


def _chosen(types: LayerTypes, weight: FloatArray, bias: FloatArray, values: FloatArray) -> LayerTypes:
    spread = float(np.quantile(np.abs(weight), WEIGHTS_COVERED))
    top = float(np.quantile(values, ACTIVATIONS_COVERED, axis=0).max())
    needed = {"weight": spread, "bias": float(np.abs(bias).max()), "output": top}
    chosen: dict[str, Any] = {
        name: with_integer(getattr(types, name), largest) for name, largest in needed.items() if name in types.open
    }
    return replace(types, open=frozenset(), **chosen)


def with_integer(type_: FixedPoint, largest: float) -> FixedPoint:
    """Return a type of the same width with the fewest integer bits (at least none) that hold a magnitude.

    Args:
        type_: width, sign and modes.
        largest: the magnitude; a hair above a power of two does not cost a bit.
    """
    integer = max(0, math.ceil(math.log2(max(largest, 2.0**-30)) - 0.05))
    return replace(type_, integer=integer + int(type_.signed))
