"""Search shapes and training parameters: seeded, resumable, on background alone, with the LUTs each network would take."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from l1ad.config import Config
from l1ad.core.artefact import code_digest, is_current, read_manifest, stage_key, writing
from l1ad.core.dataset import load_dataset
from l1ad.core.shown import Shown
from l1ad.core.trained import load_trained
from l1ad.reporting.comparison import pareto
from l1ad.reporting.document import Figure, Page, Section, State, Table, Verdict, number, number_columns, percent, text_columns
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.reporting.render import write_page
from l1ad.studies.compression import trial_objective, value_of
from l1ad.studies.result import Material, evaluation_rows
from l1ad.studies.search import Trial, search
from l1ad.studies.trainings import training_dataset

KIND = "scan"
_SECTIONS = ("data", "model", "score", "scaling", "training", "studies")


@dataclass(frozen=True, slots=True)
class ScanResult(Shown):
    """What the search found.

    Attributes:
        path: the artefact; ``scan.html``, ``scan.json`` and ``best.yaml`` are in it.
        fresh: whether it was made now; else nothing had changed.
        summary: number of trials, the best one, and those that none beats in both error and LUTs.
    """

    path: Path
    fresh: bool
    summary: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"path": str(self.path), "fresh": self.fresh, "page": str(self.path / "scan.html"), **self.summary}


def scan(config: Config, *, force: bool = False) -> ScanResult:
    """Search the space of ``studies.space``; killed and run again, it goes on with the next trial.

    The best trial has the smallest reconstruction error on background; signals are shown beside it and decide nothing.

    Args:
        config: the configuration.
        force: begin again.

    Raises:
        ArtefactError: there is no dataset or no model.
        InputError: no background or no signal to judge on.
    """
    dataset, model = load_dataset(config.run / "dataset"), load_trained(config.run / "model")
    inputs = {"dataset": dataset.digest, "model": model.digest}
    settings = {section: config.plain()[section] for section in _SECTIONS}
    key = stage_key(KIND, inputs, settings, config.studies.seed, code_digest("l1ad.stages.scan"))
    target = config.run / "scan"
    if not force and is_current(target, KIND, key):
        return ScanResult(target, False, read_manifest(target).summary)
    with writing(target, KIND, key=key, inputs=inputs, config=settings, seed=config.studies.seed, resumable=not force) as draft:
        work = draft.path / "work"
        small = training_dataset(dataset, work / "data", config.studies.events)
        objective = trial_objective(Material(config, dataset, model, work), small, evaluation_rows(dataset), lut=True)
        trials = search(config, objective, draft.path)
        shutil.rmtree(work)
        draft.summary.update(_write(draft.path, config, trials))
    return ScanResult(target, True, draft.summary)


def _write(folder: Path, config: Config, trials: Sequence[Trial]) -> dict[str, Any]:
    known = [t for t in trials if value_of(t, "loss") is not None and value_of(t, "lut") is not None]
    best = min(known, key=lambda t: t.loss or 0.0, default=None)
    front = [known[i].number for i in pareto([(_value(t, "lut"), -_value(t, "loss")) for t in known])]
    summary = {"n_trials": len(trials), "best": best.to_dict() if best else None, "front": front}
    text = _finding(best, len(trials))
    sections = (
        Section("Finding", (Verdict(State.NOTE if best else State.WARNING, text),)),
        Section("Trials", (_figure(known, front), _table(trials, front))),
    )
    write_page(
        Page(f"{config.name}: search", "Which network reconstructs background best, and at what cost?", sections), folder, "scan"
    )
    data = {"spec_version": 1, "trials": [t.to_dict() for t in trials], **summary}
    (folder / "scan.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    (folder / "best.yaml").write_text(_snippet(best), encoding="utf-8")
    return summary


def _value(trial: Trial, name: str) -> float:
    value = value_of(trial, name)
    assert value is not None  # only trials that have it are asked
    return value


def _finding(best: Trial | None, n_trials: int) -> str:
    if best is None:
        return f"None of {n_trials} trainings gave a network."
    p = best.proposal
    shape = "-".join(str(n) for n in (*p.hidden, p.latent))
    return f"Of {n_trials} trials, number {best.number} (hidden and latent {shape}) has the smallest error, {number(best.loss)}."


def _snippet(best: Trial | None) -> str:
    if best is None:
        return "{}\n"
    p = best.proposal
    model = {"hidden": list(p.hidden), "latent": p.latent}
    training = {"learning_rate": p.learning_rate, "beta": p.beta, "float_epochs": p.epochs}
    head = "# Smallest reconstruction error on background; for the sections of a configuration.\n"
    return head + yaml.safe_dump({"model": model, "training": training}, sort_keys=False)


def _figure(known: Sequence[Trial], front: Sequence[int]) -> Figure:
    line = sorted((_value(t, "lut"), _value(t, "loss")) for t in known if t.number in front)
    points = Series("trials", [_value(t, "lut") for t in known], [_value(t, "loss") for t in known], line="", marker="o")
    best = Series("not beaten in both", [p[0] for p in line], [p[1] for p in line], line="--", colour=8)
    caption = (
        "Reconstruction error on background against alkaid's estimate of the LUTs, weights rounded to the configuration's types."
    )
    return line_plot("scan", caption, Axes("LUT (estimate)", "reconstruction error", log_x=bool(known)), [points, best])


def _table(trials: Sequence[Trial], front: Sequence[int]) -> Table:
    rows = []
    for t in trials:
        p = t.proposal
        lut = value_of(t, "lut")
        cells = (number(p.latent), "-".join(map(str, p.hidden)), number(p.learning_rate, 2), number(p.beta, 2), number(p.epochs))
        found = (number(value_of(t, "loss")), number(None if lut is None else round(lut)), percent(value_of(t, "auc")))
        rows.append((number(t.number), *cells, *found))
    titles = ("Latent", "Hidden", "Learning rate", "β", "Epochs", "Reconstruction error", "LUT (estimate)", "Mean AUC")
    marked = frozenset(i for i, t in enumerate(trials) if t.number in front)
    note = "In bold what no other trial beats in both error and LUTs. AUCs are shown and not used."
    return Table("Trials", (*text_columns("Trial"), *number_columns(*titles)), tuple(rows), note, marked)
