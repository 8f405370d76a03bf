"""Simulate what Yosys has mapped, cell by cell, so that a count of cells belongs to logic that gives the right bits.

Each bit of the design is a row of words that hold 64 events; the cells of one kind that depend on nothing that is not known yet are
computed together. What the cells do is written here after AMD's libraries guide (UG974, UG953), not taken from Yosys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.agreement import Agreement, compare
from l1ad.core.errors import ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.firmware.golden import Golden
from l1ad.rtl.delay import Bit, Cell, Netlist, drivers_of, in_order
from l1ad.rtl.design import input_nets
from l1ad.rtl.project import RtlProject
from l1ad.rtl.yosys import Synthesised
from l1ad.toolchain import require_going_on

Words = NDArray[np.uint64]
#: Events simulated at a time: what belongs to a level then fits into the processor's caches.
_EVENTS = 4_096
_WORD = 64
_ONES = np.uint64(2**64 - 1)
#: Cells computed together at most.
_CELLS = 256


def _lut(inputs: Words, cells: Sequence[Cell]) -> Words:
    """Choose from each cell's table, whose bit ``i`` is the output for the inputs that spell ``i``, I0 lowest."""
    size = 1 << inputs.shape[1]
    tables = [[bit == "1" for bit in reversed(cell.parameters["INIT"].rjust(size, "0"))] for cell in cells]
    chosen = np.where(np.array(tables), _ONES, np.uint64(0))[:, :, None]
    for i in range(inputs.shape[1]):
        low, high = chosen[:, 0::2], chosen[:, 1::2]
        chosen = low ^ ((low ^ high) & inputs[:, i, None])
    return chosen


def _inverter(inputs: Words, cells: Sequence[Cell]) -> Words:
    return ~inputs


def _multiplexer(inputs: Words, cells: Sequence[Cell]) -> Words:
    low, high, select = (inputs[:, i, None] for i in range(3))
    return low ^ ((low ^ high) & select)


def _carry(inputs: Words, cells: Sequence[Cell]) -> Words:
    """Add along a chain: where S is set a carry goes on, else DI begins one; O is the sum."""
    carry = inputs[:, 0] | inputs[:, 1]
    sums, carries = [], []
    for i in range(4):
        start, go_on = inputs[:, 2 + i], inputs[:, 6 + i]
        sums.append(go_on ^ carry)
        carry = start ^ ((start ^ carry) & go_on)
        carries.append(carry)
    return np.stack([*sums, *carries], axis=1)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Describe a kind of cell: its ports with their widths, and what it computes from inputs ``(n_cells, n_bits, n_words)``."""

    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    compute: Callable[[Words, Sequence[Cell]], Words]


_O = (("O", 1),)
_KINDS: Mapping[str, _Kind] = {
    **{f"LUT{n}": _Kind(tuple((f"I{i}", 1) for i in range(n)), _O, _lut) for n in range(1, 7)},
    "INV": _Kind((("I", 1),), _O, _inverter),
    **{f"MUXF{n}": _Kind((("I0", 1), ("I1", 1), ("S", 1)), _O, _multiplexer) for n in (7, 8, 9)},
    "CARRY4": _Kind((("CI", 1), ("CYINIT", 1), ("DI", 4), ("S", 4)), (("O", 4), ("CO", 4)), _carry),
}


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Cells of one kind that are computed together, with the rows they read and write, each ``(n_cells, n_bits)``."""

    kind: _Kind
    cells: tuple[Cell, ...]
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NetlistSimulation:
    """Simulate one mapped module.

    Attributes:
        groups: its cells, in an order in which they can be computed.
        inputs: rows of the input bits.
        outputs: rows of the output bits.
        n_rows: number of rows.
    """

    groups: tuple[_Group, ...]
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    n_rows: int

    @classmethod
    def of(cls, netlist: Netlist) -> NetlistSimulation:
        """Put a module's cells in order.

        Raises:
            ToolFailedError: it has registers, a kind of cell that is not known here, a loop, or a bit that nothing drives.
        """
        _require_known(netlist)
        drivers = drivers_of(netlist.cells)
        # Bits that Yosys leaves undefined may be anything; 0 is.
        rows: dict[Bit, int] = {"0": 0, "x": 0, "1": 1}
        for bit in (*netlist.inputs, *drivers):
            rows.setdefault(bit, len(rows) - 1)
        try:
            groups = tuple(_group(cells, rows) for cells in _levels(netlist, drivers))
            outputs = np.array([rows[bit] for bit in netlist.outputs], dtype=np.int64)
        except KeyError as error:
            raise ToolFailedError(f"Yosys' netlist has a bit {error} that nothing drives; see the Yosys log.") from None
        return cls(groups, np.array([rows[bit] for bit in netlist.inputs], dtype=np.int64), outputs, len(rows) - 1)

    def run(self, inputs: Words) -> Words:
        """Compute the outputs.

        Args:
            inputs: the input bits' words, ``(n_input_bits, n_words)``.

        Returns:
            The output bits' words, ``(n_output_bits, n_words)``.
        """
        values = np.zeros((self.n_rows, inputs.shape[1]), dtype=np.uint64)
        values[1] = _ONES
        values[self.inputs] = inputs
        for group in self.groups:
            values[group.outputs] = group.kind.compute(values[group.inputs], group.cells)
        return values[self.outputs]


def _require_known(netlist: Netlist) -> None:
    strange = sorted({cell.type for cell in netlist.cells} - _KINDS.keys())
    if strange or netlist.given:
        what = f"cells of type {', '.join(strange)}" if strange else "registers"
        raise ToolFailedError(
            f"The mapped netlist cannot be simulated: it has {what}; only LUTs, carries and multiplexers are known."
        )


def _levels(netlist: Netlist, drivers: Mapping[Bit, tuple[Cell, str]]) -> list[list[Cell]]:
    """Put cells of one kind together that need nothing from each other, those that others need first."""
    level: dict[int, int] = {}
    found: dict[tuple[int, str], list[Cell]] = {}
    for cell in in_order(netlist.cells, drivers):
        before = [drivers[bit][0] for bits in cell.inputs.values() for bit in bits if bit in drivers]
        level[id(cell)] = 1 + max((level[id(other)] for other in before), default=0)
        found.setdefault((level[id(cell)], cell.type), []).append(cell)
    return [cells[i : i + _CELLS] for _, cells in sorted(found.items()) for i in range(0, len(cells), _CELLS)]


def _group(cells: Sequence[Cell], rows: Mapping[Bit, int]) -> _Group:
    kind = _KINDS[cells[0].type]
    inputs = [[rows[bit] for port, width in kind.inputs for bit in cell.inputs.get(port, ("0",) * width)] for cell in cells]
    outputs = [[rows[bit] for port, _ in kind.outputs for bit in cell.outputs[port]] for cell in cells]
    return _Group(kind, tuple(cells), np.array(inputs, dtype=np.int64), np.array(outputs, dtype=np.int64))


def compare_netlist(project: RtlProject, modules: Sequence[Synthesised], golden: Golden) -> list[Agreement]:
    """Simulate the mapped modules one after another, as the top connects them, and compare scores and trigger bits.

    Args:
        project: the project that was synthesised; thresholds that have ports get the network's.
        modules: what Yosys made of its modules, in order.
        golden: events with the scores and bits they must give.

    Returns:
        One comparison each of scores and trigger bits, not yet required.

    Raises:
        ToolFailedError: a module cannot be simulated.
    """
    simulations = [NetlistSimulation.of(module.netlist) for module in modules]
    results = []
    for first in range(0, len(golden.x_hw), _EVENTS):
        require_going_on("Simulating the netlist")
        results.append(_run(project, simulations, golden.x_hw[first : first + _EVENTS]))
    scores, bits = (np.concatenate(parts) for parts in zip(*results, strict=True))
    wanted = golden.bits.astype(np.int64)
    return [
        compare("REFERENCE", "NETLIST", golden.scores, scores),
        compare("score >= threshold", "NETLIST trigger bits", wanted, bits),
    ]


def _run(project: RtlProject, simulations: Sequence[NetlistSimulation], x_hw: IntArray) -> tuple[IntArray, IntArray]:
    """Return scores ``(n_events,)`` and bits ``(n_events, n_thresholds)`` of some events."""
    network, n_events = project.network, len(x_hw)
    columns = [
        *project.interface.events(network).rows(x_hw).T,
        *(np.full(n_events, threshold.value) for threshold in network.thresholds),
    ]
    nets = {
        net.name: to_words(codes, net.width) for net, codes in zip(input_nets(network, project.interface), columns, strict=False)
    }
    for stage, simulation in zip(project.stages, simulations, strict=True):
        if not stage.outputs:
            continue
        read = [nets[name] for name, _ in stage.inputs] or [np.zeros((len(simulation.inputs), len(_lanes(n_events))), np.uint64)]
        written = simulation.run(np.concatenate(read))
        edges = np.cumsum([0, *(width for _, width in stage.outputs)])
        nets |= {name: written[edges[i] : edges[i + 1]] for i, (name, _) in enumerate(stage.outputs)}
    last = project.stages[-1]
    formats = {name: format_ for (name, _), format_ in zip(last.outputs, last.formats, strict=True)}
    scores = np.zeros(n_events, dtype=np.int64)
    if "score" in formats:
        signed, fractional = formats["score"]
        scores = from_words(nets["score"], n_events, signed=signed) << (network.score.total.fractional - fractional)
    bits = [from_words(nets[t.name], n_events) if t.name in formats else 0 * scores for t in network.thresholds]
    return scores, np.stack(bits, axis=1) if bits else np.zeros((n_events, 0), dtype=np.int64)


def _lanes(n_events: int) -> range:
    return range(-(-n_events // _WORD))


def to_words(codes: NDArray[Any], width: int) -> Words:
    """Put integers into words by bit: ``(n_events,)`` becomes ``(width, n_words)``, the lowest bit and the first event first."""
    padded = np.zeros(len(_lanes(len(codes))) * _WORD, dtype=np.int64)
    padded[: len(codes)] = codes
    bits = (padded >> np.arange(width)[:, None] & 1).astype(np.uint8)
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def from_words(words: Words, n_events: int, *, signed: bool = False) -> IntArray:
    """Take integers out of words by bit, as ``to_words`` has put them in; the highest bit is the sign of what has one."""
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little", count=n_events).astype(np.int64)
    weights = np.int64(1) << np.arange(len(words), dtype=np.int64)
    if signed:
        weights[-1] = -weights[-1]
    return weights @ bits
