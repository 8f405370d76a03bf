"""Evaluate the float reference and its score in float64: the physics that the integers are compared with.

The graph of ``l1ad.graph.lower_float``: the chip's operations without a type at any step; scores are sums, not means.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.core.network import SCALED
from l1ad.core.trained import FloatNetwork
from l1ad.graph.lower_float import lower_float, weights_of
from l1ad.graph.run_float import evaluate_float

#: Events evaluated at a time.
CHUNK = 65_536


def float_outputs(network: FloatNetwork, x_hw: NDArray[Any]) -> FloatArray:
    """Evaluate the layers.

    Args:
        network: the float reference.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        The last layer's output, float64 ``(n_events, n_out)``.

    Raises:
        LayoutError: the events do not fit the network's layout.
    """
    network.layout.check(x_hw, "Events to evaluate")
    name, n = f"{network.layers[-1].name}.output", len(network.layers[-1].bias)
    return np.concatenate([np.empty((0, n)), *(values[name] for values in _evaluated(network, x_hw))])


def scaled_float(network: FloatNetwork, x_hw: NDArray[Any]) -> FloatArray:
    """Scale hardware integers without rounding; held in the input type's range where the network says so."""
    return np.concatenate([np.empty((0, network.layout.n_columns)), *(values[SCALED] for values in _evaluated(network, x_hw))])


def _evaluated(network: FloatNetwork, x_hw: NDArray[Any]) -> Iterator[dict[str, FloatArray]]:
    graph, weights = lower_float(network), weights_of(network)
    for start in range(0, len(x_hw), CHUNK):
        yield evaluate_float(graph, np.asarray(x_hw[start : start + CHUNK]), weights=weights)


def float_scores(network: FloatNetwork, x_hw: NDArray[Any]) -> FloatArray:
    """Compute the score of every event in float64.

    Args:
        network: the float reference.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        float64, shape ``(n_events,)``.

    Raises:
        LayoutError: the events do not fit the network's layout.
    """
    network.layout.check(x_hw, "Events to score")
    return np.concatenate([np.empty(0), *(values["score"][:, 0] for values in _evaluated(network, x_hw))])
