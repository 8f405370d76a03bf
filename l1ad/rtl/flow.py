"""Write a network's RTL as the configuration asks, and bring it to the open flow's tools or to Vivado."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from l1ad.config import Config
from l1ad.core.agreement import Agreement
from l1ad.core.board import Board
from l1ad.core.choices import Style
from l1ad.core.network import Network
from l1ad.core.resources import ResourceReport
from l1ad.firmware.golden import Golden, make_golden
from l1ad.firmware.target import Target
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.design import Interface
from l1ad.rtl.netlist import compare_netlist
from l1ad.rtl.pipeline import trace_pipeline
from l1ad.rtl.project import RtlProject, project_files, write_project
from l1ad.rtl.report import resource_report
from l1ad.rtl.trace import trace_network
from l1ad.rtl.vivado import Part
from l1ad.rtl.yosys import NETLIST_SUFFIX, synthesise
from l1ad.toolchain import YOSYS, require
from l1ad.vendor.project import VendorProject

#: Golden vectors in the RTL's own test bench.
N_GOLDEN = 256
_LATENCY_NOTE = (
    "Latency and interval are the generated RTL's, as simulated; Vivado reports the longest path between two registers."
)


def write_rtl(folder: Path, config: Config, network: Network, target: Target) -> RtlProject:
    """Write the RTL with the ports and in the style that the HLS top has."""
    interface = Interface(target.packed, target.threshold_ports, target.words)
    pipelined = target.style is Style.PIPELINED
    design = trace_pipeline(network, target.clock_ns, interface) if pipelined else trace_network(network, interface)
    golden = make_golden(network, N_GOLDEN, absent=target.inputs(network.layout).absent)
    return write_project(project_files(design, Part(target.part, target.clock_ns), golden, vhdl=config.synthesis.vhdl), folder)


def synthesise_open(
    folder: Path,
    config: Config,
    project: RtlProject,
    board: Board,
    clock_ns: float,
    golden: Golden,
    advance: Callable[[str], None],
) -> tuple[ResourceReport, list[Agreement]]:
    """Synthesise every module with Yosys, simulate what was mapped, and report.

    Netlists, which the scripts beside them make again, are not kept.

    Args:
        folder: where scripts and logs go.
        config: timeout and number of processes.
        project: what is synthesised.
        board: part and totals.
        clock_ns: target clock period.
        golden: events on which the netlist is simulated.
        advance: called with a module's name when it is done.

    Returns:
        The report, and the comparisons of the netlist's scores and trigger bits with the golden ones.

    Raises:
        ToolMissingError: there is no Yosys.
        ToolFailedError: it failed, took too long or left no result, or a netlist that cannot be simulated.
        MismatchError: the netlist gives other scores or bits.
    """
    settings = config.synthesis
    modules = synthesise(
        project, folder, board.yosys_family, timeout_s=settings.timeout_s, processes=settings.processes, progress=advance
    )
    for netlist in folder.glob(f"*{NETLIST_SUFFIX}"):
        netlist.unlink()  # tens of megabytes
    agreements = [agreement.require() for agreement in compare_netlist(project, modules, golden)]
    advance("netlist")
    report = resource_report(project, modules, board, clock_ns, ULTRASCALE_PLUS, require(YOSYS).version)
    proved = f"The mapped netlist was simulated: it gives the reference's scores and trigger bits for {len(golden.x_hw)} events."
    return replace(report, notes=(*report.notes, proved, *_handshakes(config))), agreements


def _handshakes(config: Config) -> tuple[str, ...]:
    """Return where the HLS top has handshakes that the RTL does not have."""
    firmware = config.firmware
    asked = [text for text, plain in ((firmware.interface, "ap_none"), (firmware.control, "ap_ctrl_none")) if text != plain]
    return (f"The RTL's ports are plain; {' and '.join(asked)} are the HLS top's.",) if asked else ()


def vivado_project(project: RtlProject, board: Board, clock_ns: float) -> VendorProject:
    """Describe the RTL to the driver of AMD's tools."""
    sources = tuple(str(file.relative_to(project.path)) for file in project.verilog)
    clock = "clk" if project.latency_cycles else None
    return VendorProject(
        f"{project.network.name}_rtl",
        project.path,
        project.top,
        sources,
        board.part,
        clock_ns,
        board.clock_uncertainty,
        clock_port=clock,
    )


def with_latency(report: ResourceReport, project: RtlProject, clock_ns: float) -> ResourceReport:
    """Add the generated RTL's latency and interval to a report of Vivado, which knows paths but no cycles."""
    cycles = project.latency_cycles
    interval = project.interval if cycles else None
    return replace(
        report,
        latency_min_cycles=cycles,
        latency_max_cycles=cycles,
        latency_ns=cycles * clock_ns,
        ii_min=interval,
        ii_max=interval,
        notes=(*report.notes, *((_LATENCY_NOTE,) if cycles else ())),
    )
