"""The state of a training: its start, and its form on disk, from which a killed training resumes."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.network import Activation
from l1ad.training.plan import Plan

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Weights, kernels where layers have a window, ``(n_seeds, *layer.shape)`` and biases ``(n_seeds, 1, channels)`` of every layer, float32."""

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def flat(self) -> list[Array]:
        """All arrays, weights first."""
        return [*self.weights, *self.biases]

    @classmethod
    def from_flat(cls, arrays: list[Any]) -> Parameters:
        """Undo ``flat``."""
        half = len(arrays) // 2
        values = [np.asarray(a, dtype=np.float32) for a in arrays]
        return cls(tuple(values[:half]), tuple(values[half:]))

    @property
    def n_seeds(self) -> int:
        """The number of networks trained side by side."""
        return int(self.weights[0].shape[0])

    def of_seed(self, index: int) -> Parameters:
        """Take one network out, keeping the leading axis."""
        return Parameters(
            tuple(w[index : index + 1] for w in self.weights),
            tuple(b[index : index + 1] for b in self.biases),
        )


def initial_parameters(plan: Plan, seeds: tuple[int, ...], columns: tuple[int, ...] | None = None) -> Parameters:
    """Draw starting weights: He normal before a ReLU, Glorot normal otherwise; biases 0.

    Args:
        plan: the training graph.
        seeds: one seed for each network.
        columns: the input columns that carry something; weights of others start at 0, where nothing moves them. None for all.
    """
    weights = [np.stack([_initial_weight(plan, i, seed) for seed in seeds]) for i in range(len(plan.layers))]
    if columns is not None and plan.layers[0].kernel is None:
        silent = [i for i in range(plan.layers[0].n_in) if i not in columns]
        weights[0][:, silent] = 0.0
    biases = [np.zeros((len(seeds), 1, layer.shape[1]), dtype=np.float32) for layer in plan.layers]
    return Parameters(tuple(weights), tuple(biases))


def _initial_weight(plan: Plan, index: int, seed: int) -> Array:
    layer = plan.layers[index]
    if layer.kernel is not None and layer.kernel.fixed:
        return layer.kernel.constant()
    random, (n_in, n_out) = np.random.default_rng([seed, index]), layer.shape
    variance = 2.0 / n_in if layer.activation is Activation.RELU else 2.0 / (n_in + n_out)
    return random.normal(0.0, np.sqrt(variance), (n_in, n_out)).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingState:
    """Everything an epoch starts from; with the seed and the epoch's number it decides all that follows.

    Attributes:
        epoch: epochs done.
        parameters: weights now.
        first: Adam's first moments, in the order of ``Parameters.flat``.
        second: Adam's second moments.
        average: moving average of the weights.
        history: per epoch: ``loss`` and ``validation``, a value for each seed.
    """

    epoch: int
    parameters: Parameters
    first: tuple[Array, ...]
    second: tuple[Array, ...]
    average: Parameters
    history: dict[str, list[list[float]]] = field(default_factory=dict)

    @classmethod
    def start(cls, parameters: Parameters) -> TrainingState:
        """Begin with given weights."""
        zeros = tuple(np.zeros_like(a) for a in parameters.flat)
        return cls(0, parameters, zeros, zeros, parameters, {"loss": [], "validation": []})


def save_state(state: TrainingState, path: Path) -> None:
    """Write a checkpoint in one step: whoever is killed leaves the old one or the new one."""
    arrays: dict[str, Any] = {"meta": np.array(json.dumps({"epoch": state.epoch, "history": state.history}))}
    groups = {"p": state.parameters.flat, "m": state.first, "v": state.second, "a": state.average.flat}
    for name, values in groups.items():
        arrays |= {f"{name}{i}": array for i, array in enumerate(values)}
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def load_state(path: Path) -> TrainingState | None:
    """Read a checkpoint; None when there is none."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        meta = json.loads(str(arrays["meta"]))
        n = sum(name.startswith("p") for name in arrays.files)
        groups = {name: [arrays[f"{name}{i}"] for i in range(n)] for name in "pmva"}
    return TrainingState(
        int(meta["epoch"]),
        Parameters.from_flat(groups["p"]),
        tuple(groups["m"]),
        tuple(groups["v"]),
        Parameters.from_flat(groups["a"]),
        meta["history"],
    )
