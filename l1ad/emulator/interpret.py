"""Interpret a graph in C++ lanes: every operation's statements, element by element, only where it is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from l1ad.core.codes import Minifloat
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Rounding
from l1ad.emulator.lanes import (
    Lanes,
    Writer,
    added,
    cast,
    cleared,
    clipped,
    constant,
    lane_bits,
    larger,
    literal,
    overflowed,
    product,
    rectified,
    resized,
    rounded,
    shifted_left,
    squared,
    subtracted,
    summed,
    times,
    with_constant,
)
from l1ad.graph import Graph, Interval, Node
from l1ad.graph.operations import (
    Add,
    Affine,
    AtLeast,
    Cast,
    Constant,
    Encode,
    Fold,
    Gate,
    Gather,
    Lookup,
    Maximum,
    MovePoint,
    Multiply,
    NotZero,
    Ratio,
    Relu,
    Subtract,
    Sum,
    Turn,
)

#: A node's element.
Element = tuple[str, int]
#: What a comparison gives: all bits of a lane set, or none.
MASK = Interval(-1, 0)


@dataclass(slots=True)
class LookUp:
    """The table of a score that has one.

    Attributes:
        bits: 32 or 64, the width of an entry.
        entries: the codes; empty when there is no table.
    """

    bits: int = 32
    entries: list[int] = field(default_factory=list)


class Interpreter:
    """Write elements of a graph's nodes from given ones, each once."""

    def __init__(self, writer: Writer, table: LookUp, graph: Graph, given: Callable[[Element], Lanes | None]) -> None:
        """Start from given elements (None: not given); statements go to the writer, a table's entries to ``table``."""
        self._writer, self._table, self._graph = writer, table, graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._given = given
        self._values: dict[Element, Lanes] = {}

    def element(self, name: str, index: int) -> Lanes:
        """Write an element, if it is not there yet; comparisons give masks of 0 and -1.

        Raises:
            ConversionError: it rests on an input that is not given, or needs more than 64 bits.
        """
        if (name, index) not in self._values:
            self._values[name, index] = self._given((name, index)) or self._write(self._nodes[name], index)
        return self._values[name, index]

    def give(self, name: str, values: Sequence[Lanes]) -> None:
        """Return all elements of a node that was written elsewhere."""
        self._values |= {(name, i): value for i, value in enumerate(values)}

    def _write(self, node: Node, i: int) -> Lanes:
        match node.operation:
            case Constant(codes=codes):
                return constant(self._writer, codes[i])
            case Gather(elements=elements):
                return self.element(node.inputs[elements[i][0]], elements[i][1])
            case Cast(types=types):
                return self._cast(node, types[i], i)
            case Affine() as affine:
                return self._affine(node, affine, i)
            case Sum():
                return self._sum(node)
            case Add() | Subtract():
                return self._added(node, i)
            case Maximum():
                grid = self._graph.grids[node.name][i]
                return larger(self._writer, *(self._aligned(name, i, grid) for name in node.inputs))
            case Multiply():
                return self._product(node, i)
            case Gate():
                return cleared(self._writer, self.element(node.inputs[0], i), self.element(node.inputs[1], i))
            case _ if node.inputs:
                return self._single(node, self.element(node.inputs[0], i), i)
            case _:
                raise ConversionError(f"Element {i} of {node.name!r} comes from outside and is not given.")

    def _single(self, node: Node, value: Lanes, i: int) -> Lanes:
        match node.operation:
            case MovePoint():
                return value
            case Encode(codes=codes):
                return encoded(self._writer, value, codes[i])
            case Relu():
                return rectified(self._writer, value)
            case NotZero():
                return self._writer.let(f"({'i64' if value.bits == 64 else 'i32'})({value.name} != 0)", MASK, value.bits)
            case AtLeast(least=least):
                test = f"{value.name} >= {literal(least[i], value.bits)}"
                return self._writer.let(f"({'i64' if value.bits == 64 else 'i32'})({test})", MASK, value.bits)
            case Ratio(numerator=numerator, denominator=denominator):
                common = math.gcd(numerator[i], denominator[i])
                product = times(self._writer, value, numerator[i] // common)
                return divided(self._writer, product, denominator[i] // common)
            case Turn(period=period):
                return turned(self._writer, value, period[i])
            case Fold(period=period):
                return folded(self._writer, value, period[i]) if period[i] else value
            case operation:
                raise TypeError(f"No C++ of {type(operation).__name__}.")

    def _aligned(self, name: str, i: int, grid: int) -> Lanes:
        return shifted_left(self._writer, self.element(name, i), grid - self._graph.grids[name][i])

    def _added(self, node: Node, i: int) -> Lanes:
        """Write a sum or a difference; a constant that needs no shift is added as such."""
        grid, (left, right) = self._graph.grids[node.name][i], node.inputs
        minus, fixed = isinstance(node.operation, Subtract), self._nodes[right].operation
        if isinstance(fixed, Constant):
            code = fixed.codes[i] << (grid - fixed.fractional[i])
            return with_constant(self._writer, self._aligned(left, i, grid), -code if minus else code)
        write = subtracted if minus else added
        return write(self._writer, self._aligned(left, i, grid), self._aligned(right, i, grid))

    def _product(self, node: Node, i: int) -> Lanes:
        left = self.element(node.inputs[0], i)
        if node.inputs[0] == node.inputs[1]:
            return squared(self._writer, left)
        right = self.element(node.inputs[1], i)
        return product(self._writer, left, right, left.range.product(right.range))

    def _affine(self, node: Node, affine: Affine, j: int) -> Lanes:
        """Write one sum of products, term by term; what is zero by structure is not there."""
        source, grid = node.inputs[0], self._graph.grids[node.name][j]
        terms = [self._term(affine, source, i, j, grid) for i in np.flatnonzero(affine.weight[:, j])]
        if affine.accumulator is None:
            bias = int(affine.bias[j]) << (grid - affine.bias_fractional)
        else:
            bias = int(affine.accumulator.cast(affine.bias[j], affine.bias_fractional))
        value = with_constant(self._writer, summed(self._writer, terms), bias) if terms else constant(self._writer, bias)
        return value if affine.accumulator is None else overflowed(self._writer, value, affine.accumulator)

    def _term(self, affine: Affine, source: str, i: int, j: int, grid: int) -> Lanes:
        """Write a product on the sum's grid; its wrap is left to the sum."""
        product = times(self._writer, self.element(source, int(i)), int(affine.weight[i, j]))
        bits = self._graph.grids[source][i] + affine.weight_fractional - grid
        rounding = Rounding.TRN if affine.accumulator is None else affine.accumulator.rounding
        return rounded(self._writer, product, bits, rounding)

    def _sum(self, node: Node) -> Lanes:
        source, grid = node.inputs[0], self._graph.grids[node.name][0]
        return summed(self._writer, [self._aligned(source, k, grid) for k in range(len(self._graph.grids[source]))])

    def _cast(self, node: Node, type_: FixedPoint, i: int) -> Lanes:
        """Cast; a table is cast before it is looked up."""
        source = self._nodes[node.inputs[0]]
        if isinstance(source.operation, Lookup):
            return self._look_up(source, source.operation, type_, i)
        return cast(self._writer, self.element(source.name, i), self._graph.grids[source.name][i], type_)

    def _look_up(self, node: Node, lookup: Lookup, type_: FixedPoint, i: int) -> Lanes:
        address = self.element(node.inputs[0], i)
        codes = type_.cast(lookup.entries, lookup.fractional)
        self._table.bits = lane_bits(Interval(int(codes.min()), int(codes.max())))
        self._table.entries = [int(code) for code in codes]
        reach = codes[address.range.low - lookup.lowest : address.range.high - lookup.lowest + 1]
        index = f"{address.name} - ({lookup.lowest})"
        return self._writer.let(f"look_up(TABLE, {index})", Interval(int(reach.min()), int(reach.max())), self._table.bits)


def encoded(writer: Writer, value: Lanes, code: Minifloat | None) -> Lanes:
    """Write a minifloat code: the octave is counted by comparisons, each of which is 0 or -1."""
    if code is None:
        return value
    held = clipped(writer, value, value.range.low, code.top)
    starts = [1 << (code.linear_bits + octave) for octave in range(1, code.octaves - 1)]
    reached = [f"({held.name} >= {literal(start, held.bits)})" for start in starts if held.range.high >= start]
    octave = writer.let("-(" + " + ".join([f"i{held.bits}{{}}", *reached]) + ")", Interval(0, len(reached)), held.bits)
    step = code.linear_bits - code.mantissa_bits
    low, high = code.encode(np.array([value.range.low, value.range.high], dtype=np.int64))
    shifted = f"({held.name} >> ({octave.name} + {literal(step, held.bits)}))"
    return writer.let(f"{shifted} + ({octave.name} << {code.mantissa_bits})", Interval(int(low), int(high)), held.bits)


def divided(writer: Writer, value: Lanes, ratio: int) -> Lanes:
    """Write a division that rounds down, for integers of either sign."""
    if ratio == 1:
        return value
    range_ = Interval(value.range.low // ratio, value.range.high // ratio)
    negative = f"({value.name} >> {value.bits - 1})"
    return writer.let(f"(({value.name} ^ {negative}) / {ratio}) ^ {negative}", range_, value.bits)


def turned(writer: Writer, value: Lanes, period: int) -> Lanes:
    """Write an angle brought into ``[-period // 2, period - period // 2)`` by whole periods."""
    moved = with_constant(writer, value, period // 2)
    inside = Interval(0, period - 1)
    if period & (period - 1) == 0:
        wound = writer.let(f"{moved.name} & {period - 1}", inside, moved.bits)
    else:
        turns = writer.let(f"{divided(writer, moved, period).name} * {period}", moved.range.hull(inside), moved.bits)
        wound = writer.let(f"{moved.name} - {turns.name}", inside, moved.bits)
    return with_constant(writer, wound, -(period // 2))


def folded(writer: Writer, value: Lanes, turn: int) -> Lanes:
    """Write an angle brought nearer by one turn where it is half a turn or more away; a comparison is 0 or -1."""
    first, end = -(turn // 2), -(-turn // 2)
    wide = resized(writer, value, max(value.bits, lane_bits(Interval(-turn, turn))))
    steps = wide.name
    if value.range.low < first:
        steps += f" + (({wide.name} < {literal(first, wide.bits)}) & {literal(turn, wide.bits)})"
    if value.range.high >= end:
        steps += f" - (({wide.name} >= {literal(end, wide.bits)}) & {literal(turn, wide.bits)})"
    return value if steps == wide.name else writer.let(steps, value.range.folded(turn), wide.bits)
