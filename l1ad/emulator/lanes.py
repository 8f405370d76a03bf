"""Write fixed-point arithmetic as C++ on vectors of one event per lane, as narrow as the proved ranges allow.

A ``Lanes`` is a C++ variable with the interval its values are proved to be in. Each function appends statements to a ``Writer`` and
gives the new variable; 32-bit lanes are used while every intermediate fits, 64-bit lanes otherwise, and what cannot happen
(a saturation, a wrap, a negative value) costs no instruction.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.ranges import Interval, round_shift

#: Widest shift to the right that is written; beyond it a value is only its sign.
MAX_SHIFT = 60


@dataclass(frozen=True, slots=True)
class Lanes:
    """Name a C++ vector variable.

    Attributes:
        name: the variable.
        range: interval its values are in.
        bits: 32 or 64, the width of a lane.
    """

    name: str
    range: Interval
    bits: int = 32


@dataclass(slots=True)
class Writer:
    """Collect statements and number variables."""

    lines: list[str] = field(default_factory=list)
    count: int = 0

    def let(self, expression: str, range_: Interval, bits: int) -> Lanes:
        """Define a variable."""
        self.count += 1
        name = f"v{self.count}"
        self.lines.append(f"const i{bits} {name} = {expression};")
        return Lanes(name, range_, bits)


def lane_bits(range_: Interval) -> int:
    """Return the lane width that holds an interval.

    Raises:
        ConversionError: 64 bits do not.
    """
    if range_.magnitude < 1 << 31:
        return 32
    if range_.magnitude < 1 << 63:
        return 64
    raise ConversionError(
        f"The emulator needs integers of more than 64 bits (up to {range_.magnitude}); use narrower types in this network."
    )


def literal(value: int, bits: int) -> str:
    """Write a constant."""
    return f"({value}LL)" if bits == 64 else f"({value})"


def resized(writer: Writer, value: Lanes, bits: int) -> Lanes:
    """Bring a variable to another lane width."""
    if value.bits == bits:
        return value
    return writer.let(f"{'widen' if bits == 64 else 'narrow'}({value.name})", value.range, bits)


def settled(writer: Writer, value: Lanes) -> Lanes:
    """Bring a variable to the narrowest lanes that hold it."""
    return resized(writer, value, lane_bits(value.range))


def constant(writer: Writer, value: int) -> Lanes:
    """Define a variable that is the same in every lane."""
    range_ = Interval(value, value)
    bits = lane_bits(range_)
    return writer.let(f"{literal(value, bits)} - i{bits}{{}}", range_, bits)


def binary(writer: Writer, left: Lanes, operator: str, right: Lanes, range_: Interval) -> Lanes:
    """Write ``left operator right`` in lanes that hold both and the result."""
    bits = max(left.bits, right.bits, lane_bits(range_))
    a, b = resized(writer, left, bits), resized(writer, right, bits)
    return writer.let(f"{a.name} {operator} {b.name}", range_, bits)


def added(writer: Writer, left: Lanes, right: Lanes) -> Lanes:
    """Write a sum."""
    return binary(writer, left, "+", right, left.range + right.range)


def subtracted(writer: Writer, left: Lanes, right: Lanes) -> Lanes:
    """Write a difference."""
    return binary(writer, left, "-", right, left.range - right.range)


def larger(writer: Writer, left: Lanes, right: Lanes) -> Lanes:
    """Write the larger of two."""
    bits = max(left.bits, right.bits)
    a, b = resized(writer, left, bits), resized(writer, right, bits)
    range_ = Interval(max(left.range.low, right.range.low), max(left.range.high, right.range.high))
    return writer.let(f"most({a.name}, {b.name})", range_, bits)


def with_constant(writer: Writer, value: Lanes, added_: int) -> Lanes:
    """Write ``value + constant``."""
    if added_ == 0:
        return value
    range_ = value.range + Interval(added_, added_)
    wide = resized(writer, value, max(value.bits, lane_bits(range_)))
    return writer.let(f"{wide.name} + {literal(added_, wide.bits)}", range_, wide.bits)


def times(writer: Writer, value: Lanes, factor: int) -> Lanes:
    """Write ``value * constant``."""
    if factor == 1:
        return value
    range_ = value.range.times(factor)
    wide = resized(writer, value, max(value.bits, lane_bits(range_)))
    return writer.let(f"{wide.name} * {literal(factor, wide.bits)}", range_, wide.bits)


def squared(writer: Writer, value: Lanes) -> Lanes:
    """Write ``value * value``."""
    return product(writer, value, value, value.range.squared())


def product(writer: Writer, left: Lanes, right: Lanes, range_: Interval) -> Lanes:
    """Write a product in ``range_``; of integers of 16 bits by an instruction that every machine has."""
    short = all(i.low >= -(1 << 15) and i.high < 1 << 15 for i in (left.range, right.range))
    if short and left.bits == right.bits == 32 and range_.magnitude < 1 << 31:
        return writer.let(f"product16({left.name}, {right.name})", range_, 32)
    return binary(writer, left, "*", right, range_)


def shifted_left(writer: Writer, value: Lanes, bits: int) -> Lanes:
    """Write ``value << bits``."""
    if bits == 0:
        return value
    range_ = value.range.times(1 << bits)
    wide = resized(writer, value, max(value.bits, lane_bits(range_)))
    return writer.let(f"{wide.name} << {bits}", range_, wide.bits)


def rectified(writer: Writer, value: Lanes) -> Lanes:
    """Write a ReLU."""
    return clipped(writer, value, 0, max(0, value.range.high))


def clipped(writer: Writer, value: Lanes, low: int, high: int) -> Lanes:
    """Write a clip to ``[low, high]``, only the sides that can be reached."""
    if value.range.low < low:
        range_ = Interval(low, max(low, value.range.high))
        value = writer.let(f"most({value.name}, {literal(low, value.bits)} - i{value.bits}{{}})", range_, value.bits)
    if value.range.high > high:
        range_ = Interval(min(high, value.range.low), high)
        value = writer.let(f"least({value.name}, {literal(high, value.bits)} - i{value.bits}{{}})", range_, value.bits)
    return value


def rounded(writer: Writer, value: Lanes, bits: int, rounding: Rounding) -> Lanes:
    """Write a division by ``2 ** bits`` with a rounding mode.

    Raises:
        ConversionError: the shift is wider than ``MAX_SHIFT``.
    """
    if bits <= 0:
        return shifted_left(writer, value, -bits)
    if bits > MAX_SHIFT:
        raise ConversionError(f"The emulator shifts right by {MAX_SHIFT} bits at most, got {bits}; use types on nearer grids.")
    reach = Interval(value.range.low, value.range.high + (1 << bits))
    wide = resized(writer, value, 64 if bits > 30 else max(value.bits, lane_bits(reach)))
    range_ = Interval(round_shift(value.range.low, bits, rounding), round_shift(value.range.high, bits, rounding))
    return writer.let(f"({_nudged(wide, bits, rounding)}) >> {bits}", range_, wide.bits)


def _nudged(value: Lanes, bits: int, rounding: Rounding) -> str:
    """Add what makes a plain shift to the right round as required."""
    name, half = value.name, 1 << (bits - 1)
    sign = f"({name} >> {value.bits - 1})"
    match rounding:
        case Rounding.TRN:
            return name
        case Rounding.TRN_ZERO:
            return name if value.range.low >= 0 else f"{name} + ({sign} & {literal(2 * half - 1, value.bits)})"
        case Rounding.RND:
            return f"{name} + {literal(half, value.bits)}"
        case Rounding.RND_MIN_INF:
            return f"{name} + {literal(half - 1, value.bits)}"
        case Rounding.RND_ZERO:
            return f"{name} + {literal(half - 1, value.bits)} - {sign}"
        case Rounding.RND_INF:
            return f"{name} + {literal(half, value.bits)} + {sign}"
        case Rounding.RND_CONV:
            return f"{name} + {literal(half - 1, value.bits)} + (({name} >> {bits}) & {literal(1, value.bits)})"


def overflowed(writer: Writer, value: Lanes, type_: FixedPoint) -> Lanes:
    """Write a type's overflow; nothing where it cannot happen."""
    range_ = value.range.overflowed(type_)
    if range_ == value.range:
        return settled(writer, value)
    match type_.overflow:
        case Overflow.SAT:
            value = clipped(writer, value, type_.min_int, type_.max_int)
        case Overflow.SAT_SYM:
            value = clipped(writer, value, type_.symmetric_min_int, type_.max_int)
        case Overflow.SAT_ZERO:
            top = (1 << (value.bits - 1)) - 1
            low, high = (literal(min(max(end, -top), top), value.bits) for end in (type_.min_int, type_.max_int))
            inside = f"({value.name} >= {low}) & ({value.name} <= {high})"
            value = writer.let(f"{value.name} & ({inside})", range_, value.bits)
        case Overflow.WRAP:
            value = wrapped(writer, value, type_)
    return settled(writer, Lanes(value.name, range_, value.bits))


def wrapped(writer: Writer, value: Lanes, type_: FixedPoint) -> Lanes:
    """Write a wrap; right also for values that are only known modulo the lane's width, if that is not below the type's."""
    whole = Interval(type_.min_int, type_.max_int)
    if not type_.signed and type_.width >= value.bits:
        value = resized(writer, value, 64)
    if not type_.signed:
        return writer.let(f"{value.name} & {literal(type_.max_int, value.bits)}", whole, value.bits)
    up = value.bits - type_.width
    return Lanes(value.name, whole, value.bits) if up <= 0 else writer.let(f"({value.name} << {up}) >> {up}", whole, value.bits)


def cast(writer: Writer, value: Lanes, fractional: int, type_: FixedPoint) -> Lanes:
    """Write ``FixedPoint.cast``.

    Args:
        writer: takes the statements.
        value: integers on a grid.
        fractional: fractional bits of that grid.
        type_: the type.
    """
    left = type_.fractional - fractional
    if left > 0 and type_.overflow is not Overflow.WRAP:
        bound = (max(abs(type_.min_int), type_.max_int) >> left) + 1  # beyond it the left shift is out of range anyway
        value = clipped(writer, value, -bound, bound)
    return overflowed(writer, rounded(writer, value, -left, type_.rounding), type_)


def cleared(writer: Writer, value: Lanes, mask: Lanes) -> Lanes:
    """Write ``mask ? value : 0`` for a mask of 0 and -1."""
    wide = resized(writer, mask, value.bits)
    return writer.let(f"{value.name} & {wide.name}", value.range.hull(Interval(0, 0)), value.bits)


def summed(writer: Writer, values: list[Lanes]) -> Lanes:
    """Write a sum of many, as a tree so that additions do not wait for each other."""
    level = list(values)
    while len(level) > 1:
        paired = [added(writer, a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + (level[-1:] if len(level) % 2 else [])
    return level[0]
