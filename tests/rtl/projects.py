"""Make RTL projects of small networks, shared by the tests of writing, simulation and synthesis."""

from __future__ import annotations

from pathlib import Path

from l1ad.core.network import Network
from l1ad.firmware.golden import Golden
from l1ad.rtl.design import COLUMNS, Design, Interface
from l1ad.rtl.pipeline import trace_pipeline
from l1ad.rtl.project import RtlProject, project_files, write_project
from l1ad.rtl.trace import trace_network
from l1ad.rtl.vivado import Part
from l1ad.spec import reference
from tests.networks import make_events

PART = Part("xcvu9p-flga2104-2-e", 25.0)


def make_golden(network: Network, n_events: int = 20, absent: tuple[int, ...] = ()) -> Golden:
    x_hw = make_events(network.layout, n_events)
    x_hw[:, list(absent)] = 0
    scores = reference.scores(network, x_hw)
    return Golden(x_hw, scores, reference.bits(network, scores, x_hw))


def make_design(network: Network, clock_ns: float | None = None, interface: Interface = COLUMNS) -> Design:
    return trace_network(network, interface) if clock_ns is None else trace_pipeline(network, clock_ns, interface)


def make_project(
    folder: Path, network: Network, clock_ns: float | None = None, *, vhdl: bool = False, interface: Interface = COLUMNS
) -> RtlProject:
    """Write a combinational project, or for a clock period a pipelined one."""
    golden = make_golden(network, absent=interface.events(network).absent)
    files = project_files(make_design(network, clock_ns, interface), PART, golden, vhdl=vhdl)
    return write_project(files, folder)
