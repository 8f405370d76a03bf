"""Run physics studies of a run's dataset and model, each with its own page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.artefact import Draft, origin_of
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import ConfigError, InputError, LayoutError, ModelError
from l1ad.core.plain import Plain
from l1ad.core.shown import Shown
from l1ad.core.stage import StageResult, run_stage
from l1ad.core.trained import load_trained
from l1ad.reporting.compared import STUDY_FILE
from l1ad.reporting.document import Page, Section, Text, Verdict
from l1ad.reporting.render import write_page
from l1ad.studies.catalogue import STUDIES, check_study, run_study
from l1ad.studies.result import Material, StudyResult

KIND = "study"
ALL = "all"
_SECTIONS = ("data", "model", "score", "scaling", "training", "rates", "studies")

#: What a study raises that the data or the model do not allow.
_NOT_POSSIBLE = (InputError, LayoutError, ModelError, ConfigError)


@dataclass(frozen=True, slots=True)
class StudySummary(Plain):
    """What the manifest says: ``good``, ``bad``, ``note`` or ``warning``, and what the study found."""

    state: str
    finding: str


@dataclass(frozen=True, slots=True)
class StudyOutcome:
    """What one study found.

    Attributes:
        name: the study.
        path: the artefact; ``study.html`` and ``study.json`` are in it. None where the data do not allow the study.
        fresh: whether it was made now; else nothing had changed.
        state: ``good``, ``bad``, ``note`` or ``warning``.
        finding: what it found, or why it cannot be done.
    """

    name: str
    path: Path | None
    fresh: bool
    state: str
    finding: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        path = None if self.path is None else str(self.path)
        return {"name": self.name, "path": path, "fresh": self.fresh, "state": self.state, "finding": self.finding}


@dataclass(frozen=True, slots=True)
class StudiesResult(Shown):
    """The outcome of one study or of all.

    Attributes:
        path: folder of the studies.
        fresh: whether any was made now.
        outcomes: one a study.
    """

    path: Path
    fresh: bool
    outcomes: tuple[StudyOutcome, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"path": str(self.path), "fresh": self.fresh, "studies": [outcome.to_dict() for outcome in self.outcomes]}


def study(config: Config, name: str, *, force: bool = False, forgiving: bool = False) -> StudiesResult:
    """Run one study, or all.

    Args:
        config: the configuration; its section ``studies`` says how large.
        name: a study's name, or ``all``.
        force: do it again even if nothing has changed.
        forgiving: report a study that the data do not allow instead of raising; always so with ``all``.

    Returns:
        What was found. With ``all``, a study that these data do not allow is reported with the reason and the others go on.

    Raises:
        ArtefactError: there is no dataset or no model.
        InputError: no such study, or the data do not allow it.
        L1adError: whatever a training raises.
    """
    names = tuple(STUDIES) if name == ALL else (check_study(name),)
    outcomes = tuple(_outcome(config, one, force, forgiving or name == ALL) for one in names)
    return StudiesResult(config.run / "studies", any(outcome.fresh for outcome in outcomes), outcomes)


def _outcome(config: Config, name: str, force: bool, forgiving: bool) -> StudyOutcome:
    try:
        return _one(config, name, force)
    except _NOT_POSSIBLE as error:
        if not forgiving:
            raise
        return StudyOutcome(name, None, False, "warning", f"Not possible with these data: {error}")


def _one(config: Config, name: str, force: bool) -> StudyOutcome:
    dataset, model = load_dataset(config.run / "dataset"), load_trained(config.run / "model")
    model.network.layout.check(dataset.x_hw[:1], f"Dataset {str(dataset.path)!r}")
    inputs = {"dataset": dataset.digest, "model": model.digest}
    settings = {section: config.plain()[section] for section in _SECTIONS}
    target = config.run / "studies" / name

    def write(draft: Draft) -> StudySummary:
        work = draft.path / "work"
        work.mkdir(exist_ok=True)
        try:
            result = run_study(name, Material(config, dataset, model, work))
        except _NOT_POSSIBLE:
            shutil.rmtree(draft.path)  # there is nothing to go on with
            raise
        shutil.rmtree(work)
        _write(draft.path, config, result, inputs)
        return StudySummary(result.state.value, result.finding)

    made = run_stage(
        StageResult,
        target,
        KIND,
        write,
        code=("l1ad.stages.study", f"l1ad.studies.{name}"),
        inputs=inputs,
        settings=settings | {"study": name},
        seed=config.studies.seed,
        force=force,
        resumable=not force,
    )
    summary = StudySummary.read(made.summary, origin_of(target, KIND))
    return StudyOutcome(name, target, made.fresh, summary.state, summary.finding)


def _write(folder: Path, config: Config, result: StudyResult, inputs: Mapping[str, str]) -> None:
    finding = Verdict(result.state, result.finding)
    blocks = tuple(block for block in result.blocks if block != finding)
    footer = tuple(f"{name} {digest[:16]}" for name, digest in inputs.items())
    sections = (Section("Finding", (finding,)), Section("Numbers", blocks or (Text("There is nothing to show."),)))
    write_page(Page(f"{config.name}: {result.name}", result.question, sections, footer), folder, "study")
    data = {"spec_version": 1, "study": result.name, "finding": result.finding, "state": result.state.value, **result.numbers}
    (folder / STUDY_FILE).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
