"""Interpret a graph in TensorFlow, in float32, for several networks side by side; rounding passes gradients straight through.

The operations are those of the chip, in the order of the chip; what happens to integers before the input type's cast is computed in int64
beforehand and given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.fixed import FixedPoint
from l1ad.graph.demand import needed
from l1ad.graph.graph import Graph, Node
from l1ad.graph.operations import (
    Add,
    Cast,
    Curve,
    Fold,
    Gate,
    Gather,
    Hold,
    Maximum,
    Multiply,
    Relu,
    Subtract,
    Sum,
    Weighted,
)
from l1ad.qkeras.quantisers import quantise
from l1ad.training.normalisation import EPSILON


@dataclass(frozen=True, slots=True)
class Variables:
    """What a ``Weighted`` node is run with.

    Attributes:
        weight: float32 tensor ``(n_seeds, n_in, n_out)``.
        bias: ``(n_seeds, 1, n_out)``.
        weight_types: the type that the weights of each network are quantised to; none for float.
        bias_types: the same of the biases.
        normalised: whether the sums are normalised over the events given, before the bias.
        digits: most signed digits of each quantised weight; None for any.
    """

    weight: Any
    bias: Any
    weight_types: Sequence[FixedPoint] = ()
    bias_types: Sequence[FixedPoint] = ()
    normalised: bool = False
    digits: int | None = None


def evaluate_tensors(
    tf: Any,
    graph: Graph,
    given: Mapping[str, Any],
    variables: Mapping[str, Variables] | None = None,
    types: Mapping[str, Sequence[FixedPoint]] | None = None,
) -> dict[str, Any]:
    """Compute the values of every node that the graph's outputs rest on.

    Args:
        tf: TensorFlow.
        graph: the graph.
        given: values of nodes that are not to be computed, float32 tensors with axes (network, event, element).
        variables: what each ``Weighted`` node is run with.
        types: the types of a ``Cast`` node for each network, in place of its own: of one width, with binary points of their own.

    Returns:
        By node and further name, axes (network, event, element).
    """
    values = dict(given)
    nodes = {node.name: node for node in graph.nodes}
    for node in needed(graph, values):
        x = [values[name] for name in node.inputs]
        match node.operation:
            case Weighted():
                values[node.name] = _weighted(tf, x[0], (variables or {})[node.name])
            case Cast(types=own):
                chosen = (types or {}).get(node.name) or _one_type(node.name, own)
                rectified = isinstance(nodes[node.inputs[0]].operation, Relu)
                values[node.name] = quantise(tf, x[0], chosen, keep_gradient=not rectified)
            case Fold(period=period):
                values[node.name] = _folded(tf, x[0], np.ldexp(period, [-grid for grid in graph.grids[node.name]]))
            case _:
                values[node.name] = _compute(tf, node, x)
    return values | {name: values[node] for name, node in graph.aliases.items() if node in values}


def _compute(tf: Any, node: Node, x: Sequence[Any]) -> Any:
    match node.operation:
        case Gather(elements=elements):
            return _gathered(tf, elements, x)
        case Add():
            return x[0] + x[1]
        case Subtract():
            return x[0] - x[1]
        case Maximum():
            return tf.maximum(x[0], x[1])
        case Multiply() | Gate():
            return x[0] * x[1]
        case Relu():
            return tf.nn.relu(x[0])
        case Hold(low=low, high=high):
            return tf.clip_by_value(x[0], _constant(tf, low), _constant(tf, high))
        case Curve(values=values):
            return values(x[0], tf.exp)
        case Sum():
            return tf.reduce_sum(x[0], axis=-1, keepdims=True)
        case operation:
            raise TypeError(f"No training of {type(operation).__name__}.")


def _constant(tf: Any, values: Sequence[float]) -> Any:
    """Make a constant of one number where all are alike, else one for each element."""
    return values[0] if len(set(values)) == 1 else tf.constant(np.array(values, dtype=np.float32))


def _one_type(name: str, types: Sequence[FixedPoint]) -> FixedPoint:
    if len(set(types)) > 1:
        raise TypeError(f"No training of {name!r}, whose elements have types of their own.")
    return types[0]


def _gathered(tf: Any, elements: Sequence[tuple[int, int]], x: Sequence[Any]) -> Any:
    """Take elements in slices as long as they go: the gradient of a slice is far cheaper than that of a gather."""
    starts = [i for i, (which, at) in enumerate(elements) if i == 0 or elements[i - 1] != (which, at - 1)]
    parts = []
    for start, end in zip(starts, [*starts[1:], len(elements)], strict=True):
        which, first = elements[start]
        whole = first == 0 and end - start == x[which].shape[-1]
        parts.append(x[which] if whole else x[which][..., first : first + end - start])
    return parts[0] if len(parts) == 1 else tf.concat(parts, axis=-1)


def _folded(tf: Any, x: Any, turn: Any) -> Any:
    """Bring angles nearer by one turn; which turn is not a function that has a slope."""
    if not turn.any():
        return x
    period = tf.constant(turn.astype(np.float32))
    steps = tf.cast(2.0 * x < -period, tf.float32) - tf.cast((2.0 * x >= period) & (period > 0.0), tf.float32)
    return x + tf.stop_gradient(steps) * period


def _weighted(tf: Any, x: Any, given: Variables) -> Any:
    weight, bias = given.weight, given.bias
    if given.weight_types:
        weight = quantise(tf, weight, given.weight_types, keep_gradient=True, digits=given.digits)
        bias = quantise(tf, bias, given.bias_types, keep_gradient=True)
    values = tf.matmul(x, weight)
    if given.normalised:
        mean, variance = tf.nn.moments(values, axes=[1], keepdims=True)
        values = (values - mean) * tf.math.rsqrt(variance + EPSILON)
    return values + bias
