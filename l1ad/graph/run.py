"""Interpret a graph in int64: every node's codes, for any number of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.graph.demand import needed
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

#: What is made of two vectors on one grid.
_PAIRED: Mapping[type, np.ufunc] = {Add: np.add, Subtract: np.subtract, Maximum: np.maximum}


def evaluate(graph: Graph, x_hw: NDArray[np.integer[Any]], given: Mapping[str, IntArray] | None = None) -> dict[str, IntArray]:
    """Compute the integer codes of every node.

    Args:
        graph: whose bounds fit int64 (``l1ad.ranges.require_int64``).
        x_hw: hardware integers in range, shape ``(n_events, n_columns)``; of a graph that begins with them, words of links.
        given: codes of nodes that are not to be computed, as thresholds that have ports; shape ``(n_events, n_elements)`` each.

    Returns:
        int64 by node and further name, each of shape ``(n_events, n_elements)``.
    """
    values: dict[str, IntArray] = {graph.arriving: np.asarray(x_hw, dtype=np.int64)} | dict(given or {})
    for node in needed(graph, values):
        inputs = [values[name] for name in node.inputs]
        grids = [np.array(graph.grids[name], dtype=np.int64) for name in node.inputs]
        values[node.name] = _compute(graph, node, inputs, grids, len(x_hw))
    return values | {name: values[node] for name, node in graph.aliases.items() if node in values}


def _compute(graph: Graph, node: Node, x: list[IntArray], grids: list[IntArray], n_events: int) -> IntArray:
    match node.operation:
        case Constant(codes=codes):
            return np.tile(np.array(codes, dtype=np.int64), (n_events, 1))
        case Gather(elements=elements):
            return np.stack([x[which][:, element] for which, element in elements], axis=1)
        case Add() | Subtract() | Maximum():
            grid = np.array(graph.grids[node.name], dtype=np.int64)
            first, second = x[0] << (grid - grids[0]), x[1] << (grid - grids[1])
            return np.asarray(_PAIRED[type(node.operation)](first, second))
        case Affine() as affine:
            return _affine(affine, x[0], grids[0], graph.grids[node.name][0])
        case Cast(types=types):
            return _cast(types, x[0], graph.grids[node.inputs[0]])
        case Sum():
            return np.asarray((x[0] << (graph.grids[node.name][0] - grids[0])).sum(axis=1, keepdims=True))
        case _:
            return _elementwise(node, x)


def _elementwise(node: Node, x: list[IntArray]) -> IntArray:
    match node.operation:
        case Multiply():
            return x[0] * x[1]
        case NotBelow():
            return (x[0] >= x[1]).astype(np.int64)
        case Gate():
            return np.where(x[1] != 0, x[0], 0)
        case Encode(codes=codes):
            return np.stack([x[0][:, i] if code is None else code.encode(x[0][:, i]) for i, code in enumerate(codes)], axis=1)
        case Relu():
            return np.maximum(x[0], 0)
        case NotZero():
            return (x[0] != 0).astype(np.int64)
        case AtLeast(least=least):
            return (x[0] >= np.array(least, dtype=np.int64)).astype(np.int64)
        case Ratio(numerator=numerator, denominator=denominator):
            return x[0] * np.array(numerator, dtype=np.int64) // np.array(denominator, dtype=np.int64)
        case Turn(period=period):
            turn = np.array(period, dtype=np.int64)
            return np.mod(x[0] + turn // 2, turn) - turn // 2
        case Fold(period=period):
            turn = np.array(period, dtype=np.int64)
            return x[0] + turn * (2 * x[0] < -turn) - turn * (2 * x[0] >= turn)
        case Lookup(entries=entries, lowest=lowest):
            return entries[x[0] - lowest]
        case MovePoint():
            return x[0]
        case operation:
            raise TypeError(f"No int64 meaning of {type(operation).__name__}.")


def _affine(affine: Affine, x: IntArray, grids: IntArray, grid: int) -> IntArray:
    """Sum products and bias: exactly on the finest grid, or each cast to the accumulator first."""
    if affine.accumulator is None:
        aligned = x << (grids.max() - grids)
        product = int(grids.max()) + affine.weight_fractional
        return np.asarray(((aligned @ affine.weight) << (grid - product)) + (affine.bias << (grid - affine.bias_fractional)))
    total = np.tile(affine.accumulator.cast(affine.bias, affine.bias_fractional), (len(x), 1))
    for i, weights in enumerate(affine.weight):
        total += affine.accumulator.cast(x[:, i : i + 1] * weights, int(grids[i]) + affine.weight_fractional)
    return affine.accumulator.overflowed(total)


def _cast(types: tuple[FixedPoint, ...], x: IntArray, grids: tuple[int, ...]) -> IntArray:
    """Cast each element; elements of one type on one grid go together."""
    if len(set(types)) == 1 and len(set(grids)) == 1:
        return types[0].cast(x, grids[0])
    return np.stack([type_.cast(x[:, i], grid) for i, (type_, grid) in enumerate(zip(types, grids, strict=True))], axis=1)
