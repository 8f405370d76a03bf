"""Write the C++ that scales hardware integers: two neighbouring 16-bit columns a lane where that is exact, else one a lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.core.network import Network
from l1ad.emulator.interpret import Element, Interpreter
from l1ad.emulator.lanes import Lanes, Writer
from l1ad.graph.graph import HARDWARE
from l1ad.ranges import Interval, round_shift
from l1ad.ranges.nodes import hardware_intervals

INT16 = Interval(-(1 << 15), (1 << 15) - 1)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an event is after scaling.

    Attributes:
        values: one variable a column, in 32 or 64-bit lanes.
        pairs: one C++ expression of type i32 for every two columns (low half: the even one), where all fit 16 bits; else ().
    """

    values: tuple[Lanes, ...]
    pairs: tuple[str, ...]


def loads_pairs(network: Network) -> bool:
    """Return whether every hardware column fits 16 bits, so that events are brought in two columns a lane."""
    return all(i.low >= INT16.low and i.high <= INT16.high for i in hardware_intervals(network.layout))


def raw_column(network: Network, column: int, *, cut: bool) -> str:
    """Return the C++ expression of a hardware column in 32-bit lanes; ``cut``: 0 where its object is below its pt threshold."""
    number = column // 2 if loads_pairs(network) else column
    word = _word(network, number) if cut else f"raw[{number}]"
    return f"{'odd' if column % 2 else 'even'}({word})" if loads_pairs(network) else word


def _word(network: Network, number: int) -> str:
    """Return the C++ variable of a word of the event: as it came in, or what its objects' pt thresholds leave of it."""
    per = 2 if loads_pairs(network) else 1
    least = network.scaling.thresholds(network.layout)
    return f"cut{number}" if least[number * per : number * per + per].any() else f"raw[{number}]"


def given_columns(network: Network, writer: Writer) -> Callable[[Element], Lanes | None]:
    """Return the hardware columns, and those with objects below their pt threshold cleared, to whoever reads them first.

    Args:
        network: the network.
        writer: takes the statements.
    """

    def column(element: Element) -> Lanes | None:
        node, i = element
        if node not in (HARDWARE, "kept"):
            return None
        return writer.let(raw_column(network, i, cut=node == "kept"), hardware_intervals(network.layout)[i], 32)

    return column


def cuts(network: Network) -> list[str]:
    """Write the words with objects below their pt threshold cleared; nothing where no object has one."""
    least, place = network.scaling.thresholds(network.layout), network.layout.presence_column
    paired = loads_pairs(network)
    lines = []
    for column in (int(c) for c in np.unique(place[least > 0])):
        pt = f"{'odd' if column % 2 else 'even'}(raw[{column // 2}])" if paired else f"raw[{column}]"
        lines.append(f"const i32 above{column} = (i32)({pt} >= {least[column]});")
    masks = [f"above{place[c]}" if least[c] else "splat(-1)" for c in range(network.n_inputs)]
    if paired:
        masks = [f"join({a}, {b})" for a, b in zip_longest(masks[::2], masks[1::2], fillvalue="splat(-1)")]
    names = [_word(network, number) for number in range(len(masks))]
    return lines + [
        f"const i32 {name} = raw[{number}] & {mask};"
        for number, (name, mask) in enumerate(zip(names, masks, strict=True))
        if name.startswith("cut")
    ]


def range_checks(network: Network) -> list[str]:
    """Write what collects in ``bad`` every bit in which a hardware integer differs from itself clipped to its column's range."""
    lines = []
    ranges = list(hardware_intervals(network.layout))
    if not loads_pairs(network):
        clips = [f"least(most(raw[{c}], splat({i.low})), splat({i.high}))" for c, i in enumerate(ranges)]
        return [f"bad |= raw[{c}] ^ {clip};" for c, clip in enumerate(clips)]
    if len(ranges) % 2:
        ranges.append(INT16)
    for k, (a, b) in enumerate(zip(ranges[::2], ranges[1::2], strict=True)):
        clip = f"(i16)raw[{k}]"
        if (a.low, b.low) != (INT16.low, INT16.low):
            clip = f"most({clip}, pair({a.low}, {b.low}))"
        if (a.high, b.high) != (INT16.high, INT16.high):
            clip = f"least({clip}, pair({a.high}, {b.high}))"
        lines.append(f"bad |= raw[{k}] ^ (i32){clip};")
    return lines


def scaled(network: Network, writer: Writer, interpreter: Interpreter, proved: tuple[Interval, ...]) -> Inputs:
    """Write the scaling of every column.

    Args:
        network: the network.
        writer: takes the statements.
        interpreter: writes columns that cannot go in pairs.
        proved: range of each scaled column.

    Returns:
        The scaled columns.
    """
    narrow = loads_pairs(network) and all(i.low >= INT16.low and i.high <= INT16.high for i in proved)
    values: list[Lanes] = []
    pairs: list[str] = []
    for even in range(0, network.n_inputs, 2):
        columns = range(even, min(even + 2, network.n_inputs))
        if narrow and all(_fits_16(network, column) for column in columns):
            name = _scaled_pair(network, writer, even)
            pairs.append(f"(i32){name}")
            halves = zip(("even", "odd"), columns, strict=False)
            values += [Lanes(f"{half}((i32){name})", proved[column], 32) for half, column in halves]
            continue
        single = [interpreter.element("scaled", column) for column in columns]
        values += single
        if narrow:
            low, high = single[0].name, single[1].name if len(single) > 1 else "i32{}"
            pairs.append(writer.let(f"join({low}, {high})", INT16, 32).name)
    return Inputs(tuple(values), tuple(pairs))


def _fits_16(network: Network, column: int) -> bool:
    """Return whether scaling a column never leaves 16 bits and shifts to the right only."""
    scaling = network.scaling
    bits = scaling.shift[column] - scaling.type.fractional
    if scaling.phi_reference is not None and network.layout.phi_period(column) is not None:
        return False
    if scaling.through is not None or any(scaling.codes) or column in scaling.left_out:
        return False
    if not 0 <= bits <= 14 or scaling.type.overflow not in (Overflow.SAT, Overflow.SAT_SYM):
        return False
    if scaling.type.rounding not in (Rounding.TRN, Rounding.RND, Rounding.RND_MIN_INF, Rounding.RND_CONV):
        return False
    moved = _moved(network, column)
    return moved.low >= INT16.low and moved.high + (1 << bits) <= INT16.high


def _moved(network: Network, column: int) -> Interval:
    range_, offset = hardware_intervals(network.layout)[column], network.scaling.offset[column]
    return Interval(range_.low - offset, range_.high - offset)


def _scaled_pair(network: Network, writer: Writer, first: int) -> str:
    """Write offset, rounding shift and saturation of two neighbouring columns in 16-bit lanes; gives the i16 variable."""
    scaling = network.scaling
    columns = [first, first + 1] if first + 1 < network.n_inputs else [first]
    offset = [scaling.offset[c] for c in columns]
    bits = [scaling.shift[c] - scaling.type.fractional for c in columns]
    name = f"p{first // 2}"
    steps = [f"i16 {name} = (i16){_word(network, first // 2)};"]
    if any(offset):
        steps.append(f"{name} -= {_pair(offset)};")
    steps += [f"{name} = {line};" for line in _shift_16(name, bits, scaling.type.rounding)]
    after = [_rounded_range(_moved(network, c), b, scaling.type) for c, b in zip(columns, bits, strict=True)]
    steps += [f"{name} = {line};" for line in _clip_16(name, after, scaling.type)]
    if len(columns) == 1:
        steps.append(f"{name} &= pair(-1, 0);")
    writer.lines += steps
    return name


def _rounded_range(moved: Interval, bits: int, type_: FixedPoint) -> Interval:
    return Interval(round_shift(moved.low, bits, type_.rounding), round_shift(moved.high, bits, type_.rounding))


def _shift_16(name: str, bits: list[int], rounding: Rounding) -> list[str]:
    """Round and shift two columns, each by its own number of bits; a column that is not shifted gets no nudge."""
    if not any(bits):
        return []
    half = [(1 << b) >> 1 for b in bits]
    below = [h - 1 if h else 0 for h in half]
    match rounding:
        case Rounding.TRN:
            return [_shifted(name, bits)]
        case Rounding.RND:
            return [_shifted(f"({name} + {_pair(half)})", bits)]
        case Rounding.RND_MIN_INF:
            return [_shifted(f"({name} + {_pair(below)})", bits)]
        case _:
            odd = _pair([int(b > 0) for b in bits])
            return [_shifted(f"({name} + {_pair(below)} + ({_shifted(name, bits)} & {odd}))", bits)]


def _shifted(value: str, bits: list[int]) -> str:
    return f"({value} >> {bits[0]})" if len(set(bits)) == 1 else f"shift_pair<{bits[0]}, {bits[1]}>({value})"


def _clip_16(name: str, ranges: list[Interval], type_: FixedPoint) -> list[str]:
    low = type_.symmetric_min_int if type_.overflow is Overflow.SAT_SYM else type_.min_int
    steps = []
    if any(i.low < low for i in ranges):
        steps.append(f"most({name}, {_pair([low, low])})")
    if any(i.high > type_.max_int for i in ranges):
        steps.append(f"least({name}, {_pair([type_.max_int] * 2)})")
    return steps


def _pair(values: list[int]) -> str:
    even, odd = values[0], values[1] if len(values) > 1 else values[0]
    return f"pair({even}, {odd})"
