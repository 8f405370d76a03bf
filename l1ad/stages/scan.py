"""Scan: search the networks that no other beats in efficiency, LUTs and latency, and prove each of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from l1ad.config import Config
from l1ad.core.artefact import Draft
from l1ad.core.dataset import Dataset, load_dataset
from l1ad.core.provenance import code_digest
from l1ad.core.shown import Shown
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.data.execute import LOCAL, SERIAL, Crew, workers
from l1ad.reporting.render import write_page
from l1ad.search.judge import Jury, require_measured, search_jury
from l1ad.search.page import Outcome, make_page
from l1ad.search.pick import find_trial, write_pick
from l1ad.search.propose import front
from l1ad.search.search import Search, prove_front, run_trials
from l1ad.search.space import Space, make_space, own_point
from l1ad.search.storage import Storage
from l1ad.toolchain.progress import progress
from l1ad.training.problem import make_problem
from l1ad.training.rarity_teacher import make_rarity_teacher

KIND = "scan"
#: Sections that decide a trial's network, and of the scan what decides how it is judged.
_SECTIONS = ("layout", "model", "score", "scaling", "training", "firmware")
_JUDGED_BY = ("efficiency", "fraction", "seeds", "candidates")


@dataclass(frozen=True, slots=True)
class ScanResult(StageResult):
    """What the search found.

    Attributes:
        path: the artefact; ``scan.html`` and ``scan.json`` are in it, each proved network's report in ``points``.
        fresh: whether it was made now; else nothing had changed.
        summary: numbers of trials, the front by the estimates and by the open flow.
    """

    FLAT: ClassVar[bool] = True
    PAGE: ClassVar[str | None] = "scan.html"


@dataclass(frozen=True, slots=True)
class PickResult(Shown):
    """The configuration of one trial.

    Attributes:
        path: the file.
        trial: the trial, plain data.
    """

    path: Path
    trial: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"path": str(self.path), **self.trial}


def scan(config: Config, *, force: bool = False, scheduler: str | None = None) -> ScanResult:
    """Search the space of ``scan.space``; killed at any time and run again, it ends with the same trials.

    Args:
        config: the configuration.
        force: begin again, without the trials there are.
        scheduler: where trials run: ``none`` here, ``local`` on all cores, a Dask scheduler's address; None takes ``local``.

    Returns:
        What was found.

    Raises:
        ArtefactError: there is no dataset.
        ConfigError: a space that contradicts itself.
        InputError: an efficiency that the data cannot give, trials of another scan or dataset, no scheduler at that address.
        MismatchError: two implementations of a network of the front differ.
    """
    dataset = load_dataset(config.run / "dataset")
    space = make_space(config, dataset.layout)
    jury = search_jury(dataset, config.scan)
    about, code = _about(config, dataset, space), "l1ad.stages.scan"
    settings = {**_settings(config, space), "scan": config.scan.plain()}

    def write(draft: Draft) -> Summary:
        fraction, reference = _working_point(config, dataset, jury)
        with workers(_cluster(scheduler)) as crew:  # before any trial is removed: there may be no such scheduler
            storage = Storage.open(_folder(config), space, about, fresh=force)
            search = Search(config, space, storage, dataset.path, fraction, own_point(config, space))
            return _run(draft.path, search, crew, reference)

    return run_stage(
        ScanResult,
        config.run / KIND,
        KIND,
        write,
        code=code,
        inputs={"dataset": dataset.digest},
        settings=settings,
        seed=config.scan.seed,
        force=force,
    )


def pick(config: Config, source: Path, number: int) -> PickResult:
    """Write the configuration that makes a trial's network again.

    Args:
        config: the configuration that was scanned.
        source: its file.
        number: number of the trial.

    Raises:
        ArtefactError: there is no dataset, or another file in the way.
        InputError: no trials, trials of another scan, or no network of that number.
    """
    dataset = load_dataset(config.run / "dataset")
    space = make_space(config, dataset.layout)
    trial = find_trial(Storage.read(_folder(config), space, _about(config, dataset, space)), number)
    return PickResult(write_pick(config, source, trial), trial.to_dict())


def _folder(config: Config) -> Path:
    return config.run / "scan_trials" if config.scan.storage is None else config.path(config.scan.storage)


def _settings(config: Config, space: Space) -> dict[str, Any]:
    plain = config.plain()
    judged = {name: plain["scan"][name] for name in _JUDGED_BY}
    return {**{section: plain[section] for section in _SECTIONS}, "judged": judged, "space": space.to_dict()}


def _about(config: Config, dataset: Dataset, space: Space) -> dict[str, str]:
    """Digest what decides a trial: the data, the scan, the code that trains."""
    text = json.dumps(_settings(config, space), sort_keys=True)
    code = code_digest("l1ad.search.trial")
    return {"dataset": dataset.digest, "scan": hashlib.sha256(text.encode()).hexdigest(), "version of l1ad": code}


def _working_point(config: Config, dataset: Dataset, jury: Jury) -> tuple[float, float]:
    """Return the background fraction of the working point and what the rarity teacher itself lets through there."""
    teacher = make_rarity_teacher(make_problem(config, dataset))

    def rarity(x_hw: Any) -> Any:
        return teacher.scores(x_hw)[0]

    fraction = config.scan.fraction or jury.fraction(rarity)
    efficiency, behind = jury.measured(rarity, fraction)
    require_measured(fraction, behind)
    return fraction, efficiency


def _run(folder: Path, search: Search, crew: Crew, reference: float) -> dict[str, Any]:
    """Run the trials, prove the front, write the page."""
    name, scan, storage = search.config.name, search.config.scan, search.storage
    with progress(total=scan.trials, initial=min(len(storage.trials()), scan.trials), desc="scan", unit="trial") as bar:
        trials = run_trials(search, crew, lambda _: bar.update())
    best = front(trials, scan.objectives)
    with progress(total=min(scan.points, len(best)), desc="front", unit="network", leave=False) as bar:
        proved, unproved = prove_front(search, crew, trials, lambda _: bar.update())
    outcome = Outcome(name, scan.objectives, scan.efficiency, search.fraction, reference, trials, best, proved, unproved)
    return _write(folder, outcome, search.space, storage)


def _cluster(scheduler: str | None) -> str | None:
    """Choose where trials run: each takes many seconds, so that a cluster of this machine's cores always pays."""
    if scheduler is None:
        return LOCAL if (os.cpu_count() or 1) > 1 else None
    return None if scheduler == SERIAL else scheduler


def _write(folder: Path, outcome: Outcome, space: Space, storage: Storage) -> dict[str, Any]:
    write_page(make_page(outcome, space), folder, "scan")
    (folder / "scan.json").write_text(json.dumps(outcome.to_dict(), indent=1) + "\n", encoding="utf-8")
    for number in outcome.proved:
        name = f"{number:05d}"
        shutil.copytree(storage.folder / "points" / name, folder / "points" / name, dirs_exist_ok=True)
    failed = sum(trial.reason is not None for trial in outcome.trials)
    numbers = {"n_trials": len(outcome.trials), "n_failed": failed, "front": [trial.number for trial in outcome.front]}
    return numbers | {"final_front": [_point(outcome, trial.number) for trial in outcome.final]}


def _point(outcome: Outcome, number: int) -> dict[str, Any]:
    found, proof = next(t.found for t in outcome.trials if t.number == number), outcome.proved[number]
    return {
        "trial": number,
        "efficiency": round(found["efficiency"], 5),
        **{name: proof[name] for name in ("lut", "latency_ns", "n_different")},
    }
