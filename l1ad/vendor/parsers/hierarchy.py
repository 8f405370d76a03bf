"""Read Vivado's hierarchical utilisation report: the share of every instance."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from l1ad.core.resources import LayerResources, ResourceReport
from l1ad.vendor.parsers.header import has_command, read_header
from l1ad.vendor.parsers.text import Source, Table, integer, tables

_COLUMNS = {
    "lut": ("Total LUTs",),
    "logic": ("Logic LUTs",),
    "lutram": ("LUTRAMs",),
    "srl": ("SRLs",),
    "ff": ("FFs",),
    "ramb36": ("RAMB36",),
    "ramb18": ("RAMB18",),
    "uram": ("URAM",),
    "dsp": ("DSP Blocks", "DSP48 Blocks"),
}
#: What ``-hierarchical_percentages`` adds to a count, with the decimal mark of the machine's language.
_PER_CENT = re.compile(r"(?<=\d) ?\(<?\d+(?:[.,]\d+)?%\)\Z")


def is_hierarchy(source: Source) -> bool:
    """Recognise the hierarchical form."""
    return has_command(source, "report_utilization") and any("Utilization by Hierarchy" in line for line in source.lines)


def parse(source: Source) -> ResourceReport:
    """Read the report: the top row gives the totals, the rows one level below it the shares.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    header = read_header(source)
    if header.level is None:
        raise source.cut_off("its header gives no design state")
    table = next((table for table in tables(source) if table.columns[:2] == ("Instance", "Module")), None)
    if table is None or not table.closed or not table.rows:
        raise source.cut_off("the hierarchy's table is not complete")
    columns = {field: at for field, names in _COLUMNS.items() if (at := table.column(*names)) is not None}
    if missing := sorted(set(_COLUMNS) - set(columns) - {"uram"}):
        raise source.cut_off(f"the hierarchy has no column for {', '.join(missing)}")
    total = _shares(source, table.rows[0], columns)
    return ResourceReport(
        tool="Vivado",
        level=header.level,
        tool_version=header.version,
        top=header.design,
        part=header.device,
        breakdown=_breakdown(source, table, columns, total),
        sources=(source.path.name,),
        **total,
    )


def _breakdown(
    source: Source, table: Table, columns: Mapping[str, int], total: Mapping[str, int | None]
) -> tuple[LayerResources, ...]:
    """Take the instances one level below the top; Vivado indents by two blanks a level, and lists the top's own logic first."""
    lines = itertools.takewhile(lambda line: line.startswith(("|", "+")), source.lines[table.where + 3 :])
    depths = [len(cell) - len(cell.lstrip()) for line in lines if line.startswith("|") and (cell := line.split("|")[1])]
    top = depths[0]
    rows = [row for row, depth in zip(table.rows, depths, strict=True) if depth == top + 2]
    shares = tuple(LayerResources(row[0], **_shares(source, row, columns)) for row in rows)
    for name in ("ff", "dsp", "bram18", "uram"):
        if shares and sum(getattr(share, name) or 0 for share in shares) != (total[name] or 0):
            raise source.error(f"contradicts itself: the instances' {name} do not sum to the top's")
    return shares


def _shares(source: Source, row: tuple[str, ...], columns: Mapping[str, int]) -> dict[str, Any]:
    counts = {field: integer(source, _PER_CENT.sub("", row[at]), f"{field} of {row[0]}") for field, at in columns.items()}
    if counts["lut"] != counts["logic"] + counts["lutram"] + counts["srl"]:
        raise source.error(f"contradicts itself: the LUTs of {row[0]} are not the sum of their kinds")
    return {
        "lut": counts["lut"],
        "ff": counts["ff"],
        "dsp": counts["dsp"],
        "bram18": 2 * counts["ramb36"] + counts["ramb18"],
        "uram": counts.get("uram"),
    }
