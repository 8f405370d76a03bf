"""Interpret a graph in intervals: prove the range of every element of every node over all hardware inputs that can arrive."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from l1ad.core.codes import Minifloat
from l1ad.core.fixed import FixedPoint, Rounding
from l1ad.graph.graph import Graph, Node
from l1ad.graph.interval import Interval, total
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
    Input,
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

Intervals = tuple[Interval, ...]
ZERO = Interval(0, 0)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a node's elements can be.

    Attributes:
        needed: codes after rounding and before overflow, for each element.
        values: codes after overflow, for each element.
        intermediate: largest absolute integer met on the way.
    """

    needed: Intervals
    values: Intervals
    intermediate: int


def bounds(graph: Graph) -> dict[str, Bound]:
    """Propagate the inputs' ranges through a graph.

    Bounds are attained up to the first sums (inputs are independent there) and safe after that: correlations between elements are
    not used, but that of an element with itself in a square is.

    Returns:
        By node and further name.
    """
    found: dict[str, Bound] = {}
    for node in graph.nodes:
        inputs = [found[name].values for name in node.inputs]
        grids = [graph.grids[name] for name in node.inputs]
        found[node.name] = _bound(node, inputs, grids, graph.grids[node.name])
    return found | {name: found[node] for name, node in graph.aliases.items()}


def _bound(node: Node, x: list[Intervals], grids: list[tuple[int, ...]], grid: tuple[int, ...]) -> Bound:
    match node.operation:
        case Cast(types=types):
            return _cast(types, x[0], grids[0])
        case Affine() as affine:
            return _affine(affine, x[0], grids[0], grid[0])
        case Add() | Subtract() | Maximum():
            return _exact(_pairs(_PAIRED[type(node.operation)], x, grids, grid))
        case Sum():
            return _exact((total(i.times(1 << (grid[0] - f)) for i, f in zip(x[0], grids[0], strict=True)),))
        case Lookup() as lookup:
            return _exact(tuple(_looked_up(lookup, i) for i in x[0]))
        case Ratio(numerator=numerator, denominator=denominator):
            return _ratios(x[0], numerator, denominator)
        case _:
            return _exact(_elementwise(node, x))


def _exact(values: Intervals) -> Bound:
    return Bound(values, values, max(i.magnitude for i in values))


def _elementwise(node: Node, x: list[Intervals]) -> Intervals:
    match node.operation:
        case Input(low=low, high=high):
            return tuple(Interval(a, b) for a, b in zip(low, high, strict=True))
        case Constant(codes=codes):
            return tuple(Interval(code, code) for code in codes)
        case Gather(elements=elements):
            return tuple(x[which][element] for which, element in elements)
        case Multiply():
            same = node.inputs[0] == node.inputs[1]
            return tuple(a.squared() if same else a.product(b) for a, b in zip(*x, strict=True))
        case NotBelow():
            return tuple(Interval(int(a.low >= b.high), int(a.high >= b.low)) for a, b in zip(*x, strict=True))
        case Gate():
            return tuple(_gated(value, by) for value, by in zip(*x, strict=True))
        case Turn(period=period):
            return tuple(_turned(i, turn) for i, turn in zip(x[0], period, strict=True))
        case Fold(period=period):
            return tuple(i.folded(turn) if turn else i for i, turn in zip(x[0], period, strict=True))
        case Encode(codes=codes):
            return tuple(i if code is None else _encoded(i, code) for i, code in zip(x[0], codes, strict=True))
        case Relu():
            return tuple(i.rectified() for i in x[0])
        case MovePoint():
            return x[0]
        case NotZero():
            return tuple(Interval(int(i.low > 0 or i.high < 0), int(i != ZERO)) for i in x[0])
        case AtLeast(least=least):
            return tuple(Interval(int(i.low >= at), int(i.high >= at)) for i, at in zip(x[0], least, strict=True))
        case operation:
            raise TypeError(f"No interval meaning of {type(operation).__name__}.")


def _encoded(value: Interval, code: Minifloat) -> Interval:
    low, high = code.encode(np.array([value.low, value.high], dtype=np.int64))
    return Interval(int(low), int(high))


def _gated(value: Interval, by: Interval) -> Interval:
    if by == ZERO:
        return ZERO
    return value if by.low > 0 or by.high < 0 else value.hull(ZERO)


def _turned(angle: Interval, period: int) -> Interval:
    inside = Interval(-(period // 2), period - 1 - period // 2)
    return angle if inside.low <= angle.low and angle.high <= inside.high else inside


#: The interval of what is made of two elements on one grid.
_PAIRED: Mapping[type, Callable[[Interval, Interval], Interval]] = {
    Add: lambda a, b: a + b,
    Subtract: lambda a, b: a - b,
    Maximum: lambda a, b: Interval(max(a.low, b.low), max(a.high, b.high)),
}


def _pairs(
    operate: Callable[[Interval, Interval], Interval], x: list[Intervals], grids: list[tuple[int, ...]], grid: tuple[int, ...]
) -> Intervals:
    first, second = (
        [i.times(1 << (to - f)) for i, f, to in zip(values, own, grid, strict=True)] for values, own in zip(x, grids, strict=True)
    )
    return tuple(operate(a, b) for a, b in zip(first, second, strict=True))


def _ratios(x: Intervals, numerator: tuple[int, ...], denominator: tuple[int, ...]) -> Bound:
    products = [i.times(n) for i, n in zip(x, numerator, strict=True)]
    values = tuple(Interval(i.low // d, i.high // d) for i, d in zip(products, denominator, strict=True))
    return Bound(values, values, max(i.magnitude for i in products))


def _looked_up(lookup: Lookup, address: Interval) -> Interval:
    reach = lookup.entries[address.low - lookup.lowest : address.high - lookup.lowest + 1]
    return Interval(int(reach.min()), int(reach.max()))


def _cast(types: tuple[FixedPoint, ...], x: Intervals, grids: tuple[int, ...]) -> Bound:
    triples = list(zip(types, x, grids, strict=True))
    needed = tuple(i.rounded(grid - type_.fractional, type_.rounding) for type_, i, grid in triples)
    values = tuple(i.overflowed(type_) for type_, i in zip(types, needed, strict=True))
    return Bound(needed, values, max(i.magnitude for i in (*x, *needed)))


def _affine(affine: Affine, x: Intervals, grids: tuple[int, ...], grid: int) -> Bound:
    """Bound each sum; a wrapping accumulator's partial sums may wrap without harm, so only the whole sum counts."""
    columns = [affine_terms(affine, x, grids, grid, j) for j in range(affine.weight.shape[1])]
    needed = tuple(total(terms) for terms in columns)
    values = needed if affine.accumulator is None else tuple(i.overflowed(affine.accumulator) for i in needed)
    largest = [i.magnitude * int(np.abs(affine.weight[k]).max(initial=0)) for k, i in enumerate(x)]
    return Bound(needed, values, max(*(sum(term.magnitude for term in terms) for terms in columns), *largest))


def affine_terms(affine: Affine, x: Sequence[Interval], grids: Sequence[int], grid: int, neuron: int) -> list[Interval]:
    """Return the ranges of one output's products and, last, its bias, on the sum's grid.

    Args:
        affine: the operation.
        x: range of each input's codes.
        grids: fractional bits of each input.
        grid: fractional bits of the sum.
        neuron: which output.
    """
    rounding = Rounding.TRN if affine.accumulator is None else affine.accumulator.rounding
    products = [
        i.times(int(w)).rounded(f + affine.weight_fractional - grid, rounding)
        for i, f, w in zip(x, grids, affine.weight[:, neuron], strict=True)
    ]
    bias = int(affine.bias[neuron])
    return [*products, Interval(bias, bias).rounded(affine.bias_fractional - grid, rounding)]
