"""Read C synthesis reports, ``<top>_csynth.rpt``, of Vivado HLS 2018.2 to Vitis HLS 2025; the XML form is beside this."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from l1ad.core.board import part_totals
from l1ad.core.errors import ConfigError
from l1ad.core.resources import LayerResources, Level, PartTotals, ResourceReport
from l1ad.vendor.parsers.text import Source, Table, half_step_ns, integer, integer_or_none, tables, time_ns

NAMES = {"bram18": ("BRAM_18K",), "dsp": ("DSP", "DSP48E"), "ff": ("FF",), "lut": ("LUT",), "uram": ("URAM",)}
MANDATORY = ("bram18", "dsp", "ff", "lut")
_SUMMARY = "is Vitis' summary of all modules; read the top function's own report, <top>_csynth.rpt, beside it"


def is_rpt(source: Source) -> bool:
    """Recognise the text form."""
    return any(re.match(r"== (Vitis|Vivado) HLS Report for '", line) for line in source.lines[:12])


def parse_rpt(source: Source) -> ResourceReport:
    """Read the text form.

    The totals are checked against the sum of their parts, the sum of the instances and the percentages; latencies in
    cycles against those in ns.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    tool = source.first(r"== (Vitis HLS|Vivado HLS) Report for '")
    performance, utilisation, interface = _sections(source)
    timing = _timing(source, performance)
    latency = _latency(source, performance, timing)
    resources, available = _utilisation(source, utilisation)
    _check_end(source, interface)
    return ResourceReport(
        tool=tool,
        level=Level.CSYNTH,
        tool_version=source.first(r"\* Version:\s+([0-9.]+)(?: |$)"),
        top=source.first(r"== (?:Vitis|Vivado) HLS Report for '(\w+)'$"),
        part=(part := source.first(r"\* Target device:\s+(\S+)$")),
        available=device_totals(source, part, available),
        breakdown=_instances(source, performance, utilisation, resources),
        sources=(source.path.name,),
        **timing,
        **latency,
        **totals(resources),
    )


def totals(resources: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Return the row ``Total`` as fields of a report; what it does not have is ``None``."""
    return {field: resources["Total"].get(field) for field in NAMES}


def device_totals(source: Source, part: str, given: Mapping[str, int]) -> PartTotals | None:
    """Take what the report says the part has, which for a part that is known must be so.

    HLS always counts the whole device, so that a difference means a damaged file or one put together from two.
    """
    try:
        known = part_totals(part)
    except ConfigError:
        return PartTotals(part, **given) if set(given) == set(NAMES) else None
    if any(getattr(known, field) != count for field, count in given.items()):
        raise source.error(f"contradicts itself: it gives {dict(given)!r} for {part}, which has {asdict(known)!r}")
    return known


def _sections(source: Source) -> list[tuple[int, int]]:
    """Return the line ranges of the three sections that every report has, in their order."""
    titles = ["== Performance Estimates", "== Utilization Estimates", "== Interface"]
    starts = []
    for title in titles:
        if source.lines.count(title) != 1:
            raise source.cut_off(f"the section {title[3:]!r} is there {source.lines.count(title)} times")
        starts.append(source.lines.index(title))
    if starts != sorted(starts):
        raise source.cut_off("its sections are out of order")
    return list(zip(starts, [*starts[1:], len(source.lines)], strict=True))


def _after(source: Source, section: tuple[int, int], pattern: str) -> Table:
    """Return the first table below a line, which must be complete."""
    for number in range(*section):
        if re.match(pattern, source.lines[number]):
            for table in tables(source, number, section[1]):
                if table.closed:
                    return table
                break
    raise source.cut_off(f"no complete table below {pattern!r}")


def _timing(source: Source, section: tuple[int, int]) -> dict[str, Any]:
    table = _after(source, section, r"\+ Timing")
    bare = any("Timing (ns)" in line for line in source.lines[slice(*section)])
    if table.columns != ("Clock", "Target", "Estimated", "Uncertainty") or not table.rows:
        raise source.cut_off(f"the clock table has the columns {table.columns!r}")
    _, target, estimate, uncertainty = table.rows[0]
    return {
        "clock_target_ns": _clock(source, target, "the target clock", bare),
        "clock_estimate_ns": _clock(source, estimate, "the estimated clock", bare),
        "clock_uncertainty_ns": time_ns(source, uncertainty, "the clock uncertainty", bare),
    }


def _clock(source: Source, text: str, what: str, bare: bool) -> float:
    value = time_ns(source, text, what, bare)
    if value is None or (value == 0 and what == "the target clock"):
        raise source.cut_off(f"{what} must be a time above 0, got {text!r}")
    return value


def _latency(source: Source, section: tuple[int, int], timing: Mapping[str, float | None]) -> dict[str, Any]:
    table = _after(source, section, r"\+ Latency")
    if len(table.rows) != 1 or table.columns[-1] != "Type":
        raise source.cut_off(f"the latency table has the columns {table.columns!r} and {len(table.rows)} rows")
    cells = table.rows[0]
    counts = [integer_or_none(source, cell, "the latency or interval") for cell in (*cells[:2], *cells[-3:-1])]
    if len(cells) not in {5, 7}:
        raise source.cut_off(f"the latency table has {len(cells)} columns")
    for count, text in zip(counts, cells[2:-3], strict=False):
        check_latency(source, count, text, timing)
    low, high = _intervals(source, counts, cells[-1])
    return {
        "latency_min_cycles": counts[0],
        "latency_max_cycles": counts[1],
        "latency_ns": time_ns(source, cells[3], "the absolute latency") if len(cells) == 7 else None,
        "ii_min": low,
        "ii_max": high,
    }


def _intervals(source: Source, counts: Sequence[int | None], kind: str) -> tuple[int | None, int | None]:
    """Return the interval, which for a top that is not a pipeline Vivado HLS prints one too small: as its latency.

    The next start is a cycle after the end; the tool's own XML, and Vitis HLS, say so.
    """
    low, high = counts[2:]
    is_old = any(line.startswith("== Vivado HLS Report for '") for line in source.lines[:12])
    if is_old and kind == "none" and low is not None and high is not None and tuple(counts[:2]) == (low, high):
        return low + 1, high + 1
    return low, high


def check_latency(source: Source, cycles: int | None, text: str | None, timing: Mapping[str, float | None]) -> None:
    """Compare a latency in cycles with the same in ns: it counts the target clock, or the estimated one where that is longer.

    Raises:
        ReportError: they are not the same, within the digits that are printed.
    """
    time = None if text is None else time_ns(source, text, "the absolute latency")
    if cycles is None or time is None or text is None:
        return
    # The target is printed with two decimals, the estimate with three.
    periods = ((timing["clock_target_ns"] or 0.0, 0.005), (timing["clock_estimate_ns"] or 0.0, 0.0005))
    if not any(abs(cycles * period - time) <= half_step_ns(text) * 1.01 + cycles * half for period, half in periods):
        raise source.error(f"contradicts itself: a latency of {cycles} cycles is not {text} at any of its clocks")


def _row(source: Source, table: Table, name: str) -> tuple[str, ...]:
    rows = [row for row in table.rows if row[0] == name]
    if len(rows) != 1:
        raise source.cut_off(f"the row {name!r} is there {len(rows)} times")
    return rows[0]


def _columns(source: Source, table: Table) -> dict[str, int]:
    """Find the resource columns by name; DSP48E became DSP, URAM came later."""
    found = {field: position for field, names in NAMES.items() if (position := table.column(*names)) is not None}
    missing = [field for field in MANDATORY if field not in found]
    if missing:
        raise source.cut_off(f"the table in line {table.where + 1} has no column for {', '.join(missing)}")
    return found


def _utilisation(source: Source, section: tuple[int, int]) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Read the summary table: every row by name, and what the part has."""
    table = _after(source, section, r"\* Summary")
    columns = _columns(source, table)
    parts = [row for row, group in zip(table.rows, table.groups, strict=True) if group == 2]
    total = _numbers(source, _row(source, table, "Total"), columns)
    for field, position in columns.items():
        summed = sum(integer_or_none(source, row[position], row[0]) or 0 for row in parts)
        if summed != total[field]:
            raise source.error(f"contradicts itself: {field} is {total[field]} in total but {summed} summed over its rows")
    available = _numbers(source, _row(source, table, "Available"), columns)
    _check_per_cent(source, table, columns, total, available)
    by_name = {row[0]: {f: integer_or_none(source, row[p], row[0]) or 0 for f, p in columns.items()} for row in parts}
    return by_name | {"Total": total}, available


def _numbers(source: Source, row: Sequence[str], columns: Mapping[str, int]) -> dict[str, int]:
    return {field: integer(source, row[position], f"{field} in the row {row[0]!r}") for field, position in columns.items()}


def _check_per_cent(
    source: Source, table: Table, columns: Mapping[str, int], total: Mapping[str, int], available: Mapping[str, int]
) -> None:
    row = _row(source, table, "Utilization (%)")
    for field, position in columns.items():
        share = 100 * total[field] / available[field] if available[field] else 0.0
        expected = {"~0"} if 0 < share < 1 else {str(int(share)), "0" if share == 0 else str(round(share))}
        if row[position] not in expected and available[field]:
            raise source.error(
                f"contradicts itself: {field} {total[field]} of {available[field]} is not {row[position]!r} per cent"
            )


def _instances(
    source: Source, performance: tuple[int, int], utilisation: tuple[int, int], resources: Mapping[str, Mapping[str, int]]
) -> tuple[LayerResources, ...]:
    """Read the shares of the instances, which must sum to the summary's row."""
    detail = next((n for n in range(*utilisation) if source.lines[n].strip() == "* Instance:"), None)
    if detail is None or "Instance" not in resources:
        raise source.cut_off("no instance detail below the utilisation summary, or no row 'Instance' in it")
    if source.lines[detail + 1].strip() == "N/A" and not any(resources["Instance"].values()):
        return ()
    table = next(iter(tables(source, detail, utilisation[1])), None)
    if table is None or table.columns[:2] != ("Instance", "Module"):
        raise source.cut_off("the table of instances is missing")
    columns = _columns(source, table)
    if _numbers(source, _row(source, table, "Total"), columns) != resources["Instance"]:
        raise source.error("contradicts itself: the instances' total is not the summary's row 'Instance'")
    rows = [row for row, group in zip(table.rows, table.groups, strict=True) if group == 2]
    for field, position in columns.items():
        if sum(integer(source, row[position], row[0]) for row in rows) != resources["Instance"][field]:
            raise source.error(f"contradicts itself: the instances' {field} do not sum to their total")
    latencies = _instance_latencies(source, performance)
    return tuple(
        LayerResources(row[0], latency_max_cycles=latencies.get(row[0]), **_numbers(source, row, columns)) for row in rows
    )


def _instance_latencies(source: Source, section: tuple[int, int]) -> dict[str, int | None]:
    detail = next((n for n in range(*section) if source.lines[n].strip() == "* Instance:"), None)
    table = next(iter(tables(source, detail, section[1])), None) if detail is not None else None
    if table is None or "Instance" not in {cell for line in table.head for cell in line}:
        return {}
    return {row[0]: integer_or_none(source, row[3], f"the latency of {row[0]}") for row in table.rows}


def _check_end(source: Source, section: tuple[int, int]) -> None:
    """Make sure that the interface table, the last thing in the file, is complete."""
    found = list(tables(source, *section))
    last = next(line for line in reversed(source.lines) if line)
    if not found or not found[-1].closed or not last.lstrip().startswith("+"):
        raise source.cut_off("the interface table at its end is not complete")


def refuse_summary(source: Source) -> None:
    """Name the file to read instead of Vitis' summary ``csynth.rpt``.

    Raises:
        ReportError: it is that summary.
    """
    if any(line.startswith("== Synthesis Summary Report of '") for line in source.lines[:12]):
        raise source.foreign(_SUMMARY)
