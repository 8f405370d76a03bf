"""Train networks for studies: several seeds side by side, short, on any part of a dataset."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.artefact import writing
from l1ad.core.dataset import Dataset, DatasetWriter, Role, Sample, Split, load_dataset
from l1ad.core.errors import InputError, ModelError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network, Score
from l1ad.core.scoreset import ScoreSet
from l1ad.core.trained import FloatDense, FloatNetwork, TrainedModel
from l1ad.physics.judge import Judge
from l1ad.scores.float_reference import float_outputs, float_scores, scaled_float
from l1ad.scores.performance import Performance
from l1ad.studies.result import as_scores
from l1ad.training.extract import float_layer

#: Events on which the ranges of hidden neurons are measured before rounding.
_RANGE_EVENTS = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Autoencoder:
    """Encoder and decoder in float64, whatever part of them is on the chip.

    Attributes:
        encoder: hardware integers to latent values (of a variational encoder the means).
        decoder: the layers after it.
        bound: where the decoder's output is ``bound * tanh(y / bound)``; 0 for no bound, shape ``(n_columns,)``.
    """

    encoder: FloatNetwork
    decoder: tuple[FloatDense, ...]
    bound: FloatArray

    def latent(self, x_hw: NDArray[Any]) -> FloatArray:
        """Return the latent values, float64 ``(n_events, latent)``."""
        return float_outputs(self.encoder, x_hw)

    def reconstruct(self, x_hw: NDArray[Any]) -> FloatArray:
        """Return the reconstruction in scaled units, float64 ``(n_events, n_columns)``."""
        values = self.latent(x_hw)
        for layer in self.decoder:
            values = values @ layer.weight + layer.bias
            values = np.maximum(values, 0.0) if layer.activation.value == "relu" else values
        limit = np.where(self.bound > 0, self.bound, 1.0)
        return np.where(self.bound > 0, limit * np.tanh(values / limit), values)

    def scaled(self, x_hw: NDArray[Any]) -> FloatArray:
        """Return what the reconstruction is compared with, same units and shape."""
        return scaled_float(self.encoder, x_hw)


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The networks of one training, one a seed.

    Attributes:
        seeds: the seeds.
        networks: the part that gives the score.
        autoencoders: the whole; none of the robust recipe, whose networks learn a score and have no decoder of their own.
        validation_loss: the last one of each.
        rounded: gives a seed's network with the types of the configuration, rounded and not trained for that.
    """

    seeds: tuple[int, ...]
    networks: tuple[FloatNetwork, ...]
    autoencoders: tuple[Autoencoder, ...]
    validation_loss: tuple[float, ...]
    rounded: Callable[[int], Network]

    @property
    def best(self) -> int:
        """The number of the network with the smallest validation loss: no signal is looked at."""
        return int(np.argmin(self.validation_loss))

    def scores(self, dataset: Dataset, rows: IntArray, index: int) -> ScoreSet:
        """Return one network's scores of some events."""
        values = float_scores(self.networks[index], np.asarray(dataset.x_hw[rows]))
        return as_scores(dataset, values, rows, f"seed {self.seeds[index]}")

    def performances(self, judge: Judge, rows: IntArray) -> tuple[Performance, ...]:
        """Evaluate every network on some events."""
        return tuple(judge.performance(self.scores(judge.dataset, rows, i)) for i in range(len(self.networks)))


def changed(config: Config, section: str, values: Mapping[str, Any]) -> Config:
    """Return a configuration with other values in one section, checked as if they had been written there."""
    part = getattr(config, section)
    data = {name: getattr(part, name) for name in type(part).model_fields} | dict(values)
    return config.model_copy(update={section: type(part).model_validate(data)})


def study_config(config: Config, seeds: int, **training: Any) -> Config:
    """Return the configuration of a study's training: short, several seeds, no pruning; columns that a small sample leaves empty are fine."""
    studies = config.studies
    short = {"float_epochs": studies.epochs, "teacher_epochs": studies.epochs, "teachers": min(4, config.training.teachers)}
    values = {"recipe": studies.recipe, "seeds": seeds, "seed": studies.seed, "sparsity": 0.0, **short, **training}
    if config.scaling.rule == "robust":
        config = changed(config, "scaling", {"empty_columns": "ignore"})
    return trained_by(config, **values)


def trained_by(config: Config, **training: Any) -> Config:
    """Change how a configuration trains; without a teacher, a score that is learnt from one gives way to the sum of squares of the latent values."""
    chosen = changed(config, "training", training)
    if chosen.training.recipe == "plain" and chosen.score.kind.formula.outputs is not None:
        return changed(chosen, "score", {"kind": Score.LATENT_L2, "square": None, "total": None})
    return chosen


def train_networks(config: Config, dataset: Dataset, work: Path) -> Trained:
    """Train float networks, as many as ``config.training.seeds``, side by side.

    Args:
        config: what and how; see ``study_config``.
        dataset: the data.
        work: folder for the checkpoints; they are removed.

    Raises:
        TrainingError, InputError, ConfigError, ModelError: as training raises them.
    """
    from l1ad.training.recipe import train_float

    work.mkdir(parents=True, exist_ok=True)
    training = train_float(config, dataset, work / "checkpoint.npz")
    for checkpoint in work.glob("checkpoint*.npz"):
        checkpoint.unlink()
    problem, parameters = training.problem, training.fit.parameters
    plain = config.training.recipe == "plain"
    wholes = tuple(_autoencoder(training, parameters, i) for i in range(len(problem.seeds))) if plain else ()
    losses = tuple(training.fit.history["validation"][-1])
    return Trained(problem.seeds, training.references, wholes, losses, lambda index: _rounded(training, index))


def _autoencoder(training: Any, parameters: Any, seed_index: int) -> Autoencoder:
    problem, reference = training.problem, training.references[seed_index]
    plan, layers = problem.plan, []
    for i, layer in enumerate(plan.layers):
        n_out = plan.latent if i == plan.n_encoder - 1 else layer.n_out
        layers.append(float_layer(plan, parameters, i, n_out, seed_index))
    encoder = FloatNetwork(
        reference.layout, reference.scaling, tuple(layers[: plan.n_encoder]), reference.score, reference.saturate
    )
    return Autoencoder(encoder, tuple(layers[plan.n_encoder :]), np.asarray(problem.loss.bound, dtype=np.float64))


def _rounded(training: Any, seed_index: int) -> Network:
    from l1ad.training.rounding import chip_network, fitted_to_events

    problem = training.problem
    layout, scaling = problem.layout, problem.scaling.scaling
    events = problem.train.x_hw[:_RANGE_EVENTS]
    plans, parameters = fitted_to_events(problem.plan, training.fit.parameters, layout, scaling, events)
    return chip_network(problem.config, layout, scaling, problem.score_columns, plans[seed_index], parameters, seed_index)


def model_autoencoder(model: TrainedModel, config: Config, dataset: Dataset, work: Path) -> tuple[Autoencoder, str]:
    """Return encoder and decoder of a model, and say where they are from.

    A model that compares input and reconstruction has both. One whose score is of the latent values has no decoder on the chip; then a
    plain autoencoder of the same shape is trained.

    Args:
        model: the trained model.
        config: its configuration.
        dataset: its dataset.
        work: folder for data and checkpoints of a training.

    Raises:
        ModelError: an imported model without decoder.
    """
    reference = model.reference
    if reference is not None and reference.score.sources:
        raise ModelError(
            f"Model {str(model.path)!r} reconstructs its embedding, not the inputs; this study is for autoencoders of the inputs."
        )
    if reference is not None and reference.score.kind.is_reconstruction:
        middle = int(np.argmin([layer.weight.shape[1] for layer in reference.layers])) + 1
        encoder = FloatNetwork(
            reference.layout, reference.scaling, reference.layers[:middle], reference.score, reference.saturate
        )
        return Autoencoder(
            encoder, reference.layers[middle:], np.zeros(reference.layout.n_columns)
        ), "the model's float reference"
    if config.model.kind == "imported":
        raise ModelError(
            f"Model {str(model.path)!r} has no decoder, so nothing is reconstructed; train one here with 'l1ad train'."
        )
    small = training_dataset(dataset, work / "data", config.studies.events)
    trained = train_networks(study_config(config, 2, recipe="plain"), small, work)
    return trained.autoencoders[trained.best], "a plain autoencoder of the model's shape, trained for this study"


@dataclass(frozen=True, slots=True, eq=False)
class OtherInputs:
    """Other hardware integers of a dataset's events, shape ``(n_events, n_columns)``, and their layout."""

    x_hw: NDArray[Any]
    layout: ObjectLayout


def derived_dataset(
    dataset: Dataset, folder: Path, background: Mapping[str, NDArray[np.bool_]], events: int, inputs: OtherInputs | None = None
) -> Dataset:
    """Write a dataset with other roles: some samples' events become the background, all other samples are signals.

    Args:
        dataset: the dataset to start from.
        folder: where to; replaced.
        background: for each sample that becomes background, which of the dataset's events are kept, shape ``(n_events,)``.
        events: at most so many training events.
        inputs: other hardware integers; by default the dataset's.

    Raises:
        InputError: no event is left to train on.
    """
    index = np.asarray(dataset.column("sample"))
    samples = tuple(Sample(s.name, Role.BACKGROUND if s.name in background else Role.SIGNAL, s.label) for s in dataset.samples)
    keep = np.ones(dataset.n_events, dtype=bool)
    for number, sample in enumerate(dataset.samples):
        if sample.name in background:
            keep &= (index != number) | background[sample.name]
        elif sample.role is Role.BACKGROUND:
            keep &= (index != number) | (np.asarray(dataset.column("split")) == Split.TEST)
    split = _splits(dataset, index, samples)
    rows = _capped(np.flatnonzero(keep), split, events)
    if not (split[rows] == Split.TRAIN).any():
        raise InputError(f"No event of {', '.join(background)} is left to train on; choose another sample or selection.")
    return _write_derived(dataset, folder, samples, rows, split, inputs or OtherInputs(np.asarray(dataset.x_hw), dataset.layout))


def _splits(dataset: Dataset, index: NDArray[Any], samples: Sequence[Sample]) -> NDArray[np.uint8]:
    """Keep the background's parts; share out what was a signal by the number of the event, six, two and two of ten."""
    split = np.asarray(dataset.column("split")).copy()
    for number, (old, new) in enumerate(zip(dataset.samples, samples, strict=True)):
        inside = np.flatnonzero(index == number)
        if new.role is Role.SIGNAL:
            split[inside] = Split.TEST
        elif old.role is Role.SIGNAL:
            split[inside] = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2], dtype=np.uint8)[np.arange(len(inside)) % 10]
    return split


def _capped(rows: IntArray, split: NDArray[np.uint8], events: int) -> IntArray:
    """Keep at most so many training events, and of those for validation as many in proportion; the first ones of the file."""
    kept = []
    for part, most in ((Split.TRAIN, events), (Split.VALIDATION, max(1, events // 5)), (Split.TEST, len(rows))):
        kept.append(rows[split[rows] == part][:most])
    return np.sort(np.concatenate(kept))


def _write_derived(
    dataset: Dataset, folder: Path, samples: tuple[Sample, ...], rows: IntArray, split: NDArray[np.uint8], inputs: OtherInputs
) -> Dataset:
    shutil.rmtree(folder, ignore_errors=True)
    columns = {name: np.asarray(dataset.column(name))[rows] for name in dataset.columns} | {"split": split[rows]}
    key = f"derived from {dataset.digest}"
    with (
        writing(folder, "dataset", key=key, inputs={"dataset": dataset.digest}, config={}) as draft,
        DatasetWriter(draft.path, inputs.layout, samples, dataset.columns, dataset.menu_items) as writer,
    ):
        writer.append(inputs.x_hw[rows], **columns)
    return load_dataset(folder)


def training_dataset(dataset: Dataset, folder: Path, events: int, keep: NDArray[np.bool_] | None = None) -> Dataset:
    """Return a dataset with the same roles and at most so many training events, of those selected.

    Args:
        dataset: the dataset.
        folder: where to.
        events: at most so many training events.
        keep: which background events are kept, shape ``(n_events,)``; by default all.
    """
    chosen = np.ones(dataset.n_events, dtype=bool) if keep is None else keep
    return derived_dataset(dataset, folder, {s.name: chosen for s in dataset.of_role(Role.BACKGROUND)}, events)
