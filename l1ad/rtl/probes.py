"""Look into a project's RTL: simulate its own sources with the nets between its modules as outputs."""

from __future__ import annotations

import ctypes
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.rtl.driver import Probe
from l1ad.rtl.project import RtlProject, load_project
from l1ad.rtl.simulate import RtlSimulation, simulation_library

Nodes = dict[str, IntArray]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a net belongs to: node, element, and by how many bits its integers are shifted to the node's grid."""

    node: str
    element: int
    shift: int


def inner_nodes(folder: Path, x_hw: NDArray[np.integer[Any]], *, work: Path | None = None) -> Nodes:
    """Simulate events and read what goes from module to module.

    The RTL is the one in the folder as it stands now: a changed source is compiled again.

    Args:
        folder: a project of combinational RTL.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        work: where compiled simulations go; None for ``simulation`` in the project.

    Returns:
        By node, on the grids of ``spec.reference.evaluate``: ``scaled`` and ``<layer>.output``, int64 ``(n_events, n)``, masked
        where the RTL has no net (nobody reads it, or it is constant), and ``score``, ``(n_events,)``.

    Raises:
        ConversionError: the RTL is a pipeline, or was written by an earlier version.
        ArtefactError: the folder is not an RTL project.
        LayoutError: the events do not fit the layout.
        ToolMissingError: there is no Verilator or no C++ compiler.
        ToolFailedError: one of them failed.
    """
    project = load_project(folder)
    probes, places = _probes(project)
    work = (folder / "simulation" if work is None else work) / f"inner-{_digest(project)}"
    library = simulation_library(project, work, probes)
    simulation = RtlSimulation(project.network, ctypes.CDLL(str(library.resolve())), 1, tuple(probes), project.interface)
    scores, _, nets = simulation.run_probed(x_hw)
    return _nodes(project.network, places, nets) | {"score": scores}


def why_closed(project: RtlProject) -> str | None:
    """Explain why a project's inner nets cannot be read as the network's nodes; None where they can."""
    if project.latency_cycles:
        return "The stages of a pipelined RTL end inside layers; set firmware.style to 'combinational' to look into it."
    if any(stage.outputs and not stage.formats for stage in project.stages):
        return "The RTL was written by an earlier version; run 'l1ad synth --tool open --force' to look into it."
    return None


def _digest(project: RtlProject) -> str:
    digest = hashlib.sha256()
    for file in project.verilog:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _probes(project: RtlProject) -> tuple[list[Probe], list[_Place]]:
    """List the nets that are a layer's outputs or scaled inputs."""
    reason = why_closed(project)
    if reason is not None:
        raise ConversionError(reason)
    grids = _elements(project.network)
    probes, places = [], []
    for stage in project.stages:
        for (name, width), (signed, fractional) in zip(stage.outputs, stage.formats, strict=True):
            if name in grids:
                node, element, grid = grids[name]
                probes.append(Probe(name, width, signed))
                places.append(_Place(node, element, grid - fractional))
    return probes, places


def _elements(network: Network) -> dict[str, tuple[str, int, int]]:
    """Return for each net's name which node and element it is, and the node's fractional bits."""
    found = {f"scaled_{port}": ("scaled", i, network.scaling.type.fractional) for i, port in enumerate(network.layout.ports)}
    for layer in network.layers:
        found |= {f"{layer.name}_{j}": (f"{layer.name}.output", j, type_.fractional) for j, type_ in enumerate(layer.outputs)}
    return found


def _nodes(network: Network, places: list[_Place], nets: IntArray) -> Nodes:
    sizes = {"scaled": network.n_inputs} | {f"{layer.name}.output": layer.n_out for layer in network.layers}
    nodes: Nodes = {node: _unseen((len(nets), size)) for node, size in sizes.items()}
    for place, codes in zip(places, nets.T, strict=True):
        nodes[place.node][:, place.element] = codes << place.shift
    return nodes


def _unseen(shape: tuple[int, int]) -> IntArray:
    """Make an array of which nothing is known yet: writing to it unmasks."""
    return np.ma.MaskedArray(np.zeros(shape, dtype=np.int64), mask=True)  # type: ignore[no-untyped-call]
