"""Make the section that shows what a design costs: one table a level, budgets, published designs of the same level, plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from l1ad.core.board import Anchor, Board
from l1ad.core.resources import Level
from l1ad.reporting.comparison import COMPARED, Entry, differences, levels_in, pareto
from l1ad.reporting.document import (
    ABSENT,
    Block,
    Figure,
    Section,
    State,
    Table,
    Text,
    Verdict,
    number,
    number_columns,
    percent,
    signed_percent,
    text_columns,
)
from l1ad.reporting.drawing import Axes, Series, bar_plot, line_plot
from l1ad.reporting.runs import Run

_MEANING = {
    Level.CSYNTH: "C synthesis: an estimate by the HLS tool",
    Level.COSIM: "C/RTL cosimulation: simulated latency",
    Level.LOGIC: "after logic synthesis",
    Level.PLACED: "after placement",
    Level.ROUTED: "after place and route",
    Level.OPEN: "open flow: Yosys' LUTs are not Vivado's, and the latency is an estimate",
    Level.ECP5: "routed on an ECP5, another family: LUT4s and times of that chip, for routability and the order of designs",
}
_CELLS = number_columns("Logic cells")
_EXPECTED = number_columns("Routed LUT expected")
_LOGIC_CELLS = (
    "Logic cells are Yosys' estimate of the places that LUTs take once small ones are paired, the only number that published open-flow "
    "designs give; another version or recipe of Yosys gives another estimate, so compare them with logic cells only, and loosely."
)
#: Levels whose numbers are estimates.
_ESTIMATES = (Level.CSYNTH.value, Level.OPEN.value)
_HEAD = (
    *text_columns("Run", "Tool", "Part"),
    *number_columns("Clock [ns]", "Latency [cycles]", "Latency [ns]", "II", "LUT", "FF", "DSP", "BRAM18"),
    *number_columns("LUT of part", "Latency of budget", "Efficiency", "Pure efficiency", "AUC"),
)


def resources_section(
    entries: Sequence[Entry], baseline: Sequence[Entry] | None, runs: Sequence[Run], anchors: Sequence[Anchor]
) -> Section | None:
    """Show all resource reports level by level; None where there is none.

    Args:
        entries: the rows.
        baseline: rows that the others are compared with, or None.
        runs: the runs, for breakdowns, boards and notes.
        anchors: published designs.
    """
    if not entries:
        return None
    boards = {run.board.name: run.board for run in runs if run.board is not None}
    blocks: list[Block] = [Text(_board_sentence(board)) for board in boards.values()]
    blocks += [*fit_verdicts(entries, runs), *overview_table(entries)]
    for level in levels_in(entries):
        rows = [entry for entry in entries if entry.level == level.value]
        blocks.append(level_table(level, rows))
        if baseline:
            blocks += differences_table(level, rows, baseline)
        blocks += [*anchor_table(level, anchors), *pareto_figure(level, rows, anchors)]
    if baseline and not any(differences(row, baseline) for row in entries if row not in baseline):
        blocks.append(Text(f"Nothing is compared with {baseline[0].run}: no other run has a report of one of its levels."))
    return Section("Resources and latency", (*blocks, *breakdown_figures(runs), *further_numbers(runs), *_notes(runs)))


def _board_sentence(board: Board) -> str:
    totals = board.totals
    budget = (
        f"latency budget {number(board.latency_budget_ns)} ns"
        if board.latency_budget_ns is not None
        else "no latency budget is public"
    )
    share = "no LUT budget is public" if board.lut_budget_fraction is None else f"LUT budget {number(board.lut_budget)}"
    return (
        f"{board.title}: {board.part} with {number(totals.lut)} LUT, {number(totals.ff)} FF, {number(totals.dsp)} DSP, "
        f"{number(totals.bram18)} BRAM18, {number(totals.uram)} URAM; clock {number(board.clock_ns)} ns, {budget}, {share}."
    )


def fit_verdicts(entries: Sequence[Entry], runs: Sequence[Run]) -> list[Block]:
    """Return for every row whether it keeps the board's latency budget and fits the part."""
    boards = {run.name: run.board for run in runs}
    verdicts: list[Block] = []
    for entry in entries:
        board, estimate = boards.get(entry.run), entry.level in _ESTIMATES
        said, bad = (" by estimate", State.WARNING) if estimate else ("", State.BAD)
        if entry.latency_of_budget is not None and board is not None:
            within = entry.latency_of_budget <= 1.0
            time = f"{number(entry.latency_ns, 4)} ns of {number(board.latency_budget_ns, 4)} ns"
            text = f"{entry.title}{said} {'keeps' if within else 'exceeds'} the latency budget of {board.title}: {time}."
            verdicts.append(Verdict(State.GOOD if within else bad, text))
        too_much = [name for name in ("lut", "ff", "dsp", "bram18") if (getattr(entry, f"{name}_of_part") or 0.0) > 1.0]
        if too_much:
            verdicts.append(
                Verdict(bad, f"{entry.title}{said} does not fit {entry.part}: too many {', '.join(too_much).upper()}.")
            )
        if entry.slack_ns is not None and entry.slack_ns < 0:
            text = f"{entry.title}{said} misses its clock of {number(entry.clock_ns)} ns by {number(-entry.slack_ns)} ns."
            verdicts.append(Verdict(bad, text))
    return verdicts


def further_numbers(runs: Sequence[Run]) -> list[Block]:
    """List what reports say beyond the comparison's columns, report by report."""
    blocks: list[Block] = []
    for run in runs:
        for report in (report for synthesis in run.syntheses for report in synthesis.reports if report.others):
            rows = tuple((name, number(int(value) if float(value).is_integer() else value, 4)) for name, value in report.others)
            title = f"Further numbers of {run.name}, {report.tool}, level {report.level.value}"
            blocks.append(Table(title, (*text_columns("Number"), *number_columns("Value")), rows))
    return blocks


def overview_table(entries: Sequence[Entry]) -> list[Block]:
    """Put all levels into one table, each in columns of its own; nothing where there is one level only."""
    levels = levels_in(entries)
    if len(levels) < 2:
        return []
    titles = [f"{what}, {level.value}" for level in levels for what in (_lut(level), "ns")]
    cells = []
    for run in dict.fromkeys(entry.run for entry in entries):
        rows = {entry.level: entry for entry in entries if entry.run == run}
        pairs = [
            (rows[level.value].lut, rows[level.value].latency_ns) if level.value in rows else (None, None) for level in levels
        ]
        cells.append((run, *(number(value) for pair in pairs for value in pair)))
    note = (
        "Each level counts other things, so each has its own columns: "
        + "; ".join(f"{level.value} is {_MEANING[level]}" for level in levels)
        + ". Where a run has several reports of a level, the last one is shown."
    )
    return [Table("All levels side by side", (*text_columns("Run"), *number_columns(*titles)), tuple(cells), note)]


def level_table(level: Level, rows: Sequence[Entry]) -> Table:
    """List the rows of one level."""
    cells = tuple(
        (
            *(row.run, row.tool, row.part or ABSENT),
            *(number(row.clock_ns), number(row.latency_cycles), number(row.latency_ns), number(row.ii)),
            *(number(row.lut), number(row.ff), number(row.dsp), number(row.bram18)),
            *(
                percent(row.lut_of_part),
                percent(row.latency_of_budget),
                percent(row.efficiency),
                percent(row.pure_efficiency),
                percent(row.auc),
            ),
            *((number(row.logic_cells), expected_lut(row)) if level is Level.OPEN else ()),
        )
        for row in rows
    )
    note = (
        "A dash is a number the report does not give. Latency [ns] is the time to the result, of a combinational design its longest path. "
        "Efficiency is the mean over signals at the working point (studies.rate_khz), total and beyond the menu; AUC likewise the mean."
    )
    if level is Level.OPEN:
        note += f" {_LOGIC_CELLS}"
    head = tuple(replace(column, title=_lut(level)) if column.title == "LUT" else column for column in _HEAD)
    return Table(
        f"Level {level.value} ({_MEANING[level]})", (*head, *((*_CELLS, *_EXPECTED) if level is Level.OPEN else ())), cells, note
    )


def expected_lut(row: Entry) -> str:
    """Write the interval in which an estimate expects the routed LUT count; a dash where there is none."""
    return ABSENT if row.lut_low is None or row.lut_high is None else f"{number(row.lut_low)} to {number(row.lut_high)}"


def _lut(level: Level) -> str:
    """Name what a level counts."""
    return "LUT4" if level is Level.ECP5 else "LUT"


def differences_table(level: Level, rows: Sequence[Entry], baseline: Sequence[Entry]) -> list[Block]:
    """List the differences to the baseline in per cent; nothing where it has no row of this level."""
    found = [(row, differences(row, baseline)) for row in rows if row not in baseline]
    cells = tuple((row.run, row.tool, *(signed_percent(d[name]) for name in COMPARED)) for row, d in found if d is not None)
    titles = (
        "Latency [cycles]",
        "Latency [ns]",
        "II",
        "LUT",
        "FF",
        "DSP",
        "BRAM18",
        "URAM",
        "Efficiency",
        "Pure efficiency",
        "AUC",
    )
    title = f"Difference to {baseline[0].run}, level {level.value}"
    return [Table(title, (*text_columns("Run", "Tool"), *number_columns(*titles)), cells)] if cells else []


def anchor_table(level: Level, anchors: Sequence[Anchor]) -> list[Block]:
    """List published designs of exactly this level."""
    chosen = anchors_of(level, anchors)
    return [_published(f"Published designs beside level {level.value}", chosen)] if chosen else []


def _published(title: str, anchors: Sequence[Anchor]) -> Table:
    with_cells = any(anchor.logic_cells is not None for anchor in anchors)
    cells = tuple(
        (
            *(f"{anchor.name} [{i}]", anchor.network, anchor.score_on_chip or ABSENT, anchor.part or ABSENT),
            *(number(anchor.clock_ns), number(anchor.latency_cycles), number(anchor.latency_ns)),
            number(anchor.lut) if anchor.lut is not None else anchor.lut_share or ABSENT,
            *(number(anchor.ff), number(anchor.dsp), number(anchor.bram18)),
            *((number(anchor.logic_cells),) if with_cells else ()),
        )
        for i, anchor in enumerate(anchors, 1)
    )
    head = (
        *text_columns("Design", "Network", "Score on chip", "Part"),
        *number_columns("Clock [ns]", "Latency [cycles]", "Latency [ns]", "LUT", "FF", "DSP", "BRAM18"),
    )
    return Table(
        title,
        (*head, *(_CELLS if with_cells else ())),
        cells,
        " ".join(f"[{i}] {_source(anchor)}" for i, anchor in enumerate(anchors, 1)),
    )


def _source(anchor: Anchor) -> str:
    quoted = "" if anchor.confirmed == "primary" else " (quoted by a secondary source)"
    return f"{anchor.source}{quoted}" + (f"; {anchor.note}" if anchor.note else ".")


def anchors_of(level: Level, anchors: Sequence[Anchor]) -> tuple[Anchor, ...]:
    """Return the published designs of exactly this level and of this task."""
    return tuple(anchor for anchor in anchors if anchor.level == level.value and not anchor.other_task)


def other_anchors_table(anchors: Sequence[Anchor], levels: Sequence[Level]) -> list[Block]:
    """List published designs whose level no run has, or of other tasks, so that nobody takes them for comparable numbers."""
    shown = {level.value for level in levels}
    groups: dict[str, list[Anchor]] = {}
    for anchor in (a for a in anchors if a.other_task or a.level not in shown):
        groups.setdefault(f"of other tasks, level {anchor.level}" if anchor.other_task else f"level {anchor.level}", []).append(
            anchor
        )
    return [
        _published(f"Published designs{'' if name.startswith('of') else ','} {name}: not comparable with the tables above", group)
        for name, group in groups.items()
    ]


def pareto_figure(level: Level, rows: Sequence[Entry], anchors: Sequence[Anchor]) -> list[Block]:
    """Draw efficiency against LUTs with the Pareto line; published designs of the level stand at their LUTs."""
    known = [(row.run, float(row.lut), row.efficiency) for row in rows if row.lut is not None and row.efficiency is not None]
    if not known:
        return []
    points = [(lut, 100.0 * efficiency) for _, lut, efficiency in known]
    best = [points[i] for i in pareto(points)]
    series = [Series("Pareto line", [p[0] for p in best], [p[1] for p in best], line="--", colour=8)]
    series += [
        Series(name, [lut], [y], line="", marker="o", colour=i)
        for i, ((name, _, _), (lut, y)) in enumerate(zip(known, points, strict=True))
    ]
    marks = {anchor.name: float(anchor.lut) for anchor in anchors_of(level, anchors) if anchor.lut}
    caption = f"Mean signal efficiency at the working point, total rate, against LUTs, level {level.value}."
    if marks:
        caption += " Dashed verticals are published designs of that level, whose efficiency on these samples is not known."
    used = [lut for lut, _ in points] + list(marks.values())
    axes = Axes(
        _lut(level), "mean efficiency [%]", title=f"level {level.value}", log_x=min(used) > 0 and max(used) > 30 * min(used)
    )
    return [line_plot(f"pareto-{level.value}", caption, axes, series, marks)]


def breakdown_figures(runs: Sequence[Run]) -> list[Figure]:
    """Draw the LUTs and flip-flops of every layer, where a report breaks them down."""
    figures = []
    for run in runs:
        for synthesis in run.syntheses:
            for i, report in enumerate(synthesis.reports):
                parts = [part for part in report.breakdown if part.lut is not None or part.ff is not None]
                if parts:
                    groups: dict[str, list[float | None]] = {"LUT": [p.lut for p in parts], "FF": [p.ff for p in parts]}
                    used = {name: values for name, values in groups.items() if any(values)}
                    caption = f"{run.name}: resources per layer, {report.tool}, level {report.level.value}."
                    name = f"layers-{run.name}-{synthesis.name}-{i}"
                    figures.append(bar_plot(name, caption, Axes("cells", ""), [p.name for p in parts], used or groups))
    return figures


def _notes(runs: Sequence[Run]) -> tuple[Block, ...]:
    """Return every note of every report once."""
    notes = [
        f"{run.name}, {report.tool}: {note}"
        for run in runs
        for s in run.syntheses
        for report in s.reports
        for note in report.notes
    ]
    return tuple(Text(note) for note in dict.fromkeys(notes))
