"""Estimate how long mapped logic takes: a static timing analysis over Yosys' netlist with delays fitted to one routed path.

The model has one number for each kind of cell arc and of net. They are the means over the longest path of a published design after
routing (GELATO's L1Topo encoder, xcvu9p-2, Vivado 2024.1: 18.972 ns over 30 LUTs and 23 CARRY8), so that the model gives that path's
delay by construction; ``fit`` takes any other ``report_timing_summary``. Two figures are not on that path: a carry through a whole
CARRY8 is taken as long as one that ends in it, and registers are taken as ideal. It knows no placement: it is an estimate, as good as
the design that is estimated resembles the one that was routed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from l1ad.core.errors import ReportError, ToolFailedError

Bit = int | str
#: Bits of one CARRY8; Yosys writes each as two CARRY4.
_CARRY4_IN_CARRY8 = 2
#: A net that is shorter than this never leaves its slice: it leads from a LUT to the carry chain beside it.
_LOCAL_NS = 0.05


@dataclass(frozen=True, slots=True)
class DelayModel:
    """The delay of each kind of arc in ns.

    Attributes:
        lut: through a look-up table.
        carry_sum: from a carry chain's operand to its sum in the same CARRY8.
        carry_start: from an operand to the carry out.
        carry_end: from the carry in to a sum.
        net_fabric: over a routed net.
        net_local: from a LUT to the carry chain beside it.
        net_carry: from one CARRY8 to the next.
        source: the path the numbers are the means of.
    """

    lut: float
    carry_sum: float
    carry_start: float
    carry_end: float
    net_fabric: float
    net_local: float
    net_carry: float
    source: str

    @property
    def carry_through(self) -> float:
        """The delay from carry in to carry out of one CARRY4."""
        return self.carry_end / _CARRY4_IN_CARRY8


ULTRASCALE_PLUS = DelayModel(
    lut=0.10373,
    carry_sum=0.0931,
    carry_start=0.11614,
    carry_end=0.06117,
    net_fabric=0.38351,
    net_local=0.01273,
    net_carry=0.026,
    source="the longest routed path of the public GELATO L1Topo design (xcvu9p-2, Vivado 2024.1, 18.972 ns)",
)

_ARC = re.compile(r"(?P<cell>LUT\d|CARRY8) \(Prop_\w+?_(?P<arc>[A-Z0-9]+(?:\[\d+\])?_[A-Z0-9]+(?:\[\d+\])?)\)\s+(?P<ns>\d+\.\d+)")
_NET = re.compile(r"net \(fo=\d+, \w+\)\s+(?P<ns>\d+\.\d+)")


def fit(report: str, source: str) -> DelayModel:
    """Fit the model to the first path of a Vivado timing report: each number is the mean over the path's arcs of that kind.

    Args:
        report: text of ``report_timing_summary`` of a routed combinational design.
        source: what the report is of.

    Raises:
        ReportError: the report has no path with LUTs, carry chains and routed nets.
    """
    start = report.find("Max Delay Paths")
    lines = report[start : report.find("slack", report.find("arrival time", start))].splitlines() if start >= 0 else []
    found: dict[str, list[float]] = {}
    for kind, delay in _arcs(" ".join(lines)):
        found.setdefault(kind, []).append(delay)
    kinds = ("lut", "carry_sum", "carry_start", "carry_end", "net_fabric", "net_local", "net_carry")
    missing = [kind for kind in kinds if kind not in found]
    if missing:
        raise ReportError(
            f"The timing report of {source} has no arcs of the kinds {missing!r} on its first path; take another report."
        )
    return DelayModel(**{kind: round(sum(found[kind]) / len(found[kind]), 5) for kind in kinds}, source=source)


def _arcs(text: str) -> Iterable[tuple[str, float]]:
    """List kind and delay of each cell arc and each net of a path."""
    pieces = sorted([*_ARC.finditer(text), *_NET.finditer(text)], key=lambda match: match.start())
    for i, piece in enumerate(pieces):
        if piece.re is _ARC:
            yield _cell_kind(piece["cell"], piece["arc"]), float(piece["ns"])
        elif i and i + 1 < len(pieces):
            yield _net_kind(pieces[i - 1], pieces[i + 1], float(piece["ns"])), float(piece["ns"])


def _cell_kind(cell: str, arc: str) -> str:
    if cell != "CARRY8":
        return "lut"
    entry, leaves = arc.split("_")
    if entry.startswith("CI"):
        return "carry_end"
    return "carry_start" if leaves.startswith("CO") else "carry_sum"


def _net_kind(before: re.Match[str], after: re.Match[str], ns: float) -> str:
    if after["arc"].startswith("CI"):
        return "net_carry"
    local = before["cell"] != "CARRY8" and after["cell"] == "CARRY8" and ns < _LOCAL_NS
    return "net_local" if local else "net_fabric"


@dataclass(frozen=True, slots=True)
class Cell:
    """A mapped cell: its type, by port the bits it is connected to, and its parameters as Yosys writes them, in bits."""

    type: str
    inputs: Mapping[str, Sequence[Bit]]
    outputs: Mapping[str, Sequence[Bit]]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Netlist:
    """A mapped module: its cells, the bits of its ports, lowest first, and its registers.

    Attributes:
        cells: what is combinational, with the DSP blocks.
        inputs: bits of the input port.
        outputs: bits of the output port.
        registers: flip-flops.
        phase: bits of the counter that says which of a multiplier's products is made; none where nothing is shared.
    """

    cells: tuple[Cell, ...]
    inputs: tuple[Bit, ...]
    outputs: tuple[Bit, ...]
    registers: tuple[Cell, ...] = ()
    phase: tuple[Bit, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any], module: str) -> Netlist:
        """Read a module of what Yosys' ``write_json`` wrote.

        Raises:
            ReportError: the module is not in it.
        """
        try:
            held = data["modules"][module]
            ports = {name: tuple(port["bits"]) for name, port in held["ports"].items()}
            cells = tuple(_cell(cell) for cell in held["cells"].values() if not cell["type"].startswith("$"))
            registers = tuple(_cell(cell) for cell in held["cells"].values() if cell["type"].startswith(_REGISTERS))
        except (KeyError, TypeError):
            raise ReportError(f"Yosys' netlist has no module {module!r} with cells and ports; synthesise again.") from None
        return cls(cells, ports.get("model_inp", ()), ports.get("model_out", ()), registers, ports.get("phase", ()))

    @property
    def given(self) -> tuple[Bit, ...]:
        """Bits that registers give."""
        return tuple(bit for register in self.registers for bit in register.outputs["Q"])

    @property
    def taken(self) -> tuple[Bit, ...]:
        """Bits that registers take."""
        return tuple(bit for register in self.registers for port in ("D", "E", "R") for bit in register.inputs.get(port, ()))


#: Output ports of LUTs, inverters, multiplexers and carry chains; the netlist has no description of the cells themselves.
_OUTPUTS = frozenset({"O", "CO"})
#: Those of DSP blocks, and of registers.
_DSP_OUTPUTS = frozenset({"P", "PCOUT", "ACOUT", "BCOUT", "CARRYOUT", "CARRYCASCOUT", "MULTSIGNOUT", "OVERFLOW", "UNDERFLOW"})
_DSP_OUTPUTS |= {"PATTERNDETECT", "PATTERNBDETECT", "XOROUT"}
#: Yosys' own flip-flops, which the recipe leaves as they are.
_REGISTERS = ("$_DFF", "$_SDFF")


def _cell(data: Mapping[str, Any]) -> Cell:
    ports = {port: tuple(bits) for port, bits in data["connections"].items()}
    kind = data["type"]
    written = _DSP_OUTPUTS if kind.startswith("DSP") else frozenset({"Q"}) if kind.startswith("$") else _OUTPUTS
    inputs = {port: bits for port, bits in ports.items() if port not in written}
    outputs = {port: bits for port, bits in ports.items() if port in written}
    return Cell(kind, inputs, outputs, data.get("parameters", {}))


def output_times(
    netlist: Netlist, input_times: Sequence[float], model: DelayModel, *, external: bool
) -> tuple[list[float], float]:
    """Compute when each output bit is there, and when the last of outputs and registers is; registers give at 0, DSP blocks have no time.

    Args:
        netlist: a mapped module.
        input_times: when each input bit arrives, in ns, in the order of the module's input bits.
        model: the delays.
        external: whether the inputs are the design's ports, whose nets take no time here (as in Vivado's report).

    Returns:
        One time in ns for each output bit; the latest time at which an output or a register's input is there.

    Raises:
        ToolFailedError: the logic has a loop.
    """
    times: dict[Bit, float] = dict(zip(netlist.inputs, input_times, strict=True)) | dict.fromkeys(netlist.given, 0.0)
    ports = frozenset(netlist.inputs) if external else frozenset[Bit]()
    timed = [cell for cell in netlist.cells if not cell.type.startswith("DSP")]
    drivers = drivers_of(timed)
    for cell in in_order(timed, drivers):
        for port, bits in cell.outputs.items():
            for place, bit in enumerate(bits):
                times[bit] = _time(cell, port, place, times, drivers, ports, model)
    found = [times.get(bit, 0.0) for bit in netlist.outputs]
    return found, max([*found, *(times.get(bit, 0.0) for bit in netlist.taken)], default=0.0)


def drivers_of(cells: Iterable[Cell]) -> dict[Bit, tuple[Cell, str]]:
    """Return the cell and the port that drive each bit."""
    return {bit: (cell, port) for cell in cells for port, bits in cell.outputs.items() for bit in bits}


def in_order(cells: Sequence[Cell], drivers: Mapping[Bit, tuple[Cell, str]]) -> list[Cell]:
    """Put cells in an order in which each comes after those it reads.

    Raises:
        ToolFailedError: the logic has a loop.
    """
    numbers = {id(cell): i for i, cell in enumerate(cells)}
    graph = {
        i: {numbers[id(drivers[bit][0])] for bits in cell.inputs.values() for bit in bits if bit in drivers}
        for i, cell in enumerate(cells)
    }
    try:
        return [cells[i] for i in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ToolFailedError(
            "The mapped logic has a loop, which combinational logic must not have; see the Yosys log."
        ) from error


def _time(
    cell: Cell,
    port: str,
    place: int,
    times: Mapping[Bit, float],
    drivers: Mapping[Bit, tuple[Cell, str]],
    ports: frozenset[Bit],
    model: DelayModel,
) -> float:
    """Compute when one output bit of a cell is there: the latest of its inputs plus net plus cell."""
    latest = 0.0
    for entry, bits in cell.inputs.items():
        for i, bit in enumerate(bits):
            if bit not in times or (cell.type.startswith("CARRY") and i > place and entry in ("S", "DI")):
                continue
            net = 0.0 if bit in ports else _net_delay(cell, entry, drivers.get(bit), model)
            latest = max(latest, times[bit] + net + _cell_delay(cell, entry, i, port, place, model))
    return latest


def _net_delay(cell: Cell, entry: str, driver: tuple[Cell, str] | None, model: DelayModel) -> float:
    if driver is None:
        return model.net_fabric
    if entry == "CI":
        return model.net_carry / _CARRY4_IN_CARRY8
    local = cell.type.startswith("CARRY") and entry == "S" and driver[0].type.startswith(("LUT", "INV"))
    return model.net_local if local else model.net_fabric


def _cell_delay(cell: Cell, entry: str, entry_place: int, port: str, place: int, model: DelayModel) -> float:
    if not cell.type.startswith("CARRY"):
        return model.lut
    if entry in ("CI", "CYINIT"):
        return model.carry_end if port == "O" else model.carry_through
    return model.carry_sum if port == "O" else model.carry_start
