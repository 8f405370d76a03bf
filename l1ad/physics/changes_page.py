"""Make the page that compares thresholds with what they do on another network or other data."""

from __future__ import annotations

from collections.abc import Sequence

from l1ad.physics.changes import Change, Circumstances, finding
from l1ad.physics.needed import Span
from l1ad.physics.rates_page import rate_text
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
from l1ad.reporting.drawing import Axes, Series, line_plot


def change_sections(changes: Sequence[Change], circumstances: Circumstances, only: Sequence[str]) -> list[Section]:
    """Make the page's section.

    Args:
        changes: one for each threshold that was there before.
        circumstances: what they rest on, then and now.
        only: names of old thresholds that nothing is known about but their integer.
    """
    state = State.GOOD if all(change.keeps for change in changes) else State.WARNING
    blocks: list[Block] = [Verdict(state, finding(changes, circumstances)), *_warnings(changes, circumstances, only)]
    blocks += [_table(changes), _figure(changes)]
    return [Section("Thresholds, then and now", tuple(blocks))]


def _warnings(changes: Sequence[Change], circumstances: Circumstances, only: Sequence[str]) -> list[Block]:
    blocks: list[Block] = []
    if circumstances.network[0] != circumstances.network[1]:
        text = "The old integers cut on another network's score: every stage of this project refuses them; what they would select is shown."
        blocks.append(Verdict(State.NOTE, text))
    few = [change.name for change in changes if change.needed is None or not (change.rate and change.rate.enough)]
    if few:
        blocks.append(Verdict(State.WARNING, f"Too few events are behind the rates of {', '.join(few)} for a new threshold."))
    if only:
        blocks.append(Text(f"The old file does not say what {', '.join(only)} were derived for; they are left out."))
    return blocks


def _table(changes: Sequence[Change]) -> Table:
    rows = [
        (
            change.name,
            number(change.definition.target_khz),
            number(change.old),
            between(change.definition.khz, change.definition.low_khz, change.definition.high_khz, 1.0),
            rate_text(change.left),
            _span_text(change.needed),
            ABSENT if change.move is None else f"{change.move:+.6g}",
            rate_text(change.rate),
        )
        for change in changes
    ]
    titles = (
        "Target [kHz]",
        "Old threshold",
        "Rate then [kHz]",
        "Rate now [kHz]",
        "Needed now",
        "Move",
        "Rate after the move [kHz]",
    )
    note = "Intervals cover 68 %; that of the needed threshold is where the target rate is crossed at the ends of the rate's interval."
    return Table("What each threshold does now", (*text_columns("Trigger bit"), *number_columns(*titles)), tuple(rows), note)


def _span_text(span: Span | None) -> str:
    if span is None:
        return ABSENT
    ends = [ABSENT if end is None else number(end, 6) for end in (span.low, span.high)]
    return f"{number(span.threshold, 6)} ({ends[0]} to {ends[1]})"


def _figure(changes: Sequence[Change]) -> Figure:
    """Draw the rates as fractions of the target, then and now."""
    then = [(c.definition.khz, c.definition.low_khz, c.definition.high_khz, c.definition.target_khz) for c in changes]
    now = [(c.left.khz, c.left.low_khz, c.left.high_khz, c.definition.target_khz) for c in changes]
    series = []
    for label, values, offset in (("then", then, -0.1), ("now, threshold left as it is", now, 0.1)):
        khz, low, high = ([v[i] / v[3] for v in values] for i in range(3))
        x = [i + 1 + offset for i in range(len(values))]
        series.append(Series(label, x, khz, low, high, marker="o", line=""))
    names = "; ".join(f"{i + 1}: {change.name}" for i, change in enumerate(changes))
    axes = Axes("trigger bit", "rate / target rate", whole_x=True)
    return line_plot("rates-then-and-now", f"Rate over the target rate; bars cover 68 %. {names}.", axes, series)
