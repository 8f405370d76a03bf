"""Count trigger rates of a run's scores, and find the thresholds for target rates."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from l1ad.config import Config
from l1ad.config.physics import RatesConfig, judged_by
from l1ad.core.artefact import Draft, read_manifest
from l1ad.core.dataset import Dataset, Role, load_dataset
from l1ad.core.errors import InputError
from l1ad.core.follow import Follow
from l1ad.core.network import Threshold
from l1ad.core.provenance import file_digest
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.thresholds import Definition, ThresholdsFile
from l1ad.physics.circumstances import bins_of, halves_of, kinematic_bins
from l1ad.physics.drift import drifts
from l1ad.physics.follow import flattened, follow_of
from l1ad.physics.judge import Judge, judge_at
from l1ad.physics.menu_overlap import SignalEfficiency, overlaps, signal_efficiency
from l1ad.physics.rates import RatePoint, RateSample, crossing_rate_khz, menu_taken, rate_curve, resolved_points
from l1ad.physics.rates_page import SourceRates, rates_sections
from l1ad.physics.rates_record import RATES_FILE, CaughtRecord, RatesSummary, ThresholdRecord
from l1ad.physics.scored_run import counted_background, counted_split, load_run_scores, require_network
from l1ad.physics.stability import stability_of
from l1ad.physics.veto import Veto, menu_in_words, veto_of
from l1ad.reporting.document import Page
from l1ad.reporting.physics_sections import physics_section
from l1ad.reporting.render import write_page
from l1ad.scores.performance import Performance, ScoredSample, signals_of
from l1ad.scores.targets import Kind

KIND = "rates"
#: How the names of thresholds end that follow an event's counts, so that their rate does not.
FLAT = "_flat"
#: Integer thresholds by name; ``firmware.thresholds_file`` of a configuration takes its path.
THRESHOLDS_FILE = "thresholds.yaml"


@dataclass(frozen=True, slots=True)
class RatesResult(StageResult):
    """Which thresholds give which rates.

    Attributes:
        path: the artefact; ``rates.html``, ``rates.json`` and ``thresholds.yaml`` are in it.
        fresh: whether it was made now; else nothing had changed.
        summary: thresholds and rates of the firmware's score, crossing rate and number of background events.
    """

    FLAT: ClassVar[bool] = True
    PAGE: ClassVar[str | None] = "rates.html"


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
    settings = judged_by(config.rates, config.studies)

    def write(draft: Draft) -> Summary:
        _require_samples(dataset)
        veto = veto_of(config, dataset)
        found = tuple(_source_rates(config.rates, dataset, one, veto) for one in scores)
        judge = judge_at(dataset, config.rates, config.studies, veto)
        performances = tuple(judge.performance(one, counted_split(config.rates)) for one in scores)
        _write(draft.path, config, judge, scores, found, performances, veto)
        return _summary(config.rates, found, performances[-1], veto).to_dict()

    place, code = config.run / "rates", "l1ad.stages.rates"
    return run_stage(RatesResult, place, KIND, write, code=code, inputs=inputs, settings=settings, force=force)


def _table_digest(path: Path) -> str:
    """Digest the prescale table, or say "" where there is none: reading it will tell."""
    return file_digest(path) if path.is_file() else ""


def _require_samples(dataset: Dataset) -> None:
    for role in Role:
        if not len(dataset.rows(role=role)):
            raise InputError(
                f"Rates need {role.value} events, dataset {str(dataset.path)!r} has none; add some to the section 'data'."
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What is compared with thresholds of one family: the score itself, or what is left of it after what they follow."""

    follow: Follow | None
    sample: RateSample
    points: tuple[RatePoint, ...]
    left_out: tuple[str, ...]


def _judged(config: RatesConfig, sample: RateSample, follow: Follow | None) -> _Judged:
    kinds = (Kind.TOTAL,) if sample.taken is None else (Kind.TOTAL, Kind.PURE)
    resolved = [resolved_points(sample, config.target_khz, kind) for kind in kinds]
    points = [point for found, _ in resolved for point in found]
    if follow is not None:
        points = [replace(point, name=f"{point.name}{FLAT}", follow=follow) for point in points]
    return _Judged(follow, sample, tuple(points), tuple(reason for _, reasons in resolved for reason in reasons))


def _families(
    config: RatesConfig, dataset: Dataset, scores: ScoreSet, background: ScoredSample, sample: RateSample
) -> list[_Judged]:
    """Return the plain thresholds and, where they are asked for and the score is the chip's, those that follow."""
    plain = _judged(config, sample, None)
    if not config.follow or scores.step is None:
        return [plain]
    fraction = min(point.target_khz for point in plain.points) / sample.crossing_khz
    follow = follow_of(dataset, scores, config.follow, fraction)
    return [plain, _judged(config, sample.with_scores(flattened(dataset, follow, background)), follow)]


def _source_rates(config: RatesConfig, dataset: Dataset, scores: ScoreSet, veto: Veto | None) -> SourceRates:
    background, sample = counted_background(config, dataset, scores, veto)
    families = _families(config, dataset, scores, background, sample)
    pairs = [(family, point) for family in families for point in family.points]
    menu = np.asarray(dataset.column("menu")[background.rows]) if "menu" in dataset.columns and dataset.menu_items else None
    shared = {p.name: overlaps(f.sample, p.threshold, menu, dataset.menu_items) for f, p in pairs} if menu is not None else {}
    total = [(family.sample, point) for family, point in pairs if point.kind is Kind.TOTAL]
    bins = tuple(bins_of(config, dataset, background.rows, background.weight))
    halves = tuple(halves_of(dataset, background.rows, background.weight))
    kinematic = tuple(kinematic_bins(config.follow, dataset, background.rows, background.weight)) if len(families) > 1 else ()
    return SourceRates(
        source=scores.source.value,
        step=scores.step,
        curve=rate_curve(sample),
        points=tuple(point for _, point in pairs),
        efficiencies={point.name: _caught(dataset, scores, veto, point) for _, point in pairs},
        overlaps=shared,
        stability=tuple(stability_of(events, point, one) for one in bins for events, point in total),
        drifts=tuple(one for events, p in total for cut in halves for one in drifts(events, p.name, p.target_khz, cut)),
        flatness=tuple(stability_of(events, point, one) for one in kinematic for events, point in total),
        left_out=tuple(dict.fromkeys(reason for family in families for reason in family.left_out)),
    )


def _caught(dataset: Dataset, scores: ScoreSet, veto: Veto | None, point: RatePoint) -> tuple[SignalEfficiency, ...]:
    """Return what a threshold catches of every signal."""
    found = []
    for signal in signals_of(dataset, scores):
        compared = signal.scores if point.follow is None else flattened(dataset, point.follow, signal)
        taken = menu_taken(dataset, signal.rows, veto)
        found.append(signal_efficiency(signal.name, signal.label, compared, signal.weight, taken, point.threshold))
    return tuple(found)


def _write(
    folder: Path,
    config: Config,
    judge: Judge,
    scores: tuple[ScoreSet, ...],
    found: tuple[SourceRates, ...],
    performances: tuple[Performance, ...],
    veto: Veto | None,
) -> None:
    dataset = judge.dataset
    crossing = crossing_rate_khz(config.rates)
    sections = rates_sections(found, crossing, performances[-1].n_background, veto)
    sections.append(physics_section(dataset, scores, performances, judge.taken))
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
    (folder / RATES_FILE).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    firmware = _firmware(found)
    if firmware is not None:
        text = _thresholds_text(config, firmware, scores[-1].model_digest, dataset, veto)
        (folder / THRESHOLDS_FILE).write_text(text, encoding="utf-8")


def _thresholds_text(config: Config, source: SourceRates, network_digest: str, dataset: Dataset, veto: Veto | None) -> str:
    thresholds = tuple(Threshold(point.name, int(point.threshold), point.follow) for point in source.points)
    title = f"Smallest integer {source.source} scores of {config.name} that keep a rate: give this file's path to 'firmware.thresholds_file'."
    definitions = {point.name: _definition(point) for point in source.points}
    file = ThresholdsFile(network_digest, thresholds, dataset.digest, definitions, menu_in_words(dataset, veto))
    return file.text(title, [f"{point.total.khz:.6g} kHz total" for point in source.points])


def _definition(point: RatePoint) -> Definition:
    rate = point.pure if point.kind is Kind.PURE and point.pure is not None else point.total
    return Definition(point.kind.value, point.target_khz, rate.khz, rate.low_khz, rate.high_khz, point.total.n_events)


def _firmware(found: tuple[SourceRates, ...]) -> SourceRates | None:
    return found[-1] if found[-1].source != Source.FLOAT.value else None


def _summary(config: RatesConfig, found: tuple[SourceRates, ...], performance: Performance, veto: Veto | None) -> RatesSummary:
    main = found[-1]
    pures = [point.pure for point in main.points]
    return RatesSummary(
        score=main.source,
        crossing_khz=crossing_rate_khz(config),
        n_background=performance.n_background,
        left_out=main.left_out,
        thresholds=tuple(
            ThresholdRecord(p.name, p.threshold, p.total.khz, pure.khz if pure else None, p.total.n_events, p.enough)
            for p, pure in zip(main.points, pures, strict=True)
        ),
        signals=tuple(
            CaughtRecord(e.signal, bit, e.total.value, e.pure.value if e.pure else None)
            for bit, each in main.efficiencies.items()
            for e in each
        ),
        veto=veto,
    )
