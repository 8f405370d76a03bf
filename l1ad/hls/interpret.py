"""Interpret a graph in HLS C++: every operation on integer codes, ``ap_int`` as wide as the proved range, element by element.

Only a ``Cast`` uses ``ap_fixed``: its rounding and its overflow are those of the headers. What comes from hls4ml's function or goes into
it is an array of the top; everything else is a constant of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from l1ad.core.codes import Minifloat
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.graph import Bound, Graph, Interval, Node, signed_width
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
    NotBelow,
    NotZero,
    Ratio,
    Relu,
    Subtract,
    Sum,
    Turn,
)
from l1ad.hls.codes import Code, Table, fixed_code, identifier

#: A node's element.
Element = tuple[str, int]


@dataclass(slots=True)
class Interpreter:
    """Write elements of a graph's nodes, each once.

    Attributes:
        graph: the graph.
        bounds: its proved ranges.
        given: the code of an element that comes from elsewhere; None where it is to be written.
        arrays: nodes whose elements are in an array of the node's name.
        lines: the statements so far.
        table: the table, once it is read.
    """

    graph: Graph
    bounds: dict[str, Bound]
    given: Callable[[Element], Code | None]
    arrays: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    table: Table = field(default_factory=Table)
    _values: dict[Element, Code] = field(default_factory=dict)

    def element(self, name: str, index: int) -> Code:
        """Write an element, if it is not there yet.

        Raises:
            ConversionError: it rests on an input that is not given, or on an angle's grid that is not a power of two finer.
        """
        if (name, index) not in self._values:
            self._values[name, index] = self.given((name, index)) or self._write(self.graph.node(name), index)
        return self._values[name, index]

    def array(self, name: str, traced: str) -> None:
        """Write all elements of a node into an array, and hand it to a trace.

        Args:
            name: the node; one that is not a cast has a type that loses nothing.
            traced: its name in the trace.
        """
        node, array, n = self.graph.node(name), identifier(name), len(self.graph.grids[name])
        types = set(node.operation.types) if isinstance(node.operation, Cast) else set()
        cast = len(types) == 1
        type_ = types.pop() if cast else None
        self.lines.append(f"{type_ or self._exact(name)} {array}[{n}];")
        self.lines.append(f"#pragma HLS ARRAY_PARTITION variable={array} complete dim=0")
        if cast:
            self.arrays.add(name)
        for i in range(n):
            value = self.element(name, i)
            if not (cast and value.name.endswith(f"({array}[{i}])")):
                grid = self.graph.grids[name][i]
                self.lines.append(f"{array}[{i}] = {value.shifted(grid, type_)};")
        self.lines.append(f'L1AD_TRACE("{traced}", {array}, {n});')

    def taken(self) -> list[str]:
        """Return the statements written since the last call."""
        lines, self.lines = self.lines, []
        return lines

    def _exact(self, name: str) -> str:
        """Return the type that holds all elements of a node, on the finest of their grids."""
        grids = self.graph.grids[name]
        grid = max(grids)
        width = signed_width(*(i.times(1 << (grid - own)) for i, own in zip(self.bounds[name].values, grids, strict=True)))
        return f"ap_fixed<{width},{width - grid}>"

    def _let(self, node: Node, i: int, expression: str, range_: Interval, type_: str = "") -> Code:
        name = f"{identifier(node.name)}_{i}"
        self.lines.append(f"const {type_ or f'ap_int<{signed_width(range_)}>'} {name} = {expression};")
        return Code(name, range_)

    def _write(self, node: Node, i: int) -> Code:
        match node.operation:
            case Constant(codes=codes):
                range_ = Interval(codes[i], codes[i])
                return Code(f"ap_int<{signed_width(range_)}>({codes[i]}LL)", range_)
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
                return self._larger(node, i)
            case Multiply() | NotBelow() | Gate():
                return self._pair(node, i, self.element(node.inputs[0], i), self.element(node.inputs[1], i))
            case _ if node.inputs:
                return self._single(node, i, self.element(node.inputs[0], i))
            case _:
                raise ConversionError(f"Element {i} of {node.name!r} comes from outside and is not given.")

    def _range(self, node: Node, i: int) -> Interval:
        return self.bounds[node.name].values[i]

    def _pair(self, node: Node, i: int, a: Code, b: Code) -> Code:
        match node.operation:
            case NotBelow():
                return self._let(node, i, f"{a.name} >= {b.name}", Interval(0, 1), "bool")
            case Gate():
                range_ = a.range.hull(Interval(0, 0))
                width = signed_width(range_)
                return self._let(node, i, f"{b.name} ? {a.wide(width)} : ap_int<{width}>(0)", range_)
            case _:
                range_ = a.range.squared() if node.inputs[0] == node.inputs[1] else a.range.product(b.range)
                return self._let(node, i, f"{a.wide(a.width)} * {b.wide(b.width)}", range_)

    def _single(self, node: Node, i: int, value: Code) -> Code:
        match node.operation:
            case MovePoint():
                return value
            case Encode(codes=codes):
                return self._encoded(node, i, value, codes[i])
            case Relu():
                return self._let(
                    node, i, f"{value.name} < 0 ? ap_int<{value.width}>(0) : {value.wide(value.width)}", value.range.rectified()
                )
            case NotZero():
                return self._let(node, i, f"{value.name} != 0", Interval(0, 1), "bool")
            case AtLeast(least=least):
                return self._let(node, i, f"{value.name} >= {least[i]}LL", Interval(0, 1), "bool")
            case Ratio(numerator=numerator, denominator=denominator):
                return self._ratio(node, i, value, numerator[i], denominator[i])
            case Turn(period=period):
                return self._turned(node, i, value, period[i])
            case Fold(period=period):
                return self._folded(node, i, value, period[i])
            case operation:
                raise TypeError(f"No HLS of {type(operation).__name__}.")

    def _aligned(self, name: str, i: int, grid: int) -> Code:
        """Return an element on a finer grid."""
        value, bits = self.element(name, i), grid - self.graph.grids[self.graph.node(name).name][i]
        if bits == 0:
            return value
        range_ = value.range.times(1 << bits)
        return Code(f"({value.wide(signed_width(range_))} << {bits})", range_)

    def _added(self, node: Node, i: int) -> Code:
        grid = self.graph.grids[node.name][i]
        a, b = (self._aligned(name, i, grid) for name in node.inputs)
        minus = isinstance(node.operation, Subtract)
        if b.range == Interval(0, 0):
            return a
        range_ = a.range - b.range if minus else a.range + b.range
        width = signed_width(range_, a.range, b.range)
        return self._let(node, i, f"{a.wide(width)} {'-' if minus else '+'} {b.wide(width)}", range_)

    def _larger(self, node: Node, i: int) -> Code:
        a, b = (self._aligned(name, i, self.graph.grids[node.name][i]) for name in node.inputs)
        range_ = self._range(node, i)
        width = signed_width(a.range, b.range)
        return self._let(node, i, f"{a.name} >= {b.name} ? {a.wide(width)} : {b.wide(width)}", range_)

    def _sum(self, node: Node) -> Code:
        source, grid = node.inputs[0], self.graph.grids[node.name][0]
        return self._tree(identifier(node.name), [self._aligned(source, k, grid) for k in range(len(self.graph.grids[source]))])

    def _tree(self, name: str, level: list[Code]) -> Code:
        """Add up in a tree of named sums."""
        place = 0
        while len(level) > 1:
            paired = []
            for a, b in zip(level[::2], level[1::2], strict=False):
                range_ = a.range + b.range
                width = signed_width(range_, a.range, b.range)
                self.lines.append(f"const ap_int<{width}> {name}_{place} = {a.wide(width)} + {b.wide(width)};")
                paired.append(Code(f"{name}_{place}", range_))
                place += 1
            level = paired + (level[-1:] if len(level) % 2 else [])
        return level[0]

    def _affine(self, node: Node, affine: Affine, j: int) -> Code:
        """Write one sum of products, term by term; what is zero by structure is not there."""
        source, grid, name = node.inputs[0], self.graph.grids[node.name][j], f"{identifier(node.name)}_{j}"
        terms = [self._term(name, affine, source, int(i), j, grid) for i in np.flatnonzero(affine.weight[:, j])]
        bias = _bias(affine, j, grid)
        if bias or not terms:
            terms.append(Code(f"ap_int<{signed_width(Interval(bias, bias))}>({bias}LL)", Interval(bias, bias)))
        value = self._tree(f"{name}_sum", terms)
        if affine.accumulator is None:
            return value
        return self._fixed(name, affine.accumulator, value, grid, value.range.overflowed(affine.accumulator))

    def _term(self, name: str, affine: Affine, source: str, i: int, j: int, grid: int) -> Code:
        """Write a product on the sum's grid, rounded to the accumulator where there is one; its wrap is left to the sum."""
        value, weight = self.element(source, i), int(affine.weight[i, j])
        range_, bits = (
            value.range.times(weight),
            self.graph.grids[self.graph.node(source).name][i] + affine.weight_fractional - grid,
        )
        width = signed_width(range_, value.range, Interval(weight, weight))
        product = Code(f"ap_int<{width}>({value.wide(width)} * {weight})", range_)
        if bits <= 0:
            moved = range_.times(1 << -bits)
            return Code(f"({product.wide(signed_width(moved))} << {-bits})", moved) if bits else product
        assert affine.accumulator is not None  # an exact sum is on the finest grid
        kept = range_.rounded(bits, affine.accumulator.rounding)
        integer = signed_width(kept)
        type_ = replace(affine.accumulator, signed=True, width=integer, integer=integer - grid)
        return self._fixed(f"{name}_term_{i}", type_, product, grid + bits, kept)

    def _fixed(self, name: str, type_: FixedPoint, value: Code, grid: int, range_: Interval) -> Code:
        """Write a fixed-point constant that a code is cast to."""
        self.lines.append(f"const {type_} {name} = {value.shifted(grid, type_)};")
        return fixed_code(name, type_, range_)

    def _cast(self, node: Node, type_: FixedPoint, i: int) -> Code:
        """Cast by an ``ap_fixed`` of the type; a table is cast before it is looked up."""
        source = self.graph.node(node.inputs[0])
        if isinstance(source.operation, Lookup):
            return self._look_up(node, source, source.operation, type_, i)
        value, grid = self.element(source.name, i), self.graph.grids[source.name][i]
        target = f"{identifier(node.name)}[{i}]" if node.name in self.arrays else f"{identifier(node.name)}_{i}"
        declared = "" if node.name in self.arrays else f"const {type_} "
        self.lines.append(f"{declared}{target} = {value.shifted(grid, type_)};")
        return fixed_code(target, type_, self._range(node, i))

    def _look_up(self, node: Node, source: Node, lookup: Lookup, type_: FixedPoint, i: int) -> Code:
        address = self.element(source.inputs[0], i)
        self.table.codes, self.table.type = type_.cast(lookup.entries, lookup.fractional), type_
        bits = max(1, (len(lookup.entries) - 1).bit_length())
        width = signed_width(address.range, Interval(-abs(lookup.lowest), abs(lookup.lowest)), Interval(0, len(lookup.entries)))
        index = f"ap_uint<{bits}>({address.wide(width)} - ap_int<{width}>({lookup.lowest}))"
        name = f"{identifier(node.name)}_{i}"
        self.lines += [f"{type_} {name};", f"{name}.range() = score_table[{index}].range();"]
        return fixed_code(name, type_, self._range(node, i))

    def _ratio(self, node: Node, i: int, value: Code, numerator: int, denominator: int) -> Code:
        """Put an angle on another grid: times the ratio, or shifted where that is coarser by a power of two."""
        common = math.gcd(numerator, denominator)
        numerator, denominator = numerator // common, denominator // common
        if denominator & (denominator - 1):
            raise ConversionError(
                f"Phi of {value.name} is {denominator} times finer than another column's, which is not a power of two; use another phi_reference."
            )
        product = value.range.times(numerator)
        width, bits = signed_width(product, value.range), denominator.bit_length() - 1
        expression = value.wide(width) + (f" * {numerator}" if numerator > 1 else "")
        range_ = Interval(product.low >> bits, product.high >> bits)
        return self._let(node, i, f"ap_int<{width}>({expression}) >> {bits}" if bits else expression, range_)

    def _encoded(self, node: Node, i: int, value: Code, code: Minifloat | None) -> Code:
        """Choose the octave from the largest down, by the count's leading bit."""
        if code is None:
            return value
        step, wide = code.linear_bits - code.mantissa_bits, value.wide(value.width)
        octaves = [f"{value.name} >= {code.top}LL ? ap_int<32>({code.largest})"]
        for octave in reversed(range(1, code.octaves - 1)):
            start = 1 << (code.linear_bits + octave)
            octaves.append(
                f"{value.name} >= {start}LL ? ap_int<32>(({wide} >> {step + octave}) + {octave << code.mantissa_bits})"
            )
        return self._let(node, i, " : ".join([*octaves, f"ap_int<32>({wide} >> {step})"]), self._range(node, i))

    def _turned(self, node: Node, i: int, value: Code, period: int) -> Code:
        """Bring an angle into ``[-period / 2, period / 2)``."""
        half, range_ = period // 2, self._range(node, i)
        if period & (period - 1) == 0:
            bits = period.bit_length() - 1
            return self._let(node, i, f"ap_int<{bits}>({value.name})" if bits else "0", range_)
        width = signed_width(value.range, Interval(value.range.low - period, value.range.high + period))
        low, high = (value.range.low + half) // period, (value.range.high + half) // period
        moved = f"ap_int<{width}>({value.wide(width)} + ap_int<{width}>({half}))"
        expression = f"l1ad::remainder<{period}, {low}, {high}, {width}>({moved}) - ap_int<{width}>({half})"
        return self._let(node, i, expression, range_)

    def _folded(self, node: Node, i: int, value: Code, turn: int) -> Code:
        """Bring an angle nearer by one turn where it is half a turn or more away."""
        if not turn or (-turn <= 2 * value.range.low and 2 * value.range.high < turn):
            return value
        width = signed_width(value.range.times(2), Interval(-turn, turn)) + 1
        return self._let(node, i, f"l1ad::folded<{turn}LL, {width}>({value.wide(width)})", self._range(node, i))


def _bias(affine: Affine, j: int, grid: int) -> int:
    """Return a bias on the sum's grid, cast to the accumulator where there is one."""
    if affine.accumulator is None:
        return int(affine.bias[j]) << (grid - affine.bias_fractional)
    return int(affine.accumulator.cast(affine.bias[j], affine.bias_fractional))
