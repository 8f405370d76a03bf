"""Simulate what Yosys has mapped, cell by cell, so that a count of cells belongs to logic that gives the right bits.

Each bit of the design is a row of words that hold 64 events; the cells of one kind that depend on nothing that is not known yet are
computed together. What each cell does is in `cells.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ad.core.agreement import Agreement, compare
from l1ad.core.errors import ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.firmware.golden import Golden
from l1ad.rtl.cells import KINDS, WORD, Kind, Words, from_words, require_known_dsp, to_words
from l1ad.rtl.delay import Bit, Cell, Netlist, drivers_of, in_order
from l1ad.rtl.design import input_nets
from l1ad.rtl.project import RtlProject
from l1ad.rtl.yosys import Synthesised
from l1ad.toolchain import require_going_on

#: Events simulated at a time: what belongs to a level then fits into the processor's caches.
_EVENTS = 4_096
_ONES = np.uint64(2**64 - 1)
#: Cells computed together at most.
_CELLS = 256
_ONES = np.uint64(2**64 - 1)
#: Flip-flops that take D at the rising edge, always or while E is 1, or 0 (then True).
_REGISTERS = {"$_DFF_P_": False, "$_DFFE_PP_": False, "$_DFFE_PN_": True}
#: Stands for output bits that a cell has and nobody reads.
_UNREAD: Bit = "unread"


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Cells of one kind that are computed together, with the rows they read and write, each ``(n_cells, n_bits)``."""

    kind: Kind
    cells: tuple[Cell, ...]
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Registers:
    """Flip-flops: the rows they take, give and are enabled by, and whether a 0 enables, each ``(n_registers,)``."""

    taken: NDArray[np.int64]
    given: NDArray[np.int64]
    enable: NDArray[np.int64]
    inverted: Words

    def clock(self, values: Words) -> None:
        """Let a clock edge come."""
        before = values[self.given]
        enabled = values[self.enable] ^ self.inverted[:, None]
        values[self.given] = before ^ ((before ^ values[self.taken]) & enabled)


@dataclass(frozen=True, slots=True, eq=False)
class NetlistSimulation:
    """Simulate one mapped module.

    Attributes:
        groups: its cells, in an order in which they can be computed.
        inputs: rows of the input bits.
        outputs: rows of the output bits.
        phase: rows of the counter of clock cycles, where multipliers are shared.
        registers: its flip-flops.
        n_rows: number of rows.
    """

    groups: tuple[_Group, ...]
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    phase: NDArray[np.int64]
    registers: _Registers
    n_rows: int

    @classmethod
    def of(cls, netlist: Netlist) -> NetlistSimulation:
        """Put a module's cells in order.

        Raises:
            ToolFailedError: it has a kind of cell or register that is not known here, a loop, or a bit that nothing drives.
        """
        _require_known(netlist)
        drivers = drivers_of(netlist.cells)
        # Bits that Yosys leaves undefined may be anything; 0 is.
        rows: dict[Bit, int] = {"0": 0, "x": 0, "1": 1}
        for bit in (*netlist.inputs, *netlist.phase, *netlist.given, *drivers, _UNREAD):
            rows.setdefault(bit, len(rows) - 1)
        try:
            groups = tuple(_group(cells, rows) for cells in _levels(netlist, drivers))
            outputs, registers = _rows(netlist.outputs, rows), _registers(netlist, rows)
        except KeyError as error:
            raise ToolFailedError(f"Yosys' netlist has a bit {error} that nothing drives; see the Yosys log.") from None
        return cls(groups, _rows(netlist.inputs, rows), outputs, _rows(netlist.phase, rows), registers, len(rows) - 1)

    def run(self, inputs: Words, cycles: int = 1) -> Words:
        """Compute the outputs.

        Args:
            inputs: the input bits' words, ``(n_input_bits, n_words)``.
            cycles: clock cycles that an event takes in a module with registers; they hold ones when it comes.

        Returns:
            The output bits' words, ``(n_output_bits, n_words)``.
        """
        values = np.zeros((self.n_rows, inputs.shape[1]), dtype=np.uint64)
        values[1] = _ONES
        values[self.inputs] = inputs
        values[self.registers.given] = _ONES
        for phase in range(cycles if len(self.registers.given) else 0):
            self._settle(values, phase)
            self.registers.clock(values)
        self._settle(values, 0)
        return values[self.outputs]

    def _settle(self, values: Words, phase: int) -> None:
        """Compute every cell, in a cycle of the counter."""
        values[self.phase] = np.where(phase >> np.arange(len(self.phase)) & 1, _ONES, np.uint64(0))[:, None]
        for group in self.groups:
            values[group.outputs] = group.kind.compute(values[group.inputs], group.cells)


def _rows(bits: Sequence[Bit], rows: Mapping[Bit, int]) -> NDArray[np.int64]:
    return np.array([rows[bit] for bit in bits], dtype=np.int64)


def _registers(netlist: Netlist, rows: Mapping[Bit, int]) -> _Registers:
    enable = [register.inputs.get("E", ("1",))[0] for register in netlist.registers]
    inverted = [_ONES * np.uint64(_REGISTERS[register.type]) for register in netlist.registers]
    taken = [register.inputs["D"][0] for register in netlist.registers]
    return _Registers(_rows(taken, rows), _rows(netlist.given, rows), _rows(enable, rows), np.array(inverted, dtype=np.uint64))


def _require_known(netlist: Netlist) -> None:
    types = {cell.type for cell in (*netlist.cells, *netlist.registers)}
    if strange := sorted(types - KINDS.keys() - _REGISTERS.keys()):
        raise ToolFailedError(
            f"The mapped netlist cannot be simulated: it has cells of type {', '.join(strange)}; only LUTs, carries, multiplexers, DSP "
            "blocks and plain registers are known."
        )
    for cell in netlist.cells:
        if cell.type.startswith("DSP"):
            require_known_dsp(cell)


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
    kind = KINDS[cells[0].type]
    inputs = [[rows[bit] for port, width in kind.inputs for bit in cell.inputs.get(port, ("0",) * width)] for cell in cells]
    outputs = [
        [rows[bit] for port, width in kind.outputs for bit in cell.outputs.get(port, (_UNREAD,) * width)] for cell in cells
    ]
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
        written = simulation.run(np.concatenate(read), project.interval)
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
    return range(-(-n_events // WORD))
