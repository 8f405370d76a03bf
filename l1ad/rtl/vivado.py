"""Write the scripts of a Vivado out-of-context project for a design's Verilog: a licence and one command give routed numbers."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.rtl.design import Design
from l1ad.rtl.verilog import TOP, Files

SCRIPT = "build.tcl"
CONSTRAINTS = "constraints.xdc"


@dataclass(frozen=True, slots=True)
class Part:
    """The project's part and clock.

    Attributes:
        name: full part name.
        clock_ns: clock period; for combinational logic the longest time a path may take.
    """

    name: str
    clock_ns: float


def vivado_files(design: Design, part: Part) -> Files:
    """Write the scripts.

    Args:
        design: what is implemented.
        part: for which part and clock.

    Returns:
        Text by file name; run ``vivado -mode batch -source build.tcl`` in their folder.
    """
    return {SCRIPT: _SCRIPT.format(top=TOP, part=part.name, constraints=CONSTRAINTS), CONSTRAINTS: _constraints(design, part)}


def _constraints(design: Design, part: Part) -> str:
    """Return a clocked design its clock, from and to which its ports count as in the vendor driver; bound a combinational one."""
    if design.clocked:
        return (
            f"create_clock -name clk -period {part.clock_ns:g} [get_ports clk]\n"
            'set_input_delay -clock clk 0 [get_ports -filter "DIRECTION == IN && NAME != clk"]\n'
            "set_output_delay -clock clk 0 [all_outputs]\n"
        )
    return f"set_max_delay {part.clock_ns:g} -from [all_inputs] -to [all_outputs]\n"


_SCRIPT = """\
# vivado -mode batch -source build.tcl
# Synthesis, placement and routing out of context; the reports stand beside this file.
set here [file normalize [file dirname [info script]]]
create_project -in_memory -part {part}
read_verilog [glob $here/../verilog/*.v]
read_xdc -mode out_of_context $here/{constraints}
synth_design -top {top} -part {part} -mode out_of_context -flatten_hierarchy rebuilt
report_utilization -file $here/{top}_utilization_synth.rpt
report_utilization -hierarchical -file $here/{top}_utilization_hierarchical_synth.rpt
report_timing_summary -file $here/{top}_timing_synth.rpt
opt_design
place_design
phys_opt_design
route_design
report_utilization -file $here/{top}_utilization_routed.rpt
report_timing_summary -max_paths 10 -file $here/{top}_timing_routed.rpt
write_checkpoint -force $here/{top}_routed.dcp
"""
