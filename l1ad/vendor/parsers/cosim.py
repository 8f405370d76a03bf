"""Read C/RTL cosimulation reports, ``<top>_cosim.rpt``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers.text import Source, integer_or_none

FAILED = "The C/RTL cosimulation failed: the RTL does not compute what the C++ does."
NO_RESULT = (
    "The C/RTL cosimulation failed without a latency: the RTL does not compute what the C++ does, or the simulation itself broke off; "
    "its log says which."
)
NOT_RUN = "The C/RTL cosimulation was not run."


def is_cosim(source: Source) -> bool:
    """Recognise the report."""
    return any(re.match(r"Simulation tool\s*:", line) for line in source.lines) or any(
        re.match(r"\+\s+RTL\s+\+\s+Status\s+\+", line) for line in source.lines
    )


def parse(source: Source) -> ResourceReport:
    """Read the report; ``NA`` is ``None``, a failure is a note and ``cosim_passed`` 0 under ``others``.

    A failure with latencies was simulated to its end (``FAILED``); one without may also be a simulation that broke off (``NO_RESULT``).

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    if not any(re.match(r"\+\s+RTL\s+\+\s+Status\s+\+", line) for line in source.lines):
        raise source.cut_off("its table has no columns RTL and Status")
    rows = _rows(source)
    run = [row for row in rows if row[1] != "NA"]
    if any(row[1].lower() not in {"pass", "fail"} for row in run):
        raise source.cut_off(f"the status must be Pass, Fail or NA, got {[row[1] for row in run]!r}")
    numbers = [_numbers(source, row) for row in run]
    if any(other[:6] != numbers[0][:6] for other in numbers[1:]):
        raise source.error("gives different latencies for VHDL and Verilog; run one of them")
    latency_min, average, latency_max, ii_min, _, ii_max = numbers[0][:6] if numbers else (None,) * 6
    simulator = source.maybe(r"Simulation tool\s*:\s*(\w+)") or "unknown simulator"
    passed = bool(run) and all(row[1].lower() == "pass" for row in run)
    others = {"cosim_passed": int(passed) if run else None, "latency_average_cycles": average}
    others["total_cycles"] = numbers[0][6] if numbers and len(numbers[0]) > 6 else None
    return ResourceReport(
        tool=f"C/RTL cosimulation ({simulator})",
        level=Level.COSIM,
        latency_min_cycles=latency_min,
        latency_max_cycles=latency_max,
        ii_min=ii_min,
        ii_max=ii_max,
        others=tuple((name, value) for name, value in others.items() if value is not None),
        sources=(source.path.name,),
        notes=() if passed else (_failure(latency_max) if run else NOT_RUN,),
    )


def _failure(latency_max: int | None) -> str:
    return NO_RESULT if latency_max is None else FAILED


def _rows(source: Source) -> list[tuple[str, ...]]:
    """Read the rows below the last border of the head, whose lines mix borders and cells."""
    borders = [n for n, line in enumerate(source.lines) if re.fullmatch(r"\+(-+\+)+", line)]
    if len(borders) < 3 or borders[-1] != max(n for n, line in enumerate(source.lines) if line):
        raise source.cut_off("its table is not complete")
    edges = [position for position, mark in enumerate(source.lines[borders[-1]]) if mark == "+"]
    rows = source.lines[borders[-2] + 1 : borders[-1]]
    for line in rows:
        if len(line) != edges[-1] + 1 or any(line[edge] != "|" for edge in edges):
            raise source.cut_off("a row does not fit the table's columns")
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in rows]
    if not cells or any(row[0] not in {"VHDL", "Verilog", "SystemC"} or len(row) not in {8, 9} for row in cells):
        raise source.cut_off("its table has no rows for VHDL and Verilog")
    return cells


def _numbers(source: Source, row: Sequence[str]) -> tuple[int | None, ...]:
    numbers = tuple(integer_or_none(source, cell, f"the latency or interval of {row[0]}") for cell in row[2:])
    for low, middle, high in (numbers[0:3], numbers[3:6]):
        known = [number for number in (low, middle, high) if number is not None]
        if known != sorted(known):
            raise source.error(f"contradicts itself: {low}, {middle}, {high} are not in order")
    return numbers
