"""Read what the export step of HLS reports of Vivado's run: ``…_export.rpt`` and ``.xml``, ``export_syn`` and ``export_impl``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from l1ad.core.resources import LayerResources, Level, PartTotals, ResourceReport
from l1ad.vendor.parsers import xmltree
from l1ad.vendor.parsers.text import Source, decimal_or_none, integer, picoseconds_or_none

_COUNTS = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram18": "BRAM", "uram": "URAM"}
_OTHERS = ("SLICE", "CLB", "LATCH", "SRL")
_VERDICTS = {"Timing met", "Timing not met", "No Sequential Path"}
_NO_PATH = "Vivado gives no achieved clock period: the design has no path between registers."


def is_rpt(source: Source) -> bool:
    """Recognise the text form."""
    return any(re.fullmatch(r"#=== Post-(Synthesis|Implementation) Resource usage ===", line) for line in source.lines)


def parse_rpt(source: Source) -> ResourceReport:
    """Read the text form.

    The verdict on the timing is compared with the clock periods; the counts stand there once.

    Raises:
        ReportError: cut off, damaged or inconsistent.
    """
    step = source.first(r"#=== Post-(Synthesis|Implementation) Resource usage ===$")
    counts: dict[str, Any] = {field: _count(source, name, mandatory=field != "uram") for field, name in _COUNTS.items()}
    target = decimal_or_none(source, source.first(r"CP required:\s+(\S+)$"), "CP required")
    achieved = decimal_or_none(source, source.first(rf"CP achieved post-{step.lower()}:\s+(\S+)$"), "CP achieved")
    _check_verdict(source, target, achieved)
    others = [(name.lower(), value) for name in _OTHERS if (value := _count(source, name, mandatory=False)) is not None]
    return ResourceReport(
        tool="Vivado",
        level=Level.ROUTED if step == "Implementation" else Level.LOGIC,
        tool_version=source.first(r"Implementation tool: Xilinx Vivado v\.(20\d\d\.\d(?:\.\d)?)$"),
        part=source.first(r"Device target:\s+(\S+)$"),
        clock_target_ns=target,
        clock_estimate_ns=achieved,
        others=tuple(others),
        sources=(source.path.name,),
        notes=(_NO_PATH,) if achieved is None else (),
        **counts,
    )


def _count(source: Source, name: str, mandatory: bool) -> int | None:
    text = source.maybe(rf"{name}:\s+(\S+)$")
    if text is None and mandatory:
        raise source.cut_off(f"no line {name}")
    return None if text is None else integer(source, text, name)


def _check_verdict(source: Source, target: float | None, achieved: float | None) -> None:
    last = next(line for line in reversed(source.lines) if line)
    if last not in _VERDICTS:
        raise source.cut_off("it does not end with a verdict on the timing")
    if target is None or target <= 0:
        raise source.cut_off(f"the required clock must be above 0, got {target!r}")
    expected = "No Sequential Path" if achieved is None else ("Timing met" if achieved <= target else "Timing not met")
    if last != expected:
        raise source.error(f"contradicts itself: {last!r} with a clock of {achieved} ns for {target} ns")


def is_xml(root: ElementTree.Element) -> bool:
    """Recognise the XML form."""
    return root.tag == "profile" and root.find("AreaReport") is not None


def parse_xml(source: Source, root: ElementTree.Element) -> ResourceReport:
    """Read the XML form.

    Where it lists modules or paths, the totals are compared with the top module and with the longest path.

    Raises:
        ReportError: damaged or inconsistent.
    """
    timing = xmltree.child(source, root, "TimingReport")
    area = xmltree.child(source, root, "AreaReport")
    resources = xmltree.child(source, area, "Resources")
    counts: dict[str, Any] = {field: _xml_count(source, resources, name, field != "uram") for field, name in _COUNTS.items()}
    _check_top(source, root, counts)
    part = _item(source, root, "Target device")
    achieved = xmltree.number_or_none(source, timing, "AchievedClockPeriod")
    target = xmltree.number(source, timing, "TargetClockPeriod")
    _check_same(source, timing, target, achieved)
    slack = _slack(source, timing)
    others = [(name.lower(), n) for name in _OTHERS if (n := _xml_count(source, resources, name, mandatory=False)) is not None]
    return ResourceReport(
        tool="Vivado",
        level=_level(source, root),
        tool_version=_version(source, root),
        part=part,
        clock_target_ns=target,
        clock_estimate_ns=achieved,
        slack_ns=slack,
        path_ns=_path(source, root, target, slack),
        available=_available(source, area, part),
        breakdown=_breakdown(source, root),
        others=tuple(others + _wns_synth(source, timing)),
        sources=(source.path.name,),
        notes=(_NO_PATH,) if achieved is None else (),
        **counts,
    )


def logic_part(report: ResourceReport) -> ResourceReport | None:
    """Return what an implementation's XML gives for the step before: the slack after logic synthesis."""
    slack = dict(report.others).get("wns_synth_ns")
    if slack is None or report.level is not Level.ROUTED:
        return None
    return ResourceReport(
        tool=report.tool,
        level=Level.LOGIC,
        tool_version=report.tool_version,
        part=report.part,
        clock_target_ns=report.clock_target_ns,
        slack_ns=slack,
        sources=report.sources,
    )


def _level(source: Source, root: ElementTree.Element) -> Level:
    if root.find("RunData") is None:
        raise source.foreign("does not say whether it is after synthesis or implementation; read the .rpt beside it")
    kind = xmltree.text(source, xmltree.child(source, root, "RunData"), "RUN_TYPE")
    if kind not in {"impl", "syn", "synth"}:
        raise source.cut_off(f"RUN_TYPE must be impl or syn, got {kind!r}")
    return Level.ROUTED if kind == "impl" else Level.LOGIC


def _version(source: Source, root: ElementTree.Element) -> str | None:
    text = xmltree.maybe(source, xmltree.child(source, root, "RunData"), "VIVADO_VERSION")
    return None if text is None else text.removeprefix("v.")


def _xml_count(source: Source, element: ElementTree.Element, name: str, mandatory: bool) -> int | None:
    text = xmltree.maybe(source, element, name)
    if text is None and mandatory:
        raise source.cut_off(f"{element.tag} has no {name}")
    return None if text is None else integer(source, text, name)


def _check_top(source: Source, root: ElementTree.Element, counts: dict[str, int | None]) -> None:
    """Compare the totals with those of the top module, which lists only what is not zero."""
    tops = [module for module in root.iter("RtlModule") if module.get("IS_TOP") == "1"]
    for top in tops:
        shares = xmltree.child(source, top, "Resources")
        for field, name in _COUNTS.items():
            if counts[field] is not None and shares.get(name, "0") != str(counts[field]):
                raise source.error(f"contradicts itself: {name} is {counts[field]} but {shares.get(name, '0')} in the top module")


def _check_same(source: Source, timing: ElementTree.Element, target: float, achieved: float | None) -> None:
    """Compare what is there under two names: target and achieved period, and their difference."""
    if not target > 0:
        raise source.cut_off(f"the target clock must be above 0, got {target!r}")
    for name, value in (("CP_TARGET", target), ("CP_FINAL", achieved)):
        if timing.find(name) is not None and xmltree.number_or_none(source, timing, name) != value:
            raise source.error(f"contradicts itself: {name} is not {value}")
    slack = xmltree.number_or_none(source, timing, "SLACK_FINAL")
    if slack is not None and achieved is not None and abs(target - achieved - slack) > 0.0015:
        raise source.error(f"contradicts itself: {target} - {achieved} is not the slack {slack}")


def _slack(source: Source, timing: ElementTree.Element) -> float | None:
    """Take the final worst slack; before 2020 only that between registers is given."""
    for name in ("WNS_FINAL", "SLACK_FINAL"):
        slack = xmltree.number_or_none(source, timing, name)
        if slack is not None:
            return slack
    return None


def _wns_synth(source: Source, timing: ElementTree.Element) -> list[tuple[str, float]]:
    slack = xmltree.number_or_none(source, timing, "WNS_SYNTH")
    return [] if slack is None else [("wns_synth_ns", slack)]


def _path(source: Source, root: ElementTree.Element, target: float, slack: float | None) -> float | None:
    """Take the longest path, which must be the sum of logic and nets, and for a combinational design the clock less the slack."""
    delays = [_path_delay(source, path) for path in root.iter("TPATH")]
    if not delays:
        return None
    combinational = xmltree.number_or_none(source, xmltree.child(source, root, "TimingReport"), "AchievedClockPeriod") is None
    if combinational and slack is not None and abs(target - delays[0] - slack) > 0.0015:
        raise source.error(f"contradicts itself: a path of {delays[0]} ns leaves no slack of {slack} ns in {target} ns")
    return delays[0]


def _path_delay(source: Source, path: ElementTree.Element) -> float:
    total, logic, net = (
        picoseconds_or_none(source, path.get(name, ""), name)
        for name in ("DATAPATH_DELAY", "DATAPATH_LOGIC_DELAY", "DATAPATH_NET_DELAY")
    )
    if total is None or logic is None or net is None or abs(logic + net - total) > 0.0015:
        raise source.error(f"contradicts itself: a path of {total} ns is not {logic} ns of logic and {net} ns of nets")
    return total


def _item(source: Source, root: ElementTree.Element, name: str) -> str | None:
    found: Sequence[str | None] = [item.get("VALUE") for item in root.iter("item") if item.get("NAME") == name]
    if len(set(found)) > 1:
        raise source.error(f"contradicts itself: {name} is {found!r}")
    return found[0] if found else None


def _available(source: Source, area: ElementTree.Element, part: str | None) -> PartTotals | None:
    element = area.find("AvailableResources")
    if element is None:
        return None
    totals = {field: _xml_count(source, element, name, mandatory=False) for field, name in _COUNTS.items()}
    known = {field: total for field, total in totals.items() if total is not None}
    return PartTotals(part or "", **known) if len(known) == len(_COUNTS) else None


def _breakdown(source: Source, root: ElementTree.Element) -> tuple[LayerResources, ...]:
    """Take the modules one level below the top; a module that was optimised away has no resources, what one does not list is zero."""
    modules = [module for module in root.iter("RtlModule") if module.get("DEPTH") == "1"]
    counts = [sub.get("count") for top in root.iter("RtlModule") if top.get("IS_TOP") == "1" for sub in top.findall("SubModules")]
    if counts and counts != [str(len(modules))]:
        raise source.cut_off(f"the top module has {counts[0]} modules, {len(modules)} are listed")
    return tuple(
        LayerResources(module.get("DISPNAME", "?"), **_module_shares(source, xmltree.child(source, module, "Resources")))
        for module in modules
        if module.find("Resources") is not None
    )


def _module_shares(source: Source, shares: ElementTree.Element) -> dict[str, int]:
    return {field: integer(source, shares.get(name, "0"), f"{name} of a module") for field, name in _COUNTS.items()}
