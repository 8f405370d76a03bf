"""Interpret a graph in alkaid's symbolic variables: every operation's logic, element by element, only where it is read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Overflow
from l1ad.graph.demand import Masks
from l1ad.graph.graph import Graph, Node
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
from l1ad.rtl.arithmetic import divided, encoded, folded, not_below, relu, square, table, total, turned, weighted_sums
from l1ad.rtl.quantise import Variable, cast, choose, constant, flag, is_constant, plus

#: A node's element.
Element = tuple[str, int]


class Interpreter:
    """Compute elements of a graph's nodes from given ones, each once."""

    def __init__(self, graph: Graph, given: Mapping[Element, Variable], read: Masks) -> None:
        """Start from given elements; ``read`` says which elements of each node anyone needs."""
        self._graph = graph
        self._nodes = {node.name: node for node in graph.nodes}
        self._values: dict[Element, Variable] = dict(given)
        self._like = next(iter(given.values()))
        self._read = read

    def element(self, name: str, index: int) -> Variable:
        """Compute an element.

        Raises:
            ConversionError: it rests on an input that is not given, or alkaid cannot hold a constant or a table.
        """
        if (name, index) not in self._values:
            node = self._nodes[name]
            if isinstance(node.operation, Affine):
                self._affine(node, node.operation)
            else:
                self._values[name, index] = self._compute(node, index)
        return self._values[name, index]

    def _compute(self, node: Node, i: int) -> Variable:
        match node.operation:
            case Constant(codes=codes, fractional=fractional):
                return constant(self._like, codes[i] * 2.0 ** -fractional[i])
            case Gather(elements=elements):
                return self.element(node.inputs[elements[i][0]], elements[i][1])
            case Cast(types=types):
                return self._cast(node, types[i], i)
            case Sum():
                source = node.inputs[0]
                return total([self.element(source, k) for k in range(len(self._graph.grids[source]))])
            case Add() | Subtract() | Maximum() | Multiply() | Gate() | NotBelow():
                return self._pair(node, self.element(node.inputs[0], i), self.element(node.inputs[1], i))
            case _ if node.inputs:
                return self._single(node, self.element(node.inputs[0], i), i)
            case _:
                raise ConversionError(f"Element {i} of {node.name!r} comes from outside and is not given.")

    def _pair(self, node: Node, a: Variable, b: Variable) -> Variable:
        match node.operation:
            case Add():
                return plus(a, b.low) if is_constant(b) else a + b
            case Subtract():
                return plus(a, -b.low) if is_constant(b) else a - b
            case Multiply():
                return square(a) if node.inputs[0] == node.inputs[1] else a * b
            case NotBelow():
                return a >= b
            case Maximum():
                return choose(a >= b, a, b)
            case _:
                return choose(b, a, 0.0)

    def _single(self, node: Node, value: Variable, i: int) -> Variable:
        grid = self._graph.grids[node.inputs[0]][i]
        match node.operation:
            case MovePoint(shift=shift):
                return value * 2.0 ** -shift[i]
            case Ratio(numerator=numerator, denominator=denominator):
                return divided(value, numerator[i], denominator[i])
            case Turn(period=period):
                return turned(value, period[i])
            case Fold(period=period):
                return folded(value, period[i] * 2.0**-grid) if period[i] else value
            case Encode(codes=codes):
                return encoded(value, codes[i])
            case Relu():
                return relu(value)
            case NotZero():
                return flag(value)
            case AtLeast(least=least):
                return not_below(value, least[i] * 2.0**-grid)
            case operation:
                raise TypeError(f"No logic of {type(operation).__name__}.")

    def _cast(self, node: Node, type_: FixedPoint, i: int) -> Variable:
        """Cast; a table is cast before it is looked up, and an unsigned type that does not wrap rectifies by itself."""
        source = self._nodes[node.inputs[0]]
        if isinstance(source.operation, Lookup) and (source.name, i) not in self._values:
            return self._look_up(source, source.operation, type_, i)
        clips = not type_.signed and type_.overflow is not Overflow.WRAP
        if isinstance(source.operation, Relu) and clips:
            return cast(self.element(source.inputs[0], i), type_)
        return cast(self.element(source.name, i), type_)

    def _look_up(self, node: Node, lookup: Lookup, type_: FixedPoint, i: int) -> Variable:
        """Look up an address, for the values it can have."""
        address = self.element(node.inputs[0], i)
        step = 2.0 ** -self._graph.grids[node.inputs[0]][i]
        first, last = (round(bound / step) - lookup.lowest for bound in (address.low, address.high))
        entries = type_.cast(lookup.entries[first : last + 1 : round(address.step / step) or 1], lookup.fractional)
        return table(address, type_.from_int(entries), repr(node.name))

    def _affine(self, node: Node, affine: Affine) -> None:
        """Compute all sums that are read, together: they share what they have in common."""
        outputs = np.flatnonzero(self._read[node.name])
        inputs = np.flatnonzero(self._read[node.inputs[0]])
        part = Affine(
            affine.weight[np.ix_(inputs, outputs)],
            affine.weight_fractional,
            affine.bias[outputs],
            affine.bias_fractional,
            affine.accumulator,
        )
        sums = weighted_sums([self.element(node.inputs[0], int(i)) for i in inputs], part)
        self._values |= {(node.name, int(j)): value for j, value in zip(outputs, sums, strict=True)}
