"""Write dense layers in C++: sums of four 8-bit, two 16-bit or single 32/64-bit products a lane, zero weights left out."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Activation, Dense
from l1ad.emulator.bytewise import BYTES, Halves, Operand, groups, zero_point
from l1ad.emulator.inputs import INT16
from l1ad.emulator.lanes import (
    Lanes,
    Writer,
    added,
    cast,
    constant,
    overflowed,
    rectified,
    rounded,
    shifted_left,
    times,
    with_constant,
    wrapped,
)
from l1ad.graph.interval import total
from l1ad.ranges import Interval, sum_fractional

#: Neurons whose sums are in registers together: enough to hide the latency of one multiply-accumulate.
TILE = 12


class Method(enum.Enum):
    """How many products one instruction adds, by the width of its operands."""

    BYTES = 4
    WORDS = 2
    SINGLE = 1


@dataclass(slots=True)
class Tables:
    """Collect the constants of all dot products, to be read from memory.

    Attributes:
        words: two 16-bit weights each.
        quads: four 8-bit weights each.
        quad_pairs: the same as 16-bit weights (0, 2) and (1, 3), for machines without 8-bit dot products.
    """

    words: list[int] = field(default_factory=list)
    quads: list[int] = field(default_factory=list)
    quad_pairs: list[int] = field(default_factory=list)


def method(layer: Dense, inputs: tuple[Interval, ...], fractional: int) -> Method:
    """Choose how a layer is summed.

    Args:
        layer: the layer.
        inputs: proved range of each input.
        fractional: fractional bits of the inputs.
    """
    if _rounds_products(layer, fractional) or not _sum_fits(layer, inputs, fractional):
        return Method.SINGLE
    low, high = int(layer.weight.min()), int(layer.weight.max())
    if low >= -128 and high <= 127 and all(i.high - i.low <= 255 for i in inputs):
        return Method.BYTES
    if INT16.low <= low and high <= INT16.high and all(INT16.low <= i.low and i.high <= INT16.high for i in inputs):
        return Method.WORDS
    return Method.SINGLE


def _rounds_products(layer: Dense, fractional: int) -> bool:
    product = fractional + layer.weight_type.fractional
    return layer.accumulator is not None and layer.accumulator.fractional < max(product, layer.bias_type.fractional)


def _sum_fits(layer: Dense, inputs: tuple[Interval, ...], fractional: int) -> bool:
    """Return whether 32 bits are enough: for the exact sum, or for an accumulator that wraps anyway."""
    if layer.accumulator is not None:
        return layer.accumulator.width <= 31
    bias = max(abs(int(bias)) for bias in layer.bias) << (sum_fractional(layer, fractional) - layer.bias_type.fractional)
    return all(products(layer, inputs, j).magnitude + bias < 1 << 31 for j in range(layer.n_out))


def products(layer: Dense, inputs: tuple[Interval, ...], neuron: int) -> Interval:
    """Return the range of a neuron's sum of products, without bias, on the products' grid."""
    return total(i.times(int(w)) for i, w in zip(inputs, layer.weight[:, neuron], strict=True))


def dense(
    writer: Writer,
    tables: Tables,
    layer: Dense,
    inputs: tuple[Lanes, ...],
    pairs: tuple[str, ...],
    type_: FixedPoint,
) -> tuple[Lanes, ...]:
    """Write a layer.

    Args:
        writer: takes the statements.
        tables: takes the weights.
        layer: the layer.
        inputs: one variable an input.
        pairs: the same two a lane, where that is there already; else ().
        type_: type of the inputs.

    Returns:
        One variable an output, codes of ``layer.output``.
    """
    ranges = tuple(value.range for value in inputs)
    match method(layer, ranges, type_.fractional):
        case Method.SINGLE:
            sums = [_single(writer, layer, inputs, type_.fractional, j) for j in range(layer.n_out)]
        case Method.WORDS:
            operands = list(pairs) or _joined(writer, inputs)
            sums = _dots(
                writer,
                layer,
                type_.fractional,
                ranges,
                lambda tile, first: _word_sums(writer, tables, layer, operands, tile, first),
            )
        case Method.BYTES:
            joined = _bytes(writer, layer, inputs, pairs)
            sums = _dots(
                writer,
                layer,
                type_.fractional,
                ranges,
                lambda tile, first: _byte_sums(writer, tables, layer, joined, tile, first),
            )
    return tuple(_activated(writer, layer, value, type_.fractional) for value in sums)


def _activated(writer: Writer, layer: Dense, value: Lanes, fractional: int) -> Lanes:
    """Write result type, activation and output type."""
    grid = sum_fractional(layer, fractional)
    if layer.result is not None:
        value, grid = cast(writer, value, grid, layer.result), layer.result.fractional
    if layer.activation is Activation.RELU:
        value = rectified(writer, value)
    return cast(writer, value, grid, layer.output)


def _dots(
    writer: Writer,
    layer: Dense,
    fractional: int,
    inputs: tuple[Interval, ...],
    write_sums: Callable[[range, list[int]], list[str]],
) -> list[Lanes]:
    """Write the sums of products tile by tile, then bring each with its bias to the sum's grid."""
    product, grid = fractional + layer.weight_type.fractional, sum_fractional(layer, fractional)
    biases = [int(bias) << (grid - layer.bias_type.fractional) for bias in layer.bias]
    early = product == grid and layer.accumulator is None  # the sum starts from the bias
    out = []
    for start in range(0, layer.n_out, TILE):
        tile = range(start, min(start + TILE, layer.n_out))
        for j, name in zip(tile, write_sums(tile, [biases[j] if early else 0 for j in tile]), strict=True):
            if layer.accumulator is not None:
                out.append(_modular(writer, name, grid - product, biases[j], layer.accumulator))
            elif early:
                out.append(Lanes(name, products(layer, inputs, j) + Interval(biases[j], biases[j]), 32))
            else:
                value = Lanes(name, products(layer, inputs, j), 32)
                out.append(with_constant(writer, shifted_left(writer, value, grid - product), biases[j]))
    return out


def _modular(writer: Writer, name: str, left: int, bias: int, accumulator: FixedPoint) -> Lanes:
    """Write shift, bias and wrap of a sum that is known modulo 2 ** 32."""
    bias = (bias + (1 << 31)) % (1 << 32) - (1 << 31)
    shifted = f"({name} << {left})" if 0 < left < 32 else name if left == 0 else "i32{}"
    writer.lines.append(f"const i32 {name}b = (i32)({shifted} + splat({bias}));")
    whole = Interval(-(1 << 31), (1 << 31) - 1)
    return overflowed(writer, wrapped(writer, Lanes(f"{name}b", whole, 32), accumulator), accumulator)


def _open(writer: Writer, layer: Dense, tile: range, first: list[int]) -> list[str]:
    names = []
    for j, start in zip(tile, first, strict=True):
        writer.count += 1
        names.append(f"s{writer.count}")
        writer.lines.append(f"i32 {names[-1]} = splat({start});  // {layer.name}[{j}]")
    return names


def _word_sums(writer: Writer, tables: Tables, layer: Dense, operands: list[str], tile: range, first: list[int]) -> list[str]:
    weight = _padded(layer.weight, 2)
    names = _open(writer, layer, tile, first)
    for k, operand in enumerate(operands):
        for j, name in zip(tile, names, strict=True):
            low, high = int(weight[2 * k, j]), int(weight[2 * k + 1, j])
            if low or high:
                writer.lines.append(f"{name} = dot2({name}, {operand}, W[{len(tables.words)}]);")
                tables.words.append(_packed([low, high], 16))
    return names


def _byte_sums(writer: Writer, tables: Tables, layer: Dense, operands: list[Operand], tile: range, first: list[int]) -> list[str]:
    """Write the dot products of bytes; what the zero points add is taken off at the start, modulo 2 ** 32."""
    zeros = {i: zero for operand in operands for i, zero in zip(operand.inputs, operand.zeros, strict=True) if i is not None}
    shift = np.array([zeros[i] for i in range(layer.n_in)]) @ layer.weight
    names = _open(writer, layer, tile, [start - int(shift[j]) for start, j in zip(first, tile, strict=True)])
    halves = {name: Halves(name) for name in names}
    for operand in operands:
        for j, name in zip(tile, names, strict=True):
            four = [0 if i is None else int(layer.weight[i, j]) for i in operand.inputs]
            if any(four):
                writer.lines += halves[name].adding(four, operand.spans, operand.name, len(tables.quads))
                tables.quads.append(_packed(four, 8))
                tables.quad_pairs += [_packed(four[::2], 16), _packed(four[1::2], 16)]
    writer.lines += [line for name in names for line in halves[name].closing()]
    return names


def _padded(weight: IntArray, group: int) -> IntArray:
    return np.pad(weight, ((0, -len(weight) % group), (0, 0)))


def _packed(values: list[int], bits: int) -> int:
    """Put integers side by side, the first lowest, as one signed 32-bit integer."""
    word = sum((value & ((1 << bits) - 1)) << (bits * i) for i, value in enumerate(values))
    return word - (1 << 32) if word >= 1 << 31 else word


def _joined(writer: Writer, inputs: tuple[Lanes, ...]) -> list[str]:
    names = [value.name for value in inputs]
    names += ["i32{}"] * (len(names) % 2)
    return [writer.let(f"join({a}, {b})", INT16, 32).name for a, b in zip(names[::2], names[1::2], strict=True)]


def _bytes(writer: Writer, layer: Dense, inputs: tuple[Lanes, ...], pairs: tuple[str, ...]) -> list[Operand]:
    """Put four inputs in the bytes of one lane, those together that the same neurons read; two pairs in the order 0, 2, 1, 3."""
    zeros = [zero_point(value.range) for value in inputs]
    spans = [value.range.high + zero for value, zero in zip(inputs, zeros, strict=True)]
    operands = []
    for group in groups(layer.weight, 2 if pairs else 1):
        name = _pairs_joined(writer, pairs, zeros, group) if pairs else _four_joined(writer, inputs, zeros, group)
        places = _places(group, 2 if pairs else 1, len(inputs))
        taken = [(0, 0) if i is None else (zeros[i], spans[i]) for i in places]
        operands.append(Operand(name, tuple(places), tuple(zero for zero, _ in taken), tuple(span for _, span in taken)))
    return operands


def _places(group: list[int], together: int, n: int) -> list[int | None]:
    """Return which input is in each byte of a lane: the first of every unit, then, of pairs, the second of each."""
    units = group + [n] * (BYTES // together - len(group))
    inputs = [together * unit + k for k in range(together) for unit in units]
    return [i if i < n else None for i in inputs]


def _four_joined(writer: Writer, inputs: tuple[Lanes, ...], zeros: list[int], group: list[int]) -> str:
    moved = [with_constant(writer, inputs[i], zeros[i]).name for i in group]
    parts = [name if k == 0 else f"({name} << {8 * k})" for k, name in enumerate(moved)]
    return writer.let(" | ".join(parts), INT16, 32).name


def _pairs_joined(writer: Writer, pairs: tuple[str, ...], zeros: list[int], group: list[int]) -> str:
    moved = []
    for k in group:
        even, odd = zeros[2 * k], zeros[2 * k + 1] if 2 * k + 1 < len(zeros) else 0
        moved.append(f"(i32)((i16){pairs[k]} + pair({even}, {odd}))" if even or odd else pairs[k])
    return writer.let(" | ".join([moved[0], *(f"({name} << 8)" for name in moved[1:])]), INT16, 32).name


def _single(writer: Writer, layer: Dense, inputs: tuple[Lanes, ...], fractional: int, neuron: int) -> Lanes:
    """Write products one by one, each cast to the accumulator if there is one (its wrap is left to the end)."""
    product, grid = fractional + layer.weight_type.fractional, sum_fractional(layer, fractional)
    bias = int(layer.bias[neuron])
    rounding = layer.output.rounding if layer.accumulator is None else layer.accumulator.rounding
    if layer.accumulator is None:
        value = constant(writer, bias << (grid - layer.bias_type.fractional))
    else:
        value = constant(writer, int(layer.accumulator.cast(np.array([bias]), layer.bias_type.fractional)[0]))
    for source, weight in zip(inputs, layer.weight[:, neuron], strict=True):
        if weight:
            term = times(writer, source, int(weight))
            value = added(writer, value, rounded(writer, term, product - grid, rounding))
    if layer.accumulator is None:
        return value
    return overflowed(writer, value, layer.accumulator)
