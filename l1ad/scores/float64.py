"""Evaluate a network in float64 with its own types: the framework's arithmetic for firmware whose types QKeras does not have.

Weights, inputs and every step are numbers, quantised by ``FixedPoint.quantise`` from floats, not integer codes: a second route beside the
integer implementations. Every step is exact while no intermediate needs more than the 53 bits of a float64's significand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FLOAT64_BITS, IntArray
from l1ad.core.network import Network
from l1ad.graph import lower
from l1ad.graph.run_float import evaluate_float
from l1ad.ranges import prove

#: Events at a time.
CHUNK = 8192


def float64_outputs(network: Network, x_hw: NDArray[Any]) -> IntArray:
    """Evaluate a network's layers.

    Args:
        network: the network.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        Codes of the layers that the score reads, one behind the other, int64, shape ``(n_events, n_out)``.

    Raises:
        LayoutError: the events do not fit the layout.
        ConversionError: a step may need more than 53 bits.
    """
    network.layout.check(x_hw, "Events to evaluate")
    _require_exact(network)
    graph = lower(network)
    grids = np.array([type_.fractional for name in network.read_layers for type_ in network.types_of(name)])
    out = np.empty((len(x_hw), len(grids)), dtype=np.int64)
    for start in range(0, len(x_hw), CHUNK):
        part = slice(start, start + CHUNK)
        values = evaluate_float(graph, x_hw[part])
        read = np.concatenate([values[f"{name}.output"] for name in network.read_layers], axis=1)
        out[part] = np.ldexp(read, grids).astype(np.int64)
    return out


def _require_exact(network: Network) -> None:
    for node in prove(network):
        if node.intermediate.bit_length() > FLOAT64_BITS:
            raise ConversionError(
                f"Node {node.node!r} may need {node.intermediate.bit_length()} bits, float64 has {FLOAT64_BITS}; use narrower types before it."
            )
