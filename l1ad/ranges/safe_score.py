"""Choose the smallest score types that keep everything and cannot overflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow, Rounding
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Dense, Network, Score, ScoreSpec
from l1ad.core.scaling import Scaling
from l1ad.graph import lower, smallest_type
from l1ad.ranges.nodes import NodeRange, prove

#: A lookup table's entry: as wide as one column of a block RAM.
TABLE_BITS = 18
_NOTHING: Mapping[str, FixedPoint] = MappingProxyType({})


def smallest_score(
    layout: ObjectLayout,
    scaling: Scaling,
    layers: tuple[Dense, ...],
    kind: Score,
    cyclic: bool,
    columns: tuple[int, ...],
    sources: tuple[str, ...] = (),
    given: Mapping[str, FixedPoint] = _NOTHING,
) -> ScoreSpec:
    """Return a score the types that are given, and every other step the narrowest that neither rounds (but a table) nor overflows.

    Args:
        layout: the input columns.
        scaling: hardware integers to the input type.
        layers: the network's layers.
        kind: which score.
        cyclic: whether phi differences are folded.
        columns: elements that take part in a reconstruction score; () takes all of them.
        sources: the nodes that the score reads; () for the usual ones.
        given: types of ``difference``, ``table``, ``square`` and ``total`` that are chosen already; a step without is left out.

    Returns:
        The score with a type at every step.

    Raises:
        ModelError: a step needs more than 62 bits, or the network does not fit the score.
    """
    types = _types_read(layout, scaling, layers, kind, sources)
    taken = (columns or tuple(range(len(types[0])))) if kind.is_reconstruction else ()
    spec = replace(_widest(types, kind, cyclic, taken, given), sources=sources)
    for step, node in (("difference", "difference"), ("square", "square"), ("total", "score")):
        if step not in given and getattr(spec, step) is not None:
            network = Network("candidate", layout, scaling, layers, spec)
            if step == "total":
                exact = _exact(lower(network).grids["score.sum"][0])
                network = replace(network, score=replace(spec, total=exact))
            nodes = {found.node: found for found in prove(network)}
            chosen: dict[str, Any] = {step: _minimal(nodes[node], step)}
            spec = replace(spec, **chosen)
    return spec


def _minimal(node: NodeRange, step: str) -> FixedPoint:
    if node.minimal is None:
        raise ModelError(
            f"An exact score needs more than {MAX_WIDTH} bits at {node.node!r} (it spans [{node.low}, {node.high}]); "
            f"give its type as 'score.{step}' in the configuration, or narrower types before it."
        )
    return node.minimal


def _exact(fractional: int) -> FixedPoint:
    return FixedPoint(True, MAX_WIDTH, MAX_WIDTH - fractional)


def _types_read(
    layout: ObjectLayout, scaling: Scaling, layers: tuple[Dense, ...], kind: Score, sources: tuple[str, ...]
) -> list[tuple[FixedPoint, ...]]:
    """Return the types of the elements of each node that a score reads."""
    known = {SCALED: (scaling.type,) * layout.n_columns} | {layer.name: layer.outputs for layer in layers}
    last = layers[-1].name
    read = sources or ((SCALED, last) if kind.is_reconstruction else (last,))
    for name in read:
        if name not in known:
            raise ModelError(f"Score {kind.value!r} reads {name!r}, which is not a node; the nodes are {', '.join(known)}.")
    return [known[name] for name in read]


def _widest(
    types: list[tuple[FixedPoint, ...]], kind: Score, cyclic: bool, columns: tuple[int, ...], given: Mapping[str, FixedPoint]
) -> ScoreSpec:
    """Return a score whose types, where none is given, keep everything, to be narrowed by what is proved."""
    base = max(type_.fractional for of in types for type_ in of)
    difference = given.get("difference", _exact(base)) if kind.is_reconstruction else None
    base = base if difference is None else difference.fractional
    table = None
    if kind.needs_log_variance:
        table = given.get("table") or _table(kind, types[-1][0], 2 * base)
    square = given.get("square", _exact(2 * base if kind.formula.squares else base))
    total = given.get("total", _exact(square.fractional))
    return ScoreSpec(kind, square, total, difference, columns, cyclic and kind.is_reconstruction, table)


def _table(kind: Score, address: FixedPoint, finest: int) -> FixedPoint:
    """Return the table's type: holds its largest entry, rest of ``TABLE_BITS`` for the fraction, no finer than the square."""
    largest = float(kind.formula.table(address).max())
    integer = int(np.ceil(largest)).bit_length()
    fractional = max(0, min(finest, TABLE_BITS - integer))
    type_ = smallest_type(0, int(np.ceil(largest * 2.0**fractional)), fractional, Rounding.RND, Overflow.SAT)
    if type_ is None:
        raise ModelError(
            f"A log-variance of {address} gives table entries up to {largest:.3g}, more than {MAX_WIDTH} bits; use a narrower output type."
        )
    return type_
