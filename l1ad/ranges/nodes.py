"""Propagate the hardware ranges through scaling, every accumulator, result and output, and the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Activation, Dense, Network, Score
from l1ad.ranges.interval import Interval, hull, smallest_type, total


@dataclass(frozen=True, slots=True)
class NodeRange:
    """Say what a node's values can be.

    Attributes:
        node: its name, as ``emulator.reference.evaluate`` gives it.
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
        """Give the smallest code of any element, before overflow."""
        return hull(self.needed).low

    @property
    def high(self) -> int:
        """Give the largest code of any element, before overflow."""
        return hull(self.needed).high

    @property
    def minimal(self) -> FixedPoint | None:
        """Give the narrowest type on this grid that holds every element; None above 62 bits."""
        type_ = smallest_type(self.low, self.high, self.fractional)
        return type_ if self.type is None or type_ is None else type_.with_modes(self.type.rounding, self.type.overflow)

    @property
    def overflows(self) -> bool:
        """Say whether an element can leave the declared type."""
        return self.first_outside is not None

    @property
    def can_wrap(self) -> bool:
        """Say whether an element can wrap."""
        return self.type is not None and self.type.overflow is Overflow.WRAP and self.overflows

    @property
    def can_saturate(self) -> bool:
        """Say whether an element can saturate (in any of the three ways)."""
        return self.type is not None and self.type.overflow is not Overflow.WRAP and self.overflows

    @property
    def first_outside(self) -> int | None:
        """Give the first element that can leave the declared type."""
        if self.type is None:
            return None
        return next((i for i, interval in enumerate(self.needed) if interval.overflowed(self.type) != interval), None)

    def to_dict(self) -> dict[str, Any]:
        """Give a row of the report's table."""
        return {
            "node": self.node,
            "type": None if self.type is None else str(self.type),
            "elements": len(self.needed),
            "low": self.low,
            "high": self.high,
            "fractional": self.fractional,
            "minimal": None if self.minimal is None else str(self.minimal),
            "can_wrap": self.can_wrap,
            "can_saturate": self.can_saturate,
        }


@dataclass(frozen=True, slots=True)
class ScoreGrids:
    """Hold fractional bits of the score's steps: what is squared (``base``), each term of the sum (``term``)."""

    base: int
    term: int


def sum_fractional(layer: Dense, fractional: int) -> int:
    """Give the fractional bits of a layer's sum.

    Args:
        layer: the layer.
        fractional: fractional bits of its input.
    """
    if layer.accumulator is not None:
        return layer.accumulator.fractional
    return max(fractional + layer.weight_type.fractional, layer.bias_type.fractional)


def score_grids(network: Network) -> ScoreGrids:
    """Give the grids of a network's score."""
    spec = network.score
    base = network.layers[-1].output.fractional if spec.difference is None else spec.difference.fractional
    term = spec.square.fractional
    if spec.table is not None and spec.kind is Score.KL:
        term = max(term, spec.table.fractional)
    if spec.table is not None and spec.kind is Score.R_Z:
        term += spec.table.fractional
    return ScoreGrids(base, term)


def prove(network: Network) -> tuple[NodeRange, ...]:
    """Give the range of every node over all representable hardware inputs, in order of computation."""
    nodes = [_scaled(network)]
    values, type_ = nodes[0].values, network.scaling.type
    for layer in network.layers:
        nodes += _layer(layer, values, type_.fractional)
        values, type_ = nodes[-1].values, layer.output
    return (*nodes, *_score(network, nodes[0].values, values))


def _node(name: str, type_: FixedPoint, arriving: list[Interval], fractional: list[int]) -> NodeRange:
    """Cast intervals, each on its own grid, to a node's type."""
    shifts = [f - type_.fractional for f in fractional]
    needed = tuple(interval.rounded(shift, type_.rounding) for interval, shift in zip(arriving, shifts, strict=True))
    intermediate = max(i.magnitude for i in (*arriving, *needed))
    return NodeRange(name, type_, type_.fractional, needed, tuple(i.overflowed(type_) for i in needed), intermediate)


def hardware_intervals(layout: ObjectLayout) -> tuple[Interval, ...]:
    """Give the range of each hardware column."""
    return tuple(Interval(column.type.min_int, column.type.max_int) for column in layout.columns)


def rotated_intervals(network: Network) -> tuple[Interval, ...]:
    """Give the range of each column after phi is rotated to the reference object, if there is one."""
    raw = list(hardware_intervals(network.layout))
    kind = network.scaling.phi_reference
    if kind is None:
        return tuple(raw)
    own = network.layout.slot_columns(kind).start + network.layout.slot(kind).features.index("phi")
    for i in range(len(raw)):
        period = network.layout.phi_period(i)
        if period is not None:
            raw[i] = Interval(0, 0) if i == own else Interval(-(period // 2), period - 1 - period // 2)
    return tuple(raw)


def _scaled(network: Network) -> NodeRange:
    scaling = network.scaling
    moved = [
        Interval(i.low - offset, i.high - offset) for i, offset in zip(rotated_intervals(network), scaling.offset, strict=True)
    ]
    return _node("scaled", scaling.type, moved, list(scaling.shift))


def _layer(layer: Dense, inputs: tuple[Interval, ...], fractional: int) -> list[NodeRange]:
    accumulator = _accumulator(layer, inputs, fractional)
    result = accumulator
    if layer.result is not None:
        result = _node(layer.name, layer.result, list(accumulator.values), [accumulator.fractional] * layer.n_out)
    result = NodeRange(f"{layer.name}.result", layer.result, result.fractional, result.needed, result.values, result.intermediate)
    active = [i.rectified() if layer.activation is Activation.RELU else i for i in result.values]
    return [accumulator, result, _node(f"{layer.name}.output", layer.output, active, [result.fractional] * layer.n_out)]


def _accumulator(layer: Dense, inputs: tuple[Interval, ...], fractional: int) -> NodeRange:
    """Bound each sum; a wrapping accumulator's partial sums may wrap without harm, so only the whole sum counts."""
    grid = sum_fractional(layer, fractional)
    columns = [layer_terms(layer, inputs, fractional, j) for j in range(layer.n_out)]
    needed = tuple(total(terms) for terms in columns)
    intermediate = max(sum(term.magnitude for term in terms) for terms in columns)
    unrounded = [i.magnitude * int(np.abs(layer.weight[k]).max(initial=0)) for k, i in enumerate(inputs)]
    values = needed if layer.accumulator is None else tuple(i.overflowed(layer.accumulator) for i in needed)
    name = f"{layer.name}.accumulator"
    return NodeRange(name, layer.accumulator, grid, needed, values, max(intermediate, *unrounded))


def layer_terms(layer: Dense, inputs: tuple[Interval, ...], fractional: int, neuron: int) -> list[Interval]:
    """Give the ranges of one neuron's products and, last, its bias, on the sum's grid.

    Args:
        layer: the layer.
        inputs: range of each input's codes.
        fractional: fractional bits of the inputs.
        neuron: which output.
    """
    grid = sum_fractional(layer, fractional)
    products = [i.times(int(w)) for i, w in zip(inputs, layer.weight[:, neuron], strict=True)]
    bias = Interval(int(layer.bias[neuron]), int(layer.bias[neuron]))
    grids = [fractional + layer.weight_type.fractional] * len(products) + [layer.bias_type.fractional]
    rounding = layer.output.rounding if layer.accumulator is None else layer.accumulator.rounding
    return [i.rounded(f - grid, rounding) for i, f in zip([*products, bias], grids, strict=True)]


def _score(network: Network, scaled: tuple[Interval, ...], outputs: tuple[Interval, ...]) -> list[NodeRange]:
    spec, grids = network.score, score_grids(network)
    nodes: list[NodeRange] = []
    based = list(outputs)
    if spec.kind.is_reconstruction:
        nodes.append(_difference(network, scaled, outputs))
        based = list(nodes[0].values)
    elif spec.kind.needs_log_variance:
        based = based[: len(based) // 2]
    nodes.append(_node("square", spec.square, [i.squared() for i in based], [2 * grids.base] * len(based)))
    terms = list(nodes[-1].values)
    if spec.kind is Score.MASKED_MSE:
        terms = [i.hull(Interval(0, 0)) for i in terms]
    if spec.kind.needs_log_variance:
        nodes.append(_table(network, outputs[len(based) :]))
        terms = _combined(network, terms, nodes[-1].values)
    return [*nodes, _node("score", spec.total, [total(terms)], [grids.term])]


def _difference(network: Network, scaled: tuple[Interval, ...], outputs: tuple[Interval, ...]) -> NodeRange:
    spec = network.score
    assert spec.difference is not None  # Network checks it
    f_in, f_out = network.scaling.type.fractional, network.layers[-1].output.fractional
    grid = max(f_in, f_out)
    arriving = []
    for column in spec.columns:
        exact = scaled[column].times(1 << (grid - f_in)) - outputs[column].times(1 << (grid - f_out))
        turn = network.phi_turn(column, grid) if spec.cyclic else None
        arriving.append(exact if turn is None else exact.folded(turn))
    return _node("difference", spec.difference, arriving, [grid] * len(arriving))


def _table(network: Network, log_variances: tuple[Interval, ...]) -> NodeRange:
    """Bound the table's entries that can be addressed; before overflow, on a grid wide enough not to round again."""
    spec, address = network.score, network.layers[-1].output
    assert spec.table is not None  # Network checks it
    codes = spec.table_codes(address)
    wide = FixedPoint(True, MAX_WIDTH, MAX_WIDTH - spec.table.fractional, spec.table.rounding, Overflow.SAT)
    exact = wide.to_int(spec.table_values(address))
    reach = [slice(i.low - address.min_int, i.high - address.min_int + 1) for i in log_variances]
    needed = tuple(Interval(int(exact[r].min()), int(exact[r].max())) for r in reach)
    values = tuple(Interval(int(codes[r].min()), int(codes[r].max())) for r in reach)
    return NodeRange("table", spec.table, spec.table.fractional, needed, values, max(i.magnitude for i in needed))


def _combined(network: Network, squares: list[Interval], tables: tuple[Interval, ...]) -> list[Interval]:
    """Add or multiply squares and table entries, as the score says."""
    spec, grids = network.score, score_grids(network)
    assert spec.table is not None  # Network checks it
    if spec.kind is Score.R_Z:
        return [square.product(table) for square, table in zip(squares, tables, strict=True)]
    up = grids.term - spec.square.fractional, grids.term - spec.table.fractional
    return [a.times(1 << up[0]) + b.times(1 << up[1]) for a, b in zip(squares, tables, strict=True)]


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
