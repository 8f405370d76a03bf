"""Interpret a graph in float64: every node's values, quantised by ``FixedPoint.quantise`` from floats and not from integer codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.graph.demand import needed
from l1ad.graph.graph import Graph, Node
from l1ad.graph.operations import (
    Add,
    Affine,
    AtLeast,
    Cast,
    Constant,
    Curve,
    Encode,
    Fold,
    Gate,
    Gather,
    Hold,
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
    Weighted,
)


def evaluate_float(
    graph: Graph,
    x_hw: NDArray[np.integer[Any]],
    given: Mapping[str, FloatArray] | None = None,
    weights: Mapping[str, tuple[FloatArray, FloatArray]] | None = None,
) -> dict[str, FloatArray]:
    """Compute the value of every node; exact while no intermediate needs more than 53 bits.

    Args:
        graph: the graph.
        x_hw: hardware integers in range, shape ``(n_events, n_columns)``; of a graph that begins with them, words of links.
        given: values of nodes that are not to be computed, as thresholds that have ports; shape ``(n_events, n_elements)`` each.
        weights: those of each ``Weighted`` node and its biases, shapes ``(n_in, n_out)`` and ``(n_out,)``.

    Returns:
        float64 by node and further name, each of shape ``(n_events, n_elements)``.
    """
    values: dict[str, FloatArray] = {graph.arriving: np.asarray(x_hw, dtype=np.float64)} | dict(given or {})
    for node in needed(graph, values):
        inputs = [values[name] for name in node.inputs]
        if isinstance(node.operation, Weighted):
            weight, bias = (weights or {})[node.name]
            values[node.name] = inputs[0] @ weight + bias
        else:
            values[node.name] = _compute(graph, node, inputs, len(x_hw))
    return values | {name: values[node] for name, node in graph.aliases.items() if node in values}


def _compute(graph: Graph, node: Node, x: list[FloatArray], n_events: int) -> FloatArray:
    match node.operation:
        case Constant(codes=codes, fractional=fractional):
            return np.tile(np.ldexp(np.array(codes, dtype=np.float64), -np.array(fractional)), (n_events, 1))
        case Gather(elements=elements):
            return np.stack([x[which][:, element] for which, element in elements], axis=1)
        case Affine() as affine:
            return _affine(affine, x[0])
        case Cast(types=types):
            return _cast(types, x[0])
        case AtLeast(least=least):
            return (x[0] >= np.ldexp(np.array(least, dtype=np.float64), -_grid(graph, node.inputs[0]))).astype(np.float64)
        case Lookup(entries=entries, fractional=fractional, lowest=lowest):
            address = np.ldexp(x[0], _grid(graph, node.inputs[0])).astype(np.int64) - lowest
            return np.ldexp(entries[address].astype(np.float64), -fractional)
        case Turn(period=period) | Fold(period=period):
            return _wound(node, x[0], np.array(period), _grid(graph, node.name))
        case MovePoint(shift=shift):
            return np.ldexp(x[0], -np.array(shift))
        case _:
            return _elementwise(node, x)


def _grid(graph: Graph, name: str) -> NDArray[np.int64]:
    return np.array(graph.grids[name], dtype=np.int64)


def _elementwise(node: Node, x: list[FloatArray]) -> FloatArray:
    match node.operation:
        case Add():
            return x[0] + x[1]
        case Subtract():
            return x[0] - x[1]
        case Maximum():
            return np.maximum(x[0], x[1])
        case Multiply():
            return x[0] * x[1]
        case NotBelow():
            return (x[0] >= x[1]).astype(np.float64)
        case Gate():
            return np.where(x[1] != 0, x[0], 0.0)
        case Encode(codes=codes):
            columns = [x[0][:, i] if code is None else code.encode(x[0][:, i].astype(np.int64)) for i, code in enumerate(codes)]
            return np.stack(columns, axis=1).astype(np.float64)
        case Relu():
            return np.maximum(x[0], 0.0)
        case NotZero():
            return (x[0] != 0).astype(np.float64)
        case Hold(low=low, high=high):
            return np.clip(x[0], low, high)
        case Curve(values=values):
            return np.asarray(values(x[0], np.exp))
        case Sum():
            return np.asarray(x[0].sum(axis=1, keepdims=True))
        case Ratio(numerator=numerator, denominator=denominator):
            return np.floor(x[0] * np.array(numerator) / np.array(denominator))
        case operation:
            raise TypeError(f"No float64 meaning of {type(operation).__name__}.")


def _wound(node: Node, x: FloatArray, period: NDArray[np.int64], grid: NDArray[np.int64]) -> FloatArray:
    """Bring angles into one turn, or one turn nearer."""
    turn = np.ldexp(period.astype(np.float64), -grid)
    if isinstance(node.operation, Fold):
        return x + turn * (2 * x < -turn) - turn * (2 * x >= turn)
    half = np.ldexp((period // 2).astype(np.float64), -grid)
    return np.mod(x + half, turn) - half


def _affine(affine: Affine, x: FloatArray) -> FloatArray:
    weight = np.ldexp(affine.weight.astype(np.float64), -affine.weight_fractional)
    bias = np.ldexp(affine.bias.astype(np.float64), -affine.bias_fractional)
    if affine.accumulator is None:
        return np.asarray(x @ weight + bias)
    total = np.tile(affine.accumulator.quantise(bias), (len(x), 1))
    for i, row in enumerate(weight):
        total += affine.accumulator.quantise(x[:, i : i + 1] * row)
    return affine.accumulator.quantise(total)


def _cast(types: tuple[FixedPoint, ...], x: FloatArray) -> FloatArray:
    if len(set(types)) == 1:
        return types[0].quantise(x)
    return np.stack([type_.quantise(x[:, i]) for i, type_ in enumerate(types)], axis=1)
