"""Read Vivado's timing summary: slack, and the delay of the longest path."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers.header import Header, has_command, level_of_name, read_header
from l1ad.vendor.parsers.text import Source, decimal, integer_or_none, picoseconds, picoseconds_or_none

_MET = "All user specified timing constraints are met."
_NOT_MET = "Timing constraints are not met."
_NONE = "There are no user specified timing constraints."
_KINDS = {"Setup": "Max Delay Paths", "Hold": "Min Delay Paths", "PW": "Pulse Width Checks"}
#: Asynchronous resets have groups of their own, counted into WNS and WHS.
_SAME_AS = {"Recovery": "Setup", "Removal": "Hold"}


@dataclass(frozen=True, slots=True)
class _Path:
    """One path of the details."""

    slack: float
    delay: float
    requirement: float


@dataclass(frozen=True, slots=True)
class _Summary:
    """The numbers of the design timing summary; times in ns."""

    wns: float | None
    tns: float | None
    failing: int | None
    whs: float | None
    wpws: float | None


def is_timing(source: Source) -> bool:
    """Recognise the report."""
    return has_command(source, "report_timing_summary")


def parse(source: Source) -> ResourceReport:
    """Read a timing summary.

    The summary is compared with the groups of the details and with the verdict, each path with its own parts.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    header = read_header(source)
    summary = _summary(source)
    verdict = _verdict(source, summary)
    paths = list(_paths(source))
    listed_below = _listed_below(source, header.command)
    _check_groups(source, summary, listed_below)
    worst = next((path for path in paths if path.slack == summary.wns), None)
    if summary.wns is not None and worst is None and summary.wns < listed_below:
        raise source.cut_off(f"no path of the details has the worst slack, {summary.wns:g} ns")
    periods = set(_periods(source))
    cycles = 0 if summary.wns is not None and _nothing_clocked(source, summary) else None
    others = {"tns_ns": summary.tns, "tns_failing_endpoints": summary.failing, "whs_ns": summary.whs, "wpws_ns": summary.wpws}
    return ResourceReport(
        tool="Vivado",
        level=_level(source, header),
        tool_version=header.version,
        top=header.design,
        part=header.device,
        clock_target_ns=periods.pop() if len(periods) == 1 else (worst.requirement if worst and not periods else None),
        slack_ns=summary.wns,
        path_ns=worst.delay if worst else None,
        latency_min_cycles=cycles,
        latency_max_cycles=cycles,
        others=tuple((name, value) for name, value in others.items() if value is not None),
        sources=(source.path.name,),
        notes=verdict,
    )


def _listed_below(source: Source, command: str) -> float:
    """Return the slack below which paths are listed: an option may leave out those that are met, or all."""
    if "-no_detailed_paths" in command.split():
        return -math.inf
    match = re.search(r" -slack_lesser_than (\S+)", command)
    return math.inf if match is None else decimal(source, match.group(1), "-slack_lesser_than")


def _nothing_clocked(source: Source, summary: _Summary) -> bool:
    """Recognise a combinational design: no clock reaches a pin (so there is no pulse width), and no register lacks its clock."""
    counts = [
        match.group(1) for line in source.lines if (match := re.match(r"\s*There are (\d+) register/latch pins? with ", line))
    ]
    return summary.wpws is None and bool(counts) and set(counts) == {"0"}


def _level(source: Source, header: Header) -> Level:
    """Return the state: older headers do not give it, the nets of the paths or the file's name do."""
    nets = {match.group(1) for line in source.lines if (match := re.search(r"net \(fo=\d+, (\w+)\)", line))}
    by_net = {"routed": Level.ROUTED, "estimated": Level.PLACED, "unplaced": Level.LOGIC}
    level = header.level or next((by_net[word] for word in by_net if word in nets), None)
    level = level or level_of_name(header.command) or level_of_name(source.path.name)
    if level is None:
        raise source.cut_off("it does not say whether the design was synthesised, placed or routed")
    return level


def _summary(source: Source) -> _Summary:
    heads = [number for number, line in enumerate(source.lines) if line.split()[:2] == ["WNS(ns)", "TNS(ns)"]]
    if len(heads) != 1 or heads[0] + 2 >= len(source.lines):
        raise source.cut_off(f"the design timing summary is there {len(heads)} times")
    words = source.lines[heads[0] + 2].split()
    if len(words) != 12:
        raise source.cut_off(f"the design timing summary has {len(words)} numbers, expected 12")
    return _Summary(
        wns=picoseconds_or_none(source, words[0], "WNS"),
        tns=picoseconds_or_none(source, words[1], "TNS"),
        failing=integer_or_none(source, words[2], "TNS failing endpoints"),
        whs=picoseconds_or_none(source, words[4], "WHS"),
        wpws=picoseconds_or_none(source, words[8], "WPWS"),
    )


def _verdict(source: Source, summary: _Summary) -> tuple[str, ...]:
    given = [line for line in (_MET, _NOT_MET, _NONE) if line in source.lines]
    if len(given) != 1:
        raise source.cut_off("it does not say whether the timing is met")
    negative = any(slack is not None and slack < 0 for slack in (summary.wns, summary.whs, summary.wpws))
    if given[0] != _NONE and negative != (given[0] == _NOT_MET):
        raise source.error(f"contradicts itself: {given[0]!r} does not fit its slacks")
    if (summary.failing or 0) > 0 and not negative:
        raise source.error(f"contradicts itself: {summary.failing} failing endpoints but no negative slack")
    if given[0] == _MET:
        return ()
    return ("The timing is not met.",) if given[0] == _NOT_MET else ("The design has no timing constraints: there is no slack.",)


def _groups(source: Source) -> Iterator[tuple[int, str, str]]:
    """Return line, kind and worst slack of every group of paths in the details."""
    for number, line in enumerate(source.lines):
        match = re.match(r"(Setup|Hold|PW|Recovery|Removal)\s*:.*Failing Endpoints?\s*,\s+Worst Slack\s+(\S+?)(?:ns)?\s*,", line)
        if match:
            yield number, _SAME_AS.get(match.group(1), match.group(1)), match.group(2)


def _check_groups(source: Source, summary: _Summary, listed_below: float) -> None:
    """Compare the summary with the worst of the groups, and make sure that the groups' paths follow where they are listed."""
    if "| Timing Details" not in source.lines:
        raise source.cut_off("no timing details")
    worst: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    groups = list(_groups(source))
    for number, kind, text in groups:
        slack = picoseconds_or_none(source, text, f"the {kind.lower()} slack of a group")
        if slack is None:
            continue
        worst[kind].append(slack)
        stop = next((start for start, other, _ in groups if start > number and other == "Setup"), len(source.lines))
        if slack < listed_below and _KINDS[kind] not in source.lines[number:stop]:
            raise source.cut_off(f"the {_KINDS[kind]} of a group are missing")
    for kind, slack in (("Setup", summary.wns), ("Hold", summary.whs), ("PW", summary.wpws)):
        if (min(worst[kind]) if worst[kind] else None) != slack:
            raise source.error(
                f"contradicts itself: the worst {kind.lower()} slack is {slack}, that of its groups {worst[kind]!r}"
            )


def _paths(source: Source) -> Iterator[_Path]:
    """Return the maximum-delay paths, each checked against its own sums."""
    starts = [number for number, line in enumerate(source.lines) if re.match(r"Slack[ :]", line)]
    for start, stop in itertools.pairwise([*starts, len(source.lines)]):
        block = source.lines[start:stop]
        constrained = re.match(r"Slack \((MET|VIOLATED)\) :", block[0])
        if constrained and any(re.match(r"\s+Path Type:\s+(\w+ \()?Max", line) for line in block):
            yield _path(source, block)


def _path(source: Source, block: tuple[str, ...]) -> _Path:
    slack = _find(source, block, r"Slack \((?:MET|VIOLATED)\) :\s+(\S+?)ns(?: |$)")
    delay = _find(source, block, r"\s+Data Path Delay:\s+(\S+?)ns ")
    logic = _find(source, block, r"\s+Data Path Delay:.*\(logic (\S+?)ns ")
    route = _find(source, block, r"\s+Data Path Delay:.*route (\S+?)ns ")
    if abs(logic + route - delay) > 0.0015 or _find(source, block, r"\s+slack\s+(\S+)$") != slack:
        raise source.error(f"contradicts itself: the path with the slack {slack:g} ns is not the sum of its parts")
    requirement = _find(source, block, r"\s+Requirement:\s+(\S+?)ns ")
    limits = [match.group(1) for line in block for match in re.finditer(r"MaxDelay Path (\S+?)ns", line)]
    if any(decimal(source, limit, "a path's limit") != requirement for limit in limits):
        raise source.error(f"contradicts itself: a path's requirement is {requirement:g} ns and {limits!r}")
    return _Path(slack, delay, requirement)


def _find(source: Source, block: tuple[str, ...], pattern: str) -> float:
    found = [match.group(1) for line in block if (match := re.match(pattern, line))]
    if len(found) != 1:
        raise source.cut_off(f"a path has {len(found)} lines of the form {pattern!r}, expected 1")
    return picoseconds(source, found[0], "a path's time")


def _periods(source: Source) -> Iterator[float]:
    """Return the periods in the clock summary, which must fit the frequencies beside them."""
    if "| Clock Summary" not in source.lines:
        raise source.cut_off("no clock summary")
    start = source.lines.index("| Clock Summary")
    for line in source.lines[start + 3 : start + 60]:
        if line.startswith("| "):
            return
        match = re.match(r"\s*\S+\s+\{[^}]*\}\s+(\S+)\s+(\S+)$", line)
        if match:
            period, frequency = (decimal(source, text, "a clock's period and frequency") for text in match.groups())
            if abs(period * frequency - 1000) > 0.0006 * (period + frequency):
                raise source.error(f"contradicts itself: a period of {period:g} ns is not {frequency:g} MHz")
            yield period
