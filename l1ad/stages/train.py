"""Train the autoencoder: the float baseline, then the same weights quantisation-aware, then the exact integer network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.artefact import Draft, read_manifest
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.core.errors import LayoutError
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import FLOAT_KIND, KIND
from l1ad.training.recipe import train_float, train_quantised
from l1ad.training.results import save_float, save_quantised

SECTIONS = ("name", "layout", "model", "score", "scaling", "training")


@dataclass(frozen=True, slots=True)
class TrainResult(StageResult):
    """What was trained.

    Attributes:
        path: the artefact.
        fresh: whether it was made now; else nothing had changed.
        summary: shape, events, losses and the digest of the network.
    """

    @property
    def kind(self) -> str:
        """Kind of the artefact."""
        return read_manifest(self.path).kind

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"path": str(self.path), "fresh": self.fresh, "kind": self.kind, "summary": dict(self.summary)}


def train(config: Config, *, force: bool = False, float_only: bool = False) -> TrainResult:
    """Train a configuration's model on its dataset's background.

    Killed at any time and run again, it goes on from the last epoch and ends with the same weights.

    Args:
        config: the configuration.
        force: train again even if nothing has changed.
        float_only: stop after the float baseline.

    Returns:
        What was made.

    Raises:
        ArtefactError: there is no dataset.
        InputError: no background, a column without values, or impossible weights.
        ConfigError: a configuration that does not fit together.
        ModelError: a model that is not exactly convertible.
        TrainingError: the loss diverged.
    """
    dataset = load_dataset(config.run / "dataset")
    if dataset.layout.name != config.layout and not config.layout.endswith((".yaml", ".yml")):
        raise LayoutError(
            f"The dataset has layout {dataset.layout.name!r} and the configuration {config.layout!r}; run 'l1ad prepare' again."
        )
    baseline = _train_float(config, dataset, force)
    return baseline if float_only else _train_quantised(config, dataset, baseline, force)


def _settings(config: Config) -> dict[str, Any]:
    return {name: value for name, value in config.plain().items() if name in SECTIONS}


def _train_float(config: Config, dataset: Dataset, force: bool) -> TrainResult:
    target = config.run / "model_float"
    inputs, settings = {"dataset": dataset.digest}, _settings(config)
    del settings["name"]

    def write(draft: Draft) -> Summary:
        return save_float(train_float(config, dataset, draft.path / "checkpoint.npz"), draft.path)

    return _run(config, target, FLOAT_KIND, write, inputs, settings, force)


def _train_quantised(config: Config, dataset: Dataset, baseline: TrainResult, force: bool) -> TrainResult:
    inputs = {"dataset": dataset.digest, "float_model": read_manifest(baseline.path).digest}

    def write(draft: Draft) -> Summary:
        return save_quantised(train_quantised(config, dataset, baseline.path, draft.path / "checkpoint.npz"), draft.path)

    return _run(config, config.run / "model", KIND, write, inputs, _settings(config), force)


def _run(
    config: Config,
    target: Path,
    kind: str,
    write: Callable[[Draft], Summary],
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    force: bool,
) -> TrainResult:
    """Run a training, which goes on from its checkpoint unless it is forced."""
    return run_stage(
        TrainResult,
        target,
        kind,
        write,
        code="l1ad.stages.train",
        inputs=inputs,
        settings=settings,
        seed=config.training.seed,
        force=force,
        resumable=not force,
    )
