"""Propagate the hardware ranges through scaling, every accumulator, result and output, and the score."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Dense, Network
from l1ad.core.plain import Plain
from l1ad.graph import Bound, Graph, Interval, bounds, lower, smallest_type
from l1ad.graph.interval import hull

#: The declared type of a node: one for all its elements, one for each, or None where everything is kept.
Types = FixedPoint | tuple[FixedPoint, ...] | None


@dataclass(frozen=True, slots=True)
class RangeRow(Plain):
    """What an artefact says of a node's range: as ``NodeRange``, with types as text and the hull of all elements."""

    node: str
    elements: int
    low: int
    high: int
    fractional: int
    type: str | None
    minimal: str | None
    can_wrap: bool
    can_saturate: bool


@dataclass(frozen=True, slots=True)
class NodeRange:
    """What a node's values can be.

    Attributes:
        node: its name, as ``spec.reference.evaluate`` gives it.
        type: the declared type; None where everything is kept.
        fractional: fractional bits of the codes.
        needed: for each element, the codes after rounding and before overflow.
        values: for each element, the codes after overflow.
        intermediate: largest absolute integer met on the way to ``needed``.
    """

    node: str
    type: FixedPoint | None
    fractional: int
    needed: tuple[Interval, ...]
    values: tuple[Interval, ...]
    intermediate: int

    @property
    def low(self) -> int:
        """The smallest code of any element, before overflow."""
        return hull(self.needed).low

    @property
    def high(self) -> int:
        """The largest code of any element, before overflow."""
        return hull(self.needed).high

    @property
    def minimal(self) -> FixedPoint | None:
        """The narrowest type on this grid that holds every element; None above 62 bits."""
        type_ = smallest_type(self.low, self.high, self.fractional)
        return type_ if self.type is None or type_ is None else type_.with_modes(self.type.rounding, self.type.overflow)

    @property
    def overflows(self) -> bool:
        """Whether an element can leave the declared type."""
        return self.first_outside is not None

    @property
    def can_wrap(self) -> bool:
        """Whether an element can wrap."""
        return self.type is not None and self.type.overflow is Overflow.WRAP and self.overflows

    @property
    def can_saturate(self) -> bool:
        """Whether an element can saturate (in any of the three ways)."""
        return self.type is not None and self.type.overflow is not Overflow.WRAP and self.overflows

    @property
    def first_outside(self) -> int | None:
        """The first element that can leave the declared type."""
        if self.type is None:
            return None
        return next((i for i, interval in enumerate(self.needed) if interval.overflowed(self.type) != interval), None)

    @property
    def row(self) -> RangeRow:
        """What an artefact says of it."""
        return RangeRow(
            node=self.node,
            elements=len(self.needed),
            low=self.low,
            high=self.high,
            fractional=self.fractional,
            type=None if self.type is None else str(self.type),
            minimal=None if self.minimal is None else str(self.minimal),
            can_wrap=self.can_wrap,
            can_saturate=self.can_saturate,
        )


def sum_fractional(layer: Dense, fractional: int) -> int:
    """Return the fractional bits of a layer's sum.

    Args:
        layer: the layer.
        fractional: fractional bits of its input.
    """
    if layer.accumulator is not None:
        return layer.accumulator.fractional
    return max(fractional + layer.weight_type.fractional, layer.bias_type.fractional)


def prove(network: Network) -> tuple[NodeRange, ...]:
    """Return the range of every node over all representable hardware inputs, in order of computation.

    Returns:
        The nodes of ``l1ad.spec.reference.evaluate``, and ``table``; what an unnamed step before one meets counts as its intermediate.
    """
    graph = lower(network)
    found = bounds(graph)
    types = _types(network)
    nodes: list[NodeRange] = []
    met = 0
    for name in _in_order(graph):
        bound = found[name]
        met = max(met, bound.intermediate)
        if name in types:
            nodes += _reported(name, types[name], graph.grids[graph.node(name).name], bound, met)
            met = 0
    return tuple(nodes)


def _reported(name: str, type_: Types, grid: tuple[int, ...], bound: Bound, met: int) -> list[NodeRange]:
    """Describe a node: as a whole, or each of its elements where they have types of their own."""
    if not isinstance(type_, tuple):
        return [NodeRange(name, type_, grid[0], bound.needed, bound.values, met)]
    parts = zip(type_, grid, bound.needed, bound.values, strict=True)
    return [NodeRange(f"{name}[{i}]", of, f, (needed,), (values,), met) for i, (of, f, needed, values) in enumerate(parts)]


def _in_order(graph: Graph) -> list[str]:
    """Name the graph's nodes in order, with each layer's result behind its accumulator where it is the same node."""
    names = []
    for node in graph.nodes:
        names.append(node.name)
        names += [further for further, name in graph.aliases.items() if name == node.name]
    return names


def _types(network: Network) -> dict[str, Types]:
    """Return the declared types of the nodes that are reported, by name; None where everything is kept."""
    spec = network.score
    types: dict[str, Types] = {"scaled": network.scaling.type}
    for layer in network.layers:
        types |= {f"{layer.name}.accumulator": layer.accumulator, f"{layer.name}.result": layer.result}
        types[f"{layer.name}.output"] = layer.own_outputs or layer.output
    return types | {"difference": spec.difference, "square": spec.square, "table": spec.table, "score": spec.total}


def hardware_intervals(layout: ObjectLayout) -> tuple[Interval, ...]:
    """Return the range of each hardware column."""
    return tuple(Interval(column.type.min_int, column.type.max_int) for column in layout.columns)


def require_safe(network: Network) -> tuple[NodeRange, ...]:
    """Prove the ranges and refuse a node that can wrap without being declared so.

    Returns:
        What ``prove`` gives.

    Raises:
        ConversionError: a node can wrap and the network does not say ``may_wrap``.
    """
    nodes = prove(network)
    for node in nodes:
        if node.can_wrap and not network.may_wrap:
            raise ConversionError(
                f"Node {node.node!r} of network {network.name!r} can wrap: its codes span [{node.low}, {node.high}] and {node.type} "
                f"holds [{node.type.min_int if node.type else 0}, {node.type.max_int if node.type else 0}]; use {node.minimal} or "
                "wider, or declare the network as wrapping by design (may_wrap)."
            )
    return nodes


def require_int64(network: Network) -> None:
    """Refuse a network whose integers do not fit 63 bits at some step.

    Raises:
        ConversionError: names the node.
    """
    for node in prove(network):
        if node.intermediate.bit_length() > MAX_WIDTH:
            raise ConversionError(
                f"Node {node.node!r} of network {network.name!r} needs integers of {node.intermediate.bit_length() + 1} bits, more than "
                "int64 has; use narrower types before it."
            )
