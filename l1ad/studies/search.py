"""Search hyper-parameters with Optuna: seeded, and continued where it was stopped.

Each trial is proposed by a sampler that is seeded with the trial's number, from the trials before it: a search that was stopped and
continued proposes what one in a single go would have. The objective is the reconstruction error on background: no signal is looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.config.physics import SpaceConfig
from l1ad.core.errors import ArtefactError, TrainingError
from l1ad.toolchain.progress import progress

TRIALS_FILE = "trials.jsonl"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The hyper-parameters of one trial."""

    latent: int
    first_hidden: int
    second_hidden: int
    learning_rate: float
    beta: float
    epochs: int

    @property
    def hidden(self) -> tuple[int, ...]:
        """The hidden layers."""
        return (self.first_hidden, self.second_hidden) if self.second_hidden else (self.first_hidden,)


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial and what it gave.

    Attributes:
        number: its number.
        proposal: its hyper-parameters.
        loss: what is minimised; None where the training failed.
        extreme: whether it is one that is meant to fail.
        values: whatever else was measured.
    """

    number: int
    proposal: Proposal
    loss: float | None
    extreme: bool
    values: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


Objective = Callable[[Proposal, int], tuple[float, dict[str, Any]]]


def extremes(space: SpaceConfig, n_inputs: int) -> tuple[Proposal, ...]:
    """Return networks that are meant to fail: hardly trained, a bottleneck of one with a crushing beta, and no bottleneck at all."""
    small, large = min(space.first_hidden), max(space.first_hidden)
    middle = math.sqrt(space.learning_rate[0] * space.learning_rate[1])
    return (
        Proposal(space.latent[0], small, 0, space.learning_rate[0] / 1000.0, space.beta[1], 1),
        Proposal(1, small, 0, middle, 100.0 * space.beta[1], space.epochs[0]),
        Proposal(n_inputs, large, 0, middle, space.beta[0] / 100.0, space.epochs[1]),
    )


def search(config: Config, objective: Objective, folder: Path, first: Sequence[Proposal] = ()) -> tuple[Trial, ...]:
    """Run the trials that are still to be done, and give all.

    Args:
        config: its section ``studies`` gives space, number of trials and seed.
        objective: gives the loss and other values of a proposal; a ``TrainingError`` counts as a failed trial.
        folder: where ``trials.jsonl`` is kept.
        first: what is tried before anything is proposed, as `extremes`.
    """
    studies = config.studies
    done = read_trials(folder / TRIALS_FILE)
    with progress(total=studies.trials, initial=len(done), desc="search", unit="trial") as bar:
        for number in range(len(done), studies.trials):
            extreme = number < len(first)
            proposal = first[number] if extreme else propose(studies.space, done, studies.seed)
            trial = _run(objective, proposal, number, extreme)
            with (folder / TRIALS_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(trial.to_dict()) + "\n")
            done = (*done, trial)
            bar.update()
    return done


def _run(objective: Objective, proposal: Proposal, number: int, extreme: bool) -> Trial:
    try:
        loss, values = objective(proposal, number)
    except TrainingError as error:
        return Trial(number, proposal, None, extreme, {"failed": str(error)})
    return Trial(number, proposal, loss, extreme, values)


def read_trials(file: Path) -> tuple[Trial, ...]:
    """Read finished trials; a last line that was cut off does not count.

    Raises:
        ArtefactError: another line is damaged.
    """
    if not file.is_file():
        return ()
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines() if text.endswith("\n") or not text else text.splitlines()[:-1]
    if len(lines) != text.count("\n") or not text.endswith("\n"):
        file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    try:
        return tuple(_trial(json.loads(line)) for line in lines)
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{str(file)!r} is damaged ({type(error).__name__} {error}); run the search with --force.") from None


def _trial(data: dict[str, Any]) -> Trial:
    return Trial(data["number"], Proposal(**data["proposal"]), data["loss"], data["extreme"], data["values"])


def propose(space: SpaceConfig, done: tuple[Trial, ...], seed: int) -> Proposal:
    """Propose the next trial from those done; the same for the same trials and seed."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed * 100_003 + len(done), n_startup_trials=6)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    for trial in done:
        if not trial.extreme and trial.loss is not None:
            study.add_trial(
                optuna.trial.create_trial(params=asdict(trial.proposal), distributions=_distributions(space), value=trial.loss)
            )
    return Proposal(**study.ask(_distributions(space)).params)


def _distributions(space: SpaceConfig) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    return {
        "latent": IntDistribution(*space.latent),
        "first_hidden": CategoricalDistribution(space.first_hidden),
        "second_hidden": CategoricalDistribution(space.second_hidden),
        "learning_rate": FloatDistribution(*space.learning_rate, log=True),
        "beta": FloatDistribution(*space.beta, log=True),
        "epochs": IntDistribution(*space.epochs),
    }
