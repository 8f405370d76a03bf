"""Cast alkaid's symbolic variables to a fixed-point type, with every rounding and overflow mode of ``ap_fixed``.

alkaid's own ``quantize`` knows three rounding and three overflow modes and saturates by comparing, which costs a carry chain for
each bound. Here a value is out of range when the bits above the range differ from the sign: one or two LUTs.
"""

from __future__ import annotations

import math
from typing import Any

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding

#: alkaid finds the last set bit of a constant in float32.
CONSTANT_BITS = 24

#: A symbolic value: ``alkaid.trace.FVariable``, which has no type information.
Variable = Any


def is_short(value: float) -> bool:
    """Return whether a number has few enough significant bits for alkaid's constants."""
    return (math.frexp(value)[0] * 2.0**CONSTANT_BITS).is_integer()


def constant(like: Variable, value: float) -> Variable:
    """Return a constant with another variable's hardware configuration.

    Raises:
        ConversionError: it has more significant bits than alkaid keeps.
    """
    return type(like).from_const(_checked(value), like.hwconf)


def plus(value: Variable, by: float) -> Variable:
    """Add a constant.

    Raises:
        ConversionError: it has more significant bits than alkaid keeps.
    """
    return constant(value, value.low + by) if is_constant(value) else value + _checked(by)


def _checked(value: float) -> float:
    if not is_short(value):
        raise ConversionError(
            f"The RTL needs the constant {value!r}, which has more than {CONSTANT_BITS} significant bits; choose narrower types."
        )
    return float(value)


def is_constant(value: Variable) -> bool:
    """Return whether a variable can only have one value."""
    return bool(value.low == value.high)


def cast(value: Variable, to: FixedPoint) -> Variable:
    """Cast a variable as ``FixedPoint.cast`` casts integers: round, then bring into range.

    Args:
        value: a symbolic variable.
        to: the type; all its modes are honoured.

    Returns:
        A symbolic variable whose values are representable in ``to``.
    """
    if is_constant(value):
        return constant(value, float(to.quantise(value.low)))
    rounded = round_to(value, to.fractional, to.rounding)
    if is_constant(rounded):
        return constant(rounded, float(to.quantise(rounded.low)))
    if _lowest(to) <= rounded.low and rounded.high <= to.max:
        return rounded
    return _OVERFLOW[to.overflow](rounded, to)


def floor_to(value: Variable, fractional: int) -> Variable:
    """Drop the bits below ``2 ** -fractional``."""
    signed, integer, _ = value.kif
    return value.quantize(signed, max(integer, -fractional), fractional, "WRAP", "TRN")


def low_bits(value: Variable, top: int, fractional: int) -> Variable:
    """Read the bits from ``2 ** -fractional`` to below ``2 ** top`` as an unsigned value."""
    return value.quantize(0, top, fractional, "WRAP", "TRN")


def flag(value: Variable) -> Variable:
    """Return 1 where a value is not 0, else 0."""
    if is_constant(value):
        return constant(value, float(value.low != 0))
    return value.unary_bit_op("any")


def choose(condition: Variable, if_one: Variable | float, if_zero: Variable | float) -> Variable:
    """Select by a variable that is 0 or 1."""
    if is_constant(condition):
        chosen = if_one if condition.low else if_zero
        return chosen if hasattr(chosen, "hwconf") else constant(condition, chosen)
    if isinstance(if_one, float) and not is_short(if_one):
        return _choose_wide(condition, if_one, if_zero)
    return condition.msb_mux(if_one, if_zero)


def _choose_wide(condition: Variable, if_one: float, if_zero: Variable | float) -> Variable:
    """Select between a constant that is too long for alkaid and another value: the upper bits and the lower bits apart."""
    other: Variable = if_zero if hasattr(if_zero, "hwconf") else constant(condition, if_zero)
    middle = math.frexp(if_one)[1] - CONSTANT_BITS + 1
    upper = math.floor(if_one * 2.0**-middle) * 2.0**middle
    lower = choose(condition, if_one - upper, low_bits(other, middle, max(other.kif[2], -middle + 1)))
    return choose(condition, upper, floor_to(other, -middle)) + lower


def negative(value: Variable) -> Variable:
    """Return 1 where a value is below 0, else 0."""
    return value.is_negative()


def round_to(value: Variable, fractional: int, rounding: Rounding) -> Variable:
    """Round to multiples of ``2 ** -fractional``: add what lifts a value over the next step, then drop the bits below."""
    dropped = value.kif[2] - fractional
    if dropped <= 0:
        return value
    unit = 2.0 ** -value.kif[2]
    half = 2.0 ** (-fractional - 1)
    match rounding:
        case Rounding.TRN:
            return floor_to(value, fractional)
        case Rounding.RND:
            return floor_to(plus(value, half), fractional)
        case Rounding.RND_MIN_INF:
            return floor_to(plus(value, half - unit), fractional)
        case Rounding.RND_ZERO:
            return floor_to(plus(value, half - unit) + negative(value) * unit, fractional)
        case Rounding.RND_INF:
            return floor_to(plus(value, half) - negative(value) * unit, fractional)
        case Rounding.TRN_ZERO:
            return floor_to(value + choose(negative(value), 2.0**-fractional - unit, 0.0), fractional)
        case Rounding.RND_CONV:
            return _round_to_even(value, fractional, half)


def _round_to_even(value: Variable, fractional: int, half: float) -> Variable:
    """Round half up and clear the last bit where it was a tie (the bits that go are then all 0)."""
    lifted = plus(value, half)
    rounded = floor_to(lifted, fractional)
    no_tie = flag(low_bits(lifted, -fractional, lifted.kif[2]))
    last = low_bits(rounded, -fractional + 1, fractional)
    if is_constant(last):
        return choose(no_tie, rounded, rounded - last)
    return floor_to(rounded, fractional - 1) + (last & (no_tie * 2.0**-fractional))


def _wrap(value: Variable, to: FixedPoint) -> Variable:
    signed, integer, fractional = to.kif
    return value.quantize(signed, integer, fractional, "WRAP", "TRN")


def _over(value: Variable, to: FixedPoint) -> Variable:
    """Return 1 where a value exceeds a type's range: not negative, and a bit above the range is set."""
    _, integer, _ = to.kif
    if value.high <= to.max:
        return constant(value, 0.0)
    above = flag(low_bits(value, value.kif[1], -integer))
    return above if value.low >= 0 else above & ~negative(value)


def _under(value: Variable, to: FixedPoint) -> Variable:
    """Return 1 where a value is below a type's range: negative, and a bit above the range is clear (any negative, if unsigned)."""
    _, integer, _ = to.kif
    if value.low >= to.min:
        return constant(value, 0.0)
    if not to.signed or value.kif[1] <= integer or value.kif[2] < -integer:
        return negative(value)  # all negative values are, also those whose last bit is already above the range
    return flag(~low_bits(value, value.kif[1], -integer)) & negative(value)


def _saturate(value: Variable, to: FixedPoint) -> Variable:
    return choose(_under(value, to), to.min, choose(_over(value, to), to.max, _wrap(value, to)))


def _lowest(to: FixedPoint) -> float:
    """Return the lowest value that a cast gives."""
    return to.symmetric_min_int * to.step if to.overflow is Overflow.SAT_SYM else to.min


def _saturate_symmetric(value: Variable, to: FixedPoint) -> Variable:
    """Saturate, then lift the lowest value: negative with all other bits clear."""
    held = _saturate(value, to) if not (to.min <= value.low and value.high <= to.max) else value
    if _lowest(to) == to.min:
        return held
    _, integer, _ = to.kif
    others = flag(low_bits(held, integer, held.kif[2]))
    return choose(negative(held) & ~others, _lowest(to), held)


def _saturate_to_zero(value: Variable, to: FixedPoint) -> Variable:
    return choose(_under(value, to), 0.0, choose(_over(value, to), 0.0, _wrap(value, to)))


_OVERFLOW = {
    Overflow.WRAP: _wrap,
    Overflow.SAT: _saturate,
    Overflow.SAT_SYM: _saturate_symmetric,
    Overflow.SAT_ZERO: _saturate_to_zero,
}
