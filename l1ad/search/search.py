"""Run a scan's trials in batches, on one machine's cores or on a cluster; what was finished is never done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.errors import L1adError, MismatchError
from l1ad.data.execute import Crew
from l1ad.search.propose import front, propose
from l1ad.search.prove import Proof, prove
from l1ad.search.space import Space, at_point
from l1ad.search.storage import Storage, Trial
from l1ad.search.trial import Job, run_trial


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """What all trials of a scan share.

    Attributes:
        config: the configuration.
        space: what is proposed from.
        storage: the trials.
        dataset: folder of the dataset.
        fraction: background fraction of the working point.
        own: the configuration itself as a point; None where it is not in the space.
    """

    config: Config
    space: Space
    storage: Storage
    dataset: Path
    fraction: float
    own: Mapping[str, Any] | None

    def config_of(self, trial: Trial) -> Config:
        """Return the configuration that makes a trial's network."""
        return at_point(self.config, trial.parameters, trial.shrink, f"{self.config.name}_pick{trial.number}")


def run_trials(search: Search, crew: Crew, advance: Callable[[int], None]) -> tuple[Trial, ...]:
    """Run the trials that are still to be done.

    Args:
        search: the scan.
        crew: who runs them.
        advance: called after every one that has ended, with its place in its batch.

    Returns:
        All trials, in order.
    """
    scan, storage = search.config.scan, search.storage
    for first in range(0, scan.trials, scan.batch):
        known = {trial.number: trial for trial in storage.trials()}
        numbers = [n for n in range(first, min(first + scan.batch, scan.trials)) if n not in known]
        if not numbers:
            continue
        before = [trial for number, trial in known.items() if number < first]
        proposed = {trial.number: trial for trial in propose(scan, search.space, before, first, search.own)}
        _run_batch(search, crew, [proposed[number] for number in numbers], advance)
    return tuple(trial for trial in storage.trials() if trial.number < scan.trials)


def _run_batch(search: Search, crew: Crew, batch: Sequence[Trial], advance: Callable[[int], None]) -> None:
    storage = search.storage
    work = [
        (Job(search.config_of(trial), search.dataset, storage.folder / "fits", search.fraction), storage.place(trial.number))
        for trial in batch
    ]
    results = crew.run(run_trial, work, advance, keep_errors=True)
    for trial, result in zip(batch, results, strict=True):
        failed = isinstance(result, L1adError)
        storage.add(replace(trial, reason=str(result)) if failed else replace(trial, found=result))  # type: ignore[arg-type]


def prove_front(
    search: Search, crew: Crew, trials: Sequence[Trial], advance: Callable[[int], None]
) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Prove the networks of the front, at most as many as the configuration says, spread evenly over its LUTs.

    Args:
        search: the scan.
        crew: who does it.
        trials: all trials.
        advance: called with how many are done.

    Returns:
        What was found by number of the trial, and by number why a point could not be proved.

    Raises:
        MismatchError: two implementations of a network differ.
    """
    chosen = _spread(front(trials, search.config.scan.objectives), search.config.scan.points)
    work = [
        (
            Proof(search.config_of(trial), search.dataset, search.storage.place(trial.number) / "network.json", search.fraction),
            search.storage.folder / "points" / f"{trial.number:05d}",
        )
        for trial in chosen
    ]
    results = crew.run(prove, work, advance, keep_errors=True)
    for result in results:
        if isinstance(result, MismatchError):
            raise result
    pairs = [(trial.number, result) for trial, result in zip(chosen, results, strict=True)]
    proved = {number: result for number, result in pairs if not isinstance(result, L1adError)}
    return proved, {number: str(result) for number, result in pairs if isinstance(result, L1adError)}


def _spread(trials: Sequence[Trial], most: int) -> list[Trial]:
    """Choose trials spread over a list, first and last among them."""
    if len(trials) <= most or most < 1:
        return list(trials[: max(most, 0)])
    places = sorted({round(i * (len(trials) - 1) / max(most - 1, 1)) for i in range(most)})
    return [trials[place] for place in places]
