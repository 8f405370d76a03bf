"""Read C synthesis reports in XML, ``<top>_csynth.xml``, of Vivado HLS 2018.2 to Vitis HLS 2025."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers import xmltree
from l1ad.vendor.parsers.csynth import MANDATORY, NAMES, check_latency, device_totals, totals
from l1ad.vendor.parsers.text import Source, integer, integer_or_none, time_ns


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
        available=device_totals(source, part, available),
        sources=(source.path.name,),
        **_xml_latency(source, root, {"clock_target_ns": target, "clock_estimate_ns": estimate}),
        **totals({"Total": _xml_resources(source, xmltree.child(source, area, "Resources"))}),
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
    for field, names in NAMES.items():
        texts = [text for name in names if (text := xmltree.maybe(source, element, name)) is not None]
        if len(texts) > 1 or (not texts and field in MANDATORY):
            raise source.cut_off(f"{element.tag} must have one of {' and '.join(names)}, it has {len(texts)}")
        if texts:
            found[field] = integer(source, texts[0], f"{element.tag} {names[0]}")
    return found


def _xml_latency(source: Source, root: ElementTree.Element, timing: Mapping[str, float | None]) -> dict[str, Any]:
    element = xmltree.child(source, xmltree.child(source, root, "PerformanceEstimates"), "SummaryOfOverallLatency")
    unit = xmltree.maybe(source, element, "unit")
    if unit not in (None, "clock cycles"):
        raise source.error(f"must give its latency in clock cycles, got {unit!r}")
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
    """Compare the interval with the pipeline's own: a pipelined top has one interval, a dataflow one or a range."""
    if low is None or high is None:
        return
    initiation = _range(source, element, "PipelineInitiationInterval")
    if initiation is not None and initiation != (low, high):
        raise source.error(f"contradicts itself: a pipeline's interval of {_spelt(initiation)} is not {low} to {high}")
    throughput = _range(source, element, "DataflowPipelineThroughput")
    if throughput is not None and not {*throughput} <= {low, high}:
        raise source.error(f"contradicts itself: a dataflow's throughput of {_spelt(throughput)} is not {low} or {high}")


def _range(source: Source, element: ElementTree.Element, name: str) -> tuple[int, int] | None:
    """Return a number, or the two ends of a range of them; ``None`` where it is not there or unknown."""
    if (found := element.find(name)) is None:
        return None
    if (ends := found.find("range")) is not None:
        low, high = (integer_or_none(source, xmltree.text(source, ends, end), f"{name} {end}") for end in ("min", "max"))
        return None if low is None or high is None else (low, high)
    number = xmltree.text(source, element, name)
    return (int(number), int(number)) if number.isdigit() else None


def _spelt(ends: tuple[int, int]) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
