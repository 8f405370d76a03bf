"""Put resource reports of any number of runs side by side, each with the physics of the same model; levels never share a column."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from l1ad.core.board import Board, part_totals
from l1ad.core.errors import ConfigError, InputError, LimitError, nearest
from l1ad.core.plain import Plain
from l1ad.core.resources import Level, PartTotals, ResourceReport
from l1ad.reporting.condition import Condition
from l1ad.reporting.runs import Run
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Kind

#: What a difference to a baseline is given for.
COMPARED = ("latency_cycles", "latency_ns", "ii", "lut", "ff", "dsp", "bram18", "uram", "efficiency", "pure_efficiency", "auc")


@dataclass(frozen=True, slots=True)
class Entry(Plain):
    """One row: what one tool said of one run at one level, and the physics of the same model.

    Attributes:
        run: the run's name.
        level: how far the design had come.
        tool: tool and version.
        top: top function or module.
        part: the part as the report spells it.
        clock_ns: clock period asked for.
        latency_cycles: longest latency in cycles; 0 for a combinational design.
        latency_ns: time from inputs to result, of a combinational design its longest path.
        ii: longest initiation interval in cycles.
        lut: look-up tables.
        lut_low: lower end of the interval in which an estimate expects the routed count.
        lut_high: its upper end.
        ff: flip-flops.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs.
        uram: UltraRAMs.
        slack_ns: worst negative slack.
        lut_of_part: fraction of the part's LUTs.
        ff_of_part: fraction of the part's flip-flops.
        dsp_of_part: fraction of the part's DSP slices.
        bram18_of_part: fraction of the part's block RAMs.
        lut_of_budget: fraction of the board's LUT budget; None where none is public.
        latency_of_budget: fraction of the board's latency budget.
        efficiency: mean signal efficiency at the working point, total rate, by the most firmware-like scores there are.
        pure_efficiency: the same of what no menu item takes, at an equal pure rate; None where the data have no menu.
        auc: mean area under the ROC curve.
        logic_cells: Yosys' estimate of the places that the LUTs take when small ones share one; None from any other tool.
    """

    run: str
    level: str
    tool: str
    top: str | None
    part: str | None
    clock_ns: float | None
    latency_cycles: int | None
    latency_ns: float | None
    ii: int | None
    lut: int | None
    ff: int | None
    dsp: int | None
    bram18: int | None
    uram: int | None
    slack_ns: float | None
    lut_of_part: float | None
    ff_of_part: float | None
    dsp_of_part: float | None
    bram18_of_part: float | None
    lut_of_budget: float | None
    latency_of_budget: float | None
    efficiency: float | None
    pure_efficiency: float | None
    auc: float | None
    logic_cells: int | None = None
    lut_low: int | None = None
    lut_high: int | None = None

    @property
    def title(self) -> str:
        """Name the row in messages and legends."""
        return f"{self.run} ({self.tool}, {self.level})"


#: Names that a condition may use.
NAMES = tuple(field.name for field in fields(Entry))


def entries_of(run: Run, performance: Performance | None) -> tuple[Entry, ...]:
    """Make the rows of one run.

    Args:
        run: the run.
        performance: the physics of its model, or None.
    """
    efficiencies = (
        {t.kind: performance.mean_efficiency(t) for t in performance.targets if t.khz is not None} if performance else {}
    )
    physics = {
        "efficiency": efficiencies.get(Kind.TOTAL),
        "pure_efficiency": efficiencies.get(Kind.PURE),
        "auc": performance.mean_auc() if performance else None,
    }
    return tuple(_entry(run.name, run.board, report, physics) for synthesis in run.syntheses for report in synthesis.reports)


def resource_entries(run: str, board: Board, reports: Sequence[ResourceReport]) -> tuple[Entry, ...]:
    """Make the rows of resource reports alone, without physics.

    Args:
        run: the run's name.
        board: the board, whose budgets count.
        reports: the reports.
    """
    return tuple(_entry(run, board, report, dict.fromkeys(("efficiency", "pure_efficiency", "auc"))) for report in reports)


def _entry(run: str, board: Board | None, report: ResourceReport, physics: dict[str, float | None]) -> Entry:
    totals = _totals(report)
    board = None if report.level is Level.ECP5 else board  # another family: the board's budgets are not its
    budget = board.latency_budget_ns if board else None
    has_lut_budget = board is not None and board.lut_budget_fraction is not None
    return Entry(
        run=run,
        level=report.level.value,
        tool=" ".join(part for part in (report.tool, report.tool_version) if part),
        top=report.top,
        part=report.part,
        clock_ns=report.clock_target_ns,
        latency_cycles=report.latency_max_cycles,
        latency_ns=report.result_ns,
        ii=report.ii_max,
        lut=report.lut,
        ff=report.ff,
        dsp=report.dsp,
        bram18=report.bram18,
        uram=report.uram,
        slack_ns=report.slack_ns,
        lut_of_part=_share(report.lut, totals.lut if totals else None),
        ff_of_part=_share(report.ff, totals.ff if totals else None),
        dsp_of_part=_share(report.dsp, totals.dsp if totals else None),
        bram18_of_part=_share(report.bram18, totals.bram18 if totals else None),
        lut_of_budget=_share(report.lut, board.lut_budget if board and has_lut_budget else None),
        latency_of_budget=_share(report.result_ns, budget),
        **physics,
        logic_cells=next((int(value) for name, value in report.others if name == "yosys_logic_cells"), None),
        lut_low=report.lut_low,
        lut_high=report.lut_high,
    )


def _totals(report: ResourceReport) -> PartTotals | None:
    """Find what the part has: in the report, else among the known parts."""
    if report.available is not None:
        return report.available
    try:
        return part_totals(report.part) if report.part else None
    except ConfigError:
        return None


def _share(used: float | None, total: float | None) -> float | None:
    return used / total if used is not None and total else None


def levels_in(entries: Sequence[Entry]) -> tuple[Level, ...]:
    """Return the levels that occur, in the order of ``Level``."""
    return tuple(level for level in Level if any(entry.level == level.value for entry in entries))


def find_baseline(entries: Sequence[Entry], name: str) -> tuple[Entry, ...]:
    """Return the rows of the run that the others are compared with.

    Raises:
        InputError: no such run, or it has no resource report.
    """
    rows = tuple(entry for entry in entries if entry.run == name)
    if not rows:
        raise InputError(
            f"There is no run {name!r} with a resource report to compare with; {nearest(name, {e.run for e in entries})}"
        )
    return rows


def differences(entry: Entry, baseline: Sequence[Entry]) -> dict[str, float | None] | None:
    """Return the relative differences to the baseline's row of the same level, by preference of the same tool.

    Returns:
        ``(value - baseline) / baseline`` for each of ``COMPARED``; None where a value is absent or the baseline's is 0 and this is not;
        None instead of a mapping where the baseline has no row of this level.
    """
    rows = [row for row in baseline if row.level == entry.level]
    rows.sort(key=lambda row: row.tool.split()[0] != entry.tool.split()[0])
    return {name: _relative(getattr(entry, name), getattr(rows[0], name)) for name in COMPARED} if rows else None


def _relative(value: float | None, reference: float | None) -> float | None:
    if value is None or reference is None:
        return None
    if reference == 0:
        return 0.0 if value == 0 else None
    return (value - reference) / reference


def fired(entries: Sequence[Entry], condition: Condition) -> tuple[Entry, ...]:
    """Return the rows for which a limit is exceeded.

    Rows of a chip of another family (``Level.ECP5``) are not looked at: a limit is meant for the board's part.

    Raises:
        InputError: there is no row, or a number that decides is absent.
    """
    entries = [entry for entry in entries if entry.level != Level.ECP5.value]
    if not entries:
        raise InputError(f"The condition {condition.text!r} has no resource report to look at; run 'l1ad synth' first.")
    return tuple(entry for entry in entries if condition.holds(entry.to_dict(), entry.title))


def require_within(entries: Sequence[Entry], condition: Condition) -> None:
    """Pass if no row passes the limit.

    Raises:
        LimitError: some row does; names the first ones.
        InputError: there is no row, or a number that decides is absent.
    """
    rows = fired(entries, condition)
    if rows:
        names = ", ".join(entry.title for entry in rows[:5]) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
        raise LimitError(f"The limit {condition.text!r} is exceeded by {names}; make the design smaller or the limit wider.")


def to_csv(entries: Sequence[Entry], baseline: Sequence[Entry] | None) -> str:
    """Write the rows as CSV: a number's column carries its level, ``lut[routed]``, so that levels never share one."""
    text_fields = ("run", "level", "tool", "top", "part", "clock_ns", "efficiency", "auc")
    measured = [name for name in NAMES if name not in text_fields]
    levels = [level.value for level in levels_in(entries)]
    head = [*text_fields, *(f"{name}[{level}]" for level in levels for name in measured)]
    if baseline:
        head += [f"{name}_difference[{level}]" for level in levels for name in COMPARED]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for entry in entries:
        values: dict[str, Any] = {name: getattr(entry, name) for name in text_fields}
        values |= {f"{name}[{entry.level}]": getattr(entry, name) for name in measured}
        values |= {
            f"{k}_difference[{entry.level}]": v for k, v in ((differences(entry, baseline) if baseline else None) or {}).items()
        }
        writer.writerow(["" if values.get(name) is None else values[name] for name in head])
    return out.getvalue()


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the points that no other beats in both: smaller first number, larger second; ascending in the first."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = float("-inf"), []
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept
