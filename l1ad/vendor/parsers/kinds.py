"""Recognise the kind of a report, and read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from l1ad.core.errors import ReportError
from l1ad.core.resources import ResourceReport
from l1ad.vendor.parsers import cosim, csynth, csynth_xml, export, export_text, failfast, hierarchy, timing, utilisation, xmltree
from l1ad.vendor.parsers.text import Source, read_source

_TEXT_KINDS: tuple[tuple[Callable[[Source], bool], Callable[[Source], ResourceReport]], ...] = (
    (csynth.is_rpt, csynth.parse_rpt),
    (hierarchy.is_hierarchy, hierarchy.parse),
    (utilisation.is_utilisation, utilisation.parse),
    (timing.is_timing, timing.parse),
    (export.is_rpt, export.parse_rpt),
    (export_text.is_text, export_text.parse),
    (failfast.is_failfast, failfast.parse),
    (cosim.is_cosim, cosim.parse),
)
_KNOWN = "C synthesis, export, utilisation, timing summary, failfast or cosimulation report of Vivado or Vitis"
#: The line that every report of a kind has once.
_HEADS = {
    "C synthesis": re.compile(r"== (Vitis|Vivado) HLS Report for '"),
    "cosimulation": re.compile(r"\+\s+RTL\s+\+\s+Status\s+\+"),
    "export": re.compile(r"== Vivado (RTL Synthesis|Place & Route) Results|#=== Post-(Synthesis|Implementation) Resource usage"),
    "Vivado": re.compile(r"\| Tool Version\s*: Vivado"),
}
_READ_COMMANDS = {"report_utilization", "report_timing_summary"}
_MAKER = re.compile(r"Vivado|Vitis|Xilinx|Advanced Micro Devices|HLS")


def parse_report(path: Path) -> ResourceReport:
    """Read one report file of any known kind.

    Args:
        path: the file, ``.rpt`` or ``.xml``.

    Raises:
        ReportError: not a known report, cut off, damaged or inconsistent; names the file.
        ForeignReportError: that kind of it which is of another command or another maker, and so not damaged.
    """
    source = read_source(path)
    try:
        return _parse(source)
    except ReportError as error:
        # The numbers' own checks (ResourceReport) do not know the file.
        raise error if str(path) in str(error) else source.error(f"is damaged: {error}") from None


def is_report(path: Path) -> bool:
    """Return whether a text file is of one of the kinds that are read, whole or not."""
    try:
        source = read_source(path)
    except ReportError:
        return False
    return any(is_kind(source) for is_kind, _ in _TEXT_KINDS)


def _parse(source: Source) -> ResourceReport:
    if next(line for line in source.lines if line).lstrip().startswith("<"):
        return _parse_xml(source)
    csynth.refuse_summary(source)
    _refuse_several(source)
    _refuse_part(source)
    for is_kind, parse in _TEXT_KINDS:
        if is_kind(source):
            return parse(source)
    _refuse_foreign(source)
    raise source.error(f"is not a {_KNOWN}, or its header is damaged")


def _refuse_several(source: Source) -> None:
    """Refuse a log, or a file that was appended to, of which only the first report would be read.

    Raises:
        ReportError: there are several reports in it.
    """
    found = [name for line in source.lines for name, head in _HEADS.items() if head.match(line)]
    if len(found) > 1:
        raise source.error(
            f"holds {len(found)} reports ({', '.join(found)}), of which only one can be read; give each in a file of its own"
        )


def _refuse_part(source: Source) -> None:
    """Refuse a report of some cells, or by dies, whose counts would pass for those of the whole design.

    Raises:
        ForeignReportError: it is one of these.
    """
    for line in source.lines[:20]:
        if match := re.match(r"\| Command\s*: report_(?:utilization|timing_summary)\b.*? (-cells?|-pblocks?|-slr)\b", line):
            raise source.foreign(f"is of a part of the design only ({match.group(1)}); give the one of the whole design")


def _refuse_foreign(source: Source) -> None:
    """Name the command of a report of Vivado that gives none of the numbers, and tell another maker's report.

    Raises:
        ForeignReportError: it is one of these.
    """
    for line in source.lines[:20]:
        if (match := re.match(r"\| Command\s*: (report_\w+)", line)) and match.group(1) not in _READ_COMMANDS:
            raise source.foreign(
                f"is of Vivado's command {match.group(1)}, from which nothing is read here; "
                "give those of report_utilization and report_timing_summary"
            )
    if not any(_MAKER.search(line) for line in source.lines[:20]):
        raise source.foreign(f"is not a {_KNOWN}, or its header is damaged")


def _parse_xml(source: Source) -> ResourceReport:
    root = xmltree.parse(source)
    if csynth_xml.is_xml(root):
        return csynth_xml.parse_xml(source, root)
    if export.is_xml(root):
        return export.parse_xml(source, root)
    raise source.foreign(f"is not a {_KNOWN}: its XML starts with {root.tag!r}")
