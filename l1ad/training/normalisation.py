"""Normalise batches while the float network trains, and fold that into weights and biases afterwards.

Every hidden layer computes ``relu((x w - m) / sqrt(v + EPSILON) + b)``, with mean ``m`` and variance ``v`` of the batch (Ioffe &
Szegedy, arXiv:1502.03167). The paper's factor after it is left out: a ReLU passes positive factors, the next layer's weights are that
factor. What is kept is an ordinary dense layer, ``w / sqrt(v + EPSILON)`` and ``b - m / sqrt(v + EPSILON)``, with ``m`` and ``v`` of
the training events for the very weights that are kept (the paper's algorithm 2), not of a moving average over earlier ones.
Quantised training starts from there and never sees a normalisation.
"""

from __future__ import annotations

import numpy as np

from l1ad.core.fixed import FloatArray
from l1ad.core.network import Activation
from l1ad.training.plan import LayerPlan, Plan
from l1ad.training.state import Parameters

#: Added to the variance, as Keras does.
EPSILON = 1e-3
#: Events that mean and variance are taken of.
EVENTS = 16_384


def is_normalised(layer: LayerPlan) -> bool:
    """Return whether a layer is normalised: hidden ones are, the latent and the reconstruction are not."""
    return layer.activation is Activation.RELU


def folded(plan: Plan, parameters: Parameters, x: FloatArray, noise: FloatArray | None = None) -> Parameters:
    """Fold the normalisation into weights and biases, layer by layer.

    Args:
        plan: the training graph.
        parameters: as trained.
        x: scaled inputs, shape ``(n_events, n_columns)``.
        noise: unit normal numbers ``(n_events, latent)`` that a variational encoder's decoder was trained with; None for none.

    Returns:
        Parameters of plain dense layers of the same function on ``x``.
    """
    weights = [w.astype(np.float64) for w in parameters.weights]
    biases = [b.astype(np.float64) for b in parameters.biases]
    values = np.broadcast_to(np.asarray(x, dtype=np.float64), (parameters.n_seeds, *x.shape))
    for i, layer in enumerate(plan.layers):
        sums = values @ weights[i]
        if is_normalised(layer):
            factor = 1.0 / np.sqrt(sums.var(axis=1, keepdims=True) + EPSILON)
            biases[i] -= sums.mean(axis=1, keepdims=True) * factor
            weights[i] *= factor
            sums *= factor
        values = np.maximum(sums + biases[i], 0.0) if is_normalised(layer) else sums + biases[i]
        if i == plan.n_encoder - 1 and plan.variational:
            values = _sampled(plan, values, noise)
    return Parameters.from_flat([*weights, *biases])


def _sampled(plan: Plan, values: FloatArray, noise: FloatArray | None) -> FloatArray:
    mean, log_variance = values[..., : plan.latent], np.clip(values[..., plan.latent :], -8.0, 8.0)
    return mean if noise is None else mean + noise * np.exp(0.5 * log_variance)
