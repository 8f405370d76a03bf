"""Prune by magnitude on the polynomial schedule of tensorflow-model-optimization, on weights of several networks at once.

The library's own wrapper changes Keras layers and cannot go through the compiled epoch; its schedule and its rule (per layer, the
smallest magnitudes go) are used here as they are, and a test compares the masks with the library's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l1ad.training.plan import Plan
from l1ad.training.state import Array, Parameters


@dataclass(frozen=True, slots=True)
class PruningSchedule:
    """Say which sparsity each epoch has: 0 until ``begin``, then cubic (Zhu & Gupta, arXiv:1710.01878) to ``target`` at ``end``."""

    target: float
    begin: int
    end: int

    def sparsity(self, epoch: int) -> float:
        """Give the sparsity of an epoch, numbered from 0."""
        if epoch < self.begin or self.target == 0:
            return 0.0
        done = min(1.0, (epoch - self.begin) / max(1, self.end - self.begin))
        return self.target * (1.0 - (1.0 - done) ** 3)


NO_PRUNING = PruningSchedule(0.0, 0, 1)


def full_masks(parameters: Parameters) -> list[Array]:
    """Give masks that keep everything."""
    return [np.ones_like(w) for w in parameters.weights]


def magnitude_masks(plan: Plan, parameters: Parameters, sparsity: float) -> list[Array]:
    """Mask the smallest weights of every chip layer but the last, which is small and carries the score.

    Args:
        plan: says which layers are on the chip; only those are pruned.
        parameters: the weights.
        sparsity: part of each layer's weights that goes.

    Returns:
        1 for kept and 0 for pruned, shapes of the weights.
    """
    pruned = max(1, plan.n_chip - 1)
    return [_mask(w, sparsity if i < pruned else 0.0) for i, w in enumerate(parameters.weights)]


def _mask(weight: Array, sparsity: float) -> Array:
    flat = np.abs(weight).reshape(len(weight), -1)
    n_kept = round(flat.shape[1] * (1.0 - sparsity))
    if n_kept == flat.shape[1]:
        return np.ones_like(weight)
    threshold = np.sort(flat, axis=1)[:, ::-1][:, max(0, n_kept - 1), None]
    return (flat >= threshold).astype(np.float32).reshape(weight.shape)
