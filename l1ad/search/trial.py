"""Try one network: train it as 'l1ad train' would, judge it at the working point, estimate its cost."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.core.network import Network
from l1ad.core.trained import NETWORK_FILE
from l1ad.search.cost import estimate_cost
from l1ad.search.judge import Jury, search_jury
from l1ad.search.storage import write_json
from l1ad.spec import reference
from l1ad.training.lesson import Lesson, make_lesson
from l1ad.training.problem import Problem, make_problem
from l1ad.training.recipe import best_seed, fit_float, fit_quantised, make_teacher, round_checkpoint
from l1ad.training.results import zero_weights

#: What a trial measured, beside its network.
FOUND = "trial.json"
#: Keys of the training section that decide nothing before quantisation.
_QUANTISED_ONLY = ("candidates", "epochs", "sparsity", "prune_from", "prune_to", "shrink")
#: Keys of the model section on which float networks depend.
_FLOAT_MODEL = (
    "kind",
    "image",
    "layers",
    "hidden",
    "latent",
    "autoencoder",
    "batch_norm",
    "input_type",
    "output_type",
    "latent_type",
)


@dataclass(frozen=True, slots=True)
class Job:
    """All that a trial needs; it can be sent to another machine that sees the same folders.

    Attributes:
        config: the configuration at the trial's point.
        dataset: folder of the dataset.
        fits: folder of the trainings that trials share.
        fraction: background fraction of the working point.
    """

    config: Config
    dataset: Path
    fits: Path
    fraction: float


def run_trial(job: Job, place: Path) -> dict[str, Any]:
    """Run a trial, or read what it found before.

    Args:
        job: what is tried.
        place: folder of what the trial makes: ``network.json`` and ``trial.json``.

    Returns:
        What was found, by name; plain data.

    Raises:
        L1adError: as training and tracing raise it.
    """
    if (place / FOUND).is_file():
        found: dict[str, Any] = json.loads((place / FOUND).read_text(encoding="utf-8"))
        return found
    place.mkdir(parents=True, exist_ok=True)
    dataset = _dataset(job.dataset)
    networks, best = _trained(job, dataset, place)
    network = networks[best]
    jury, cost = _jury(dataset, job.config), estimate_cost(network, job.config)
    parts = [jury.efficiency(functools.partial(_scores, one), job.fraction) for one in networks]
    network.save(place / NETWORK_FILE)
    found = {
        "efficiency": float(np.median(parts)),
        "lut": cost.lut,
        "latency_ns": cost.latency_ns,
        "efficiencies": parts,
        "kept": best,
        "zero_weights": zero_weights(network),
        "weights": sum(int(np.count_nonzero(layer.weight)) for layer in network.layers),
        "digest": network.digest,
    }
    write_json(place / FOUND, found)
    return found


def _scores(network: Network, x_hw: Any) -> Any:
    return reference.scores(network, np.asarray(x_hw, dtype=np.int64))


@functools.lru_cache(maxsize=1)
def _dataset(path: Path) -> Dataset:
    return load_dataset(path)


@functools.lru_cache(maxsize=1)
def _jury_of(dataset: Path, efficiency: str) -> Jury:
    from l1ad.config.scan import ScanConfig

    return search_jury(_dataset(dataset), ScanConfig.model_validate({"efficiency": efficiency}))


def _jury(dataset: Dataset, config: Config) -> Jury:
    return _jury_of(dataset.path, config.scan.efficiency)


def _trained(job: Job, dataset: Dataset, place: Path) -> tuple[tuple[Network, ...], int]:
    """Train float and quantised networks; trainings that an earlier trial has done are read."""
    config, shared = job.config, _Shared(job.fits, place)
    problem = make_problem(config, dataset)
    lesson = _lesson(problem, dataset, place)
    key = float_key(config, dataset.digest)
    float_file, file = place / "float.npz", place / "quantised.npz"
    with_float = shared.taken({float_file: f"float-{key}"})
    _, done = fit_float(problem, lesson, float_file)
    shared.given(with_float)
    rounds = range(len(config.training.shrink) + 1)
    keys = {round_checkpoint(file, n): f"quantised-{quantised_key(config, dataset.digest, n)}" for n in rounds}
    taken = shared.taken(keys)
    _, fit, networks = fit_quantised(problem, lesson, done.parameters, file)
    shared.given(taken)
    for left in (float_file, *keys):
        left.unlink(missing_ok=True)
    return networks, best_seed(fit)


@dataclass(frozen=True, slots=True)
class _Shared:
    """Share finished trainings between trials: their last checkpoints, by what decides them."""

    folder: Path
    place: Path

    def taken(self, keys: dict[Path, str]) -> dict[Path, str]:
        """Copy those that are there, and return those that are not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, key in keys.items():
            if (self.folder / f"{key}.npz").is_file():
                shutil.copyfile(self.folder / f"{key}.npz", file)
        return {file: key for file, key in keys.items() if not (self.folder / f"{key}.npz").is_file()}

    def given(self, keys: dict[Path, str]) -> None:
        """Add finished ones, each in one step."""
        for file, key in keys.items():
            draft = self.folder / f".{key}.{self.place.name}.{os.getpid()}"
            shutil.copyfile(file, draft)
            draft.replace(self.folder / f"{key}.npz")


def _lesson(problem: Problem, dataset: Dataset, place: Path) -> Lesson | None:
    """Make what the networks learn, or take what the last trial of this process has learnt."""
    if not problem.taught:
        return None
    training = problem.config.training
    key = _digest(dataset.digest, lesson_settings(problem.config))
    return _last_lesson(key, lambda: make_lesson(problem, make_teacher(problem, place / f"{training.teacher}.npz")))


_LESSONS: dict[str, Lesson] = {}


def _last_lesson(key: str, make: Callable[[], Lesson]) -> Lesson:
    if key not in _LESSONS:
        _LESSONS.clear()
        _LESSONS[key] = make()
    return _LESSONS[key]


def lesson_settings(config: Config) -> dict[str, Any]:
    """Return what decides a lesson: of a rarity teacher the pT thresholds, of an ensemble everything that its networks are trained with."""
    plain = config.plain()
    training = {k: v for k, v in plain["training"].items() if k not in (*_QUANTISED_ONLY, "float_epochs", "learning_rate")}
    model = {key: plain["model"][key] for key in _FLOAT_MODEL}
    scaling = plain["scaling"]
    if config.training.teacher == "rarity":
        scaling = {key: scaling[key] for key in ("min_pt_hw", "min_pt_gev")}
        for key in ("hidden", "image", "layers", "autoencoder", "input_type", "batch_norm"):
            del model[key]
    else:
        training["learning_rate"] = config.training.learning_rate
    return {"model": model, "scaling": scaling, "training": training, "score": plain["score"]["kind"]}


def float_key(config: Config, dataset: str) -> str:
    """Digest what decides the float networks."""
    plain = config.plain()
    training = {k: v for k, v in plain["training"].items() if k not in _QUANTISED_ONLY}
    model = {key: plain["model"][key] for key in _FLOAT_MODEL}
    return _digest(dataset, {"model": model, "scaling": plain["scaling"], "training": training, "score": plain["score"]})


def quantised_key(config: Config, dataset: str, rounds: int) -> str:
    """Digest what decides the quantised networks after a number of further rounds of pruning."""
    plain = config.plain()
    training = plain["training"] | {"shrink": plain["training"]["shrink"][:rounds]}
    return _digest(dataset, {"model": plain["model"], "scaling": plain["scaling"], "training": training, "score": plain["score"]})


def _digest(dataset: str, settings: dict[str, Any]) -> str:
    text = json.dumps([dataset, settings], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
