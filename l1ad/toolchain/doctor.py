"""Tell which tools are here and what each stage can do with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from l1ad.core.errors import ToolMissingError
from l1ad.toolchain.tools import TOOLS, Tool, find


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """Tell about one tool.

    Attributes:
        key: name of the tool.
        path: where it is; ``None`` when it is not here.
        version: what it says of itself.
        use: what it is for.
        way_out: how to get or choose it, when it is not here.
    """

    key: str
    path: str | None
    version: str | None
    use: str
    way_out: str | None


@dataclass(frozen=True, slots=True)
class StageStatus:
    """Tell what one stage can do.

    Attributes:
        stage: the command, e.g. ``synth --tool open``.
        able: whether everything it needs is here.
        does: what it does when it can.
        missing: keys of the tools it lacks.
    """

    stage: str
    able: bool
    does: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Hold the state of every tool and every stage."""

    tools: tuple[ToolStatus, ...]
    stages: tuple[StageStatus, ...]


_STAGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("prepare, train, convert", (), "read data, train, write the HLS project and the emulator's tables"),
    ("score", ("g++",), "score any amount of data by the compiled exact emulator (without g++: the slower numpy one)"),
    ("csim", ("g++",), "compile and run the C simulation"),
    ("synth --tool open", ("g++", "make", "verilator", "yosys"), "RTL, its simulation and its synthesis without a licence"),
    ("synth with synthesis.vhdl", ("ghdl",), "simulation of the VHDL with its test bench; without GHDL it is written only"),
    ("synth --tool vitis", ("vitis_hls",), "C synthesis; cosimulation and export too"),
    ("synth --tool vivado", ("vivado",), "logic synthesis, place and route"),
)


def doctor() -> Diagnosis:
    """Look for every tool and ask for its version.

    Returns:
        A row per tool and a row per stage; nothing is printed.
    """
    tools = tuple(_status(tool) for tool in TOOLS)
    here: Mapping[str, bool] = {status.key: status.path is not None for status in tools}
    stages = tuple(
        StageStatus(stage, all(here[key] for key in needs), does, tuple(key for key in needs if not here[key]))
        for stage, needs, does in _STAGES
    )
    return Diagnosis(tools, stages)


def _status(tool: Tool) -> ToolStatus:
    try:
        found = find(tool)
    except ToolMissingError as error:
        return ToolStatus(tool.key, None, None, tool.use, str(error))
    if found is None:
        return ToolStatus(tool.key, None, None, tool.use, f"{tool.hint}, or set {tool.variables[0]}")
    return ToolStatus(tool.key, str(found.path), found.version, tool.use, None)
