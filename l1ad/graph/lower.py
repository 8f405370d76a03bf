"""Lower a network to the graph of its operations: from hardware integers to the score and the trigger bits, in one place."""

from __future__ import annotations

from collections.abc import Sequence

from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Activation, Network
from l1ad.core.scaling import Scaling
from l1ad.graph.builder import Builder
from l1ad.graph.graph import HARDWARE, Graph
from l1ad.graph.operations import (
    Affine,
    AtLeast,
    Constant,
    Encode,
    Gate,
    Gather,
    Input,
    MovePoint,
    NotZero,
    Ratio,
    Relu,
    Subtract,
    Turn,
    Weighted,
)
from l1ad.graph.scores import PRESENT, ScoreTypes, lower_score
from l1ad.graph.triggers import lower_triggers
from l1ad.graph.words import WordBits, lower_words


def lower(network: Network, *, threshold_ports: bool = False, words: tuple[int, Sequence[WordBits]] | None = None) -> Graph:
    """Lower a network.

    Args:
        network: the network.
        threshold_ports: whether thresholds come in beside the event instead of being constants.
        words: number of words that an event arrives in, and where in them the columns' bits are; None where the columns arrive.

    Returns:
        A graph with the outputs ``score`` and, where there are thresholds, ``trigger``; the nodes that
        ``l1ad.spec.reference.evaluate`` names have the same names here.

    Raises:
        ConversionError: a threshold that follows counts would come in by a port.
    """
    build = Builder()
    if words is not None:
        lower_words(build, network.layout, *words)
    build.cast(SCALED, network.scaling.type, lower_inputs(build, network.layout, network.scaling))
    for layer in network.layers:
        affine = Affine(layer.weight, layer.weight_type.fractional, layer.bias, layer.bias_type.fractional, layer.accumulator)
        read = joined(build, layer.name, [node_of(name) for name in network.sources_of(layer)])
        lower_layer(build, layer.name, affine, read, layer.activation, layer.result, layer.outputs)
    spec, read_by_score = network.score, tuple(node_of(name) for name in network.score_sources)
    types = ScoreTypes(spec.square, spec.total, spec.difference, spec.table, network.types_of(network.score_sources[-1])[0])
    score = lower_score(build, spec.kind, read_by_score, types, spec.columns, network.phi_turn if spec.cyclic else None)
    if not network.thresholds:
        return build.graph(score)
    return build.graph(score, lower_triggers(build, network, score, threshold_ports=threshold_ports))


def lower_inputs(build: Builder, layout: ObjectLayout, scaling: Scaling) -> str:
    """Leave out objects below threshold, rotate phi, subtract the offset, move the binary point.

    Args:
        build: an empty graph, or one that has the node ``hardware``.
        layout: the columns.
        scaling: offset and shift of each.

    Returns:
        The node that is cast to the input type.
    """
    columns, n = layout.columns, layout.n_columns
    if HARDWARE not in build.grids:
        build.let(HARDWARE, Input(tuple(c.type.min_int for c in columns), tuple(c.type.max_int for c in columns)))
    kept = _lower_presence(build, layout, scaling)
    node = kept if scaling.phi_reference is None else _lower_rotation(build, layout, kept, scaling.phi_reference)
    if scaling.left_out:
        nothing = build.let("scaled.nothing", Constant((0,), (0,)))
        node = build.let(
            "scaled.read", Gather(tuple((0, 0) if i in scaling.left_out else (1, i) for i in range(n))), nothing, node
        )
    if any(scaling.offset):
        offset = build.let("scaled.offset", Constant(scaling.offset, (0,) * n))
        node = build.let("scaled.moved", Subtract(), node, offset)
    if any(scaling.codes):
        node = build.let("scaled.coded", Encode(scaling.codes), node)
    return build.cast("scaled.through", scaling.through, build.let("scaled.divided", MovePoint(scaling.shift), node))


def _lower_presence(build: Builder, layout: ObjectLayout, scaling: Scaling) -> str:
    """Return which columns' objects are there, and the columns with 0 for objects below their pt threshold."""
    presence = [int(c) for c in layout.presence_column]
    least = [int(v) for v in scaling.thresholds(layout)]
    places = sorted(set(presence))
    pt = build.let("present.pt", Gather(tuple((0, place) for place in places)), HARDWARE)
    flags = [build.let("present.any", NotZero(), pt)]
    if any(least):
        flags.append(build.let("present.above", AtLeast(tuple(least[place] for place in places)), pt))
    build.let(PRESENT, Gather(tuple((int(v > 0), places.index(p)) for v, p in zip(least, presence, strict=True))), *flags)
    if not any(least):
        return HARDWARE
    # A column without a threshold is kept whatever it holds.
    always = build.let("kept.always", Constant((1,), (0,)))
    keep = build.let("kept.flag", Gather(tuple((1, i) if v else (0, 0) for i, v in enumerate(least))), always, PRESENT)
    return build.let("kept", Gate(), HARDWARE, keep)


def _lower_rotation(build: Builder, layout: ObjectLayout, kept: str, kind: str) -> str:
    """Rotate every phi to the reference object's; its own becomes 0, and so does that of an absent object."""
    own = layout.slot_columns(kind).start + layout.slot(kind).features.index("phi")
    periods = {i: period for i in range(layout.n_columns) if i != own and (period := layout.phi_period(i)) is not None}
    zero = build.let("rotated.zero", Constant((0,), (0,)))
    order = {column: place for place, column in enumerate(periods)}
    if not periods:
        elements = tuple((0, 0) if i == own else (1, i) for i in range(layout.n_columns))
        return build.let("rotated", Gather(elements), zero, kept)
    reference = build.let("rotated.reference", Gather(((0, own),) * len(periods)), kept)
    full = (layout.slot(kind).phi_period or 1,) * len(periods)
    moved = build.let("rotated.grid", Ratio(tuple(periods.values()), full), reference)
    phi = build.let("rotated.phi", Gather(tuple((0, i) for i in periods)), kept)
    turned = build.let("rotated.turned", Turn(tuple(periods.values())), build.let("rotated.minus", Subtract(), phi, moved))
    presence = [int(layout.presence_column[i]) for i in periods]
    places = sorted(set(presence))
    any_pt = build.let("rotated.any", NotZero(), build.let("rotated.pt", Gather(tuple((0, p) for p in places)), kept))
    flags = build.let("rotated.flag", Gather(tuple((0, places.index(p)) for p in presence)), any_pt)
    there = build.let("rotated.there", Gate(), turned, flags)
    elements = tuple((0, 0) if i == own else (2, order[i]) if i in order else (1, i) for i in range(layout.n_columns))
    return build.let("rotated", Gather(elements), zero, kept, there)


def node_of(name: str) -> str:
    """Name the graph's node of the scaled inputs or of a layer's output."""
    return SCALED if name == SCALED else f"{name}.output"


def joined(build: Builder, name: str, nodes: Sequence[str]) -> str:
    """Put the nodes that the layer called ``name`` reads one behind the other."""
    if len(nodes) == 1:
        return nodes[0]
    elements = tuple((k, i) for k, node in enumerate(nodes) for i in range(build.size(node)))
    return build.let(f"{name}.input", Gather(elements), *nodes)


def lower_layer(
    build: Builder,
    name: str,
    affine: Affine | Weighted,
    node: str,
    activation: Activation,
    result: FixedPoint | None = None,
    outputs: tuple[FixedPoint, ...] | None = None,
) -> str:
    """Multiply and add, cast to the result, rectify, cast to the output.

    Args:
        build: the graph so far.
        name: the layer's.
        affine: the sums.
        node: what it reads.
        activation: what follows.
        result: the type of the sums before the activation; None keeps them.
        outputs: the type of each output; None keeps them.

    Returns:
        The node of the output.
    """
    node = build.cast(f"{name}.result", result, build.let(f"{name}.accumulator", affine, node))
    if activation is Activation.RELU:
        node = build.let(f"{name}.active", Relu(), node)
    return build.cast(node_of(name), outputs, node)
