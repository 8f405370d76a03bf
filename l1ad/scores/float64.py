"""Evaluate a network in float64 with its own types: the framework's arithmetic for firmware whose types QKeras does not have.

Weights, inputs and every step are numbers, quantised by ``FixedPoint.quantise`` from floats, not integer codes: a second route beside the
integer implementations. Every step is exact while no intermediate needs more than the 53 bits of a float64's significand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.network import Activation, Dense, Network
from l1ad.ranges import prove

#: Bits of significand of a float64.
BITS = 53
#: Events at a time.
CHUNK = 8192


def float64_outputs(network: Network, x_hw: NDArray[Any]) -> IntArray:
    """Evaluate a network's layers.

    Args:
        network: the network.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        Codes of the last layer's output, int64, shape ``(n_events, n_out)``.

    Raises:
        LayoutError: the events do not fit the layout.
        ConversionError: a step may need more than 53 bits.
    """
    network.layout.check(x_hw, "Events to evaluate")
    _require_exact(network)
    out = np.empty((len(x_hw), network.layers[-1].n_out), dtype=np.int64)
    for start in range(0, len(x_hw), CHUNK):
        part = slice(start, start + CHUNK)
        out[part] = _codes(_evaluate(network, np.asarray(x_hw[part], dtype=np.int64)), network.layers[-1].output)
    return out


def _require_exact(network: Network) -> None:
    for node in prove(network):
        if node.intermediate.bit_length() > BITS:
            raise ConversionError(
                f"Node {node.node!r} may need {node.intermediate.bit_length()} bits, float64 has {BITS}; use narrower types before it."
            )


def _codes(values: FloatArray, type_: FixedPoint) -> IntArray:
    return np.asarray(np.ldexp(values, type_.fractional), dtype=np.int64)


def _evaluate(network: Network, x_hw: IntArray) -> FloatArray:
    values = network.scaling.type.quantise(network.scaling.apply_float(network.layout, x_hw))
    for layer in network.layers:
        values = _quantised(_sum(layer, values), layer.result)
        if layer.activation is Activation.RELU:
            values = np.maximum(values, 0.0)
        values = layer.output.quantise(values)
    return values


def _quantised(values: FloatArray, type_: FixedPoint | None) -> FloatArray:
    return values if type_ is None else type_.quantise(values)


def _sum(layer: Dense, values: FloatArray) -> FloatArray:
    weight, bias = layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias)
    if layer.accumulator is None:
        return values @ weight + bias
    total = np.tile(layer.accumulator.quantise(bias), (len(values), 1))
    for i, row in enumerate(weight):
        total += layer.accumulator.quantise(values[:, i : i + 1] * row)
    return layer.accumulator.quantise(total)
