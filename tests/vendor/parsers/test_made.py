"""Every table form of 2018 to 2025, made from chosen numbers, gives these numbers; a form that no version has is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level
from l1ad.vendor.parsers import parse_report
from l1ad.vendor.parsers.text import ForeignReportError
from tests.vendor.export_made import export_text, failfast
from tests.vendor.reports_made import (
    PARTS,
    VERSIONS,
    Design,
    cosim_rpt,
    csynth_rpt,
    csynth_xml,
    export_rpt,
    hierarchical_rpt,
    timing_rpt,
    vivado_head,
)
from tests.vendor.utilisation_made import Made

HLS = ("Vivado HLS", "Vitis HLS")
#: Commands of Vivado from whose reports nothing is read.
OTHERS = (
    *(
        "report_power",
        "report_drc",
        "report_methodology",
        "report_timing",
        "report_clock_utilization",
        "report_io",
        "report_route_status",
    ),
    *(
        "report_control_sets",
        "report_cdc",
        "report_bus_skew",
        "report_ram_utilization",
        "report_high_fanout_nets",
        "report_pulse_width",
    ),
    *(
        "report_design_analysis",
        "report_clock_networks",
        "report_clock_interaction",
        "report_incremental_reuse",
        "report_datasheet",
    ),
    *("report_qor_suggestions", "report_qor_assessment", "report_ssn", "report_carry_chains", "report_operating_conditions"),
)


def drawn(seed: str) -> Design:
    """Choose numbers; all differ, so that none can stand in the place of another."""
    random = Random(seed)
    part = random.choice(list(PARTS))
    low, first = random.randint(3, 40), random.randint(1, 30)
    return Design(
        lut=random.randint(4000, 99_000),
        ff=random.randint(100, 3900),
        dsp=random.randint(50, 99),
        bram18=random.randint(1, 48),
        uram=random.choice((0, 3)) if PARTS[part][4] else 0,
        cycles=(low, low + random.randint(1, 5)),
        interval=(first, first + random.randint(1, 5)),
        target=random.choice((2.5, 5.0, 25.0)),
        estimate=random.choice((1.75, 2.125)),
        part=part,
        wns=random.choice((0.25, 0.0, -0.125)),
        level=random.choice(("Routed", "Fully Placed", "Synthesized")),
    )


def read(folder: Path, name: str, text: str) -> Any:
    (folder / name).write_text(text, encoding="utf-8")
    return parse_report(folder / name)


def counts(report: Any) -> tuple[int, ...]:
    return report.bram18, report.dsp, report.ff, report.lut, report.uram


each_version = pytest.mark.parametrize("version", VERSIONS)


@each_version
@pytest.mark.parametrize(("name", "write"), [("t_csynth.rpt", csynth_rpt), ("t_csynth.xml", csynth_xml)])
def test_c_synthesis(tmp_path: Path, version: str, name: str, write: Callable[[str, Design], str]) -> None:
    design = drawn(f"csynth{version}")
    report = read(tmp_path, name, write(version, design))
    assert (report.tool, report.level, report.tool_version) == (HLS[float(version) > 2020.15], Level.CSYNTH, version)
    assert counts(report) == design.counts
    assert (report.latency_min_cycles, report.latency_max_cycles) == design.cycles
    assert (report.ii_min, report.ii_max) == design.interval
    assert (report.clock_target_ns, report.clock_estimate_ns, report.part) == (design.target, design.estimate, design.part)


@each_version
def test_cosimulation(tmp_path: Path, version: str) -> None:
    design = drawn(f"cosim{version}")
    report = read(tmp_path, "t_cosim.rpt", cosim_rpt(version, design))
    assert (report.level, report.notes) == (Level.COSIM, ())
    assert (report.latency_min_cycles, report.latency_max_cycles) == design.cycles
    assert (report.ii_min, report.ii_max) == design.interval
    assert read(tmp_path, "t_cosim.rpt", cosim_rpt(version, design, "Fail")).notes != ()


@each_version
@pytest.mark.parametrize("routed", [True, False])
def test_export(tmp_path: Path, version: str, routed: bool) -> None:
    design = drawn(f"export{version}")
    report = read(tmp_path, "t_export.rpt", export_rpt(version, design, routed))
    assert (report.level, report.tool_version) == (Level.ROUTED if routed else Level.LOGIC, version)
    assert (report.bram18, report.dsp, report.ff, report.lut) == design.counts[:4]
    assert (report.clock_target_ns, report.clock_estimate_ns) == (design.target, design.target - design.wns)
    assert report.latency_ns is None


@pytest.mark.parametrize("version", [version for version in VERSIONS if float(version) > 2020.15])
@pytest.mark.parametrize("routed", [True, False])
def test_export_in_text(tmp_path: Path, version: str, routed: bool) -> None:
    for level, paths in ((0, False), (1, True), (2, True)):
        design = drawn(f"text{version}{routed}{level}")
        report = read(tmp_path, "export_impl.rpt", export_text(version, design, routed, level, paths))
        assert (report.level, report.tool_version, report.part) == (Level.ROUTED if routed else Level.LOGIC, version, design.part)
        assert counts(report) == design.counts
        assert (report.clock_target_ns, report.clock_estimate_ns) == (design.target, design.target - design.wns)
        assert (report.slack_ns, report.path_ns) == (
            (design.wns, pytest.approx(design.target - design.wns - 0.02)) if paths else (None, None)
        )
        assert (report.notes != (), report.latency_ns) == (design.wns < 0, None)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("commented", [True, False])
@pytest.mark.parametrize(("state", "level"), [("synth", Level.LOGIC), ("placed", Level.PLACED), ("routed", Level.ROUTED)])
def test_failfast(tmp_path: Path, seed: int, commented: bool, state: str, level: Level) -> None:
    """Parts without UltraRAM or CARRY8 have no such rows; a row that is not read here may come between."""
    random = Random(f"failfast{seed}")
    names = {
        "LUT": "lut",
        "FD": "ff",
        "LUTRAM+SRL": None,
        "CARRY8": "carry",
        "MUXF7": None,
        "DSP": "dsp",
        "RAMB/FIFO": "bram",
        "URAM": "uram",
    }
    kept = [name for name in names if seed < 2 or name not in ("CARRY8", "URAM")]
    shares = {name: round(random.uniform(0, 120), 2) for name in kept}
    part = random.choice(list(PARTS))
    report = read(tmp_path, f"t_failfast_{state}.rpt", failfast(part, shares, commented))
    assert (report.level, report.lut, report.ff) == (level, None, None)
    assert dict(report.others) == {f"failfast_{names[name]}_per_cent": share for name, share in shares.items() if names[name]}


@each_version
def test_utilisation_and_its_hierarchy(tmp_path: Path, version: str) -> None:
    design = drawn(f"hierarchy{version}")
    levels = {"Routed": Level.ROUTED, "Fully Placed": Level.PLACED, "Synthesized": Level.LOGIC}
    report = read(tmp_path, "t_hier.rpt", hierarchical_rpt(version, design))
    assert (counts(report), report.level, report.tool_version) == (design.counts, levels[design.level], version)
    assert [part.lut for part in report.breakdown] == [design.lut // 4, design.lut - design.lut // 4]
    flat = Made(
        version=version, prohibited=float(version) >= 2021.2, lut=design.lut, ff=design.ff, dsp=design.dsp, state=design.level
    )
    report = read(tmp_path, "t_util.rpt", flat.text())
    assert (report.lut, report.ff, report.dsp, report.bram18, report.level) == (
        design.lut,
        design.ff,
        design.dsp,
        3,
        levels[design.level],
    )


@each_version
def test_timing(tmp_path: Path, version: str) -> None:
    design = drawn(f"timing{version}")
    levels = {"Routed": Level.ROUTED, "Fully Placed": Level.PLACED, "Synthesized": Level.LOGIC}
    report = read(tmp_path, "t.rpt", timing_rpt(version, design))
    assert (report.slack_ns, report.clock_target_ns, report.level) == (design.wns, design.target, levels[design.level])
    assert report.path_ns == pytest.approx(design.target - design.wns)
    assert report.latency_ns is None
    assert bool(report.notes) == (design.wns < 0)


@pytest.mark.parametrize("command", OTHERS)
@pytest.mark.parametrize("version", ["2018.1", "2021.2", "2025.2"])
def test_other_commands_are_named(tmp_path: Path, version: str, command: str) -> None:
    text = "\n".join([*vivado_head(version, f"{command} -file x.rpt", Design()), "Something", "", "| a | 1 |", ""])
    with pytest.raises(
        ForeignReportError, match=rf"is of Vivado's command {command}, from which nothing is read here; give those"
    ):
        read(tmp_path, "x.rpt", text)


def routed_export(version: str, design: Design) -> str:
    return export_rpt(version, design, routed=True)


def text_of_export(version: str, design: Design) -> str:
    return export_text(version, design, routed=True)


def text_of_failfast(version: str, design: Design) -> str:
    return failfast(design.part, {"LUT": 3.21, "FD": 1.5, "DSP": 0.5, "RAMB/FIFO": 2.0})


#: What no version writes (columns, units, titles and layouts of another form), and what is said of it.
UNKNOWN: tuple[tuple[Callable[[str, Design], str], str, str, str], ...] = (
    (csynth_rpt, "BRAM_18K", "BRAM_36K", "the table in line 48 has no column for bram18"),
    (csynth_rpt, " LUT ", " ALM ", "the table in line 48 has no column for lut"),
    (csynth_rpt, "== Utilization Estimates", "== Resource Estimates", "the section 'Utilization Estimates' is there 0 times"),
    (csynth_rpt, "== Interface", "== Ports", "the section 'Interface' is there 0 times"),
    (csynth_rpt, "Estimated", "Predicted", "the clock table has the columns ('Clock', 'Target', 'Predicted', 'Uncertainty')"),
    (csynth_rpt, "+ Latency", "+ Delay", "no complete table below "),
    (csynth_rpt, "Utilization (%)", "Utilisation", "line 59 does not fit its table's columns"),
    (csynth_rpt, "|   Type   |", "|   Kind   |", "the latency table has the columns ("),
    (csynth_rpt, "* Instance:", "* Instances:", "no instance detail below the utilisation summary, or no row 'Instance' in it"),
    (
        routed_export,
        "CP required:                     ",
        "CP required:                     -",
        "the required clock must be above 0, got -",
    ),
    (csynth_xml, "BRAM_18K>", "BRAM_36K>", "AvailableResources must have one of BRAM_18K, it has 0"),
    (csynth_xml, "Worst-caseLatency>", "WorstLatency>", "SummaryOfOverallLatency has 0 elements Worst-caseLatency, expected 1"),
    (csynth_xml, "<unit>clock cycles</unit>", "<unit>us</unit>", "must give its latency in clock cycles, got 'us'"),
    (csynth_xml, "Analysis><unit>ns<", "Analysis><unit>ps<", "must give its timing in ns, got 'ps'"),
    (csynth_xml, "AreaEstimates>", "Area>", "profile has 0 elements AreaEstimates, expected 1"),
    (csynth_xml, "<Version>20", "<Version>x20", "the version must be of the form 2024.1, got 'x20"),
    (csynth_xml, "<TargetClockPeriod>", "<TargetClockPeriod>-", "must have a target clock above 0, got -"),
    (cosim_rpt, "Status", "Result", "its table has no columns RTL and Status"),
    (cosim_rpt, "|   Verilog", "|     VHDL+", "its table has no rows for VHDL and Verilog"),
    (cosim_rpt, "Pass", "Gone", "the status must be Pass, Fail or NA, got ['Gone']"),
    (text_of_export, "BRAM:", "BRAM_36K:", "no line of the form 'BRAM:"),
    (text_of_export, "Period (ns)", "Period (ps)", "the table of clock periods is missing"),
    (text_of_export, "* Timing was", "* The clock was", "no line of the form '"),
    (text_of_export, "Vivado Reports", "Reports", "the section "),
    (text_of_export, "DATAPATH DELAY", "PATH DELAY", "the table of paths has other columns"),
    (text_of_failfast, "Criteria ", "Criterion ", "its table is not complete"),
    (text_of_failfast, "3.21%", "3.21 ", "LUT must be a percentage, got '3.21'"),
    (text_of_failfast, "| FD ", "| FF ", "the shares of the part are missing, it has only ["),
    (hierarchical_rpt, "Total LUTs", "Total ALMs", "the hierarchy has no column for lut"),
    (hierarchical_rpt, "RAMB36", "RAMB72", "the hierarchy has no column for ramb36"),
    (hierarchical_rpt, "Design State", "State", "its header gives no design state"),
    (timing_rpt, "WNS(ns)", "WNS(ps)", "the design timing summary is there 0 times"),
    (timing_rpt, "0.050 0.000 0 9016", "0.050 0.000 9016", "the design timing summary has 11 numbers, expected 12"),
    (timing_rpt, "| Timing Details", "| Details", "no timing details"),
    (timing_rpt, "Worst Slack", "Slack", "contradicts itself: the worst setup slack is "),
    (timing_rpt, "Requirement:", "Required:", "a path has 0 lines of the form "),
    (timing_rpt, "Path Type:", "Kind:", "no path of the details has the worst slack, "),
)


@pytest.mark.parametrize("version", ["2018.2", "2019.2", "2022.2", "2025.1"])
@pytest.mark.parametrize(("write", "old", "new", "said"), UNKNOWN)
def test_an_unknown_form_is_refused(
    tmp_path: Path, write: Callable[[str, Design], str], old: str, new: str, said: str, version: str
) -> None:
    text = write(version, drawn(f"unknown{version}"))
    assert old in text
    with pytest.raises(ReportError, match=rf"^The report \S+ (?:is cut off or damaged: )?{re.escape(said)}"):
        read(tmp_path, "t_csynth.xml" if write is csynth_xml else "t_routed.rpt", text.replace(old, new))
