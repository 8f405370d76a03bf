"""Is the network just a MET detector? The score against MET, and against simple cuts at equal rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.rates import Kind, RateSample, TooFewEventsError, crossing_rate_khz, menu_taken, threshold_for_rate
from l1ad.physics.variables import Cut, available_cuts, cut_variable
from l1ad.physics.veto import veto_of
from l1ad.reporting.document import Block, State, Table, Verdict, between, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, density_plot
from l1ad.scores.metrics import MIN_EVENTS, Efficiency, efficiency
from l1ad.scores.performance import background_of, signals_of
from l1ad.studies.association import pearson, spearman
from l1ad.studies.result import Material, StudyResult, cut_scores, firmware_scores

QUESTION = "Is the network just a MET detector?"
SCORE = "score"


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Hold one way to select at the common rate.

    Attributes:
        name: ``score`` or the cut's name.
        threshold: smallest value selected.
        khz: the rate reached.
        n_background: background events behind it.
        total_khz: the total rate with it.
        passed: by sample, which events are selected.
        efficiencies: by signal; of the kind of rate that was asked for.
        medians: median of the variable, by signal and for ``background``.
    """

    name: str
    threshold: float
    khz: float
    n_background: int
    total_khz: float
    passed: Mapping[str, NDArray[np.bool_]]
    efficiencies: Mapping[str, Efficiency]
    medians: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Hold all selections at one rate.

    Attributes:
        kind: the rate that is equal, and the efficiency that is compared.
        khz: the rate.
        selections: the score's, then the cuts'.
        labels: the signals' labels by name.
        left_out: cuts that cannot reach the rate, with the reason.
    """

    kind: Kind
    khz: float
    selections: tuple[Selection, ...]
    labels: Mapping[str, str]
    left_out: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        """Say whether enough background events are behind the score to compare it with anything."""
        return self.selections[0].n_background >= MIN_EVENTS

    @property
    def beaten(self) -> dict[str, list[str]]:
        """Give for each cut the signals on which the score's efficiency is higher."""
        score = self.selections[0].efficiencies
        return {
            cut.name: [name for name in self.labels if score[name].value > cut.efficiencies[name].value]
            for cut in self.selections[1:]
        }

    @property
    def gains(self) -> dict[str, dict[str, float]]:
        """Give what the score adds after each cut: the fraction of a signal that it selects and the cut does not."""
        score = self.selections[0].passed
        return {
            cut.name: {name: float(np.mean(score[name] & ~cut.passed[name])) for name in self.labels}
            for cut in self.selections[1:]
        }

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        selections = [_selection_numbers(selection) for selection in self.selections]
        found = {"selections": selections, "beaten": self.beaten, "gain": self.gains, "left_out": list(self.left_out)}
        return {"kind": self.kind.value, "rate_khz": self.khz, **found}


def study_met(material: Material, scores: ScoreSet | None = None) -> StudyResult:
    """Compare the score with MET, and its efficiency at equal rate with cuts on MET, HT, leading pT and multiplicity.

    Once at equal total rate, and where the data have a menu at equal pure rate with the pure efficiency. Where the background has too few
    events for a statement at that rate, also at ten times the rate, and so on.

    Args:
        material: data and model.
        scores: scores to look at; by default the firmware's.

    Raises:
        InputError: no signal, or too few events for the score at ``studies.rate_khz``.
    """
    dataset = material.dataset
    score = scores or firmware_scores(material)
    background = background_of(dataset, score)
    veto = veto_of(material.config, dataset)
    kinds = (Kind.TOTAL,) if menu_taken(dataset, background.rows, veto) is None else (Kind.PURE, Kind.TOTAL)
    comparisons = [comparison for kind in kinds for comparison in _until_it_says_something(material, score, kind)]
    blocks = [block for comparison in comparisons for block in _comparison_blocks(comparison)]
    numbers: dict[str, Any] = {kind.value: [c.to_dict() for c in comparisons if c.kind is kind] for kind in kinds}
    findings = [_finding(comparison) for comparison in comparisons]
    if Cut.MET in available_cuts(dataset.layout):
        met = cut_variable(dataset.layout, np.asarray(dataset.x_hw[background.rows]), Cut.MET)
        linear, rank = pearson(met, background.scores, background.weight), spearman(met, background.scores, background.weight)
        numbers |= {"pearson": linear.to_dict() if linear else None, "spearman": rank.to_dict() if rank else None}
        findings += [f"Its rank correlation with MET on background is {rank.value:.2f}."] if rank else []
        step = 1.0 if score.step is None else score.step
        shown = np.log10(np.asarray(background.scores, dtype=np.float64) * step + 1.0)
        axes = Axes("MET [GeV]", "log₁₀(1 + score)")
        blocks.append(density_plot("met", "Score against MET on background.", axes, met, shown, background.weight))
    return StudyResult("met", QUESTION, " ".join(findings), State.NOTE, numbers, tuple(blocks))


def _until_it_says_something(material: Material, scores: ScoreSet, kind: Kind) -> list[Comparison]:
    khz, most = material.config.studies.rate_khz, crossing_rate_khz(material.config.rates)
    found = [compare_at_rate(material, scores, kind, khz)]
    while not found[-1].says_something and (khz := 10.0 * khz) < most:
        found.append(compare_at_rate(material, scores, kind, khz))
    return found


def compare_at_rate(material: Material, scores: ScoreSet, kind: Kind, khz: float) -> Comparison:
    """Select by the score, and by every cut at the rate that the score reaches: at most the one asked for, and less if it is coarse there.

    Args:
        material: data and model.
        scores: the score.
        kind: which rate is equal.
        khz: the rate.

    Raises:
        InputError: no signal, or too few events for the score at this rate.
    """
    dataset = material.dataset
    labels = {signal.name: signal.label for signal in signals_of(dataset, scores)}
    if not labels:
        raise InputError("This study wants signals, and none was scored; add some to the section 'data'.")
    selections, left_out = [_select(material, scores, SCORE, kind, khz)], []
    for cut in available_cuts(dataset.layout):
        try:
            selections.append(_select(material, cut_scores(dataset, cut), cut.value, kind, selections[0].khz))
        except TooFewEventsError as error:
            left_out.append(f"{cut.value}: {error}")
    return Comparison(kind, khz, tuple(selections), labels, tuple(left_out))


def _comparison_blocks(comparison: Comparison) -> list[Block]:
    blocks: list[Block] = [
        Verdict(State.WARNING, f"A cut that cannot reach the {comparison.kind.value} rate is left out: {reason}")
        for reason in comparison.left_out
    ]
    few = [s.name for s in comparison.selections if s.n_background < MIN_EVENTS]
    if few:
        text = (
            f"At {comparison.khz:g} kHz {comparison.kind.value} rate, fewer than {MIN_EVENTS} background events are behind the "
            f"selections {', '.join(few)}."
        )
        blocks.append(Verdict(State.WARNING, text))
    return [*blocks, _table(comparison), _gain_table(comparison)]


def _select(material: Material, scores: ScoreSet, name: str, kind: Kind, khz: float) -> Selection:
    dataset, config = material.dataset, material.config
    background = background_of(dataset, scores)
    veto = veto_of(config, dataset)
    taken = menu_taken(dataset, background.rows, veto)
    sample = RateSample(background.scores, background.weight, taken, crossing_rate_khz(config.rates))
    threshold = threshold_for_rate(sample, khz, kind)
    chosen = np.asarray(background.scores >= threshold)
    rate, total = sample.selected(_counted(chosen, taken, kind)), sample.selected(chosen)
    medians = {"background": weighted_median(background.scores, background.weight)}
    passed, efficiencies = {}, {}
    for signal in signals_of(dataset, scores):
        passed[signal.name] = np.asarray(signal.scores >= threshold)
        counted = _counted(passed[signal.name], menu_taken(dataset, signal.rows, veto), kind)
        efficiencies[signal.name] = efficiency(counted, signal.weight)
        medians[signal.name] = weighted_median(signal.scores, signal.weight)
    return Selection(name, threshold, rate.khz, rate.n_events, total.khz, passed, efficiencies, medians)


def _counted(chosen: NDArray[np.bool_], taken: NDArray[np.bool_] | None, kind: Kind) -> NDArray[np.bool_]:
    return chosen & ~taken if kind is Kind.PURE and taken is not None else chosen


def weighted_median(values: NDArray[Any], weight: FloatArray) -> float:
    """Give the smallest value with at least half of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2.0)])


def _selection_numbers(selection: Selection) -> dict[str, Any]:
    return {
        "name": selection.name,
        "threshold": selection.threshold,
        "khz": selection.khz,
        "total_khz": selection.total_khz,
        "n_background": selection.n_background,
        "efficiencies": {name: e.to_dict() for name, e in selection.efficiencies.items()},
        "medians": dict(selection.medians),
    }


def _table(comparison: Comparison) -> Table:
    kind, labels = comparison.kind.value, comparison.labels
    rows = []
    for s in comparison.selections:
        cells = [between(e.value, e.low, e.high) for e in (s.efficiencies[name] for name in labels)]
        rows.append((s.name, number(float(s.threshold), 4), number(s.khz), number(s.total_khz), number(s.n_background), *cells))
    titles = ("Threshold", f"{kind.capitalize()} rate [kHz]", "Total rate [kHz]", "Background events")
    columns = (*text_columns("Selection"), *number_columns(*titles, *(f"{v} [%]" for v in labels.values())))
    note = (
        "Thresholds are the smallest that keep the rate, for the cuts the one that the score reaches; coarse variables stay below it. "
        "Intervals cover 68 %."
    )
    return Table(
        f"{kind.capitalize()} efficiency at {comparison.khz:g} kHz {kind} rate", columns, tuple(rows), note, frozenset({0})
    )


def _gain_table(comparison: Comparison) -> Table:
    gains, labels = comparison.gains, comparison.labels
    rows = tuple((cut, *(number(100.0 * gains[cut][name]) for name in labels)) for cut in gains)
    columns = (*text_columns("After a cut on"), *number_columns(*(f"{label} [%]" for label in labels.values())))
    return Table(
        f"What the score adds at {comparison.khz:g} kHz {comparison.kind.value} rate: signal that it selects and the cut does not",
        columns,
        rows,
    )


def _finding(comparison: Comparison) -> str:
    kind, labels, texts = comparison.kind.value, comparison.labels, []
    if not comparison.says_something:
        n_events = comparison.selections[0].n_background
        return (
            f"At {comparison.khz:g} kHz {kind} rate {n_events} background events are behind the score, too few for a statement."
        )
    for cut in (s for s in comparison.selections if s.name in (Cut.MET.value, Cut.HT.value)):
        won = comparison.beaten[cut.name]
        lost = [_why(cut, name, labels[name]) for name in labels if name not in won]
        texts.append(
            f"a {cut.name} cut on {len(won)} of {len(labels)} signals" + (f" (not on {', '.join(lost)})" if lost else "")
        )
    compared = " and ".join(texts) if texts else "no cut"
    unreached = [name for name in (Cut.MET.value, Cut.HT.value) if any(r.startswith(f"{name}: ") for r in comparison.left_out)]
    note = f" (no {' or '.join(unreached)} threshold resolves that rate)" if unreached else ""
    return f"At {comparison.khz:g} kHz {kind} rate the score beats in {kind} efficiency {compared}{note}."


def _why(cut: Selection, name: str, label: str) -> str:
    """Say of a signal what the cut sees: how far its median is from the background's, and from the cut."""
    signal, background = cut.medians[name], cut.medians["background"]
    return f"{label}, whose median {cut.name} is {signal:.0f} GeV, the background's {background:.0f} GeV and the cut {cut.threshold:.0f} GeV"
