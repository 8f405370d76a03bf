"""Show whether thresholds hold: rate and needed threshold by run, luminosity block and pile-up, and drift between halves of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1ad.physics.drift import SIGNIFICANT, Drift
from l1ad.physics.needed import Span
from l1ad.physics.rates_record import RatesRecord
from l1ad.physics.stability import Stability
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
    text_columns,
)
from l1ad.reporting.drawing import Axes, Series, draw_grid, dress, plot_series
from l1ad.reporting.render import INK

TITLE = "Pile-up and stability"


def stability_blocks(found: Sequence[Stability], drifts: Sequence[Drift]) -> list[Block]:
    """Show rate and needed threshold against each variable, and the drift between halves."""
    blocks: list[Block] = []
    for variable in dict.fromkeys(entry.variable for entry in found):
        chosen = [entry for entry in found if entry.variable == variable]
        blocks += [_scatter_verdict(variable, chosen), *(_figure(entry) for entry in chosen), _bins_table(chosen)]
    return blocks + ([_drift_verdict(drifts), _drift_table(drifts)] if drifts else [])


def _scatter_verdict(variable: str, chosen: Sequence[Stability]) -> Verdict:
    texts = [f"{e.bit} {'not known' if e.probability is None else number(e.probability, 2)}" for e in chosen]
    drifting = [e for e in chosen if e.probability is not None and e.probability < 0.01]
    found = f"no dependence on {variable} is seen"
    if drifting:
        found = f"the rate of {', '.join(e.bit for e in drifting)} depends on {variable}"
    moves = "".join(f" {_range_text(entry)}" for entry in drifting)
    state = State.WARNING if drifting else State.GOOD
    return Verdict(
        state, f"At one per cent, {found}; probability of the scatter around a common rate: {'; '.join(texts)}.{moves}"
    )


def _range_text(entry: Stability) -> str:
    """Return the range of the rate and of the needed threshold, in words."""
    low, high = (end(entry.rates, key=lambda r: r.rate.khz) for end in (min, max))
    text = f"{entry.bit} is {number(low.rate.khz)} kHz at {low.label} and {number(high.rate.khz)} kHz at {high.label}"
    needed = [r.needed.threshold for r in entry.rates if r.needed is not None]
    if needed:
        ends = f"{number(min(needed), 6)} and {number(max(needed), 6)}"
        text += f"; to keep {number(entry.target_khz)} kHz the threshold {number(entry.threshold, 6)} would have to move between {ends}"
    return text + "."


def _figure(entry: Stability) -> Figure:
    """Draw the rate above the threshold that would keep it, with the target rate and the present threshold as lines."""
    ordered = entry.variable != "pile-up"
    x = np.arange(len(entry.rates)) if ordered else np.array([r.centre for r in entry.rates])
    rates = [r.rate for r in entry.rates]
    upper = Series(
        "rate", x, [r.khz for r in rates], [r.low_khz for r in rates], [r.high_khz for r in rates], line="", marker="o"
    )
    some = [(place, r.needed) for place, r in zip(x, entry.rates, strict=True) if r.needed is not None]
    lower = _threshold_series(some)
    label = f"{entry.variable}, group in order" if ordered else entry.variable

    def paint(panes: Any) -> None:
        for pane, series, line, axes in (
            (panes[0][0], upper, entry.target_khz, Axes("", "rate [kHz]", entry.bit, whole_x=ordered)),
            (panes[1][0], lower, entry.threshold, Axes(label, "threshold needed", whole_x=ordered)),
        ):
            plot_series(pane, [series])
            name = "target" if pane is panes[0][0] else "present threshold"
            pane.axhline(line, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=name)
            dress(pane, axes)

    caption = (
        f"Above: rate of {entry.bit} against {entry.variable}, as if all crossings were like those of the bin; below: the threshold that would "
        "keep the target rate there. Points on the dashed lines need nothing; bars cover 68 %."
    )
    return draw_grid(f"stability-{entry.variable.replace(' ', '-')}-{entry.bit}", caption, paint, (2, 1), (6.4, 5.0))


def _threshold_series(some: Sequence[tuple[float, Span]]) -> Series:
    values = [span.threshold for _, span in some]
    low = [span.threshold if span.low is None else span.low for _, span in some]
    high = [span.threshold if span.high is None else span.high for _, span in some]
    return Series("needed", [place for place, _ in some], values, low, high, line="", marker="s", colour=1)


def _bins_table(chosen: Sequence[Stability]) -> Table:
    rows = [
        (
            entry.bit,
            one.label,
            between(one.rate.khz, one.rate.low_khz, one.rate.high_khz, 1.0),
            ABSENT if one.needed is None else number(one.needed.threshold, 6),
            ABSENT if one.needed is None else f"{one.needed.threshold - entry.threshold:+.6g}",
        )
        for entry in chosen
        for one in entry.rates
    ]
    columns = (*text_columns("Trigger bit", "Bin"), *number_columns("Rate [kHz]", "Threshold needed", "Move"))
    return Table(f"Rate and threshold by {chosen[0].variable}", columns, tuple(rows))


def flatness_blocks(found: Sequence[Stability]) -> list[Block]:
    """Show how the rate depends on what thresholds follow, of plain ones and of those that follow it."""
    blocks: list[Block] = [Text(_FLAT_TEXT)]
    for variable in dict.fromkeys(entry.variable for entry in found):
        chosen = [entry for entry in found if entry.variable == variable]
        labels = [rate.label for rate in chosen[0].rates]
        rows = []
        for entry in chosen:
            rates = [between(r.rate.khz, r.rate.low_khz, r.rate.high_khz, 1.0) for r in entry.rates]
            rows.append((entry.bit, *rates, number(spread_of(entry))))
        columns = (*text_columns("Trigger bit"), *number_columns(*(f"{label} [kHz]" for label in labels), "Highest / mean"))
        blocks.append(Table(f"Rate by {variable}", columns, tuple(rows), "As if all crossings were like those of the bin."))
    return blocks


_FLAT_TEXT = (
    "Names that end in _flat are thresholds from which a linear function of the event's counts is taken on the chip (quantile regression, "
    "arXiv:2508.10224), so that the rate depends less on what the function follows."
)


def spread_of(entry: Stability) -> float | None:
    """Return the highest rate of a bin over the mean of all bins; None without any rate."""
    rates = [one.rate.khz for one in entry.rates]
    return max(rates) / (sum(rates) / len(rates)) if sum(rates) else None


def _drift_verdict(drifts: Sequence[Drift]) -> Verdict:
    moved = [f"{d.bit} from {d.set_on} to {d.applied_to}" for d in drifts if d.significant]
    if moved:
        return Verdict(State.WARNING, f"Thresholds do not carry over beyond statistics: {'; '.join(moved)}.")
    return Verdict(State.GOOD, "Thresholds set on one half of the data keep their rate on the other within statistics.")


def _drift_table(drifts: Sequence[Drift]) -> Table:
    rows = [
        (
            d.bit,
            d.set_on,
            d.applied_to,
            number(d.threshold, 6),
            between(d.rate.khz, d.rate.low_khz, d.rate.high_khz, 1.0),
            ABSENT if d.needed is None else number(d.needed, 6),
            number(d.drift),
            number(d.expected),
        )
        for d in drifts
    ]
    titles = ("Threshold", "Rate there [kHz]", "Needed there", "Drift", "Expected")
    note = (
        "Drift is |log((p + ε) / (FPR + ε))|, ε = 0.5 / N: p is selected on the part that the threshold is applied to, FPR on the one that it was "
        f"set on. Expected is its standard deviation by the events behind both; from {SIGNIFICANT:g} times that on it is more than statistics."
    )
    columns = (*text_columns("Trigger bit", "Set on", "Applied to"), *number_columns(*titles))
    return Table("Drift of thresholds between halves of the data", columns, tuple(rows), note)


def report_section(rates: RatesRecord) -> Section | None:
    """Make the section of a run's report from what ``l1ad rates`` wrote; None where it says nothing of stability."""
    main = rates.sources[-1]
    blocks = stability_blocks(main.stability, main.drifts)
    return Section("Do the thresholds hold?", tuple(blocks)) if blocks else None
