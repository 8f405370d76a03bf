"""Read Vivado's failfast report: shares of the part, which carry no counts."""

from __future__ import annotations

import re

from l1ad.core.resources import ResourceReport
from l1ad.vendor.parsers.header import level_of_name
from l1ad.vendor.parsers.text import Source, decimal, tables

_SHARES = {"LUT": "lut", "FD": "ff", "DSP": "dsp", "RAMB/FIFO": "bram", "URAM": "uram", "CARRY8": "carry"}


def is_failfast(source: Source) -> bool:
    """Recognise the report."""
    return any("with report_failfast" in line for line in source.lines[:10])


def parse(source: Source) -> ResourceReport:
    """Read the shares, as ``failfast_lut_per_cent`` and so on under ``others``.

    Raises:
        ReportError: cut off or damaged.
    """
    plain = Source(source.path, tuple(re.sub(r"^#\s*(?=[|+])", "", line) for line in source.lines))
    start = next((n for n, line in enumerate(plain.lines) if line.startswith("| Criteria ")), 0)
    table = next(tables(plain, start - 1), None) if start else None
    if table is None or not table.closed or _last_line(plain)[:1] != "+" or len(set(table.groups)) < 3:
        raise source.cut_off("its table is not complete")
    level = level_of_name(source.path.name)
    if level is None:
        raise source.foreign("has a name that does not say whether the design was synthesised or routed; give it …_routed.rpt")
    shares = {row[0]: row[2] for row in table.rows if row[0] in _SHARES}
    if len(shares) < 4:
        raise source.cut_off(f"the shares of the part are missing, it has only {sorted(shares)!r}")
    return ResourceReport(
        tool="Vivado",
        level=level,
        part=plain.maybe(r"\| (xc\w+-\S+) +\|$"),
        others=tuple((f"failfast_{_SHARES[name]}_per_cent", _per_cent(source, text, name)) for name, text in shares.items()),
        sources=(source.path.name,),
    )


def _last_line(source: Source) -> str:
    return next(line for line in reversed(source.lines) if line.strip("# "))


def _per_cent(source: Source, text: str, name: str) -> float:
    if not text.endswith("%"):
        raise source.cut_off(f"{name} must be a percentage, got {text!r}")
    return decimal(source, text[:-1], name)
