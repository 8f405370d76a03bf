"""Read C synthesis reports, ``<top>_csynth.rpt`` and ``.xml``, of Vivado HLS 2018.2 to Vitis HLS 2025."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.etree import ElementTree

from l1ad.board import part_totals
from l1ad.errors import ConfigError
from l1ad.resources import LayerResources, Level, PartTotals, ResourceReport
from l1ad.vendor.parsers import xmltree
from l1ad.vendor.parsers.text import Source, Table, half_step_ns, integer, integer_or_none, tables, time_ns

_NAMES = {"bram18": ("BRAM_18K",), "dsp": ("DSP", "DSP48E"), "ff": ("FF",), "lut": ("LUT",), "uram": ("URAM",)}
_MANDATORY = ("bram18", "dsp", "ff", "lut")
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
        available=_available(source, part, available),
        breakdown=_instances(source, performance, utilisation, resources),
        sources=(source.path.name,),
        **timing,
        **latency,
        **_totals(resources),
    )


def _totals(resources: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    return {field: resources["Total"].get(field) for field in _NAMES}


def _available(source: Source, part: str, given: Mapping[str, int]) -> PartTotals | None:
    """Take what the report says the part has, which for a part that is known must be so.

    HLS always counts the whole device, so that a difference means a damaged file or one put together from two.
    """
    try:
        known = part_totals(part)
    except ConfigError:
        return PartTotals(part, **given) if set(given) == set(_NAMES) else None
    if any(getattr(known, field) != count for field, count in given.items()):
        raise source.error(f"contradicts itself: it gives {dict(given)!r} for {part}, which has {asdict(known)!r}")
    return known


def _sections(source: Source) -> list[tuple[int, int]]:
    """Give the line ranges of the three sections that every report has, in their order."""
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
    """Give the first table below a line, which must be complete."""
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
    return {
        "latency_min_cycles": counts[0],
        "latency_max_cycles": counts[1],
        "latency_ns": time_ns(source, cells[3], "the absolute latency") if len(cells) == 7 else None,
        "ii_min": counts[2],
        "ii_max": counts[3],
    }


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
    found = {field: position for field, names in _NAMES.items() if (position := table.column(*names)) is not None}
    missing = [field for field in _MANDATORY if field not in found]
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


def is_xml(root: ElementTree.Element) -> bool:
    """Recognise the XML form."""
    return root.tag == "profile" and root.find("PerformanceEstimates") is not None


def parse_xml(source: Source, root: ElementTree.Element) -> ResourceReport:
    """Read the XML form.

    Latencies are checked against each other and against those in ns, the interval against the pipeline's. The resources
    stand there once: what was changed in them cannot be seen from this file alone.

    Raises:
        ReportError: damaged or inconsistent.
    """
    user = xmltree.child(source, root, "UserAssignments")
    if xmltree.text(source, user, "unit") != "ns":
        raise source.error(f"must give its clock in ns, got {xmltree.text(source, user, 'unit')!r}")
    area = xmltree.child(source, root, "AreaEstimates")
    available = _xml_resources(source, xmltree.child(source, area, "AvailableResources"))
    version = xmltree.text(source, xmltree.child(source, root, "ReportVersion"), "Version")
    target = xmltree.number(source, user, "TargetClockPeriod")
    if not target > 0:
        raise source.error(f"must have a target clock above 0, got {target!r}")
    estimate = _xml_estimate(source, root)
    part = xmltree.text(source, user, "Part")
    return ResourceReport(
        tool=_tool(source, version, xmltree.maybe(source, user, "FlowTarget")),
        level=Level.CSYNTH,
        tool_version=version,
        top=xmltree.text(source, user, "TopModelName"),
        part=part,
        clock_target_ns=target,
        clock_uncertainty_ns=xmltree.number_or_none(source, user, "ClockUncertainty"),
        clock_estimate_ns=estimate,
        available=_available(source, part, available),
        sources=(source.path.name,),
        **_xml_latency(source, root, {"clock_target_ns": target, "clock_estimate_ns": estimate}),
        **_totals({"Total": _xml_resources(source, xmltree.child(source, area, "Resources"))}),
    )


def _tool(source: Source, version: str, flow_target: str | None) -> str:
    """Name the tool: Vivado HLS ended with 2020.1, and only Vitis HLS writes a flow target."""
    if not re.fullmatch(r"20\d\d\.\d(?:\.\d)?", version):
        raise source.cut_off(f"the version must be of the form 2024.1, got {version!r}")
    return "Vitis HLS" if flow_target is not None or version > "2020.1" else "Vivado HLS"


def _xml_estimate(source: Source, root: ElementTree.Element) -> float:
    performance = xmltree.child(source, root, "PerformanceEstimates")
    timing = xmltree.child(source, performance, "SummaryOfTimingAnalysis")
    if xmltree.text(source, timing, "unit") != "ns":
        raise source.error(f"must give its timing in ns, got {xmltree.text(source, timing, 'unit')!r}")
    return xmltree.number(source, timing, "EstimatedClockPeriod")


def _xml_resources(source: Source, element: ElementTree.Element) -> dict[str, int]:
    found: dict[str, int] = {}
    for field, names in _NAMES.items():
        texts = [text for name in names if (text := xmltree.maybe(source, element, name)) is not None]
        if len(texts) > 1 or (not texts and field in _MANDATORY):
            raise source.cut_off(f"{element.tag} must have one of {' and '.join(names)}, it has {len(texts)}")
        if texts:
            found[field] = integer(source, texts[0], f"{element.tag} {names[0]}")
    return found


def _xml_latency(source: Source, root: ElementTree.Element, timing: Mapping[str, float | None]) -> dict[str, Any]:
    element = xmltree.child(source, xmltree.child(source, root, "PerformanceEstimates"), "SummaryOfOverallLatency")
    best, average, worst = (
        integer_or_none(source, xmltree.text(source, element, f"{case}-caseLatency"), f"the {case.lower()} latency")
        for case in ("Best", "Average", "Worst")
    )
    times = [xmltree.maybe(source, element, f"{case}-caseRealTimeLatency") for case in ("Best", "Average", "Worst")]
    for cycles, text in zip((best, average, worst), times, strict=True):
        check_latency(source, cycles, text, timing)
    if best is not None and worst is not None and not best <= (best if average is None else average) <= worst:
        raise source.error(f"contradicts itself: the latencies {best}, {average}, {worst} are not in order")
    low, high = (
        integer_or_none(source, xmltree.text(source, element, f"Interval-{end}"), f"the {end} interval") for end in ("min", "max")
    )
    _check_interval(source, element, low, high)
    worst_ns = None if times[2] is None else time_ns(source, times[2], "the absolute latency")
    return {"latency_min_cycles": best, "latency_max_cycles": worst, "latency_ns": worst_ns, "ii_min": low, "ii_max": high}


def _check_interval(source: Source, element: ElementTree.Element, low: int | None, high: int | None) -> None:
    """Compare the interval with the pipeline's own: a pipelined top has one interval, a dataflow one a range."""
    if low is None or high is None:
        return
    initiation = xmltree.maybe(source, element, "PipelineInitiationInterval")
    if initiation is not None and initiation.isdigit() and not low == high == int(initiation):
        raise source.error(f"contradicts itself: a pipeline's interval of {initiation} is not {low} to {high}")
    throughput = xmltree.maybe(source, element, "DataflowPipelineThroughput")
    if throughput is not None and throughput.isdigit() and int(throughput) not in {low, high}:
        raise source.error(f"contradicts itself: a dataflow's throughput of {throughput} is not {low} or {high}")


def refuse_summary(source: Source) -> None:
    """Name the file to read instead of Vitis' summary ``csynth.rpt``.

    Raises:
        ReportError: it is that summary.
    """
    if any(line.startswith("== Synthesis Summary Report of '") for line in source.lines[:12]):
        raise source.error(_SUMMARY)
