"""Compare thresholds that were derived before with what they do on a run's scores and data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from l1ad.config import Config, load_config
from l1ad.core.artefact import Draft, read_manifest
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.provenance import file_digest
from l1ad.core.scoreset import Source
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.thresholds import ThresholdsFile, load_thresholds
from l1ad.core.yaml_text import parse_yaml
from l1ad.physics.changes import Change, Circumstances, change_of, finding
from l1ad.physics.changes_page import change_sections
from l1ad.physics.follow import flattened
from l1ad.physics.scored_run import counted_background, load_run_scores, require_network
from l1ad.physics.veto import menu_in_words, veto_of
from l1ad.reporting.document import Page
from l1ad.reporting.render import write_page

KIND = "rates_comparison"
_FILE = "thresholds.yaml"


@dataclass(frozen=True, slots=True)
class CompareRatesResult(StageResult):
    """What became of every threshold.

    Attributes:
        path: the artefact; ``comparison.html`` and ``comparison.json`` are in it.
        fresh: whether it was made now; else nothing had changed.
        summary: the finding, and for each threshold its rate then and now and the move it needs.
    """

    FLAT: ClassVar[bool] = True
    PAGE: ClassVar[str | None] = "comparison.html"


def compare_rates(config: Config, old: Path, *, force: bool = False) -> CompareRatesResult:
    """Describe what a run's network and data do to thresholds that were derived before.

    Args:
        config: the new run; its scores are those that ``l1ad csim`` left, its section ``rates`` says how rates are counted.
        old: the thresholds: the file that ``l1ad rates`` wrote, the folder of it or of its run, or that run's configuration.
        force: do it again even if nothing has changed.

    Returns:
        What became of every threshold.

    Raises:
        ArtefactError: there is no dataset or there are no scores.
        ConfigError: the old thresholds are missing or are none.
        InputError: the old file does not say what its thresholds were derived for, the scores are a float network's only, or rates cannot be
            counted.
    """
    file = old_file(old)
    before = load_thresholds(file)
    if not before.definitions:
        raise InputError(
            f"{str(file)!r} does not say what its thresholds were derived for (it is of an earlier version); run 'l1ad rates' of that run again."
        )
    dataset = load_dataset(config.run / "dataset")
    scores = load_run_scores(config.run / "csim")
    require_network(config, scores[-1:])
    if scores[-1].source is Source.FLOAT:
        raise InputError(
            "The run has float scores only, and thresholds are integers of the chip's; run 'l1ad csim' with a quantised model."
        )
    inputs = {"thresholds": file_digest(file), "dataset": dataset.digest, "csim": read_manifest(config.run / "csim").digest}
    settings = config.rates.plain()

    def write(draft: Draft) -> Summary:
        veto = veto_of(config, dataset)
        background, sample = counted_background(config.rates, dataset, scores[-1], veto)
        changes = []
        for threshold in before.thresholds:
            if threshold.name in before.definitions:
                compared = (
                    sample if threshold.follow is None else sample.with_scores(flattened(dataset, threshold.follow, background))
                )
                changes.append(change_of(threshold.name, threshold.value, before.definitions[threshold.name], compared))
        now = (scores[-1].model_digest, dataset.digest, menu_in_words(dataset, veto))
        return _write(draft.path, config, before, changes, now)

    place, code = config.run / "rates_comparison", "l1ad.stages.compare_rates"
    return run_stage(CompareRatesResult, place, KIND, write, code=code, inputs=inputs, settings=settings, force=force)


def old_file(place: Path) -> Path:
    """Find the file of thresholds that a path stands for."""
    if place.is_dir():
        return next((place / name for name in (_FILE, f"rates/{_FILE}") if (place / name).is_file()), place / _FILE)
    if place.is_file() and not _holds_thresholds(place):
        return load_config(place).run / "rates" / _FILE
    return place


def _holds_thresholds(path: Path) -> bool:
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return True
    return not isinstance(data, dict) or "layout" not in data


def _write(
    folder: Path, config: Config, before: ThresholdsFile, changes: list[Change], now: tuple[str, str, str]
) -> dict[str, Any]:
    then = (before.network_digest, before.dataset_digest, before.menu)
    circumstances = Circumstances(*zip(then, now, strict=True))
    only = [threshold.name for threshold in before.thresholds if threshold.name not in before.definitions]
    title = f"{config.name}: thresholds then and now"
    page = Page(
        title, "Thresholds derived before, on this run's scores and data.", tuple(change_sections(changes, circumstances, only))
    )
    write_page(page, folder, "comparison")
    data = {
        "spec_version": 1,
        "finding": finding(changes, circumstances),
        **circumstances.to_dict(),
        "thresholds": [change.to_dict() for change in changes],
    }
    (folder / "comparison.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return {"finding": data["finding"], "thresholds": [_row(change) for change in changes]}


def _row(change: Change) -> dict[str, Any]:
    return {
        "name": change.name,
        "wanted_khz": change.definition.target_khz,
        "old": change.old,
        "rate_then_khz": change.definition.khz,
        "rate_now_khz": change.left.khz,
        "rate_now_low_khz": change.left.low_khz,
        "rate_now_high_khz": change.left.high_khz,
        "needed": None if change.needed is None else change.needed.threshold,
        "move": change.move,
        "keeps": change.keeps,
    }
