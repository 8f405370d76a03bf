"""The tools and extras that are installed, and what each stage can do with them."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass

from l1ad.core.errors import ToolMissingError
from l1ad.core.extras import EXTRA_OF
from l1ad.toolchain.tools import TOOLS, Tool, find


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """The state of one tool.

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
    """What one stage can do.

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
class ExtraStatus:
    """The state of one extra of the Python package.

    Attributes:
        extra: its name, as in ``l1ad[train]``.
        able: whether all its packages are here.
        brings: what works with it.
        missing: packages that are not here.
    """

    extra: str
    able: bool
    brings: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The state of every tool, every stage and every extra."""

    tools: tuple[ToolStatus, ...]
    stages: tuple[StageStatus, ...]
    extras: tuple[ExtraStatus, ...]


_STAGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("prepare, train, convert", (), "read data, train, write the HLS project"),
    ("score", ("g++",), "score any amount of data by the compiled exact emulator"),
    ("csim", ("g++",), "compile and run the C simulation"),
    ("synth --tool open", ("g++", "verilator", "yosys"), "RTL, its simulation and its synthesis without a licence"),
    ("synth --tool open --route ecp5", ("yosys", "nextpnr-ecp5"), "place and route on another family, timed, without a licence"),
    ("synth with synthesis.vhdl", ("ghdl",), "simulation of the VHDL with its test bench; without GHDL it is written only"),
    ("synth --tool vitis", ("vitis_hls",), "C synthesis; cosimulation and export too"),
    ("synth --tool vivado", ("vivado",), "logic synthesis, place and route"),
)

_BRINGS = {
    "train": "train, the studies that train, scan, the comparison with QKeras",
    "hls": "convert, and with it csim",
    "rtl": "synth --tool open: RTL, its simulation and synthesis",
    "route": "synth --route ecp5: place and route on an ECP5",
    "simulate": "simulate: Pythia 8 and the parametrised detector",
    "notebook": "to_pandas of results",
    "parquet": "prepare of the public Level-1 anomaly data set (adl1t)",
}


def doctor() -> Diagnosis:
    """Look for every tool and ask for its version; look for the packages of every extra.

    Returns:
        A row per tool, per stage and per extra; nothing is printed.
    """
    tools = tuple(_status(tool) for tool in TOOLS)
    here: Mapping[str, bool] = {status.key: status.path is not None for status in tools}
    stages = tuple(
        StageStatus(stage, all(here[key] for key in needs), does, tuple(key for key in needs if not here[key]))
        for stage, needs, does in _STAGES
    )
    return Diagnosis(tools, stages, tuple(_extra(name) for name in dict.fromkeys(EXTRA_OF.values())))


def _extra(name: str) -> ExtraStatus:
    missing = tuple(package for package, extra in EXTRA_OF.items() if extra == name and importlib.util.find_spec(package) is None)
    return ExtraStatus(name, not missing, _BRINGS[name], missing)


def _status(tool: Tool) -> ToolStatus:
    try:
        found = find(tool)
    except ToolMissingError as error:
        return ToolStatus(tool.key, None, None, tool.use, str(error))
    if found is None:
        return ToolStatus(tool.key, None, None, tool.use, f"{tool.hint}, or set {tool.variables[0]}")
    return ToolStatus(tool.key, str(found.path), found.version, tool.use, None)
