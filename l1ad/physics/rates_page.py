"""Make the sections of the page about rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.physics.drift import Drift
from l1ad.physics.menu_overlap import Overlap, SignalEfficiency
from l1ad.physics.rates import Rate, RateCurve, RatePoint
from l1ad.physics.rates_record import StabilityRecord
from l1ad.physics.stability import Stability
from l1ad.physics.stability_page import TITLE as STABILITY_TITLE
from l1ad.physics.stability_page import flatness_blocks, stability_blocks
from l1ad.physics.veto import Veto
from l1ad.reporting.document import (
    ABSENT,
    Block,
    Figure,
    Section,
    State,
    Table,
    Text,
    Verdict,
    between,
    number,
    number_columns,
    percent,
    text_columns,
)
from l1ad.reporting.drawing import Axes, Series, heat_map, line_plot
from l1ad.scores.metrics import Efficiency
from l1ad.scores.targets import Kind


@dataclass(frozen=True, slots=True, eq=False)
class SourceRates:
    """Everything about the rates of one set of scores.

    Attributes:
        source: who computed the scores.
        step: value of one unit of the score; None for float.
        curve: rates against threshold.
        points: one for each target and kind.
        efficiencies: by trigger bit, one for each signal.
        overlaps: by trigger bit, one for each menu item.
        stability: rates in bins of pile-up, by run and by luminosity block.
        drifts: of thresholds set on one half of the data and applied to the other.
        flatness: rates in bins of what thresholds follow; empty where none does.
        left_out: why default rates are not among the points.
    """

    source: str
    step: float | None
    curve: RateCurve
    points: tuple[RatePoint, ...]
    efficiencies: Mapping[str, tuple[SignalEfficiency, ...]]
    overlaps: Mapping[str, tuple[Overlap, ...]]
    stability: tuple[Stability, ...]
    drifts: tuple[Drift, ...] = ()
    flatness: tuple[Stability, ...] = ()
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the curve is left out."""
        return {
            "source": self.source,
            "points": [point.to_dict() for point in self.points],
            "efficiencies": {bit: [e.to_dict() for e in found] for bit, found in self.efficiencies.items()},
            "overlaps": {bit: [o.to_dict() for o in found] for bit, found in self.overlaps.items()},
            **StabilityRecord(self.stability, self.drifts).to_dict(),
            "flatness": [entry.to_dict() for entry in self.flatness],
            "left_out": list(self.left_out),
        }


def rates_sections(
    sources: Sequence[SourceRates], crossing_khz: float, n_background: int, veto: Veto | None = None
) -> list[Section]:
    """Make the page's sections; the last source, the most firmware-like, gets the plots.

    Args:
        sources: the rates by source.
        crossing_khz: the bunch-crossing rate.
        n_background: background events that count.
        veto: the seeds that veto in pure rates, where they are not simply the data's menu.
    """
    main = sources[-1]
    lead = Text(
        f"The {number(n_background)} weighted background events stand for {number(crossing_khz / 1000.0, 4)} MHz of bunch crossings. Total "
        "is all that the score selects, pure what no menu item takes as well, shared what one does. An event is selected when its score "
        "reaches the threshold; thresholds are the smallest that keep the rate."
    )
    first: list[Block] = [lead, *veto_blocks(veto), *poor_points(sources), points_table(sources), curve_figure(main)]
    sections = [Section("Rates and thresholds", tuple(first)), Section("Signal efficiencies", tuple(efficiency_tables(main)))]
    if any(main.overlaps.values()):
        sections.append(Section("Overlap with the menu", tuple(overlap_blocks(main))))
    if main.flatness:
        sections.append(Section("Thresholds that follow", tuple(flatness_blocks(main.flatness))))
    if main.stability or main.drifts:
        sections.append(Section(STABILITY_TITLE, tuple(stability_blocks(main.stability, main.drifts))))
    return sections


def veto_blocks(veto: Veto | None) -> list[Block]:
    """List the seeds that veto, and those that do not and why."""
    if veto is None:
        return []
    which = "all seeds of the data" if veto.column is None else f"seeds with prescale 1 in column {veto.column}"
    rows = [
        *((seed, "vetoes") for seed in veto.seeds),
        *((seed, "anomaly seed") for seed in veto.anomaly),
        *((seed, "off or prescaled") for seed in veto.prescaled),
    ]
    table = Table(
        "Menu that vetoes", text_columns("Seed", "In pure rates"), tuple(rows), f"Made of {which}, without anomaly seeds."
    )
    if not veto.missing:
        return [table]
    told = f"The data lack {len(veto.missing)} unprescaled seeds of the table, so pure rates are too high: {', '.join(veto.missing)}."
    return [table, Verdict(State.WARNING, told)]


def poor_points(sources: Sequence[SourceRates]) -> list[Block]:
    """Warn of rates with too few events behind them."""
    poor = [f"{source.source} {point.name}" for source in sources for point in source.points if not point.enough]
    few: list[Block] = [Verdict(State.WARNING, f"Fewer than ten effective events are behind {', '.join(poor)}.")] if poor else []
    return [*few, *(Verdict(State.WARNING, f"{source.source}: {reason}") for source in sources for reason in source.left_out)]


def points_table(sources: Sequence[SourceRates]) -> Table:
    """List thresholds and rates."""
    rows = []
    for source in sources:
        for point in source.points:
            threshold = number(int(point.threshold)) if source.step is not None else number(point.threshold, 5)
            rates = [rate_text(rate) for rate in (point.total, point.pure, point.shared)]
            rows.append((point.name, source.source, number(point.target_khz), threshold, *rates, *behind_rate(point)))
    columns = (*text_columns("Trigger bit", "Score"), *number_columns("Target [kHz]", "Threshold", "Total [kHz]", "Pure [kHz]"))
    note = (
        "Thresholds are integers of the score on the chip (of float scores values); intervals cover 68 %; n_eff, (Σw)²/Σw², is of the events "
        "behind the target rate."
    )
    return Table("Thresholds", (*columns, *number_columns("Shared [kHz]", "Events selected", "n_eff")), tuple(rows), note)


def behind_rate(point: RatePoint) -> tuple[str, str]:
    """Write how many events are selected, and the effective number behind the rate that was asked for."""
    asked = point.total if point.kind is Kind.TOTAL or point.pure is None else point.pure
    return number(point.total.n_events), number(asked.n_effective)


def rate_text(rate: Rate | None) -> str:
    """Write a rate with its interval."""
    return ABSENT if rate is None else between(rate.khz, rate.low_khz, rate.high_khz, 1.0)


def efficiency_text(value: Efficiency | None) -> str:
    """Write an efficiency with its interval in per cent."""
    return ABSENT if value is None else between(value.value, value.low, value.high)


def curve_figure(source: SourceRates) -> Figure:
    """Draw total, pure and shared rate against threshold."""
    curve = source.curve
    series = [Series("total", curve.threshold, curve.total)]
    if curve.pure is not None and curve.shared is not None:
        series += [Series("pure", curve.threshold, curve.pure), Series("shared", curve.threshold, curve.shared, line="--")]
    positive = [
        Series(s.label, np.asarray(s.x)[np.asarray(s.y) > 0], np.asarray(s.y)[np.asarray(s.y) > 0], line=s.line) for s in series
    ]
    marks = {point.name: float(point.threshold) for point in source.points if point.kind is Kind.PURE or curve.pure is None}
    axes = Axes(f"threshold on the {source.source} score", "rate [kHz]", log_y=True)
    return line_plot(
        "rate-curve", "Rate against threshold; verticals are the thresholds for the target rates.", axes, positive, marks
    )


def efficiency_tables(source: SourceRates) -> list[Block]:
    """List what each threshold catches of every signal."""
    rows = []
    for point in source.points:
        for signal in source.efficiencies.get(point.name, ()):
            cells = [efficiency_text(value) for value in (signal.total, signal.pure, signal.menu, signal.either)]
            rows.append((point.name, signal.label, *cells))
    columns = (*text_columns("Trigger bit", "Signal"), *number_columns("Total [%]", "Pure [%]", "Menu [%]", "Menu or score [%]"))
    note = "Pure is what the menu alone would lose. Intervals cover 68 % (Clopper-Pearson, for weights Korn-Graubard)."
    if not rows:
        return [Verdict(State.WARNING, "The scores hold no signal event, so there is no efficiency.")]
    return [Table(f"Efficiency at each threshold, {source.source}", columns, tuple(rows), note)]


def overlap_blocks(source: SourceRates) -> list[Block]:
    """Show which items of the menu take what the score selects, and the reverse."""
    bits = [bit for bit, found in source.overlaps.items() if found]
    items = [overlap.item for overlap in source.overlaps[bits[0]]]
    shares = np.array([[_nan(o.of_score) for o in source.overlaps[bit]] for bit in bits])
    rows = []
    for i, item in enumerate(items):
        found = [source.overlaps[bit][i] for bit in bits]
        cells = [text for o in found for text in (percent(o.of_score), percent(o.of_item))]
        rows.append((item, rate_text(found[0].item_rate), *cells))
    titles = [text for bit in bits for text in (f"of {bit}", f"{bit} of it")]
    columns = (*text_columns("Menu item"), *number_columns("Rate [kHz]", *titles))
    table = Table(
        "Shared with each menu item",
        columns,
        tuple(rows),
        "First the fraction of the score's rate that the item takes too, then the reverse.",
    )
    caption = "Fraction of the score's rate (rows) that each menu item (columns) takes as well."
    return [table, heat_map("menu-overlap", caption, Axes("", ""), bits, items, shares)]


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value
