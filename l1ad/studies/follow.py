"""What a threshold that does not follow MET, HT and the number of objects loses and gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.dataset import Role, Split
from l1ad.core.follow import Follow
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.physics.circumstances import bins_of, kinematic_bins
from l1ad.physics.follow import VARIABLES, flattened, follow_of
from l1ad.physics.rates import RatePoint, rate_point
from l1ad.physics.scored_run import counted_background
from l1ad.physics.stability import Stability, stability_of
from l1ad.physics.stability_page import spread_of
from l1ad.physics.variables import event_cuts
from l1ad.reporting.document import ABSENT, Block, Figure, State, Table, Verdict, between, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, bar_plot
from l1ad.scores.metrics import Efficiency, efficiency
from l1ad.scores.performance import signals_of
from l1ad.scores.targets import Kind
from l1ad.spec import reference
from l1ad.studies.result import Material, StudyResult, evaluation_rows

QUESTION = "What does a threshold lose and gain that does not follow MET, HT and the number of objects?"
#: Background events, not for testing, that the function is fitted on at most.
_FITTED = 200_000
PLAIN = "plain"


def study_follow(material: Material, scores: ScoreSet | None = None) -> StudyResult:
    """Compare the plain threshold with thresholds that follow each variable, and all of them, at equal total rate.

    The function is fitted on background that is not for testing; rates and efficiencies are of the test events.

    Args:
        material: data and model.
        scores: integer scores to look at; by default the firmware's.

    Raises:
        InputError: no signal, or too few events for ``studies.rate_khz``.
    """
    found = compare_follows(material, scores)
    figures = [_figure(found, variable) for variable in found.variables]
    blocks: tuple[Block, ...] = (*_few(found.points), _spread_table(found.points, found.spreads), *figures, found.table)
    return StudyResult("follow", QUESTION, found.finding, State.NOTE, found.numbers, blocks)


@dataclass(frozen=True, slots=True)
class Follows:
    """Thresholds that follow something, beside the plain one, at equal total rate.

    Attributes:
        khz: the total rate.
        follows: what each follows, by name; None for the plain one, which is the first.
        points: threshold and rate of each.
        spreads: rates of each in bins of every variable.
        efficiencies: of each, by signal.
    """

    khz: float
    follows: Mapping[str, Follow | None]
    points: Mapping[str, RatePoint]
    spreads: Mapping[str, Sequence[Stability]]
    efficiencies: Mapping[str, Mapping[str, Efficiency]]

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables in whose bins the rates are."""
        return tuple(entry.variable for entry in self.spreads[PLAIN])

    @property
    def numbers(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return _numbers(self.follows, self.points, self.spreads, self.efficiencies)

    @property
    def finding(self) -> str:
        """What the last of them gains and loses against the plain one."""
        return _finding(self.spreads, self.efficiencies, self.khz)

    @property
    def table(self) -> Table:
        """Efficiency of each signal above each threshold."""
        return _efficiency_table(self.points, self.efficiencies)


def compare_follows(material: Material, scores: ScoreSet | None = None, only: Sequence[str] = tuple(VARIABLES)) -> Follows:
    """Compare the plain threshold with thresholds that follow each variable, and all of them where there are several.

    Args:
        material: data and model.
        scores: integer scores to look at; by default the firmware's.
        only: names of the variables; those that the layout has no objects for are left out.

    Raises:
        InputError: no signal, or too few events for ``studies.rate_khz``.
    """
    dataset, khz = material.dataset, material.config.studies.rate_khz
    scores = scores or _scores(material)
    background, sample = counted_background(material.config.rates, dataset, scores, None)
    fraction = khz / sample.crossing_khz
    names = [name for name in only if VARIABLES[name] in event_cuts(dataset.layout)]
    choices = {name: (name,) for name in names} | ({"all": tuple(names)} if len(names) > 1 else {})
    follows: dict[str, Follow | None] = {PLAIN: None}
    follows |= {name: follow_of(dataset, scores, chosen, fraction) for name, chosen in choices.items()}
    bins = [*kinematic_bins(names, dataset, background.rows, background.weight)]
    bins += [
        one for one in bins_of(material.config.rates, dataset, background.rows, background.weight) if one.variable == "pile-up"
    ]
    samples = {
        name: sample if f is None else sample.with_scores(flattened(dataset, f, background)) for name, f in follows.items()
    }
    points = {name: rate_point(events, khz, Kind.TOTAL) for name, events in samples.items()}
    spreads = {name: [stability_of(samples[name], point, one) for one in bins] for name, point in points.items()}
    signals = signals_of(dataset, scores)
    found = {
        name: {s.label: _efficiency(s.scores if f is None else flattened(dataset, f, s), s.weight, points[name]) for s in signals}
        for name, f in follows.items()
    }
    return Follows(khz, follows, points, spreads, found)


def _figure(found: Follows, variable: str) -> Figure:
    """Draw the rate in bins of a variable, for the plain threshold, the one that follows the variable, and the one that follows all."""
    place = found.variables.index(variable)
    labels = [one.label for one in found.spreads[PLAIN][place].rates]
    own = next((name for name, cut in VARIABLES.items() if cut.name == variable and name in found.points), None)
    names = dict.fromkeys(name for name in (PLAIN, own, list(found.points)[-1]) if name is not None)
    groups = {
        name if name == PLAIN else f"follows {name}": [one.rate.khz for one in found.spreads[name][place].rates] for name in names
    }
    caption = (
        f"Rate in bins of {variable} at {found.khz:g} kHz total rate, as if all crossings were like those of the bin: equal bars are a rate that does "
        "not follow it."
    )
    return bar_plot(f"follow-{variable.replace(' ', '-')}", caption, Axes("rate [kHz]", variable), labels, groups)


def _scores(material: Material) -> ScoreSet:
    """Score the events that studies judge on and some of the other background, by the specification."""
    dataset, network = material.dataset, material.model.network
    background = dataset.rows(role=Role.BACKGROUND)
    other = background[np.asarray(dataset.column("split")[background]) != Split.TEST][:_FITTED]
    rows = np.sort(np.concatenate([evaluation_rows(dataset), other]))
    codes = reference.scores(network, np.asarray(dataset.x_hw[rows]))
    return ScoreSet(Source.EMULATOR, codes, network.score.total.step, rows, dataset.digest, network.digest)


def _efficiency(compared: np.ndarray[Any, Any], weight: np.ndarray[Any, Any], point: RatePoint) -> Efficiency:
    return efficiency(np.asarray(compared >= point.threshold), weight)


def _numbers(
    follows: Mapping[str, Follow | None],
    points: Mapping[str, RatePoint],
    spreads: Mapping[str, Sequence[Stability]],
    found: Mapping[str, Mapping[str, Efficiency]],
) -> dict[str, Any]:
    return {
        name: {
            "follow": None if follow is None else follow.to_dict(),
            "threshold": points[name].threshold,
            "rate": points[name].total.to_dict(),
            "spread": {entry.variable: spread_of(entry) for entry in spreads[name]},
            "efficiencies": {signal: one.to_dict() for signal, one in found[name].items()},
        }
        for name, follow in follows.items()
    }


def _few(points: Mapping[str, RatePoint]) -> list[Block]:
    few = [name for name, point in points.items() if not point.enough]
    return [Verdict(State.WARNING, f"Fewer than ten effective background events are behind {', '.join(few)}.")] if few else []


def _spread_table(points: Mapping[str, RatePoint], spreads: Mapping[str, Sequence[Stability]]) -> Table:
    variables = [entry.variable for entry in spreads[PLAIN]]
    rows = []
    for name, point in points.items():
        values = [ABSENT if (one := spread_of(entry)) is None else number(one) for entry in spreads[name]]
        rate = between(point.total.khz, point.total.low_khz, point.total.high_khz, 1.0)
        rows.append((name, number(float(point.threshold), 6), rate, number(point.total.n_effective), *values))
    columns = (*text_columns("Follows"), *number_columns("Threshold", "Rate [kHz]", "n_eff", *variables))
    note = "Per variable: the highest rate of its bins over their mean, 1 where the rate does not follow it. Bins are of about equal weight."
    return Table("How much the rate follows", columns, tuple(rows), note)


def _efficiency_table(points: Mapping[str, RatePoint], found: Mapping[str, Mapping[str, Efficiency]]) -> Table:
    labels = list(found[PLAIN])
    rows = tuple(
        (name, *(between(found[name][s].value, found[name][s].low, found[name][s].high) for s in labels)) for name in points
    )
    columns = (*text_columns("Follows"), *number_columns(*(f"{label} [%]" for label in labels)))
    return Table("Efficiency at equal total rate", columns, rows, "Intervals cover 68 %, from the signal's events alone.")


def _finding(spreads: Mapping[str, Sequence[Stability]], found: Mapping[str, Mapping[str, Efficiency]], khz: float) -> str:
    last = list(spreads)[-1]
    texts = []
    for before, after in zip(spreads[PLAIN], spreads[last], strict=True):
        was, now = spread_of(before), spread_of(after)
        if was is not None and now is not None:
            texts.append(f"{before.variable} from {was:.3g} to {now:.3g}")
    plain, flat = found[PLAIN], found[last]
    lost = [s for s in plain if flat[s].high < plain[s].low]
    won = [s for s in plain if flat[s].low > plain[s].high]
    return (
        f"At {khz:g} kHz total rate, following {'all variables' if last == 'all' else last} changes the highest rate of a bin over the mean: "
        f"{', '.join(texts)}. Beyond both intervals it gains on {', '.join(won) or 'no signal'} and loses on {', '.join(lost) or 'none'}."
    )
