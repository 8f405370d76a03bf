"""Train: run compiled epochs, keep a checkpoint after each, stop when the loss is not a number."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.errors import TrainingError
from l1ad.core.fixed import FloatArray
from l1ad.core.history import Curves
from l1ad.qkeras.runtime import tensorflow
from l1ad.toolchain.progress import progress
from l1ad.training.events import Events
from l1ad.training.lowered import scaled_values
from l1ad.training.normalisation import EVENTS, folded
from l1ad.training.pruning import PruningSchedule, full_masks, importance_masks, spreads
from l1ad.training.state import Array, Parameters, TrainingState, load_state, save_state
from l1ad.training.steps import Graph, compile_epoch, compile_validation, make_table

#: Learning rate at the end of the cosine, as part of the highest.
_FLOOR = 0.01
#: Steps of the warm-up at most; it ends with the first epoch.
_WARM_STEPS = 200


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Duration and learning rates of a training.

    Attributes:
        epochs: epochs in all.
        batch_size: events a step; no more than there are.
        learning_rate: the highest.
        cosine: whether it warms up in the first epoch and then falls by a cosine to 1 %.
        seeds: one for each network.
        pruning: the sparsity of each epoch.
        label: what the progress bar says.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool
    seeds: tuple[int, ...]
    pruning: PruningSchedule
    label: str


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What came out: averaged weights with pruned ones at 0, and the history (per epoch, a value for each seed)."""

    parameters: Parameters
    history: dict[str, list[list[float]]]

    @property
    def curves(self) -> Curves:
        """The history as the artefact holds it."""
        return Curves(**{name: tuple(map(tuple, epochs)) for name, epochs in self.history.items()})


def fit(
    graph: Graph,
    train: Events,
    validation: Events,
    settings: FitSettings,
    start: Parameters,
    checkpoint: Path | None = None,
) -> Fit:
    """Train several networks side by side.

    Args:
        graph: what to train.
        train: training background.
        validation: background for the validation loss.
        settings: how long and how fast.
        start: first weights.
        checkpoint: file that is written after every epoch and read first, if it is there.

    Returns:
        The result: the same whether or not it was killed and started again.

    Raises:
        TrainingError: the loss became NaN or infinite; says when, the checkpoint keeps the last good epoch.
    """
    tf = tensorflow()
    runner = Runner(tf, graph, train, validation, settings)
    state = load_state(checkpoint) if checkpoint is not None else None
    state = state or TrainingState.start(start)
    for epoch in _progress(state.epoch, settings):
        state = runner.epoch(state, epoch)
        _require_finite(state, settings, checkpoint)
        if checkpoint is not None:
            save_state(state, checkpoint)
    masks = runner.masks(state, settings.epochs)
    kept = [w * m for w, m in zip(state.average.weights, masks, strict=True)]
    return Fit(runner.plain(Parameters(tuple(kept), state.average.biases)), state.history)


def _progress(done: int, settings: FitSettings) -> Any:
    return progress(
        range(done, settings.epochs), initial=done, total=settings.epochs, desc=settings.label, unit="epoch", leave=False
    )


def _require_finite(state: TrainingState, settings: FitSettings, checkpoint: Path | None) -> None:
    last = np.array([state.history["loss"][-1], state.history["validation"][-1]])
    if np.isfinite(last).all():
        return
    seed = settings.seeds[int(np.argmax(~np.isfinite(last).all(axis=0)))]
    kept = f"; epoch {state.epoch - 1} is kept in {str(checkpoint)!r}" if checkpoint is not None and checkpoint.exists() else ""
    raise TrainingError(
        f"The loss of seed {seed} became {float(last[0].max())!r} in epoch {state.epoch} of {settings.label}{kept}; "
        f"lower training.learning_rate (now {settings.learning_rate:g})."
    )


class Runner:
    """The compiled functions and the tables of one training; the first epoch compiles."""

    def __init__(self, tf: Any, graph: Graph, train: Events, validation: Events, settings: FitSettings) -> None:
        self._tf, self._graph, self._settings = tf, graph, settings
        self._n_events = len(train.x_hw)
        self._batch = min(settings.batch_size, self._n_events)
        self._steps = self._n_events // self._batch
        self._train, self._validation = train, validation

    @functools.cached_property
    def _epoch(self) -> Any:
        """Compiled epoch; a training that is complete needs none."""
        return compile_epoch(self._tf, self._graph, make_table(self._tf, self._graph, self._train))

    @functools.cached_property
    def _validate(self) -> Any:
        graph = replace(self._graph, normalised=False)
        return compile_validation(self._tf, graph, make_table(self._tf, self._graph, self._validation))

    @functools.cached_property
    def _sample(self) -> FloatArray:
        """Scaled events that pruning and normalisation look at."""
        return scaled_sample(self._graph, self._train)

    def masks(self, state: TrainingState, epoch: int) -> list[Array]:
        """Return the pruning masks of an epoch: they follow from the weights it starts with."""
        sparsity = self._settings.pruning.sparsity(epoch)
        if sparsity == 0:
            return full_masks(state.parameters)
        plan = self._graph.plan
        spread = spreads(plan, state.average, self._sample)
        return importance_masks(plan, state.average, sparsity, spread, self._graph.trained)

    def plain(self, parameters: Parameters) -> Parameters:
        """Return the parameters without normalisation: folded in, if there was one."""
        if not self._graph.normalised:
            return parameters
        plan = self._graph.plan
        noise = np.random.default_rng([0]).standard_normal((len(self._sample), plan.latent)) if self._graph.noisy else None
        return folded(plan, parameters, self._sample, noise)

    def epoch(self, state: TrainingState, epoch: int) -> TrainingState:
        """Train one epoch from a state; depends on nothing else."""
        tf, start = self._tf, epoch * self._steps
        masks = [tf.constant(m) for m in self.masks(state, epoch)]
        carry = [_tensors(tf, v) for v in (state.parameters.flat, state.first, state.second, state.average.flat)]
        rates = tf.constant(learning_rates(self._settings, start, self._steps))
        seed = tf.constant([self._settings.seeds[0], 0], tf.int32)
        *carry, loss = self._epoch(*carry, masks, tf.constant(self._order(epoch)), rates, tf.constant(start), seed)
        flat, first, second, average = ([t.numpy() for t in part] for part in carry)
        history = {name: list(values) for name, values in state.history.items()}
        history["loss"].append(loss.numpy().astype(float).tolist())
        kept = _tensors(tf, self.plain(Parameters.from_flat(average)).flat)
        history["validation"].append(self._validate(kept, masks).tolist())
        return replace(
            state,
            epoch=epoch + 1,
            parameters=Parameters.from_flat(flat),
            first=tuple(first),
            second=tuple(second),
            average=Parameters.from_flat(average),
            history=history,
        )

    def _order(self, epoch: int) -> Array:
        """Shuffle the events for each network: decided by its seed and the epoch alone."""
        orders = [np.random.default_rng([seed, 1, epoch]).permutation(self._n_events) for seed in self._settings.seeds]
        used = np.stack(orders)[:, : self._steps * self._batch].astype(np.int32)
        return used.reshape(len(orders), self._steps, self._batch).swapaxes(0, 1)


def learning_rates(settings: FitSettings, start: int, steps: int) -> FloatArray:
    """Return the learning rate of each step of an epoch.

    Args:
        settings: how fast.
        start: number of the epoch's first step.
        steps: steps of an epoch.

    Returns:
        float32, shape ``(steps,)``.
    """
    if not settings.cosine:
        return np.full(steps, settings.learning_rate, dtype=np.float32)
    step = np.arange(start, start + steps, dtype=np.float64)
    warm = np.minimum(1.0, (step + 1) / min(steps, _WARM_STEPS))
    fall = _FLOOR + (1.0 - _FLOOR) * 0.5 * (1.0 + np.cos(np.pi * step / (settings.epochs * steps)))
    return np.asarray(settings.learning_rate * warm * fall, dtype=np.float32)


def scaled_sample(graph: Graph, events: Events) -> FloatArray:
    """Scale some events, spread over all, as the float network sees them; float64 ``(n, n_columns)``, at most ``2 * EVENTS``."""
    x_hw = events.x_hw[:: max(1, len(events.x_hw) // EVENTS)]
    return scaled_values(graph.layout, graph.scaling, x_hw, rounded=False)


def _tensors(tf: Any, arrays: Any) -> list[Any]:
    return [tf.constant(a) for a in arrays]
