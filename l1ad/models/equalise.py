"""Rescale a float network so that quantising it loses little, without changing what it computes.

A ReLU passes positive factors: what a hidden neuron is multiplied by, the next layer's weights are divided by (Nagel et al.,
arXiv:1906.04721). Each neuron is brought to fill its output type's range.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from l1ad.models.plan import Plan
from l1ad.models.state import Parameters
from l1ad.network import Activation

#: Part of a hidden neuron's values that must lie in its output type's range.
COVERED = 0.999
#: Factors are kept in this range: a neuron that is (almost) never active tells nothing about its scale.
LIMITS = (1.0 / 64.0, 64.0)


def equalised(plan: Plan, parameters: Parameters, x: Any) -> Parameters:
    """Fit every hidden chip layer's values into its output type.

    Args:
        plan: the graph.
        parameters: float weights.
        x: scaled inputs to measure on, float, shape ``(n_events, n_columns)``.

    Returns:
        Parameters of the same float function.
    """
    weights, biases = [w.copy() for w in parameters.weights], [b.copy() for b in parameters.biases]
    values = np.broadcast_to(np.asarray(x, dtype=np.float32), (parameters.n_seeds, *x.shape))
    for i, layer in enumerate(plan.layers[: plan.n_chip]):
        values = values @ weights[i] + biases[i]
        if layer.activation is Activation.RELU and layer.types is not None and i + 1 < len(weights):
            values = np.maximum(values, 0.0)
            factor = _factor(np.quantile(values, COVERED, axis=1, keepdims=True), layer.types.output.max)
            weights[i], biases[i], values = weights[i] * factor, biases[i] * factor, values * factor
            weights[i + 1] = weights[i + 1] / factor.swapaxes(1, 2)
        elif plan.variational and i == plan.n_encoder - 1:
            values = values[..., : plan.latent]
    as_float = [np.asarray(a, dtype=np.float32) for a in (*weights, *biases)]
    return Parameters.from_flat(as_float)


def _factor(top: Any, largest: float) -> Any:
    """Give the power of two that brings ``top`` just below ``largest``."""
    safe = np.where(top > 0, top, largest)
    return np.clip(2.0 ** np.floor(np.log2(largest / safe)), *LIMITS).astype(np.float32)
