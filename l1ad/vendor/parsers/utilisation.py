"""Read Vivado's utilisation reports: synthesised, placed and routed, 7 series and UltraScale+, 2018 to 2025."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from l1ad.core.board import part_totals
from l1ad.core.errors import ConfigError
from l1ad.core.resources import Level, PartTotals, ResourceReport
from l1ad.vendor.parsers.header import has_command, read_header
from l1ad.vendor.parsers.text import Source, Table, integer, tables

_FLIP_FLOPS = {"FDRE", "FDSE", "FDCE", "FDPE"}
#: The rows that are used. Others may stand there several times with other meanings, as INPUT below every kind of pad.
_READ = {
    *("CLB LUTs", "Slice LUTs", "LUT as Logic", "LUT as Memory", "CLB", "Slice", "CARRY8", "URAM", "Bonded IOB"),
    *("CLB Registers", "Slice Registers", "Register as Flip Flop", "Register as Latch", "Register as AND/OR"),
    *("Block RAM Tile", "RAMB36/FIFO", "RAMB18", "DSPs", "DSP48E1 only", "DSP48E2 only", "DSP_ALU only"),
}
#: Flip-flops in a pad: in, out, and the one that switches between them.
_PER_PAD = 3
#: Flip-flops in a crossing between two dies, by the row that counts them.
_IN_CROSSING = {"Using TX_REG only": 1, "Using RX_REG only": 1, "Using Both TX_REG and RX_REG": 2}


@dataclass(frozen=True, slots=True)
class _Site:
    """One row of a site table."""

    used: Fraction
    available: int | None


def is_utilisation(source: Source) -> bool:
    """Recognise the report (and not its hierarchical form)."""
    return has_command(source, "report_utilization") and "Utilization Design Information" in source.lines


def parse(source: Source) -> ResourceReport:
    """Read a utilisation report.

    What stands there more than once must agree: sites with the primitives, LUTs with logic and memory, registers with
    flip-flops and latches and with their summary by type, tiles with their halves, counts with percentages. The counts of a
    design with black boxes are not the design's: they are left out and the black boxes named.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    header = read_header(source)
    if header.level is None:
        raise source.cut_off("its header gives no design state")
    found = list(tables(source))
    _check_sections(source, found)
    sites = _sites(source, found)
    primitives = _primitives(source, found)
    lut, ff = _logic(source, found, sites, primitives)
    tile = _block_ram(source, sites)
    report = ResourceReport(
        tool="Vivado",
        level=header.level,
        tool_version=header.version,
        top=header.design,
        part=header.device,
        lut=lut,
        ff=ff,
        carry=primitives.get("CARRY4", 0) if "Slice LUTs" in sites else _same(source, sites, primitives, "CARRY8", ("CARRY8",)),
        dsp=_dsp(source, sites, primitives),
        bram18=tile,
        uram=_same(source, sites, primitives, "URAM", ("URAM288", "URAM288_BASE")) if "URAM" in sites else None,
        available=_available(source, header.device, sites, found),
        others=_others(source, sites),
        sources=(source.path.name,),
        notes=_notes(header.level),
    )
    return _without_counts(report, boxes) if (boxes := _black_boxes(source, found)) else report


def _black_boxes(source: Source, found: Iterable[Table]) -> dict[str, int]:
    """Count the modules without content, by name."""
    start = next((n for n, line in reversed(list(enumerate(source.lines))) if re.fullmatch(r"\d+\. Black Boxes", line)), None)
    if start is None:
        return {}
    table = next((table for table in found if table.where > start), None)
    if table is None or table.columns != ("Ref Name", "Used"):
        raise source.cut_off("the table of black boxes is missing")
    return {row[0]: integer(source, row[1], row[0]) for row in table.rows}


def _without_counts(report: ResourceReport, boxes: Mapping[str, int]) -> ResourceReport:
    """Take the counts away, which are only of what is around the black boxes; the number of LUTs around them is kept as such."""
    named = ", ".join(f"{name} ({count})" for name, count in boxes.items())
    note = (
        f"The design holds black boxes, {named}, whose resources Vivado did not count: its counts are left out here. "
        "Report the implemented design, or the black boxes' own synthesis."
    )
    others = (("black_boxes", sum(boxes.values())), ("lut_outside_black_boxes", report.lut or 0))
    gone: dict[str, Any] = dict.fromkeys(("lut", "ff", "carry", "dsp", "bram18", "uram"))
    return replace(report, others=others, notes=(*report.notes, note), **gone)


def _notes(level: Level) -> tuple[str, ...]:
    if level is not Level.LOGIC:
        return ()
    return ("Vivado counts LUTs after synthesis before it combines them; the implemented count is usually lower.",)


def _check_sections(source: Source, found: Sequence[Table]) -> None:
    """Make sure that every section of the table of contents follows, and that the last table has its bottom border."""
    if "Table of Contents" not in source.lines:
        raise source.cut_off("no table of contents")
    start = source.lines.index("Table of Contents") + 2
    titles = []
    for line in source.lines[start:]:
        if not re.match(r"\d+(\.\d+)?\.? \S", line):
            break
        titles.append(line)
    body = source.lines[start + len(titles) :]
    missing = [title for title in titles if title not in body]
    if missing or not titles:
        raise source.cut_off(f"the section {missing[0]!r} is missing" if missing else "its table of contents is empty")
    if any(not table.closed for table in found) or not found or found[-1].where < len(source.lines) - len(body):
        raise source.cut_off("a table has no bottom border")


def _sites(source: Source, found: Iterable[Table]) -> dict[str, _Site]:
    """Collect the rows of all site tables by name; a row that is there twice must say the same."""
    sites: dict[str, _Site] = {}
    for table in found:
        used, available, share = table.column("Used"), table.column("Available"), table.column("Util%")
        if table.columns[:1] != ("Site Type",) or used is None or available is None or share is None:
            continue
        for row in table.rows:
            name = row[0].rstrip("* ")
            if name not in _READ:
                continue
            site = _Site(_used(source, row[used], name), integer(source, row[available], name) if row[available] else None)
            _check_per_cent(source, name, site, row[share], table, row)
            if name in sites and sites[name].used != site.used:
                raise source.error(f"contradicts itself: {name} is {row[used]} in one table and {sites[name].used} in another")
            sites.setdefault(name, site)
    return sites


def _used(source: Source, text: str, name: str) -> Fraction:
    """Read a count, which for 36 Kb tiles may end in .5."""
    whole, _, half = text.partition(".")
    if half not in {"", "0", "5"}:
        raise source.cut_off(f"{name} must be a whole or half number, got {text!r}")
    return integer(source, whole, name) + Fraction(int(half or 0), 10)


def _check_per_cent(source: Source, name: str, site: _Site, text: str, table: Table, row: Sequence[str]) -> None:
    """Compare a count with its percentage, given with two digits (``<0.01`` for less)."""
    prohibited = table.column("Prohibited")
    if not text or not site.available or (prohibited is not None and row[prohibited] not in {"", "0"}):
        return
    share = 100 * site.used / site.available
    given = re.fullmatch(r"(<?)(\d+\.\d\d)", text)
    near = given is not None and (
        0 < share <= Fraction(1, 100) if given[1] else abs(share - Fraction(given[2])) <= Fraction(6, 1000)
    )
    if not near:
        raise source.error(f"contradicts itself: {name} {site.used} of {site.available} is not {text!r} per cent")


def _primitives(source: Source, found: Iterable[Table]) -> dict[str, int]:
    for table in found:
        if table.columns == ("Ref Name", "Used", "Functional Category"):
            counts = {row[0]: integer(source, row[1], row[0]) for row in table.rows}
            if len(counts) != len(table.rows):
                raise source.error("contradicts itself: a primitive is listed twice")
            return counts
    raise source.cut_off("no table of primitives")


def _site(source: Source, sites: dict[str, _Site], *names: str) -> int:
    present = [sites[name] for name in names if name in sites]
    if len(present) != 1 or present[0].used.denominator != 1:
        raise source.cut_off(f"must have one whole number for {' or '.join(names)}")
    return int(present[0].used)


def _logic(source: Source, found: Iterable[Table], sites: dict[str, _Site], primitives: dict[str, int]) -> tuple[int, int]:
    lut = _site(source, sites, "CLB LUTs", "Slice LUTs")
    if lut != _site(source, sites, "LUT as Logic") + _site(source, sites, "LUT as Memory"):
        raise source.error("contradicts itself: LUTs are not the sum of those used as logic and as memory")
    registers = _site(source, sites, "CLB Registers", "Slice Registers")
    ff, latches = _site(source, sites, "Register as Flip Flop"), _site(source, sites, "Register as Latch")
    by_type = next((table for table in found if table.columns[:2] == ("Total", "Clock Enable")), None)
    summed = None if by_type is None else sum(integer(source, row[0], "registers by type") for row in by_type.rows)
    gates = _site(source, sites, "Register as AND/OR") if "Register as AND/OR" in sites else 0
    if registers != ff + latches + gates or (summed is not None and summed != registers):
        raise source.error("contradicts itself: registers are not the sum of their kinds")
    listed = sum(count for name, count in primitives.items() if name in _FLIP_FLOPS)
    if not 0 <= listed - ff <= _outside_logic(source, found, sites):
        raise source.error(f"contradicts itself: {ff} flip-flops but {listed} flip-flop primitives")
    return lut, ff


def _outside_logic(source: Source, found: Iterable[Table], sites: dict[str, _Site]) -> int:
    """Count how many flip-flops may sit in pads or in crossings between dies, which are primitives but no registers of the logic."""
    pads = _site(source, sites, "Bonded IOB") if "Bonded IOB" in sites else 0
    crossings = (
        _IN_CROSSING[row[0]] * integer(source, row[1], row[0])
        for table in found
        if table.columns[:2] == ("", "Used")
        for row in table.rows
        if row[0] in _IN_CROSSING
    )
    return _PER_PAD * pads + sum(crossings)


def _same(source: Source, sites: dict[str, _Site], primitives: dict[str, int], site: str, names: Sequence[str]) -> int:
    """Take a count that sites and primitives must agree on."""
    used, listed = _site(source, sites, site), sum(primitives.get(name, 0) for name in names)
    if used != listed:
        raise source.error(f"contradicts itself: {used} {site} but {listed} primitives of that kind")
    return used


def _dsp(source: Source, sites: dict[str, _Site], primitives: dict[str, int]) -> int:
    """Count DSP slices; placed UltraScale+ designs list them as DSP_ALU and other pieces."""
    used = _site(source, sites, "DSPs")
    for name in ("DSP48E1", "DSP48E2", "DSP_ALU"):
        only = sites.get(f"{name} only")
        if (only is not None and only.used != used) or primitives.get(name, used) != used:
            raise source.error(f"contradicts itself: {used} DSPs but another count of {name}")
    return used


def _block_ram(source: Source, sites: dict[str, _Site]) -> int:
    """Count 18 Kb halves: a tile is two."""
    if "Block RAM Tile" not in sites:
        raise source.cut_off("no row 'Block RAM Tile'")
    halves = 2 * sites["Block RAM Tile"].used
    if halves != 2 * _site(source, sites, "RAMB36/FIFO") + _site(source, sites, "RAMB18"):
        raise source.error("contradicts itself: Block RAM tiles are not the sum of RAMB36 and half of RAMB18")
    return int(halves)


def _available(source: Source, part: str, sites: dict[str, _Site], found: Iterable[Table]) -> PartTotals | None:
    """Take what the report says the part has; of a known part with nothing prohibited it must be all."""
    names = {
        "lut": ("CLB LUTs", "Slice LUTs"),
        "ff": ("CLB Registers", "Slice Registers"),
        "dsp": ("DSPs",),
        "bram18": ("RAMB18",),
    }
    totals = {field: next((sites[name].available for name in alts if name in sites), None) for field, alts in names.items()}
    given = {field: total for field, total in totals.items() if total is not None}
    if len(given) != len(names):
        return None
    try:
        known = part_totals(part)
    except ConfigError:
        uram = sites["URAM"].available if "URAM" in sites else 0
        return PartTotals(part, uram=uram or 0, **given)
    if not _anything_prohibited(found) and any(getattr(known, field) != total for field, total in given.items()):
        raise source.error(f"contradicts itself: it gives {given!r} for {part}, which has {asdict(known)!r}")
    return known


def _anything_prohibited(found: Iterable[Table]) -> bool:
    return any(
        row[at] not in {"", "0"} for table in found if (at := table.column("Prohibited")) is not None for row in table.rows
    )


def _others(source: Source, sites: dict[str, _Site]) -> tuple[tuple[str, float], ...]:
    names = {
        "latch": "Register as Latch",
        "lut_logic": "LUT as Logic",
        "lut_memory": "LUT as Memory",
        "clb": "CLB",
        "slice": "Slice",
    }
    return tuple((key, _site(source, sites, name)) for key, name in names.items() if name in sites)
