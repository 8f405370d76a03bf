"""Is the network just a MET detector? The score against MET, and against simple cuts at equal rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.errors import InputError
from l1ad.physics.rates import Kind, RateSample, crossing_rate_khz, menu_taken, threshold_for_rate
from l1ad.physics.studies.association import pearson, spearman
from l1ad.physics.studies.result import Material, StudyResult, cut_scores, firmware_scores
from l1ad.physics.variables import Cut, available_cuts, cut_variable
from l1ad.reporting.document import Block, State, Table, Verdict, between, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, density_plot
from l1ad.scores.metrics import Efficiency, efficiency
from l1ad.scores.performance import background_of, signals_of
from l1ad.scoreset import ScoreSet

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
        passed: by sample, which events are selected.
        efficiencies: by signal; of the kind of rate that was asked for.
    """

    name: str
    threshold: float
    khz: float
    n_background: int
    passed: Mapping[str, NDArray[np.bool_]]
    efficiencies: Mapping[str, Efficiency]


def study_met(material: Material, scores: ScoreSet | None = None) -> StudyResult:
    """Compare the score with MET, and its efficiency at equal rate with cuts on MET, HT, leading pT and multiplicity.

    The rate is the pure one where the data have a menu, else the total one; efficiencies are of the same kind.

    Args:
        material: data and model.
        scores: scores to look at; by default the firmware's.

    Raises:
        InputError: too few events for ``studies.rate_khz``.
    """
    dataset, config = material.dataset, material.config
    score = scores or firmware_scores(material)
    background = background_of(dataset, score)
    kind = Kind.TOTAL if menu_taken(dataset, background.rows) is None else Kind.PURE
    selections = [_select(material, score, SCORE, kind)]
    selections += [_select(material, cut_scores(dataset, cut), cut.value, kind) for cut in available_cuts(dataset.layout)]
    labels = {signal.name: signal.label for signal in signals_of(dataset, score)}
    blocks: list[Block] = [_table(selections, labels, kind, config.studies.rate_khz), _gain_table(selections, labels)]
    numbers: dict[str, Any] = {
        "kind": kind.value,
        "rate_khz": config.studies.rate_khz,
        "selections": [_selection_numbers(s) for s in selections],
        "gain": _gains(selections, labels),
        "beaten": beaten(selections, labels),
    }
    if Cut.MET in available_cuts(dataset.layout):
        met = cut_variable(dataset.layout, np.asarray(dataset.x_hw[background.rows]), Cut.MET)
        linear, rank = pearson(met, background.scores, background.weight), spearman(met, background.scores, background.weight)
        numbers |= {"pearson": linear.to_dict() if linear else None, "spearman": rank.to_dict() if rank else None}
        step = 1.0 if score.step is None else score.step
        shown = np.log10(np.asarray(background.scores, dtype=np.float64) * step + 1.0)
        axes = Axes("MET [GeV]", "log₁₀(1 + score)")
        blocks.append(density_plot("met", "Score against MET on background.", axes, met, shown, background.weight))
    few = [s.name for s in selections if s.n_background < 10]
    if few:
        blocks.insert(0, Verdict(State.WARNING, f"Fewer than ten background events are behind the selections {', '.join(few)}."))
    return StudyResult("met", QUESTION, _finding(numbers, labels), State.NOTE, numbers, tuple(blocks))


def _select(material: Material, scores: ScoreSet, name: str, kind: Kind) -> Selection:
    dataset, config = material.dataset, material.config
    background = background_of(dataset, scores)
    taken = menu_taken(dataset, background.rows)
    sample = RateSample(background.scores, background.weight, taken, crossing_rate_khz(config.rates))
    threshold = threshold_for_rate(sample, config.studies.rate_khz, kind)
    counted = np.asarray(background.scores >= threshold)
    if kind is Kind.PURE and taken is not None:
        counted = counted & ~taken
    rate = sample.selected(counted)
    passed, efficiencies = {}, {}
    for signal in signals_of(dataset, scores):
        chosen = np.asarray(signal.scores >= threshold)
        theirs = menu_taken(dataset, signal.rows)
        passed[signal.name] = chosen
        pure = chosen & ~theirs if kind is Kind.PURE and theirs is not None else chosen
        efficiencies[signal.name] = efficiency(pure, signal.weight)
    return Selection(name, threshold, rate.khz, rate.n_events, passed, efficiencies)


def beaten(selections: list[Selection], labels: Mapping[str, str]) -> dict[str, list[str]]:
    """Give for each cut the signals on which the score's efficiency is higher."""
    score = selections[0]
    return {
        cut.name: [name for name in labels if score.efficiencies[name].value > cut.efficiencies[name].value]
        for cut in selections[1:]
    }


def _gains(selections: list[Selection], labels: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Give what the score adds after each cut: the fraction of a signal that it selects and the cut does not."""
    score = selections[0]
    return {cut.name: {name: float(np.mean(score.passed[name] & ~cut.passed[name])) for name in labels} for cut in selections[1:]}


def _selection_numbers(selection: Selection) -> dict[str, Any]:
    return {
        "name": selection.name,
        "threshold": selection.threshold,
        "khz": selection.khz,
        "n_background": selection.n_background,
        "efficiencies": {name: e.to_dict() for name, e in selection.efficiencies.items()},
    }


def _table(selections: list[Selection], labels: Mapping[str, str], kind: Kind, khz: float) -> Table:
    rows = tuple(
        (
            s.name,
            number(float(s.threshold), 4),
            number(s.khz),
            number(s.n_background),
            *(between(e.value, e.low, e.high) for e in (s.efficiencies[name] for name in labels)),
        )
        for s in selections
    )
    columns = (
        *text_columns("Selection"),
        *number_columns("Threshold", "Rate [kHz]", "Background events", *(f"{v} [%]" for v in labels.values())),
    )
    note = "Thresholds are the smallest that keep the rate; coarse variables stay below it. Intervals cover 68 %."
    return Table(f"{kind.value.capitalize()} efficiency at {khz:g} kHz {kind.value} rate", columns, rows, note, frozenset({0}))


def _gain_table(selections: list[Selection], labels: Mapping[str, str]) -> Table:
    gains = _gains(selections, labels)
    rows = tuple((cut, *(number(100.0 * gains[cut][name]) for name in labels)) for cut in gains)
    columns = (*text_columns("After a cut on"), *number_columns(*(f"{label} [%]" for label in labels.values())))
    return Table("What the score adds: signal that it selects and the cut does not", columns, rows)


def _finding(numbers: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    if not labels:
        raise InputError("This study wants signals, and none was scored; add some to the section 'data'.")
    texts = []
    for cut in (Cut.MET.value, Cut.HT.value):
        won = numbers["beaten"].get(cut)
        if won is not None:
            lost = [labels[name] for name in labels if name not in won]
            texts.append(f"a {cut} cut on {len(won)} of {len(labels)} signals" + (f" (not on {', '.join(lost)})" if lost else ""))
    rank = numbers.get("spearman")
    depends = f" Its rank correlation with MET on background is {rank['value']:.2f}." if rank else ""
    compared = " and ".join(texts) if texts else "no cut, since the layout has neither MET nor jets"
    return f"At {numbers['rate_khz']:g} kHz {numbers['kind']} rate the score beats {compared}.{depends}"
