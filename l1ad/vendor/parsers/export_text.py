"""Read what Vitis HLS 2020.2 to 2025 writes of Vivado's run in text: ``export_syn.rpt`` and ``export_impl.rpt``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers.text import Source, Table, integer, picoseconds, picoseconds_or_none, tables

_STEPS = {"RTL Synthesis": Level.LOGIC, "Place & Route": Level.ROUTED}
_COUNTS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM", "uram": "URAM"}
_VERDICTS = {"Timing was met": True, "Timing was NOT met": False, "Timing was not available": None}
_NOTES = {
    True: (),
    False: ("The timing is not met.",),
    None: ("Vivado gives no achieved clock period: the design has no path between registers.",),
}


def is_text(source: Source) -> bool:
    """Recognise the report."""
    return any(re.fullmatch(r"== Vivado (RTL Synthesis|Place & Route) Results", line) for line in source.lines[:12])


def parse(source: Source) -> ResourceReport:
    """Read the report.

    The counts are compared with the top row of the list of modules, the verdict with the periods, the period with the slack of the
    first path, and that path with its parts.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    step = source.first(r"== Vivado (RTL Synthesis|Place & Route) Results$")
    counts: dict[str, Any] = {field: integer(source, source.first(rf"{name}:\s+(\S+)$"), name) for field, name in _COUNTS.items()}
    _check_end(source, f"== {step} Vivado Reports")
    _check_modules(source, f"== {step} Resources", counts)
    target, achieved, met = _timing(source, step)
    slack, path = _worst_path(source, f"== {step} Timing Paths", target, achieved)
    return ResourceReport(
        tool="Vivado",
        level=_STEPS[step],
        tool_version=source.first(r"\s+\* Version:\s+(20\d\d\.\d(?:\.\d)?)(?: |$)"),
        part=source.first(r"\s+\* Target device:\s+(\S+)$"),
        clock_target_ns=target,
        clock_estimate_ns=achieved,
        slack_ns=slack,
        path_ns=path,
        others=(("srl", integer(source, source.first(r"SRL:\s+(\S+)$"), "SRL")),),
        sources=(source.path.name,),
        notes=_NOTES[met],
        **counts,
    )


def _check_end(source: Source, last_section: str) -> None:
    """Make sure that the list of Vivado's own reports, the last section where any were asked for, is there and complete."""
    none_asked = source.maybe(r"\s+\* config_export -vivado_report_level:\s+(\d)$") == "0"
    if last_section not in source.lines and not none_asked:
        raise source.cut_off(f"the section {last_section[3:]!r} is missing")
    last = next(line for line in reversed(source.lines) if line)
    if not last.lstrip().startswith("+") or not all(table.closed for table in tables(source)):
        raise source.cut_off("a table has no bottom border")


def _table(source: Source, title: str) -> Table | None:
    """Return the first table below a section's title, ``None`` where the section is not there or has none."""
    if title not in source.lines:
        return None
    start = source.lines.index(title) + 2
    stop = next((n for n in range(start, len(source.lines)) if source.lines[n].startswith("== ")), len(source.lines))
    return next(tables(source, start, stop), None)


def _timing(source: Source, step: str) -> tuple[float, float | None, bool | None]:
    """Read the target and the achieved period, and whether the one is met by the other."""
    table = _table(source, f"== {step} Timing Summary")
    if table is None or table.columns != ("Timing", "Period (ns)") or not table.rows or table.rows[0][0] != "Target":
        raise source.cut_off("the table of clock periods is missing")
    target = picoseconds(source, table.rows[0][1], "the target clock")
    achieved = picoseconds_or_none(source, table.rows[-1][1], "the achieved clock") if len(table.rows) > 1 else None
    stated = source.maybe(rf"\s+\* {step} target clock:\s+(\S+) ns$")
    if stated is not None and abs(float(stated) - target) > 0.0006:
        raise source.error(f"contradicts itself: a target clock of {stated} ns and of {target} ns")
    verdict = source.first(r"\* (Timing was .+)$")
    if verdict not in _VERDICTS:
        raise source.cut_off(f"the verdict on the timing must be one of {list(_VERDICTS)!r}, got {verdict!r}")
    expected = None if achieved is None else achieved <= target
    if _VERDICTS[verdict] is not expected:
        raise source.error(f"contradicts itself: {verdict!r} with a clock of {achieved} ns for {target} ns")
    return target, achieved, expected


def _check_modules(source: Source, title: str, counts: Mapping[str, int]) -> None:
    """Compare the counts with those of the top module; an empty cell is 0."""
    table = _table(source, title)
    if table is None or not table.rows:
        return
    for field, name in _COUNTS.items():
        at = table.column(name)
        listed = 0 if at is None else integer(source, table.rows[0][at] or "0", f"{name} of {table.rows[0][0]}")
        if listed != counts[field]:
            raise source.error(f"contradicts itself: {name} is {counts[field]} but {listed} in the top module")


def _worst_path(source: Source, title: str, target: float, achieved: float | None) -> tuple[float | None, float | None]:
    """Read slack and delay of the first of the listed paths, which is the worst."""
    table = _table(source, title)
    if table is None or not table.rows:
        return None, None
    if table.head[0][:2] != ("Path", "SLACK") or table.head[0][6:7] != ("DATAPATH DELAY",) or len(table.rows[0]) < 9:
        raise source.cut_off("the table of paths has other columns")
    slack, delay, logic, net = (picoseconds(source, table.rows[0][at], "a path's time") for at in (1, 6, 7, 8))
    if abs(logic + net - delay) > 0.0015:
        raise source.error(f"contradicts itself: a path of {delay} ns is not {logic} ns of logic and {net} ns of nets")
    period = delay if achieved is None else achieved
    if abs(target - period - slack) > 0.0015:
        raise source.error(f"contradicts itself: {period} ns of {target} ns leave no slack of {slack} ns")
    return slack, delay
