"""Turn trained weights into the exact integer network, and the float baseline into the float reference."""

from __future__ import annotations

import numpy as np

from l1ad.core.digits import nearest_of_digits
from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Dense
from l1ad.core.scaling import Scaling
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.training.plan import LayerTypes, Plan
from l1ad.training.state import Array, Parameters
from l1ad.training.windows import every_place, spread


def extract_layers(plan: Plan, parameters: Parameters, seed_index: int = 0) -> tuple[Dense, ...]:
    """Quantise the chip layers of one network to integers: they compute what the training graph computed, exactly.

    Args:
        plan: the training graph.
        parameters: trained weights.
        seed_index: which of the networks.
    """
    layers = []
    for i in range(plan.n_chip):
        types = plan.layers[i].types
        assert types is not None  # the plan gives every chip layer its types
        weight, bias = _arrays(plan, parameters, i, _chip_outputs(plan, i), seed_index)
        layers.append(
            Dense(
                plan.layers[i].name,
                weight_integers(types, weight),
                types.weight,
                types.bias.to_int(bias),
                types.bias,
                plan.layers[i].activation,
                types.output,
            )
        )
    return tuple(layers)


def weight_integers(types: LayerTypes, weight: Array) -> IntArray:
    """Round weights to their type and to the signed digits they may have, as the training graph does; same shape."""
    whole = types.weight.to_int(weight)
    if types.digits is None:
        return whole
    return nearest_of_digits(types.weight.width, types.weight.signed, types.digits)[whole - types.weight.min_int]


def extract_float(
    plan: Plan, layout: ObjectLayout, scaling: Scaling, score: FloatScore, parameters: Parameters, seed_index: int = 0
) -> FloatNetwork:
    """Take the layers the score needs out of the float baseline, in float64."""
    layers = tuple(float_layer(plan, parameters, i, _chip_outputs(plan, i), seed_index) for i in range(plan.n_chip))
    return FloatNetwork(layout, scaling, layers, score)


def float_layer(plan: Plan, parameters: Parameters, index: int, n_out: int, seed_index: int) -> FloatDense:
    """Take one layer of one network, in float64, with the first ``n_out`` of its outputs."""
    layer, (weight, bias) = plan.layers[index], _arrays(plan, parameters, index, n_out, seed_index)
    return FloatDense(layer.name, weight.astype(np.float64), bias.astype(np.float64), layer.activation)


def _chip_outputs(plan: Plan, index: int) -> int:
    return plan.chip_outputs if index == plan.n_chip - 1 else plan.layers[index].n_out


def _arrays(plan: Plan, parameters: Parameters, index: int, n_out: int, seed_index: int) -> tuple[Array, Array]:
    layer = plan.layers[index]
    weight, bias = parameters.weights[index][seed_index], parameters.biases[index][seed_index][0]
    return spread(layer.kernel, weight[np.newaxis])[0, :, :n_out], every_place(layer.kernel, bias)[:n_out]
