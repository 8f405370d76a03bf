"""Select by a score and by simple cuts at one rate: what each catches, and what the score adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.rates import Rate, RateSample, TooFewEventsError, crossing_rate_khz, menu_taken, threshold_for_rate
from l1ad.physics.variables import available_cuts
from l1ad.physics.veto import Veto, veto_of
from l1ad.reporting.compared import RateRecord, SelectionRecord
from l1ad.scores.metrics import Efficiency, efficiency
from l1ad.scores.performance import background_of, signals_of
from l1ad.scores.selection import mean_efficiency, weighted_quantile
from l1ad.scores.targets import Kind, counted
from l1ad.studies.result import Material, cut_scores

SCORE = "score"
BACKGROUND = "background"


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """One way to select at the common rate.

    Attributes:
        name: ``score`` or the cut's name.
        threshold: smallest value selected.
        rate: the rate reached, of the kind that is equal.
        total_khz: the total rate with it.
        counted: by sample, ``background`` among them, which events count for that kind of rate.
        efficiencies: by signal; of that kind.
        medians: median of the variable, by signal and for ``background``.
    """

    name: str
    threshold: float
    rate: Rate
    total_khz: float
    counted: Mapping[str, NDArray[np.bool_]]
    efficiencies: Mapping[str, Efficiency]
    medians: Mapping[str, float]

    @property
    def mean(self) -> tuple[float, float, float]:
        """Mean efficiency over signals with its interval."""
        return mean_efficiency(list(self.efficiencies.values()))

    @property
    def record(self) -> SelectionRecord:
        """What a file says of it."""
        return SelectionRecord(
            name=self.name,
            threshold=self.threshold,
            khz=self.rate.khz,
            low_khz=self.rate.low_khz,
            high_khz=self.rate.high_khz,
            total_khz=self.total_khz,
            n_background=self.rate.n_events,
            n_effective=self.rate.n_effective,
            efficiencies={name: one.to_dict() for name, one in self.efficiencies.items()},
            medians=self.medians,
            mean=self.mean,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """All cuts at once, each at the common rate.

    Attributes:
        rate: rate of what any of them selects, of the kind that is equal.
        added: rate of what the score selects and none of them.
        gains: by signal, the part that the score selects and none of them.
    """

    rate: Rate
    added: Rate
    gains: Mapping[str, Efficiency]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        gains = {name: e.to_dict() for name, e in self.gains.items()}
        return {"rate": self.rate.to_dict(), "added": self.added.to_dict(), "gain": gains}


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """All selections at one rate.

    Attributes:
        kind: the rate that is equal, and the efficiency that is compared.
        khz: the rate.
        selections: the score's, then the cuts'.
        labels: the signals' labels by name.
        left_out: cuts that cannot reach the rate, with the reason.
        gains: by cut, what the score adds after it: the part of each signal that it selects and the cut does not.
        together: all cuts at once; None without any.
    """

    kind: Kind
    khz: float
    selections: tuple[Selection, ...]
    labels: Mapping[str, str]
    left_out: Mapping[str, str]
    gains: Mapping[str, Mapping[str, Efficiency]]
    together: Together | None

    @property
    def score(self) -> Selection:
        """What the score selects."""
        return self.selections[0]

    @property
    def cuts(self) -> tuple[Selection, ...]:
        """What each cut selects."""
        return self.selections[1:]

    @property
    def says_something(self) -> bool:
        """Whether enough effective background events are behind the score to compare it with anything."""
        return self.score.rate.enough

    @property
    def beaten(self) -> dict[str, list[str]]:
        """For each cut the signals on which the score's efficiency is higher."""
        score = self.score.efficiencies
        return {cut.name: [name for name in self.labels if score[name].value > cut.efficiencies[name].value] for cut in self.cuts}

    def best_cut(self, signal: str) -> Selection:
        """Return the cut that catches most of a signal."""
        return max(self.cuts, key=lambda cut: cut.efficiencies[signal].value)

    @property
    def best_on_the_mean(self) -> Selection:
        """The cut with the highest mean efficiency."""
        return max(self.cuts, key=lambda cut: cut.mean[0])

    def above_every_cut(self, *, clearly: bool = False) -> list[str]:
        """Return the signals on which the score is above every cut; clearly, where the intervals of it and the best cut do not meet."""
        score, best = self.score.efficiencies, {name: self.best_cut(name).efficiencies[name] for name in self.labels}
        if clearly:
            return [name for name in self.labels if score[name].low > best[name].high]
        return [name for name in self.labels if score[name].value > best[name].value]

    @property
    def record(self) -> RateRecord:
        """What a file says of it."""
        return RateRecord(
            kind=self.kind,
            rate_khz=self.khz,
            selections=tuple(selection.record for selection in self.selections),
            beaten={cut: tuple(signals) for cut, signals in self.beaten.items()},
            gain={cut: {name: e.to_dict() for name, e in found.items()} for cut, found in self.gains.items()},
            together=self.together.to_dict() if self.together else None,
            left_out=self.left_out,
            above_every_cut=tuple(self.above_every_cut()) if self.cuts else None,
            clearly_above=tuple(self.above_every_cut(clearly=True)) if self.cuts else None,
        )


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
        raise InputError("This study needs signals, and none was scored; add some to the section 'data'.")
    veto = veto_of(material.config, dataset)
    selections, left_out = [_select(material, scores, SCORE, kind, khz, veto)], {}
    for cut in available_cuts(dataset.layout):
        try:
            selections.append(_select(material, cut_scores(dataset, cut), cut.name, kind, selections[0].rate.khz, veto))
        except TooFewEventsError as error:
            left_out[cut.name] = str(error)
    score, *cuts = selections
    weights = {signal.name: signal.weight for signal in signals_of(dataset, scores)}
    gains = {cut.name: _gains(score, cut.counted, weights) for cut in cuts}
    together = _together(_rate_sample(material, scores, veto), score, cuts, weights) if cuts else None
    return Comparison(kind, khz, tuple(selections), labels, left_out, gains, together)


def _rate_sample(material: Material, scores: ScoreSet, veto: Veto | None) -> RateSample:
    background = background_of(material.dataset, scores)
    taken = menu_taken(material.dataset, background.rows, veto)
    return RateSample(background.scores, background.weight, taken, crossing_rate_khz(material.config.rates))


def _select(material: Material, scores: ScoreSet, name: str, kind: Kind, khz: float, veto: Veto | None) -> Selection:
    dataset, sample = material.dataset, _rate_sample(material, scores, veto)
    threshold = threshold_for_rate(sample, khz, kind)
    chosen = np.asarray(sample.scores >= threshold)
    counts = {BACKGROUND: counted(chosen, sample.taken, kind)}
    medians = {BACKGROUND: float(weighted_quantile(sample.scores, sample.weight, 0.5))}
    efficiencies = {}
    for signal in signals_of(dataset, scores):
        taken = menu_taken(dataset, signal.rows, veto)
        counts[signal.name] = counted(np.asarray(signal.scores >= threshold), taken, kind)
        efficiencies[signal.name] = efficiency(counts[signal.name], signal.weight)
        medians[signal.name] = float(weighted_quantile(signal.scores, signal.weight, 0.5))
    rate, total = sample.selected(counts[BACKGROUND]), sample.selected(chosen)
    return Selection(name, threshold, rate, total.khz, counts, efficiencies, medians)


def _gains(
    score: Selection, counted: Mapping[str, NDArray[np.bool_]], weights: Mapping[str, FloatArray]
) -> dict[str, Efficiency]:
    return {name: efficiency(score.counted[name] & ~counted[name], weight) for name, weight in weights.items()}


def _together(sample: RateSample, score: Selection, cuts: list[Selection], weights: Mapping[str, FloatArray]) -> Together:
    every = {name: np.any([cut.counted[name] for cut in cuts], axis=0) for name in score.counted}
    added = sample.selected(score.counted[BACKGROUND] & ~every[BACKGROUND])
    return Together(sample.selected(every[BACKGROUND]), added, _gains(score, every, weights))
