"""Count trigger rates of a run's scores, and find the thresholds for wanted rates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.config.physics import RatesConfig
from l1ad.core.artefact import code_digest, file_digest, is_current, read_manifest, stage_key, writing
from l1ad.core.dataset import Dataset, Role, load_dataset
from l1ad.core.errors import InputError
from l1ad.core.network import Threshold
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.core.shown import Shown
from l1ad.core.thresholds import Definition, ThresholdsFile
from l1ad.physics.circumstances import bins_of, halves_of
from l1ad.physics.drift import drifts
from l1ad.physics.menu_overlap import overlaps, signal_efficiency
from l1ad.physics.rates import Kind, RatePoint, crossing_rate_khz, menu_taken, rate_curve, resolved_points
from l1ad.physics.rates_page import SourceRates, rates_sections
from l1ad.physics.scored_run import counted_background, counted_split, load_run_scores, require_network
from l1ad.physics.stability import stability_of
from l1ad.physics.veto import Veto, menu_in_words, veto_of
from l1ad.reporting.document import Page
from l1ad.reporting.physics_sections import physics_section
from l1ad.reporting.render import write_page
from l1ad.scores.performance import FPRS, Performance, evaluate, signals_of

KIND = "rates"
#: Integer thresholds by name; ``firmware.thresholds_file`` of a configuration takes its path.
THRESHOLDS_FILE = "thresholds.yaml"


@dataclass(frozen=True, slots=True)
class RatesResult(Shown):
    """Say which thresholds give which rates.

    Attributes:
        path: the artefact; ``rates.html``, ``rates.json`` and ``thresholds.yaml`` are in it.
        fresh: whether it was made now; else nothing had changed.
        summary: thresholds and rates of the firmware's score, crossing rate and number of background events.
    """

    path: Path
    fresh: bool
    summary: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {"path": str(self.path), "fresh": self.fresh, "page": str(self.path / "rates.html"), **self.summary}


def rates(config: Config, *, force: bool = False) -> RatesResult:
    """Count rates and find thresholds for the scores that the C simulation left.

    Args:
        config: the configuration; its section ``rates`` says how.
        force: do it again even if nothing has changed.

    Returns:
        The thresholds and rates.

    Raises:
        ArtefactError: there is no dataset or there are no scores.
        InputError: no background, no signal, weights that do not fit, scores of another dataset, a target rate above the crossing rate or
            too few events for it.
    """
    dataset = load_dataset(config.run / "dataset")
    scores = load_run_scores(config.run / "csim")
    require_network(config, scores)
    inputs = {"dataset": dataset.digest, "csim": read_manifest(config.run / "csim").digest}
    if config.rates.prescales is not None:
        inputs["prescales"] = _table_digest(config.path(config.rates.prescales))
    settings = config.rates.plain()
    key = stage_key(KIND, inputs, settings, None, code_digest("l1ad.stages.rates"))
    target = config.run / "rates"
    if not force and is_current(target, KIND, key):
        return RatesResult(target, False, read_manifest(target).summary)
    _require_samples(dataset)
    veto = veto_of(config, dataset)
    found = tuple(_source_rates(config.rates, dataset, one, veto) for one in scores)
    performances = tuple(evaluate(dataset, one, FPRS, counted_split(config.rates)) for one in scores)
    with writing(target, KIND, key=key, inputs=inputs, config=settings) as draft:
        _write(draft.path, config, dataset, scores, found, performances, veto)
        draft.summary.update(_summary(config.rates, found, performances[-1]) | ({"veto": veto.to_dict()} if veto else {}))
    return RatesResult(target, True, draft.summary)


def _table_digest(path: Path) -> str:
    """Digest the prescale table, or say "" where there is none: reading it will tell."""
    return file_digest(path) if path.is_file() else ""


def _require_samples(dataset: Dataset) -> None:
    for role in Role:
        if not len(dataset.rows(role=role)):
            raise InputError(
                f"Rates want {role.value} events, dataset {str(dataset.path)!r} has none; add some to the section 'data'."
            )


def _source_rates(config: RatesConfig, dataset: Dataset, scores: ScoreSet, veto: Veto | None) -> SourceRates:
    background, sample = counted_background(config, dataset, scores, veto)
    kinds = (Kind.TOTAL,) if sample.taken is None else (Kind.TOTAL, Kind.PURE)
    resolved = [resolved_points(sample, config.target_khz, kind) for kind in kinds]
    points = tuple(point for found, _ in resolved for point in found)
    left_out = tuple(reason for _, reasons in resolved for reason in reasons)
    menu = np.asarray(dataset.column("menu")[background.rows]) if "menu" in dataset.columns and dataset.menu_items else None
    shared = {p.name: overlaps(sample, p.threshold, menu, dataset.menu_items) for p in points} if menu is not None else {}
    efficiencies = {
        p.name: tuple(
            signal_efficiency(s.name, s.label, s.scores, s.weight, menu_taken(dataset, s.rows, veto), p.threshold)
            for s in signals_of(dataset, scores)
        )
        for p in points
    }
    total = [point for point in points if point.kind is Kind.TOTAL]
    bins = bins_of(config, dataset, background.rows, background.weight)
    stability = tuple(stability_of(sample, point, one) for one in bins for point in total)
    halves = tuple(halves_of(dataset, background.rows, background.weight))
    drifting = tuple(drift for p in total for cut in halves for drift in drifts(sample, p.name, p.target_khz, cut))
    curve = rate_curve(sample)
    return SourceRates(scores.source.value, scores.step, curve, points, efficiencies, shared, stability, drifting, left_out)


def _write(
    folder: Path,
    config: Config,
    dataset: Dataset,
    scores: tuple[ScoreSet, ...],
    found: tuple[SourceRates, ...],
    performances: tuple[Performance, ...],
    veto: Veto | None,
) -> None:
    crossing = crossing_rate_khz(config.rates)
    sections = rates_sections(found, crossing, performances[-1].n_background, veto)
    sections.append(physics_section(dataset, scores, performances))
    which = "events kept for testing" if config.rates.background == "test" else "all events, also those trained on"
    page = Page(
        f"{config.name}: rates and thresholds", f"Background: {which}.", tuple(sections), (f"Dataset {dataset.digest[:16]}",)
    )
    write_page(page, folder, "rates")
    data = {
        "spec_version": 1,
        "crossing_khz": crossing,
        "veto": veto.to_dict() if veto else None,
        "sources": [source.to_dict() for source in found],
        "performance": [performance.to_dict() for performance in performances],
    }
    (folder / "rates.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    firmware = _firmware(found)
    if firmware is not None:
        text = _thresholds_text(config, firmware, scores[-1].model_digest, dataset, veto)
        (folder / THRESHOLDS_FILE).write_text(text, encoding="utf-8")


def _thresholds_text(config: Config, source: SourceRates, network_digest: str, dataset: Dataset, veto: Veto | None) -> str:
    thresholds = tuple(Threshold(point.name, int(point.threshold)) for point in source.points)
    title = f"Smallest integer {source.source} scores of {config.name} that keep a rate: give this file's path to 'firmware.thresholds_file'."
    definitions = {point.name: _definition(point) for point in source.points}
    file = ThresholdsFile(network_digest, thresholds, dataset.digest, definitions, menu_in_words(dataset, veto))
    return file.text(title, [f"{point.total.khz:.6g} kHz total" for point in source.points])


def _definition(point: RatePoint) -> Definition:
    rate = point.pure if point.kind is Kind.PURE and point.pure is not None else point.total
    return Definition(point.kind.value, point.target_khz, rate.khz, rate.low_khz, rate.high_khz, point.total.n_events)


def _firmware(found: tuple[SourceRates, ...]) -> SourceRates | None:
    return found[-1] if found[-1].source != Source.FLOAT.value else None


def _summary(config: RatesConfig, found: tuple[SourceRates, ...], performance: Performance) -> dict[str, Any]:
    main = found[-1]
    return {
        "score": main.source,
        "crossing_khz": crossing_rate_khz(config),
        "n_background": performance.n_background,
        "left_out": list(main.left_out),
        "thresholds": [
            {
                "name": p.name,
                "threshold": p.threshold,
                "total_khz": p.total.khz,
                "pure_khz": p.pure.khz if p.pure else None,
                "n_events": p.total.n_events,
                "enough": p.enough,
            }
            for p in main.points
        ],
        "signals": [
            {"signal": e.signal, "bit": bit, "efficiency": e.total.value, "pure": e.pure.value if e.pure else None}
            for bit, each in main.efficiencies.items()
            for e in each
        ],
    }
