"""Compute what the cells of AMD's devices do, many events at a time, for the simulation of a mapped netlist.

Each bit is a row of words that hold 64 events. What the cells do is written here after AMD's libraries guides (UG974, UG953) and those
of the DSP blocks (UG579, UG479), not taken from Yosys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ToolFailedError
from l1ad.core.fixed import IntArray
from l1ad.rtl.delay import Cell

Words = NDArray[np.uint64]
WORD = 64
_ONES = np.uint64(2**64 - 1)


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


#: Bits of a DSP block's sum, and of the factor that its A port gives, by type.
_SUM_BITS = 48
_FACTOR_BITS = {"DSP48E1": 25, "DSP48E2": 27}


def _dsp(inputs: Words, cells: Sequence[Cell]) -> Words:
    """Multiply A and B, both signed, and add C, the neighbour's sum or nothing, as OPMODE says."""
    return np.stack([_sum_of(bits, cell) for bits, cell in zip(inputs, cells, strict=True)])


def _sum_of(bits: Words, cell: Cell) -> Words:
    n_events = bits.shape[1] * WORD
    a, b, c, neighbour = np.split(bits, np.cumsum([30, 18, _SUM_BITS]))
    product = from_words(a[: _FACTOR_BITS[cell.type]], n_events, signed=True) * from_words(b, n_events, signed=True)
    added = {"000": np.zeros_like(c), "001": neighbour, "011": c}[_adds(cell)]
    total = to_words(product + from_words(added, n_events, signed=True), _SUM_BITS)
    return np.concatenate([total, total])


def _adds(cell: Cell) -> str:
    """Return the bits of OPMODE that choose what is added to the product, the highest first."""
    return "".join(str(bit) for bit in reversed(cell.inputs["OPMODE"][4:7]))


def require_known_dsp(cell: Cell) -> None:
    """Refuse a DSP block that does anything but multiply and add at once.

    Raises:
        ToolFailedError: it has registers, a fourth term, a pre-adder, or is told what to do by the logic.
    """
    mode = cell.inputs["OPMODE"]
    plain = mode[:4] == ("1", "0", "1", "0") and _adds(cell) in ("000", "001", "011") and set(mode[7:]) <= {"0"}
    quiet = all(set(cell.inputs.get(port, ())) <= {"0", "x"} for port in ("ALUMODE", "CARRYIN", "CARRYINSEL", "INMODE", "D"))
    registers = sorted(name for name, value in cell.parameters.items() if name.endswith("REG") and "1" in value)
    if not plain or not quiet or registers:
        raise ToolFailedError(
            f"The mapped netlist cannot be simulated: it has a {cell.type} with OPMODE {''.join(map(str, reversed(mode)))!r} and registers "
            f"{registers!r}; only the product of A and B, alone or added to C or to a neighbour's sum, is known."
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """Describe a kind of cell: its ports with their widths, and what it computes from inputs ``(n_cells, n_bits, n_words)``."""

    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    compute: Callable[[Words, Sequence[Cell]], Words]


_O = (("O", 1),)
KINDS: Mapping[str, Kind] = {
    **{f"LUT{n}": Kind(tuple((f"I{i}", 1) for i in range(n)), _O, _lut) for n in range(1, 7)},
    "INV": Kind((("I", 1),), _O, _inverter),
    **{f"MUXF{n}": Kind((("I0", 1), ("I1", 1), ("S", 1)), _O, _multiplexer) for n in (7, 8, 9)},
    "CARRY4": Kind((("CI", 1), ("CYINIT", 1), ("DI", 4), ("S", 4)), (("O", 4), ("CO", 4)), _carry),
    **dict.fromkeys(_FACTOR_BITS, Kind((("A", 30), ("B", 18), ("C", 48), ("PCIN", 48)), (("P", 48), ("PCOUT", 48)), _dsp)),
}


def to_words(codes: NDArray[Any], width: int) -> Words:
    """Put integers into words by bit: ``(n_events,)`` becomes ``(width, n_words)``, the lowest bit and the first event first."""
    padded = np.zeros(-(-len(codes) // WORD) * WORD, dtype=np.int64)
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
