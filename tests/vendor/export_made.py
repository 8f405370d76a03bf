"""Write what Vitis HLS 2020.2 to 2025 writes of Vivado's run in text, and Vivado's failfast reports, from numbers that a test chooses."""

from __future__ import annotations

from collections.abc import Mapping

from tests.vendor.reports_made import Design, year_of
from tests.vendor.utilisation_made import boxed

_RULE = "=" * 64
#: What a failfast report lists after the shares, with its guideline.
_REST = (
    *(("DSP+RAMB+URAM (Avg)", "70%"), ("BUFGCE* + BUFGCTRL", "24"), ("DONT_TOUCH (cells/nets)", "0"), ("MARK_DEBUG (nets)", "0")),
    *(("Control Sets", "4320"), ("Average Fanout for modules > 100k cells", "4"), ("Non-FD high fanout nets > 10k loads", "0")),
)


def _section(title: str, *lines: str) -> list[str]:
    return [_RULE, f"== {title}", _RULE, *lines, "", ""]


def export_text(version: str, design: Design, routed: bool, level: int = 2, paths: bool = True) -> str:
    """Write ``export_impl.rpt`` or ``export_syn.rpt``.

    Args:
        version: of the tool; from 2021.2 on the list of modules has the columns of pragmas.
        design: the numbers; the achieved clock is the target less the slack.
        routed: whether it was placed and routed, or only synthesised.
        level: ``-vivado_report_level``; 0 asks for no list of Vivado's reports, 2 for a failfast table too.
        paths: whether the worst paths are listed.
    """
    step, achieved = "Place & Route" if routed else "RTL Synthesis", design.target - design.wns
    verdict = f"* Timing was {'met' if design.wns >= 0 else 'NOT met'}"
    counts = {"LUT": design.lut, "FF": design.ff, "DSP": design.dsp, "BRAM": design.bram18, "URAM": design.uram, "SRL": 7}
    periods = [("Target", f"{design.target:.3f}"), ("Post-Synthesis", f"{achieved - 0.25 * routed:.3f}")]
    periods += [("Post-Route", f"{achieved:.3f}")] if routed else []
    pragmas = ("Pragma", "Impl", "Latency", "Variable", "Source") if year_of(version) > 2021.15 else ()
    rows = [("inst", *map(str, counts.values())), ("  relu_U0", str(design.lut // 2), *[""] * 5)]
    path = (
        "Path1",
        f"{design.wns:.3f}",
        "a_reg/C",
        "b_reg/D",
        "12",
        "79",
        f"{achieved - 0.02:.3f}",
        "0.500",
        f"{achieved - 0.52:.3f}",
    )
    heads = (
        "Path",
        "SLACK",
        "STARTPOINT PIN",
        "ENDPOINT PIN",
        "LOGIC LEVELS",
        "MAX FANOUT",
        "DATAPATH DELAY",
        "DATAPATH LOGIC",
        "DATAPATH NET",
    )
    listed = boxed(heads, [("", *[""] * 6, "DELAY", "DELAY"), path])
    listed[2:4] = [listed[3], listed[2]]
    lines = _section(
        f"Vivado {step} Results",
        *("+ General Information:", "    * Date:            Mon Jul 14 16:51:12 -0400 2025"),
        *(f"    * Version:         {version} (Build 6135595 on May 21 2025)", "    * Project:         tiny"),
        *("    * Solution:        hls (Vivado IP Flow Target)", f"    * Target device:   {design.part}"),
    )
    lines += _section(
        "Run Constraints & Options",
        *(
            "+ Design Constraints & Options:",
            f"    * {step} target clock:  {design.target:g} ns",
            "    * C-Synthesis uncertainty:     27%",
        ),
        *("", "+ Reporting Options:", f"    * config_export -vivado_report_level:      {level}"),
    )
    lines += _section(f"{step} Resource Summary", *(f"{name + ':':<18}{count}" for name, count in counts.items()))
    lines += _section(f"{step} Timing Summary", verdict, *boxed(("Timing", "Period (ns)"), periods))
    lines += _section(f"{step} Resources", *boxed(("Name", *counts, *pragmas), [(*row, *[""] * len(pragmas)) for row in rows]))
    lines += _section(f"{step} Fail Fast", *_criteria({"LUT": 3.21, "FD": 1.8, "DSP": 0.0, "URAM": 0.0})) if level > 1 else []
    lines += _section(f"{step} Timing Paths", verdict, *listed) if paths else []
    reports = boxed(("Report Type", "Report Location"), [("timing", "impl/verilog/report/tiny_timing.rpt")])
    lines += _section(f"{step} Vivado Reports", *reports) if level else []
    return "\n".join(["", *lines])


def _criteria(shares: Mapping[str, float]) -> list[str]:
    """Draw the table of a failfast report: shares, further criteria, methodology, budgets."""
    rows = [(name, "70%", f"{share:.2f}%", "OK" if share < 70 else "REVIEW") for name, share in shares.items()]
    rows += [(name, guide, "0.00%" if "%" in guide else "0", "OK") for name, guide in _REST]
    methods = [(f"TIMING-{number} (No common primary clock between related clocks)", "0", "0", "OK") for number in (6, 7, 8)]
    budgets = [(f"Number of paths above max {what} budgeting (0.300ns)", "0", "3", "REVIEW") for what in ("LUT", "Net")]
    drawn = boxed(("Criteria", "Guideline", "Actual", "Status"), [*rows, *methods, *budgets])
    border, ends = drawn[0], (3 + len(rows), 4 + len(rows) + len(methods))
    for end in ends:
        drawn.insert(end, border)
    return drawn


def failfast(part: str, shares: Mapping[str, float], commented: bool = True) -> str:
    """Write a failfast report; the script that makes it has one form in all versions, with its lines as comments or bare."""
    table = _criteria(shares)
    width = len(table[0]) - 4
    title = [f"+{'-' * (width + 2)}+", *(f"| {text:<{width}} |" for text in ("Design Summary", "impl_1", part))]
    mark = "#  " if commented else ""
    lines = ["# " + "-" * 60, "# Created on Mon Jan  8 10:45:00 CET 2024 with report_failfast (2023.09.14)", "# " + "-" * 60, ""]
    return "\n".join([*lines, *(f"{mark}{line}" for line in (*title, *table))]) + "\n\n"
