"""Evaluate the float reference and its score in float64: the physics that the integers are compared with.

Formulas are those of ``l1ad.core.network.ScoreSpec`` without a type at any step: sums, not means.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.core.network import Activation, Score
from l1ad.core.trained import FloatNetwork, FloatScore

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
    return _layers(network, scaled_float(network, x_hw))


def scaled_float(network: FloatNetwork, x_hw: NDArray[Any]) -> FloatArray:
    """Scale hardware integers without rounding; held in the input type's range where the network says so."""
    x = network.scaling.apply_float(network.layout, np.asarray(x_hw, dtype=np.int64))
    return np.clip(x, network.scaling.type.min, network.scaling.type.max) if network.saturate else x


def _layers(network: FloatNetwork, values: FloatArray) -> FloatArray:
    for layer in network.layers:
        values = values @ layer.weight + layer.bias
        if layer.activation is Activation.RELU:
            values = np.maximum(values, 0.0)
    return values


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
    parts = [_score(network, np.asarray(x_hw[s : s + CHUNK])) for s in range(0, len(x_hw), CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0)


def _score(network: FloatNetwork, x_hw: NDArray[Any]) -> FloatArray:
    x = scaled_float(network, x_hw)
    y = _layers(network, x)
    if network.score.kind.is_reconstruction:
        return _reconstruction(network, x_hw, x, y)
    return latent_score(network.score, y)


def latent_score(score: FloatScore, outputs: FloatArray) -> FloatArray:
    """Compute a score of the latent values.

    Args:
        score: ``linear`` (the one output), ``latent_l2`` (outputs are means) or ``kl``, ``r_z`` (means, then as many log-variances).
        outputs: shape ``(n_events, n_out)``.

    Returns:
        Shape ``(n_events,)``.
    """
    if score.kind is Score.LINEAR:
        return np.sum(outputs, axis=1)
    if score.kind is Score.LATENT_L2:
        return np.sum(outputs**2, axis=1)
    mean, log_variance = np.split(outputs, 2, axis=1)
    if score.kind is Score.KL:
        return np.sum(mean**2 + np.exp(log_variance) - log_variance - 1.0, axis=1)
    return np.sum(mean**2 * np.exp(-log_variance), axis=1)


def _reconstruction(network: FloatNetwork, x_hw: NDArray[Any], x: FloatArray, y: FloatArray) -> FloatArray:
    columns = list(network.score.columns)
    d = (x - y)[:, columns]
    if network.score.cyclic:
        for i, column in enumerate(columns):
            period = network.layout.phi_period(column)
            if period is not None:
                d[:, i] = _folded(d[:, i], period * 2.0 ** -network.scaling.shift[column])
    squares = d**2
    if network.score.kind is Score.MASKED_MSE:
        squares *= network.scaling.present(network.layout, x_hw)[:, columns]
    return np.sum(squares, axis=1)


def _folded(d: FloatArray, turn: float) -> FloatArray:
    """Add a turn once to what is below minus half a turn, take one from what is not below half a turn."""
    return d + turn * (d < -turn / 2) - turn * (d >= turn / 2)
