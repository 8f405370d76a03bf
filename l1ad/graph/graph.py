"""A graph of operations with named inputs, checked when it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from l1ad.core.errors import ModelError
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
    Hold,
    Input,
    Lookup,
    Maximum,
    MovePoint,
    Multiply,
    NotBelow,
    Operation,
    Ratio,
    Relu,
    Subtract,
    Sum,
    Turn,
    Weighted,
)

#: Names of the nodes that come from outside: hardware integers, thresholds that have ports, and words of links instead of the integers.
HARDWARE, THRESHOLDS, WORDS = "hardware", "thresholds", "words"

#: How many inputs an operation takes; every other takes one.
_ARITY: Mapping[type, int] = {Input: 0, Constant: 0, Add: 2, Subtract: 2, Maximum: 2, Multiply: 2, Gate: 2, NotBelow: 2}


@dataclass(frozen=True, slots=True)
class Node:
    """Name an operation and the nodes it reads."""

    name: str
    operation: Operation
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes in an order of computation.

    Attributes:
        nodes: every node after those it reads.
        outputs: names of the nodes that are read from outside.
        aliases: further names of nodes, by the further name.
        grids: fractional bits of each element, by node.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)
    grids: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def arriving(self) -> str:
        """Name of the node that an event arrives at: words of links where the graph begins with them, else hardware integers."""
        return WORDS if WORDS in self.grids else HARDWARE

    def node(self, name: str) -> Node:
        """Find a node by its name or a further one.

        Raises:
            ModelError: there is none.
        """
        wanted = self.aliases.get(name, name)
        found = next((node for node in self.nodes if node.name == wanted), None)
        if found is None:
            raise ModelError(f"The graph has no node {name!r}; its nodes are {', '.join(node.name for node in self.nodes)}.")
        return found


def make_graph(nodes: Iterable[Node], outputs: tuple[str, ...], aliases: Mapping[str, str] | None = None) -> Graph:
    """Put nodes in an order of computation and check that they fit each other.

    Args:
        nodes: in any order, with unique names.
        outputs: names of the nodes that are read from outside; every other node needs a consumer.
        aliases: further names of nodes, by the further name.

    Raises:
        ModelError: names the node: defined twice, reading what is not there, in a cycle, without a consumer, or of a shape that
            does not fit its operation.
    """
    by_name: dict[str, Node] = {}
    for node in nodes:
        if node.name in by_name:
            raise ModelError(f"Node {node.name!r} is defined twice; give each node a name of its own.")
        by_name[node.name] = node
    ordered = _ordered(by_name)
    _check_consumers(by_name, outputs)
    grids: dict[str, tuple[int, ...]] = {}
    for node in ordered:
        grids[node.name] = node_grid(node, grids)
    return Graph(tuple(ordered), outputs, dict(aliases or {}), grids)


def _ordered(by_name: Mapping[str, Node]) -> list[Node]:
    """Sort topologically, in the given order where it is one already."""
    for node in by_name.values():
        for name in node.inputs:
            if name not in by_name:
                raise ModelError(f"Node {node.name!r} reads {name!r}, which is not a node of the graph.")
    sorter = TopologicalSorter({node.name: node.inputs for node in by_name.values()})
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        raise ModelError(
            f"Node {error.args[1][0]!r} reads its own output through {' → '.join(error.args[1])}; cut the cycle."
        ) from None
    placed: set[str] = set()
    for name in by_name:
        if not set(by_name[name].inputs) <= placed:
            return [by_name[found] for found in order]
        placed.add(name)
    return list(by_name.values())


def _check_consumers(by_name: Mapping[str, Node], outputs: tuple[str, ...]) -> None:
    read = {name for node in by_name.values() for name in node.inputs} | set(outputs)
    for name in outputs:
        if name not in by_name:
            raise ModelError(f"Output {name!r} is not a node of the graph.")
    for node in by_name.values():
        if node.name not in read:
            raise ModelError(f"Node {node.name!r} has no consumer and is not an output; connect it or leave it out.")


def node_grid(node: Node, grids: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Compute the fractional bits of a node's elements.

    Args:
        node: the node.
        grids: those of the nodes before it.

    Raises:
        ModelError: names the node: its inputs are of a number, shape or grid that its operation does not take.
    """
    inputs = [grids[name] for name in node.inputs]
    wanted = _ARITY.get(type(node.operation), 1)
    if not isinstance(node.operation, Gather) and len(inputs) != wanted:
        raise ModelError(f"Node {node.name!r} ({type(node.operation).__name__}) needs {wanted} inputs, got {len(inputs)}.")
    match node.operation:
        case Input(low=low, fractional=fractional):
            return (fractional,) * len(low)
        case Constant(fractional=fractional):
            return fractional
        case Gather(elements=elements):
            return _gathered(node.name, elements, inputs)
        case Affine() as affine:
            return _affine_grid(node.name, affine, inputs[0])
        case Weighted(n_in=n_in, n_out=n_out):
            _same_length(node.name, len(inputs[0]), n_in)
            return (0,) * n_out
        case Cast(types=types):
            _same_length(node.name, len(inputs[0]), len(types))
            return tuple(type_.fractional for type_ in types)
        case MovePoint(shift=shift):
            _same_length(node.name, len(inputs[0]), len(shift))
            return tuple(f + s for f, s in zip(inputs[0], shift, strict=True))
        case Lookup(fractional=fractional):
            return (fractional,) * len(inputs[0])
        case Sum():
            return (max(inputs[0]),)
        case _:
            return _elementwise(node, inputs)


def _elementwise(node: Node, inputs: list[tuple[int, ...]]) -> tuple[int, ...]:
    match node.operation:
        case Add() | Subtract() | Maximum():
            _same_length(node.name, *map(len, inputs))
            return tuple(max(pair) for pair in zip(*inputs, strict=True))
        case Multiply():
            _same_length(node.name, *map(len, inputs))
            return tuple(sum(pair) for pair in zip(*inputs, strict=True))
        case Gate():
            _same_length(node.name, *map(len, inputs))
            return inputs[0]
        case NotBelow():
            if inputs[0] != inputs[1]:
                raise ModelError(f"Node {node.name!r} compares grids {inputs[0]!r} and {inputs[1]!r}; bring both to one grid.")
            return (0,) * len(inputs[0])
        case Ratio(numerator=per) | Turn(period=per) | Fold(period=per) | Encode(codes=per):
            _same_length(node.name, len(inputs[0]), len(per))
            return inputs[0]
        case AtLeast(least=least):
            _same_length(node.name, len(inputs[0]), len(least))
            return (0,) * len(least)
        case Hold(low=low):
            _same_length(node.name, len(inputs[0]), len(low))
            return inputs[0]
        case Relu():
            return inputs[0]
        case _:
            return (0,) * len(inputs[0])


def _same_length(name: str, first: int, second: int) -> None:
    if first != second:
        raise ModelError(f"Node {name!r} gets {first} elements where {second} fit; give both the same shape.")


def _gathered(name: str, elements: tuple[tuple[int, int], ...], inputs: list[tuple[int, ...]]) -> tuple[int, ...]:
    for which, element in elements:
        if not (0 <= which < len(inputs) and 0 <= element < len(inputs[which])):
            raise ModelError(f"Node {name!r} takes element {element} of input {which}, which is not there.")
    return tuple(inputs[which][element] for which, element in elements)


def _affine_grid(name: str, affine: Affine, inputs: tuple[int, ...]) -> tuple[int, ...]:
    n_in, n_out = affine.weight.shape
    if n_in != len(inputs):
        raise ModelError(f"Node {name!r} has weights for {n_in} inputs, got {len(inputs)}.")
    if affine.bias.shape != (n_out,):
        raise ModelError(f"Node {name!r} needs {n_out} biases, got shape {affine.bias.shape!r}.")
    if affine.accumulator is not None:
        return (affine.accumulator.fractional,) * n_out
    return (max(max(inputs) + affine.weight_fractional, affine.bias_fractional),) * n_out
