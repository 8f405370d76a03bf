"""Read all reports below a folder, one ``ResourceReport`` a level; what two files say of one thing must agree."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers.export import logic_part
from l1ad.vendor.parsers.identity import check_one_design
from l1ad.vendor.parsers.kinds import is_report, parse_report
from l1ad.vendor.parsers.text import ForeignReportError, read_source

_NAMES = re.compile(
    r".*_csynth\.(rpt|xml)|.*_export\.(rpt|xml)|export_(syn|impl)\.(rpt|xml)|.*util.*\.rpt|.*timing.*\.rpt"
    r"|.*failfast.*\.rpt|vivado_synth\.rpt|.*_cosim\.rpt"
)
#: Fields that one design may have under several spellings in reports of several tools.
_SPELT = ("tool", "tool_version", "top", "part")
_JOINED = ("sources", "notes", "others", "breakdown", "available")


def parse_folder(path: Path, top: str | None = None) -> list[ResourceReport]:
    """Read every report below a folder: a project of HLS, old or new tree, or of Vivado.

    Vivado's own run folders (``*.runs``) hold reports of every single IP core; they are passed over. So is a report of another kind
    that is named like one of these, as of ``report_clock_utilization``, and one of these kinds that has another name than the tools
    give it: a note of the first report lists such files.

    Args:
        path: the folder.
        top: top function; needed only where several designs' C synthesis reports lie side by side.

    Returns:
        One report a level, in the order of ``Level``.

    Raises:
        ReportError: no reports there, one is damaged, or two contradict each other.
    """
    reports: list[ResourceReport] = []
    passed_over: list[str] = []
    files = _top_only(_report_files(path), top)
    for file in files:
        try:
            reports += read_parts(file)
        except ForeignReportError as error:
            passed_over.append(str(error).removeprefix(f"The report {file} "))
            passed_over[-1] = f"{file.relative_to(path)} {passed_over[-1]}"
    if not reports:
        raise _nothing_found(path, passed_over)
    passed_over += [f"{file.relative_to(path)} has none of the tools' own names; give it alone" for file in _unread(path, files)]
    check_one_design(reports)
    reports = _with_totals(reports, files)
    first, *rest = combine(reports)
    return [dataclasses.replace(first, notes=(*first.notes, *(f"Passed over: {text}." for text in passed_over))), *rest]


def _nothing_found(path: Path, passed_over: Sequence[str]) -> ReportError:
    listed = f" (passed over: {'; '.join(passed_over)})" if passed_over else ""
    runs = sorted({file.parent for file in path.rglob("*.runs/impl_*/*.rpt")})
    advice = f"give the folder of one run, as {runs[0]}" if runs else "give the folder of a finished run"
    return ReportError(f"No report of Vivado or Vitis was found below {path}{listed}; {advice}")


def combine(reports: Sequence[ResourceReport]) -> list[ResourceReport]:
    """Join reports of one design, one a level, in the order of ``Level``.

    Raises:
        ReportError: two of one level give different numbers.
    """
    levels = [level for level in Level if any(report.level is level for report in reports)]
    return [merge([report for report in reports if report.level is level]) for level in levels]


def _report_files(path: Path) -> list[Path]:
    if not path.is_dir():
        raise ReportError(f"The folder {path} with reports of Vivado or Vitis does not exist")
    files = sorted(file for file in path.rglob("*") if _NAMES.fullmatch(file.name) and file.is_file())
    # Where none has one of the tools' own names, people have named them: then the text alone tells what each is.
    return _ours(path, files) or _ours(path, sorted(file for file in path.rglob("*.rpt") if file.is_file()))


def _unread(path: Path, files: Sequence[Path]) -> list[Path]:
    """Find reports of the kinds that are read here which were not read, for their names."""
    others = sorted(
        file for file in path.rglob("*.rpt") if file.is_file() and not _NAMES.fullmatch(file.name) and file not in files
    )
    return [file for file in _ours(path, others) if is_report(file)]


def _ours(path: Path, files: Iterable[Path]) -> list[Path]:
    return [file for file in files if not any(part.endswith((".runs", ".autopilot")) for part in file.relative_to(path).parts)]


def read_parts(file: Path) -> list[ResourceReport]:
    """Read a report as part of a run: what it says of each level, ready to be joined with what others say.

    Of a hierarchical report only the shares are taken: Vivado combines LUTs across its levels, so that its total may differ.
    """
    report = parse_report(file)
    if "_hierarchical" in file.name:
        report = dataclasses.replace(report, lut=None, ff=None, dsp=None, bram18=None, uram=None)
    before = logic_part(report)
    return [report] if before is None else [report, before]


def _with_totals(reports: Sequence[ResourceReport], files: Iterable[Path]) -> list[ResourceReport]:
    """Take a hierarchical report's totals after all where nothing else of its level was counted, nor found to hold black boxes."""
    whole = {file.name: file for file in files if "_hierarchical" in file.name}
    counted = {report.level for report in reports if report.lut is not None or dict(report.others).get("black_boxes")}
    return [
        parse_report(whole[report.sources[0]]) if report.sources[0] in whole and report.level not in counted else report
        for report in reports
    ]


def _top_only(files: Sequence[Path], top: str | None) -> list[Path]:
    """Leave out the C synthesis reports of the functions below the top.

    Raises:
        ReportError: several tops and none is chosen, or the chosen one is not there.
    """
    names = {file.name.rsplit("_csynth.", 1)[0] for file in files if "_csynth." in file.name}
    if top is not None and names and top not in names:
        raise ReportError(f"There is no C synthesis report of {top!r}; there are {sorted(names)!r}")
    tops = {top} if top is not None else names - _called(files)
    if len(tops) > 1:
        raise ReportError(f"There are C synthesis reports of several designs, {sorted(tops)!r}; say which one with top")
    return [file for file in files if "_csynth." not in file.name or file.name.rsplit("_csynth.", 1)[0] in tops]


def _called(files: Iterable[Path]) -> set[str]:
    """Find the modules that some C synthesis report lists as an instance."""
    called: set[str] = set()
    for file in files:
        if file.name.endswith("_csynth.rpt"):
            called |= {match.group(1) for line in _lines(file) if (match := re.match(r" *\|[\w.]+ *\|(\w+) *\|", line))}
    return called


def _lines(file: Path) -> tuple[str, ...]:
    """Return a file's lines, none of one that cannot be read: whether that matters shows when its numbers are needed."""
    try:
        return read_source(file).lines
    except ReportError:
        return ()


def merge(reports: Sequence[ResourceReport]) -> ResourceReport:
    """Join what several files say of one design at one level.

    Args:
        reports: at least one, all of one level.

    Raises:
        ReportError: two files give different numbers.
    """
    first = reports[0]
    values: dict[str, Any] = {"level": first.level}
    for field in dataclasses.fields(ResourceReport):
        if field.name in _SPELT:
            values[field.name] = _longest(reports, field.name)
        elif field.name not in (*_JOINED, "level"):
            values[field.name] = _agreed(reports, field.name)
    values["sources"] = tuple(dict.fromkeys(name for report in reports for name in report.sources))
    values["notes"] = tuple(dict.fromkeys(note for report in reports for note in report.notes))
    values["others"] = _others(reports)
    values["breakdown"] = max((report.breakdown for report in reports), key=len)
    values["available"] = next((report.available for report in reports if report.available is not None), None)
    return ResourceReport(**values)


def _longest(reports: Sequence[ResourceReport], name: str) -> Any:
    """Take the fullest spelling: a timing report leaves out the speed grade, an older one the ``xc``."""
    return max((getattr(report, name) for report in reports), key=lambda text: len(text or ""))


def _agreed(reports: Sequence[ResourceReport], name: str) -> Any:
    given = [report for report in reports if getattr(report, name) is not None]
    for other in given[1:]:
        if getattr(other, name) != getattr(given[0], name):
            raise ReportError(
                f"The reports {given[0].sources[0]!r} and {other.sources[0]!r} disagree on {name}: "
                f"{getattr(given[0], name)!r} and {getattr(other, name)!r}; they are of different runs"
            )
    return getattr(given[0], name) if given else None


def _others(reports: Sequence[ResourceReport]) -> tuple[tuple[str, float], ...]:
    joined: dict[str, float] = {}
    for report in reports:
        for name, value in report.others:
            if joined.setdefault(name, value) != value:
                raise ReportError(
                    f"The report {report.sources[0]!r} disagrees with those beside it on {name}: {value!r} and {joined[name]!r}"
                )
    return tuple(joined.items())
