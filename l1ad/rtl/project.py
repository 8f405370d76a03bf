"""Write a network's RTL as a folder: sources, a Vivado out-of-context project, a test bench with golden vectors; read it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ArtefactError
from l1ad.core.json_text import parse_json
from l1ad.core.network import Network
from l1ad.firmware.golden import Golden
from l1ad.rtl.bench import bench_files
from l1ad.rtl.design import Design, Interface, live_inputs
from l1ad.rtl.verilog import TOP, module, verilog_files
from l1ad.rtl.vhdl import vhdl_files
from l1ad.rtl.vivado import Part, vivado_files

DESCRIPTION = "rtl.json"
NETWORK_FILE = "network.json"
SPEC_VERSION = 2


@dataclass(frozen=True, slots=True)
class StageSummary:
    """What is known of one module before synthesis.

    Attributes:
        name: the step: ``scaling``, a layer's name, ``score``; or ``stage_<n>`` of a pipeline.
        module: its module.
        lut_estimate: LUTs as alkaid counts them.
        delay_estimate: its longest path in alkaid's units (about ns, not calibrated).
        inputs: name and width of each net it reads, lowest bits first.
        outputs: name and width of each net it writes.
        formats: whether each of these is signed, and its fractional bits; empty in projects of form 1.
    """

    name: str
    module: str
    lut_estimate: float
    delay_estimate: float
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    formats: tuple[tuple[bool, int], ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StageSummary:
        """Read what the description holds."""
        nets = {key: tuple((str(name), int(width)) for name, width in data[key]) for key in ("inputs", "outputs")}
        formats = tuple((bool(signed), int(fractional)) for signed, fractional in data.get("formats", ()))
        return cls(
            data["name"], data["module"], data["lut_estimate"], data["delay_estimate"], nets["inputs"], nets["outputs"], formats
        )


@dataclass(frozen=True, slots=True, eq=False)
class RtlProject:
    """Access to an RTL project.

    Attributes:
        path: its folder.
        network: what it computes.
        top: name of the top module.
        latency_cycles: clock cycles from the inputs to the score; 0 for combinational logic.
        stages: its modules, in order.
        interface: the ports of its top.
        interval: clock cycles from one event to the next.
        register_bits: flip-flops as written.
    """

    path: Path
    network: Network
    top: str
    latency_cycles: int
    stages: tuple[StageSummary, ...]
    interface: Interface
    interval: int
    register_bits: int

    @property
    def verilog(self) -> tuple[Path, ...]:
        """List the Verilog sources."""
        return tuple(sorted((self.path / "verilog").glob("*.v")))

    @property
    def pipelined(self) -> bool:
        """Whether registers stand between any two modules."""
        return self.latency_cycles > 0 and self.interval == 1

    @property
    def lut_estimate(self) -> float:
        """Alkaid's count of the LUTs."""
        return sum(stage.lut_estimate for stage in self.stages)


def project_files(design: Design, part: Part, golden: Golden, *, vhdl: bool = False) -> dict[str, str]:
    """Make every file of a project.

    Args:
        design: the traced network.
        part: part and clock of the Vivado project.
        golden: vectors for the test bench.
        vhdl: whether to write VHDL beside the Verilog.

    Returns:
        Text by path relative to the project.
    """
    files = source_files(design)
    if vhdl:
        files |= {f"vhdl/{name}": text for name, text in vhdl_files(design).items()}
    files |= {f"vivado/{name}": text for name, text in vivado_files(design, part).items()}
    return files | {f"testbench/{name}": text for name, text in bench_files(design, golden).items()}


def source_files(design: Design) -> dict[str, str]:
    """Make what simulation and synthesis need of a project: the Verilog, the network and the description."""
    files = {f"verilog/{name}": text for name, text in verilog_files(design).items()}
    return files | {NETWORK_FILE: json.dumps(design.network.to_dict()), DESCRIPTION: json.dumps(_description(design), indent=1)}


def _description(design: Design) -> dict[str, Any]:
    stages = [
        {
            "name": stage.name,
            "module": module(stage),
            "lut_estimate": stage.cost,
            "delay_estimate": float(stage.logic.latency[1]),
            "inputs": [(net.name, net.width) for net in live_inputs(stage)],
            "outputs": [(net.name, net.width) for net in stage.outputs if net.width],
            "formats": [(net.signed, net.fractional) for net in stage.outputs if net.width],
        }
        for stage in design.stages
    ]
    return {
        "spec_version": SPEC_VERSION,
        "top": TOP,
        "latency_cycles": design.latency_cycles,
        "interface": asdict(design.interface),
        "interval": design.interval,
        "register_bits": design.register_bits,
        "stages": stages,
    }


def write_project(files: Mapping[str, str], folder: Path) -> RtlProject:
    """Write a project's files.

    Args:
        files: what ``project_files`` made.
        folder: where they go; it is made.

    Returns:
        The project.
    """
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return load_project(folder)


def load_project(folder: Path) -> RtlProject:
    """Read a project that ``write_project`` wrote.

    Raises:
        ArtefactError: the folder is not an RTL project, or one of a newer form.
    """
    try:
        data = parse_json((folder / DESCRIPTION).read_text(encoding="utf-8"))
        version = data["spec_version"]
        stages = tuple(StageSummary.from_dict(stage) for stage in data["stages"])
        interface, interval = Interface.from_dict(data.get("interface", {})), int(data.get("interval", 1))
        registers = int(data["register_bits"]) if version > 1 else 0
    except (OSError, ValueError, KeyError, TypeError):
        raise ArtefactError(
            f"Expected an RTL project at {str(folder)!r}, found no readable {DESCRIPTION} there; run 'l1ad synth --tool open' first."
        ) from None
    if version > SPEC_VERSION:
        raise ArtefactError(
            f"{str(folder)!r} has format version {version!r}, this version of l1ad reads up to {SPEC_VERSION}; update l1ad."
        )
    return RtlProject(
        folder, Network.load(folder / NETWORK_FILE), data["top"], data["latency_cycles"], stages, interface, interval, registers
    )
