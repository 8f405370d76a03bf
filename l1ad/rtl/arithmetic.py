"""Compute with alkaid's symbolic variables what the network's steps need beyond sums: products, squares, folds, tables."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from l1ad.core.codes import Minifloat
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.graph.operations import Affine
from l1ad.rtl.quantise import (
    CONSTANT_BITS,
    Variable,
    choose,
    constant,
    flag,
    floor_to,
    is_constant,
    is_short,
    low_bits,
    negative,
    plus,
    round_to,
)

#: Address bits up to which a function of one value is a table: one 6-input LUT gives one output bit.
TABLE_BITS = 6
#: Adders that a sum of products may be deeper than the shallowest one. 0 costs 0.4 % more LUTs than no bound and saves 5 % of the delay.
EXTRA_DEPTH = 0


def width(value: Variable) -> int:
    """Return the number of bits a variable takes."""
    return int(sum(value.kif))


def array(values: Sequence[Variable]) -> Variable:
    """Put variables into alkaid's array, which knows sums and products with constant matrices."""
    from alkaid.trace import FVArray

    held = np.empty(len(values), dtype=object)
    held[:] = list(values)
    return FVArray(held, {"hard_dc": EXTRA_DEPTH}, hwconf=values[0].hwconf)


def not_below(value: Variable, bound: float) -> Variable:
    """Return 1 where a value is at least a bound, which is on the value's grid; a wide one is compared in two halves."""
    if bound <= value.low:
        return constant(value, 1.0)
    if bound > value.high:
        return constant(value, 0.0)
    if width(value) <= CONSTANT_BITS:
        return value >= bound
    _, integer, fractional = value.kif
    middle = integer - CONSTANT_BITS + 2
    high, low = floor_to(value, -middle), low_bits(value, middle, fractional)
    bound_high = float(np.floor(bound * 2.0**-middle) * 2.0**middle)
    above, level = not_below(high, bound_high + 2.0**middle), not_below(high, bound_high)
    return above | (level & not_below(low, bound - bound_high))


def total(values: Sequence[Variable]) -> Variable:
    """Add variables up in a tree."""
    return array(values).sum() if len(values) > 1 else values[0]


def table(value: Variable, entries: FloatArray, where: str) -> Variable:
    """Look up a value.

    Args:
        value: the address.
        entries: what to give for each representable value from ``value.low`` to ``value.high``, in order.
        where: what the table is for, named in the error.

    Raises:
        ConversionError: an entry has more significant bits than alkaid keeps.
    """
    if not all(is_short(float(entry)) for entry in entries):
        raise ConversionError(
            f"The table of {where} has entries of more than {CONSTANT_BITS} significant bits, which the RTL cannot hold; "
            "choose a narrower table type."
        )
    if is_constant(value):
        return constant(value, float(entries[0]))
    return value.lookup(entries)


def representable(value: Variable) -> FloatArray:
    """List the values a variable may have, in order."""
    n = round((value.high - value.low) / value.step) + 1
    return value.low + value.step * np.arange(n, dtype=np.float64)


def magnitude(value: Variable) -> Variable:
    """Return the absolute value."""
    if value.low >= 0:
        return value
    return -value if value.high <= 0 else abs(value)


def square(value: Variable) -> Variable:
    """Square a variable, exactly.

    A short one is looked up. A longer one's magnitude is cut into digits of three bits; the products of two digits are looked up and
    those that do not overlap are put side by side, so that few sums are left.
    """
    if is_constant(value):
        return constant(value, value.low**2)
    size = value if width(value) <= TABLE_BITS else magnitude(value)
    if width(size) <= TABLE_BITS:
        return table(size, representable(size) ** 2, "a square")
    digits = _digits(size)
    terms = [square(digit) for digit in digits if not is_constant(digit) or digit.low]
    pairs = itertools.combinations([digit for digit in digits if not is_constant(digit)], 2)
    return total(_side_by_side(terms + [_product(low, high) * 2.0 for low, high in pairs]))


def _digits(value: Variable) -> list[Variable]:
    """Cut an unsigned variable into digits of half a table's address, the lowest first."""
    _, integer, fractional = value.kif
    edges = [*range(-fractional, integer, TABLE_BITS // 2), integer]
    return [low_bits(value, top, -bottom) for bottom, top in itertools.pairwise(edges)]


def _product(low: Variable, high: Variable) -> Variable:
    """Multiply two unsigned digits by a table that both address."""
    low_shift, high_shift = 2.0 ** low.kif[2], 2.0 ** high.kif[2]
    low_width = width(low)
    address = low * low_shift + high * high_shift * 2.0**low_width
    codes = representable(address)
    products = np.floor(codes / 2.0**low_width) * np.mod(codes, 2.0**low_width)
    return table(address, products, "a product") * (1.0 / (low_shift * high_shift))


def _side_by_side(terms: list[Variable]) -> list[Variable]:
    """Join unsigned terms that share no bit, greedily: their sum has no carry."""
    lanes: list[Variable] = []
    for term in sorted(terms, key=lambda term: -term.kif[2]):
        place = next((i for i, lane in enumerate(lanes) if lane.kif[1] <= -term.kif[2]), None)
        if place is None:
            lanes.append(term)
        else:
            lanes[place] = lanes[place] + term
    return lanes


def folded(value: Variable, turn: float) -> Variable:
    """Add a turn once to values below minus half a turn, take one from values not below half a turn."""
    half = turn / 2
    if -half <= value.low and value.high < half:
        return value
    bits = np.log2(turn)
    if bits == np.floor(bits) and -3 * half <= value.low and value.high < 3 * half:
        return value.quantize(1, int(bits) - 1, value.kif[2], "WRAP", "TRN")
    upper = choose(value >= half, value - turn, value) if value.high >= half else value
    return choose(value < -half, value + turn, upper) if value.low < -half else upper


def turned(value: Variable, period: int) -> Variable:
    """Bring an integer into ``[-period / 2, period / 2)`` by adding whole periods."""
    half, odd = period // 2, period % 2
    if period & (period - 1) == 0:
        return value.quantize(1, period.bit_length() - 2, 0, "WRAP", "TRN") if period > 1 else constant(value, 0.0)
    low, high = value.low, value.high
    while high > half - 1 + odd:
        high = max(high - period, half - 1 + odd)
        value = (value - (half + odd)).msb_mux(value, value - period, (min(low, -half), high, 1.0))
        low = min(low, -half)
    while low < -half:
        low = min(low + period, -half)
        value = (value + half).msb_mux(value + period, value, (low, high, 1.0))
    return value


def divided(value: Variable, numerator: int, denominator: int) -> Variable:
    """Return ``floor(value * numerator / denominator)`` of an integer."""
    if numerator % denominator == 0:
        return value * float(numerator // denominator)
    if denominator & (denominator - 1) == 0:
        return floor_to(value * (numerator / denominator), 0)
    return table(value, np.floor(representable(value) * numerator / denominator), "a phi on another grid")


def encoded(value: Variable, code: Minifloat | None) -> Variable:
    """Code an integer as a minifloat: in each octave the bits behind the leading one, behind the octave's number."""
    if code is None or is_constant(value):
        return value if code is None else constant(value, float(code.encode(np.array(value.low, dtype=np.int64))))
    step = code.linear_bits - code.mantissa_bits
    out = floor_to(value, -step) * 2.0**-step if value.low < 0 else low_bits(value, code.linear_bits + 1, -step) * 2.0**-step
    for octave in range(1, code.octaves - 1):
        start = code.linear_bits + octave
        mantissa = low_bits(value, start, code.mantissa_bits - start) * 2.0 ** (code.mantissa_bits - start)
        out = choose(_reaches(value, start), plus(mantissa, float((octave + 1) << code.mantissa_bits)), out)
    return choose(_reaches(value, code.linear_bits + code.octaves - 1), float(code.largest), out)


def _reaches(value: Variable, power: int) -> Variable:
    """Return 1 where an integer is at least a power of two."""
    if value.high < 2.0**power:
        return constant(value, 0.0)
    above = flag(low_bits(value, value.kif[1], -power))
    return above if value.low >= 0 else above & ~negative(value)


def weighted_sums(inputs: Sequence[Variable], affine: Affine) -> list[Variable]:
    """Sum inputs times weights and the bias, as ``Affine`` says: exactly, or each product cast to the accumulator first.

    Products that the accumulator holds exactly share one adder graph; the others are rounded one by one.

    Args:
        inputs: what is multiplied.
        affine: weights, biases and accumulator.

    Returns:
        One variable for each output.
    """
    weight = np.ldexp(affine.weight.astype(np.float64), -affine.weight_fractional)
    if affine.accumulator is None:
        bias = np.ldexp(affine.bias.astype(np.float64), -affine.bias_fractional)
        return _sums(inputs, weight, [[] for _ in affine.bias], bias)
    accumulator = affine.accumulator
    lossy = _lossy(inputs, affine, accumulator)
    rounded = _rounded_products(inputs, np.where(lossy, weight, 0.0), accumulator)
    bias = accumulator.from_int(accumulator.cast(affine.bias, affine.bias_fractional))
    signed, integer, fractional = accumulator.kif
    sums = _sums(inputs, np.where(lossy, 0.0, weight), rounded, bias)
    return [value.quantize(signed, integer, fractional, "WRAP", "TRN") for value in sums]


def _lossy(inputs: Sequence[Variable], affine: Affine, accumulator: FixedPoint) -> NDArray[np.bool_]:
    """Return which products have bits below the accumulator's step, shape ``(n_in, n_out)``."""
    zeros = np.log2(np.where(affine.weight == 0, 1, affine.weight & -affine.weight)).astype(np.int64)
    fractional = np.array([value.kif[2] for value in inputs])[:, np.newaxis] + affine.weight_fractional - zeros
    lossy: NDArray[np.bool_] = (fractional > accumulator.fractional) & (affine.weight != 0)
    return lossy


def _rounded_products(inputs: Sequence[Variable], weight: FloatArray, accumulator: FixedPoint) -> list[list[Variable]]:
    """Multiply each input by its own weights (one shared graph an input) and round every product; by output."""
    terms: list[list[Variable]] = [[] for _ in range(weight.shape[1])]
    for value, row in zip(inputs, weight, strict=True):
        if is_constant(value) or not row.any():
            continue
        products = np.asarray(array([value]) @ row[np.newaxis, row != 0])
        for output, product in zip(np.flatnonzero(row), products, strict=True):
            terms[output].append(round_to(product, accumulator.fractional, accumulator.rounding))
    return terms


def _sums(inputs: Sequence[Variable], weight: FloatArray, terms: list[list[Variable]], bias: FloatArray) -> list[Variable]:
    none = constant(inputs[0], 0.0)
    inputs, weight = _unsigned_bits(inputs, weight)
    shared = [_or(value, none) for value in np.asarray(array(inputs) @ weight)] if weight.any() else [none] * weight.shape[1]
    sums = [total([first, *rest]) if rest else first for first, rest in zip(shared, terms, strict=True)]
    return [plus(value, float(b)) for value, b in zip(sums, bias, strict=True)]


def _unsigned_bits(inputs: Sequence[Variable], weight: FloatArray) -> tuple[list[Variable], FloatArray]:
    """Read a value of one signed bit, 0 or minus one step, as its sign, and turn its weights round.

    alkaid puts six single bits of a sum into a table and addresses it as if each were 0 or 1 (0.8.2, ``_cmvm_binary_lut``; its own
    assertion fails). This can go when alkaid's table knows signs.
    """
    turned = [value.low < 0 and sum(value.kif) == 1 for value in inputs]
    factors = [-float(value.step) if turn else 1.0 for value, turn in zip(inputs, turned, strict=True)]
    values = [negative(value) if turn else value for value, turn in zip(inputs, turned, strict=True)]
    return values, weight * np.array(factors)[:, np.newaxis]


def _or(value: Variable, zero: Variable) -> Variable:
    """Turn a plain 0, which alkaid gives for a column without weights, into a constant."""
    return value if hasattr(value, "hwconf") else zero


def relu(value: Variable) -> Variable:
    """Return a value, or 0 where it is negative."""
    return choose(negative(value), 0.0, value) if value.low < 0 else value
