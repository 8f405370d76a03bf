"""Prune by importance on the polynomial schedule of tensorflow-model-optimization, on weights of several networks at once.

The library's own wrapper changes Keras layers and cannot go through the compiled epoch; its schedule is used here as it is. Its rule (per
layer, the smallest magnitudes go) is not: it does not see that an input hardly varies or that nothing listens to a neuron.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from l1ad.core.fixed import FloatArray
from l1ad.core.network import Activation
from l1ad.training.plan import Plan
from l1ad.training.state import Array, Parameters
from l1ad.training.windows import every_place, gathered
from l1ad.training.windows import spread as spread_kernel


@dataclass(frozen=True, slots=True)
class PruningSchedule:
    """Which sparsity each epoch has: 0 until ``begin``, then cubic (Zhu & Gupta, arXiv:1710.01878) from ``start`` to ``target`` at ``end``."""

    target: float
    begin: int
    end: int
    start: float = 0.0

    def sparsity(self, epoch: int) -> float:
        """Return the sparsity of an epoch, numbered from 0."""
        if epoch < self.begin or self.target == 0:
            return 0.0
        done = min(1.0, (epoch - self.begin) / max(1, self.end - self.begin))
        return self.target - (self.target - self.start) * (1.0 - done) ** 3


NO_PRUNING = PruningSchedule(0.0, 0, 1)


def full_masks(parameters: Parameters) -> list[Array]:
    """Return masks that keep everything."""
    return [np.ones_like(w) for w in parameters.weights]


def importance_masks(
    plan: Plan, parameters: Parameters, sparsity: float, spread: Sequence[FloatArray], layers: Sequence[int] | None = None
) -> list[Array]:
    """Mask the least important weights of the chip layers but the last, which is small and carries the score.

    A weight's importance is how much it moves the outputs: its size, times the spread of what it multiplies, times the size of the ways
    that lead on from its neuron; of a kernel's, added up over the places where it is used. Weights of inputs that never vary go first and are
    not counted in the sparsity.

    Args:
        plan: says which layers are on the chip; only those are pruned.
        parameters: the weights.
        sparsity: part of the weights of these layers together, without those of inputs that never vary, that goes.
        spread: standard deviation of what each layer is given, ``(n_seeds, n_in)`` each.
        layers: the layers that are trained, whose weights may go; None for all.

    Returns:
        1 for kept and 0 for pruned, shapes of the weights.
    """
    chip = plan.layers[: plan.n_chip]
    pruned = [i for i in range(max(1, len(chip) - 1)) if not chip[i].fixed and (layers is None or i in layers)]
    matrices = [spread_kernel(layer.kernel, w.astype(np.float64)) for layer, w in zip(chip, parameters.weights, strict=False)]
    masks = full_masks(parameters)
    every = [
        gathered(
            chip[i].kernel, np.abs(matrices[i]) * spread[i][:, :, np.newaxis] * _onward(matrices[i + 1 :], matrices[-1].shape)
        )
        for i in pruned
    ]
    varies = [
        gathered(chip[i].kernel, np.broadcast_to(spread[i][:, :, np.newaxis] > 0, matrices[i].shape) * 1.0) > 0 for i in pruned
    ]
    for seed in range(parameters.n_seeds):
        live, alive = [one[seed] for one in every], [one[seed] for one in varies]
        together = np.sort(np.concatenate([np.empty(0), *(one[there] for one, there in zip(live, alive, strict=True))]))
        least = together[min(round(len(together) * sparsity), len(together) - 1)] if len(together) else 0.0
        for i, one, there in zip(pruned, live, alive, strict=True):
            masks[i][seed] = (one >= least) & there
    return masks


def _onward(matrices: Sequence[FloatArray], last: tuple[int, ...]) -> FloatArray:
    """Return the size of the ways from each neuron of a layer to the chip's outputs, ``(n_seeds, 1, n_out)``.

    Args:
        matrices: of the layers behind it.
        last: shape of the last layer's matrix.
    """
    size = np.ones((last[0], last[2], 1))
    for matrix in reversed(matrices):
        size = np.sqrt(np.square(matrix) @ np.square(size))
    return size.swapaxes(1, 2)


def spreads(plan: Plan, parameters: Parameters, x: FloatArray) -> list[FloatArray]:
    """Measure the standard deviation of what each chip layer is given, in float.

    Args:
        plan: the layers.
        parameters: their weights.
        x: scaled inputs, ``(n_events, n_columns)``.

    Returns:
        One ``(n_seeds, n_in)`` a layer.
    """
    values = np.broadcast_to(x, (parameters.n_seeds, *x.shape))
    found = []
    for layer, weight, bias in zip(plan.layers[: plan.n_chip], parameters.weights, parameters.biases, strict=False):
        found.append(values.std(axis=1))
        values = values @ spread_kernel(layer.kernel, weight) + every_place(layer.kernel, bias)
        if layer.activation is Activation.RELU:
            values = np.maximum(values, 0.0)
    return found
