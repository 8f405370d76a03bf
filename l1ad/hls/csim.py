"""Compile the top as it is synthesised and run it over many events at once, on all cores."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad import toolchain
from l1ad.core.errors import ArtefactError, ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.firmware.inputs import Inputs
from l1ad.graph import lower
from l1ad.hls import statements
from l1ad.hls.project import SIMULATION_TYPES, HlsProject, call, load_project
from l1ad.hls.simulation_types import fast_types
from l1ad.hls.top import banner, render, top_ports
from l1ad.toolchain.cache import compile_once, is_ours, processor

#: Events handed to the compiled top at a time.
CHUNK = 65_536
_BUILD = "build"
_LIBRARY = "libl1ad_csim.so"
#: The last three switch off a pass that only looks for warnings and takes two thirds of the time (GCC 12, "access analysis").
_QUIET = ("-w", "-Wno-free-nonheap-object", "-Wno-mismatched-new-delete", "-Wno-mismatched-dealloc")
_FLAGS = ("-std=c++17", "-shared", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", *_QUIET)
_FAST = ("-O3", "-march=native", "-fopenmp", "-fwhole-program", "-DL1AD_SIMULATION")
_TRACE = ("-O1",)


@dataclass(frozen=True, slots=True)
class TraceNode:
    """Describe an inner array of the top: its name, size and fractional bits."""

    name: str
    size: int
    fractional: int


class Csim:
    """Run the C simulation of an HLS project.

    The library is compiled on first use into the project's ``build`` folder and found there again while neither sources, flags,
    compiler nor processor have changed.
    """

    def __init__(self, project: HlsProject | Path, *, threads: int = 0) -> None:
        self.project = load_project(project) if isinstance(project, Path) else project
        self._threads = threads or len(os.sched_getaffinity(0))
        self._libraries: dict[bool, ctypes.CDLL] = {}
        self._inputs = self.project.target.inputs(self.project.network.layout)
        self._word = word(self._inputs)

    @property
    def network(self) -> Network:
        """The network that is simulated."""
        return self.project.network

    def prepare(self) -> None:
        """Compile now instead of at the first event."""
        self._library(trace=False)

    def run(self, x_hw: NDArray[Any]) -> tuple[IntArray, NDArray[np.bool_]]:
        """Simulate events.

        Args:
            x_hw: hardware integers in the layout's range, shape ``(n_events, n_columns)``; any integer dtype.

        Returns:
            Codes of ``network.score.total``, int64 ``(n_events,)``; trigger bits, bool ``(n_events, n_thresholds)``.

        Raises:
            LayoutError: another shape or dtype, or values outside the hardware range, with the column and how many.
            ToolMissingError: there is no C++ compiler.
            ToolFailedError: the top does not compile; with the compiler's message.
        """
        self.network.layout.check(x_hw, "Events to simulate")
        return self._run(x_hw, self._inputs.rows)

    def run_words(self, words: IntArray) -> tuple[IntArray, NDArray[np.bool_]]:
        """Simulate events as they come in on the board's links; as ``run``.

        Args:
            words: what ``EventWords.of`` takes out of frames, int64 ``(n_events, n_words)``.

        Raises:
            InputError: the top takes columns, or other words.
        """
        return self._run(self._inputs.checked(words), lambda part: part)

    def _run(self, events: NDArray[Any], row: Callable[[NDArray[Any]], NDArray[Any]]) -> tuple[IntArray, NDArray[np.bool_]]:
        """Simulate events, of which rows are made by the piece."""
        library = self._library(trace=False)
        scores = np.empty(len(events), dtype=np.int64)
        bits = np.empty((len(events), len(self.network.thresholds)), dtype=np.uint8)
        for start in range(0, len(events), CHUNK):
            part = slice(start, min(start + CHUNK, len(events)))
            rows = np.ascontiguousarray(row(events[part]), dtype=self._word)
            library.l1ad_csim(
                _events(rows),
                self._thresholds(),
                _pointer(scores[part], ctypes.c_int64),
                _pointer(bits[part], ctypes.c_uint8),
                ctypes.c_int64(len(rows)),
                ctypes.c_int(self._threads),
            )
        return scores, bits.astype(np.bool_)

    def scores(self, x_hw: NDArray[Any]) -> IntArray:
        """Simulate events and give the scores only; as ``run``."""
        return self.run(x_hw)[0]

    def trace(self, x_hw: NDArray[Any]) -> dict[str, IntArray]:
        """Simulate events and give the inner arrays, on the grids of ``spec.reference.evaluate``.

        Args:
            x_hw: as for ``run``.

        Returns:
            By node, in order of computation: ``scaled``, ``<layer>.result``, ``<layer>.output``, ``difference``, ``square``,
            ``score`` and ``bits``; int64 ``(n_events, n)``, the score ``(n_events,)``.
        """
        self.network.layout.check(x_hw, "Events to trace")
        library = self._library(trace=True)
        nodes = self._trace_nodes(library)
        rows = np.ascontiguousarray(self._inputs.rows(x_hw), dtype=self._word)
        values = np.empty((len(rows), sum(node.size for node in nodes)), dtype=np.int64)
        scores = np.empty(len(rows), dtype=np.int64)
        bits = np.empty((len(rows), len(self.network.thresholds)), dtype=np.uint8)
        library.l1ad_csim_trace(
            _events(rows),
            self._thresholds(),
            _pointer(values, ctypes.c_int64),
            _pointer(scores, ctypes.c_int64),
            _pointer(bits, ctypes.c_uint8),
            ctypes.c_int64(len(rows)),
        )
        return dict(self._on_reference_grids(nodes, values)) | {"score": scores, "bits": bits.astype(np.int64)}

    def _trace_nodes(self, library: ctypes.CDLL) -> list[TraceNode]:
        row = np.zeros((1, len(self._inputs.fields)), dtype=self._word)
        room = np.zeros(sum(map(len, lower(self.network).grids.values())), dtype=np.int64)
        library.l1ad_csim_nodes.restype = ctypes.c_char_p
        text = library.l1ad_csim_nodes(_events(row), self._thresholds(), _pointer(room, ctypes.c_int64)).decode()
        fields = [line.split() for line in text.splitlines()]
        return [TraceNode(name, int(size), int(fractional)) for name, size, fractional in fields]

    def _on_reference_grids(self, nodes: list[TraceNode], values: IntArray) -> Iterator[tuple[str, IntArray]]:
        graph = lower(self.network)
        grids = {**graph.grids, **{name: graph.grids[node] for name, node in graph.aliases.items()}}
        grids["square"] = graph.grids[graph.node("score.sum").inputs[0]]
        start = 0
        for node in nodes:
            codes = values[:, start : start + node.size]
            shift = np.array(grids[node.name] if node.name in grids else [node.fractional] * node.size) - node.fractional
            yield node.name, np.where(shift >= 0, codes << np.maximum(shift, 0), codes >> np.maximum(-shift, 0))
            start += node.size

    def _thresholds(self) -> Any:
        values = [threshold.value for threshold in self.network.thresholds]
        return (ctypes.c_int64 * max(1, len(values)))(*values)

    def _library(self, *, trace: bool) -> ctypes.CDLL:
        if trace not in self._libraries:
            self._libraries[trace] = ctypes.CDLL(str(build(self.project, trace=trace)))
        return self._libraries[trace]


def word(inputs: Inputs) -> np.dtype[Any]:
    """Return the integer type in which events are handed to the compiled top: 32 bits, or 64 where a column or a link's word has more."""
    return np.dtype(np.int64) if inputs.words else np.promote_types(inputs.layout.storage, np.int32)


def _events(rows: NDArray[Any]) -> Any:
    return _pointer(rows, ctypes.c_int64 if rows.dtype == np.int64 else ctypes.c_int32)


def _pointer(array: NDArray[Any], kind: Any) -> Any:
    return array.ctypes.data_as(ctypes.POINTER(kind))


def bridge(project: HlsProject, *, trace: bool) -> str:
    """Write the C interface around the top.

    Args:
        project: the project.
        trace: whether inner arrays are handed out.
    """
    network, target = project.network, project.target
    inputs, thresholds, outputs = top_ports(network, target)
    events = target.inputs(network.layout)
    values = [f"{port.hls_type} {port.name} = thresholds[{i}];" for i, port in enumerate(thresholds)]
    context = {
        "banner": banner(network),
        "trace": trace,
        "n_inputs": len(events.fields),
        "word": f"{word(events)}_t",
        "pack": [*statements.pack(inputs, "row"), *values],
        "outputs": outputs,
        "call": call(network, target),
    }
    return render("l1ad_bridge.cpp.j2", context)


def build(project: HlsProject, *, trace: bool = False) -> Path:
    """Compile a project's C simulation, unless the library is there already.

    Args:
        project: the project.
        trace: whether inner arrays are handed out.

    Returns:
        The shared library.

    Raises:
        ToolMissingError: there is no C++ compiler.
        ToolFailedError: it does not compile; with the compiler's first error.
        ArtefactError: the project's folder cannot be written.
    """
    compiler = toolchain.require(toolchain.GXX)
    source = bridge(project, trace=trace)
    flags = (*_FLAGS, *(_TRACE if trace else _FAST))
    key = _build_key(project, source, flags, compiler.version)
    folder = project.path / _BUILD / f"csim-{key[:16]}"
    library = folder / _LIBRARY
    if is_ours(library, key):
        return library
    try:
        compile_once(folder, _LIBRARY, key, lambda work: _compile(project, source, flags, work))
    except OSError as error:
        raise ArtefactError(
            f"Could not build the C simulation in {str(folder)!r}: {error.strerror or error}; free some disk space or make it writable."
        ) from error
    return library


def _build_key(project: HlsProject, source: str, flags: tuple[str, ...], version: str | None) -> str:
    description = (project.path / "l1ad_project.json").read_bytes()
    digest = hashlib.sha256(description)
    for part in (source, " ".join(flags), version or "", platform.machine(), processor()):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _compile(project: HlsProject, source: str, flags: tuple[str, ...], work: Path) -> None:
    (work / "l1ad_bridge.cpp").write_text(source, encoding="utf-8")
    types = _write_types(project, work / "simulation_types")
    # The compiler runs in a folder of its own, the project's path may be relative to ours.
    includes = [f"-I{folder.resolve()}" for folder in (types, project.path / "firmware", project.path)]
    compile_cpp([*flags, *includes, "l1ad_bridge.cpp", "-o", _LIBRARY], work, "l1ad_bridge.cpp")


def _write_types(project: HlsProject, folder: Path) -> Path:
    source = project.path / SIMULATION_TYPES
    headers = {
        path.relative_to(source).as_posix(): path.read_text(encoding="utf-8") for path in source.rglob("*") if path.is_file()
    }
    for name, text in fast_types(headers).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def compile_cpp(args: list[str], folder: Path, what: str) -> None:
    """Run the C++ compiler and phrase its failure.

    Args:
        args: its arguments.
        folder: where it runs; its log goes there.
        what: the file that is compiled.

    Raises:
        ToolMissingError: there is no compiler.
        ToolFailedError: it failed; with its first error.
    """
    log = folder / "compile.log"
    done = toolchain.run(toolchain.require(toolchain.GXX), args, cwd=folder, log=log, step=f"compiling {what}", check=False)
    if done.returncode == 0:
        return
    errors = [
        line.strip() for line in done.text().splitlines() if re.search(r"\berror: |undefined reference|No space left", line)
    ]
    message = errors[0] if errors else toolchain.describe_exit(done.returncode) + "; " + toolchain.tail(log)
    raise ToolFailedError(f"Compiling {what} failed: {message}")
