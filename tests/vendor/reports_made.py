"""Write reports of HLS and Vivado in the forms of 2018 to 2025, from numbers that a test chooses; utilisation is beside this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.vendor.utilisation_made import boxed

#: LUT, FF, DSP, BRAM18, URAM of two parts, from their data sheets (DS890, DS180).
PARTS = {"xcvu9p-flga2104-2-e": (1182240, 2364480, 6840, 4320, 960), "xc7vx690tffg1927-2": (433200, 866400, 3600, 2940, 0)}
VERSIONS = (*(f"{year}.{release}" for year in range(2018, 2026) for release in (1, 2)), "2018.3")


def year_of(version: str) -> float:
    """Return a version as a number to compare."""
    return float(version)


@dataclass(frozen=True, slots=True)
class Design:
    """What a report says: counts, a latency and interval in cycles, clocks in ns, slacks of the timing summary."""

    lut: int = 1212
    ff: int = 388
    dsp: int = 40
    bram18: int = 2
    uram: int = 0
    cycles: tuple[int, int] = (7, 9)
    interval: tuple[int, int] = (1, 2)
    target: float = 5.0
    estimate: float = 3.64
    part: str = "xcvu9p-flga2104-2-e"
    wns: float = 0.25
    level: str = "Routed"

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """BRAM18, DSP, FF, LUT and URAM, as the tables of HLS order them."""
        return self.bram18, self.dsp, self.ff, self.lut, self.uram

    @property
    def available(self) -> tuple[int, int, int, int, int]:
        """The same of the part."""
        lut, ff, dsp, bram, uram = PARTS[self.part]
        return bram, dsp, ff, lut, uram


def csynth_rpt(version: str, design: Design) -> str:
    """Write a C synthesis report: bare numbers to 2019.1, with units from 2019.2, by Vitis HLS from 2020.2."""
    old, bare = year_of(version) < 2020.2, year_of(version) < 2019.2
    unit = "" if bare else " ns"
    low, high = design.cycles
    rule = "=" * 64
    times = () if bare else (f"{low * design.target:.3f} ns", f"{high * design.target:.3f} ns")
    if bare:
        heads = ["|  Latency  |  Interval | Pipeline |", "| min | max | min | max |   Type   |"]
    else:
        heads = ["|  Latency (cycles) |   Latency (absolute)  |  Interval | Pipeline |"]
        heads += ["|   min   |   max   |    min    |    max    | min | max |   Type   |"]
    cells = (str(low), str(high), *times, *map(str, design.interval), "function")
    edges = heads[1].split("|")[1:-1]
    border = "+" + "+".join("-" * len(edge) for edge in edges) + "+"
    row = "|" + "|".join(f"{cell:>{len(edge)}}" for cell, edge in zip(cells, edges, strict=True)) + "|"
    clock = boxed(("Clock", "Target", "Estimated", "Uncertainty"), [("ap_clk", *(f"{t:.{n}f}{unit}" for t, n in _times(design)))])
    lines = [
        "",
        "",
        rule,
        f"== {'Vivado' if old else 'Vitis'} HLS Report for 'tiny'",
        rule,
        "* Date:           Mon Jan  8 10:11:12 2024",
        "",
    ]
    lines += [f"* Version:        {version} (Build 1234567 on Mon Jan  1 00:00:00 MST 2018)", "* Project:        tiny_prj"]
    lines += ["* Solution:       solution1", "* Product family: virtexuplus", f"* Target device:  {design.part}", "", ""]
    lines += [
        rule,
        "== Performance Estimates",
        rule,
        f"+ Timing{' (ns)' if bare else ''}: ",
        "    * Summary: ",
        *_indented(clock),
        "",
    ]
    lines += [
        f"+ Latency{' (clock cycles)' if bare else ''}: ",
        "    * Summary: ",
        *_indented([border, *heads, border, row, border]),
        "",
    ]
    lines += ["    + Detail: ", "        * Instance: ", "        N/A", "", "        * Loop: ", "        N/A", "", "", ""]
    lines += [
        rule,
        "== Utilization Estimates",
        rule,
        "* Summary: ",
        *_resources(design, old),
        "",
        "+ Detail: ",
        "    * Instance: ",
        "    N/A",
    ]
    lines += ["", "", "", rule, "== Interface", rule, "* Summary: "]
    lines += boxed(
        ("RTL Ports", "Dir", "Bits", "Protocol", "Source Object", "C Type"),
        [("ap_clk", "in", "1", "ap_ctrl_hs", "tiny", "return value")],
    )
    return "\n".join(lines) + "\n\n"


def _times(design: Design) -> list[tuple[float, int]]:
    return [(design.target, 2), (design.estimate, 3), (0.62, 2)]


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _resources(design: Design, old: bool) -> list[str]:
    """Draw the table whose rows sum up, with what the part has and the shares below; every group has a border."""
    shares = [100 * n / most if most else 0.0 for n, most in zip(design.counts, design.available, strict=True)]
    halves = [n // 3 for n in design.counts]
    rows = [
        ("Expression", *map(str, halves)),
        ("Instance", "-", "-", "-", "-", "-"),
        ("Register", *(str(n - part) for n, part in zip(design.counts, halves, strict=True))),
        ("Total", *map(str, design.counts)),
        ("Available", *map(str, design.available)),
        ("Utilization (%)", *("~0" if 0 < share < 1 else str(int(share)) for share in shares)),
    ]
    drawn = boxed(("Name", "BRAM_18K", "DSP48E" if old else "DSP", "FF", "LUT", "URAM"), rows)
    border = drawn[0]
    return [*drawn[:6], border, drawn[6], border, drawn[7], border, *drawn[8:]]


def csynth_xml(version: str, design: Design) -> str:
    """Write the same as XML."""
    names = ("BRAM_18K", "DSP48E" if year_of(version) < 2020.2 else "DSP", "FF", "LUT", "URAM")
    (low, high), (first, last) = design.cycles, design.interval
    used = "".join(f"<{name}>{n}</{name}>\n" for name, n in zip(names, design.counts, strict=True))
    there = "".join(f"<{name}>{n}</{name}>\n" for name, n in zip(names, design.available, strict=True))
    return f"""<profile>
<ReportVersion><Version>{version}</Version></ReportVersion>
<UserAssignments>
<unit>ns</unit>
<ProductFamily>virtexuplus</ProductFamily>
<Part>{design.part}</Part>
<TopModelName>tiny</TopModelName>
<TargetClockPeriod>{design.target:.2f}</TargetClockPeriod>
<ClockUncertainty>0.62</ClockUncertainty>
{"" if year_of(version) < 2020.2 else "<FlowTarget>vivado</FlowTarget>"}
</UserAssignments>
<PerformanceEstimates>
<PipelineType>function</PipelineType>
<SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>{design.estimate:.3f}</EstimatedClockPeriod></SummaryOfTimingAnalysis>
<SummaryOfOverallLatency>
<unit>clock cycles</unit>
<Best-caseLatency>{low}</Best-caseLatency>
<Average-caseLatency>{low}</Average-caseLatency>
<Worst-caseLatency>{high}</Worst-caseLatency>
<Best-caseRealTimeLatency>{low * design.target:.3f} ns</Best-caseRealTimeLatency>
<Average-caseRealTimeLatency>{low * design.target:.3f} ns</Average-caseRealTimeLatency>
<Worst-caseRealTimeLatency>{high * design.target:.3f} ns</Worst-caseRealTimeLatency>
<Interval-min>{first}</Interval-min>
<Interval-max>{last}</Interval-max>
</SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
<Resources>
{used}</Resources>
<AvailableResources>
{there}</AvailableResources>
</AreaEstimates>
<InterfaceSummary><RtlPorts><name>ap_clk</name><Object>tiny</Object><Type>return value</Type><Dir>in</Dir><Bits>1</Bits></RtlPorts></InterfaceSummary>
</profile>
"""


def cosim_rpt(version: str, design: Design, status: str = "Pass") -> str:
    """Write a cosimulation report; from 2022.1 on it has the time of the whole run."""
    new = year_of(version) >= 2022.1
    (low, high), (first, last) = design.cycles, design.interval
    group, one, wide = "-" * 47, "-" * 15, "-" * 22
    cells = [low, (low + high) // 2, high, first, (first + last) // 2, last]
    extra = (
        ("+" + wide, " Total Execution Time |", "    (Clock Cycles)    +", f"{' ' * 22}|", f"{6400:>22}|", f"{'NA':>22}|")
        if new
        else ("",) * 6
    )
    what = ("Latency(Clock Cycles)", "Interval(Clock Cycles)") if new else ("Latency", "Interval")
    border = f"+{'-' * 10}+{'-' * 10}+{group}+{group}{extra[0]}+"
    lines = [
        "Report time       : Mon Jan  8 10:50:00 CET 2024.",
        "Solution          : solution1.",
        "Simulation tool   : xsim.",
        "",
        border,
        f"|{' ' * 10}|{' ' * 10}|{what[0]:^47}|{what[1]:^47}|{extra[1]}",
        f"+{'RTL':^10}+{'Status':^10}+{group}+{group}+{extra[2]}",
        f"|{' ' * 10}|{' ' * 10}|" + "|".join(f"{name:^15}" for name in ("min", "avg", "max") * 2) + f"|{extra[3]}",
        f"+{'-' * 10}+{'-' * 10}+" + "+".join([one] * 6) + f"{extra[0]}+",
        f"|{'VHDL':>10}|{'NA':>10}|" + "|".join([f"{'NA':>15}"] * 6) + f"|{extra[5]}",
        f"|{'Verilog':>10}|{status:>10}|" + "|".join(f"{cell:>15}" for cell in cells) + f"|{extra[4]}",
        f"+{'-' * 10}+{'-' * 10}+" + "+".join([one] * 6) + f"{extra[0]}+",
    ]
    return "\n".join(lines) + "\n"


def export_rpt(version: str, design: Design, routed: bool) -> str:
    """Write the report of ``export_design`` with a run of Vivado, as it was until the text form of 2022 on replaced it."""
    path = design.target - design.wns
    rows = {"SLICE": 0, "LUT": design.lut, "FF": design.ff, "DSP": design.dsp, "BRAM": design.bram18}
    rows |= {"URAM": design.uram, "LATCH": 0, "SRL": 0, "CLB": 0} if year_of(version) >= 2020.2 else {"SRL": 0}
    ends = [f"CP required:                     {design.target:.3f}", f"CP achieved post-synthesis:      {path:.3f}"]
    ends += [f"CP achieved post-implementation: {path:.3f}"] if routed else []
    return "\n".join(
        [
            *(
                "",
                "",
                f"Implementation tool: Xilinx Vivado v.{version}",
                "Project:             tiny_prj",
                "Solution:            solution1",
            ),
            *(f"Device target:       {design.part}", "Report date:         Mon Jan  8 10:30:00 CET 2024", ""),
            f"#=== Post-{'Implementation' if routed else 'Synthesis'} Resource usage ===",
            *(f"{name + ':':<6}{n:>13}" for name, n in rows.items()),
            *("", "#=== Final timing ===", *ends, "Timing met" if design.wns >= 0 else "Timing not met", ""),
        ]
    )


def hierarchical_rpt(version: str, design: Design) -> str:
    """Write the utilisation by hierarchy; URAM came with UltraScale+, and DSP48 Blocks became DSP Blocks in 2020."""
    head = ("Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18", "URAM")
    head += ("DSP48 Blocks" if year_of(version) < 2020.1 else "DSP Blocks",)

    def row(name: str, module: str, counts: Sequence[int]) -> tuple[str, ...]:
        bram, dsp, ff, lut, uram = counts
        return (name, module, str(lut), str(lut), "0", "0", str(ff), str(bram // 2), str(bram % 2), str(uram), str(dsp))

    first = [n // 4 for n in design.counts]
    rest = [n - part for n, part in zip(design.counts, first, strict=True)]
    rows = [row("tiny", "(top)", design.counts), row("  a", "a", first), row("  b", "b", rest)]
    title = "1. Utilization by Hierarchy"
    lines = [*vivado_head(version, "report_utilization -hierarchical -file u.rpt", design), "Utilization Design Information", ""]
    return "\n".join([*lines, "Table of Contents", "-" * 17, title, "", title, "-" * len(title), "", *boxed(head, rows), "", ""])


def vivado_head(version: str, command: str, design: Design, state: bool = True) -> list[str]:
    """Write the head that every report of Vivado has."""
    entries = {
        "Tool Version": f"Vivado v.{version} (lin64) Build 1 Thu May 22 00:12:29 MDT 2025",
        "Date": "Mon Jan  8 10:40:00 2024",
    }
    entries |= {"Command": command, "Design": "tiny", "Device": design.part, **({"Design State": design.level} if state else {})}
    rule = "-" * 60
    return [
        "Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.",
        rule,
        *(f"| {k:<12} : {v}" for k, v in entries.items()),
        rule,
        "",
    ]


def timing_rpt(version: str, design: Design) -> str:
    """Write a timing summary of one clock and one path; the head says the design's state from 2021.1 on."""
    wns, met = design.wns, design.wns >= 0
    delay = design.target - wns
    net = {"Routed": "routed", "Fully Placed": "estimated", "Synthesized": "unplaced"}[design.level]
    failing, tns = (0, 0.0) if met else (3, 3 * wns)
    rule = "-" * 96
    names = "WNS(ns) TNS(ns) TNS_Failing_Endpoints TNS_Total_Endpoints WHS(ns) THS(ns) THS_Failing_Endpoints THS_Total_Endpoints"
    names = f"{names} WPWS(ns) TPWS(ns) TPWS_Failing_Endpoints TPWS_Total_Endpoints".replace("_", " ")
    values = f"{wns:.3f} {tns:.3f} {failing} 9016 0.050 0.000 0 9016 1.000 0.000 0 9016"
    lines = vivado_head(version, "report_timing_summary -file t.rpt", design, year_of(version) >= 2021.1)
    lines += ["Timing Summary Report", "", "check_timing report", "", "1. checking no_clock (0)", "-" * 24]
    lines += [" There are 0 register/latch pins with no clock.", "", rule, "| Design Timing Summary", "| " + "-" * 21, rule, ""]
    lines += [f"    {names}", "    -------", f"    {values}", "", ""]
    lines += ["All user specified timing constraints are met." if met else "Timing constraints are not met.", "", ""]
    lines += [rule, "| Clock Summary", "| " + "-" * 13, rule, "", "Clock   Waveform(ns)       Period(ns)      Frequency(MHz)"]
    lines += ["-----   ------------       ----------      --------------"]
    lines += [
        f"ap_clk  {{0.000 {design.target / 2:.3f}}}      {design.target:.3f}           {1000 / design.target:.3f}         ",
        "",
        "",
    ]
    lines += [rule, "| Timing Details", "| " + "-" * 14, rule, "", "", rule, "From Clock:  ap_clk", "  To Clock:  ap_clk", ""]
    lines += [f"Setup : {failing:>12}  Failing Endpoints,  Worst Slack {wns:>12.3f}ns,  Total Violation {tns:>12.3f}ns"]
    lines += ["Hold  :            0  Failing Endpoints,  Worst Slack        0.050ns,  Total Violation        0.000ns"]
    lines += [
        "PW    :            0  Failing Endpoints,  Worst Slack        1.000ns,  Total Violation        0.000ns",
        rule,
        "",
        "",
    ]
    lines += _path("Max Delay Paths", wns, "Setup (Max at Slow Process Corner)", design.target, delay, net)
    lines += _path("Min Delay Paths", 0.05, "Hold (Min at Fast Process Corner)", 0.0, 0.231, net)
    lines += [
        "Pulse Width Checks",
        "-" * 86,
        "Clock Name:         ap_clk",
        f"Period(ns):         {design.target:.3f}",
        "Sources:            { ap_clk }",
        "",
    ]
    lines += ["Check Type        Corner  Lib Pin      Reference Pin  Required(ns)  Actual(ns)  Slack(ns)  Location       Pin"]
    lines += ["Low Pulse Width   Slow    FDRE/C       n/a            0.275         2.500       1.000      SLICE_X1Y1     x_reg/C"]
    return "\n".join(lines) + "\n\n"


def _path(title: str, slack: float, kind: str, requirement: float, delay: float, net: str) -> list[str]:
    logic, route, rule = delay / 4, delay - delay / 4, "  " + "-" * 67
    return [
        *(
            title,
            "-" * 86,
            f"Slack ({'MET' if slack >= 0 else 'VIOLATED'}) :            {slack:.3f}ns  (required time - arrival time)",
        ),
        *("  Source:                 a/C", "  Destination:            a_reg/D", "  Path Group:             ap_clk"),
        f"  Path Type:              {kind}",
        f"  Requirement:            {requirement:.3f}ns  (ap_clk {requirement:.3f}ns)",
        f"  Data Path Delay:        {delay:.3f}ns  (logic {logic:.3f}ns (25.000%)  route {route:.3f}ns (75.000%))",
        *(
            "  Logic Levels:           3  (LUT6=3)",
            "",
            "    Location             Delay type                Incr(ns)  Path(ns)    Netlist Resource(s)",
        ),
        *(
            f"{rule}    -------------------",
            f"                         net (fo=3, {net})         {route:.3f}     {route:.3f}    a",
        ),
        f"    SLICE_X1Y1           LUT6 (Prop_lut6_I0_O)        {logic:.3f}     {delay:.3f} r  a_i_1/O",
        *(
            f"{rule}    -------------------",
            "",
            f"                         required time                         {slack + delay:.3f}    ",
        ),
        f"                         arrival time                         {-delay:.3f}    ",
        *(rule, f"                         slack                                  {slack:.3f}    ", "", "", "", ""),
    ]
