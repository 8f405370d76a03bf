"""Lower a network to the graph of its operations: from hardware integers to the score and the trigger bits, in one place."""

from __future__ import annotations

from l1ad.core.network import SCALED, Activation, Dense, Network
from l1ad.graph.builder import Builder
from l1ad.graph.graph import HARDWARE, THRESHOLDS, Graph
from l1ad.graph.operations import (
    Affine,
    AtLeast,
    Cast,
    Constant,
    Encode,
    Gate,
    Gather,
    Input,
    MovePoint,
    NotBelow,
    NotZero,
    Ratio,
    Relu,
    Subtract,
    Turn,
)
from l1ad.graph.scores import PRESENT, lower_score

#: Name of the node of the trigger bits.
TRIGGER = "trigger"


def lower(network: Network, *, threshold_ports: bool = False) -> Graph:
    """Lower a network.

    Args:
        network: the network.
        threshold_ports: whether thresholds come in beside the event instead of being constants.

    Returns:
        A graph with the outputs ``score`` and, where there are thresholds, ``trigger``; the nodes that
        ``l1ad.spec.reference.evaluate`` names have the same names here.
    """
    build = Builder()
    columns = network.layout.columns
    build.let(HARDWARE, Input(tuple(c.type.min_int for c in columns), tuple(c.type.max_int for c in columns)))
    _lower_scaling(build, network)
    for layer in network.layers:
        _lower_layer(build, layer, _joined(build, network, layer))
    score = lower_score(build, network, [node_of(name) for name in network.score_sources])
    if not network.thresholds:
        return build.graph(score)
    repeated = build.let("trigger.score", Gather(((0, 0),) * len(network.thresholds)), score)
    if threshold_ports:
        total, n = network.score.total, len(network.thresholds)
        arriving = build.let(THRESHOLDS, Input((total.min_int,) * n, (total.max_int,) * n, total.fractional))
        return build.graph(score, build.let(TRIGGER, NotBelow(), repeated, arriving))
    bits = AtLeast(tuple(threshold.value for threshold in network.thresholds))
    return build.graph(score, build.let(TRIGGER, bits, repeated))


def _lower_scaling(build: Builder, network: Network) -> None:
    """Leave out objects below threshold, rotate phi, subtract the offset, move the binary point, cast."""
    scaling, n = network.scaling, network.n_inputs
    kept = _lower_presence(build, network)
    node = kept if scaling.phi_reference is None else _lower_rotation(build, network, kept, scaling.phi_reference)
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
    node = build.let("scaled.divided", MovePoint(scaling.shift), node)
    if scaling.through is not None:
        node = build.let("scaled.through", Cast((scaling.through,) * n), node)
    build.let(SCALED, Cast((scaling.type,) * n), node)


def _lower_presence(build: Builder, network: Network) -> str:
    """Say which columns' objects are there, and give the columns with 0 for objects below their pt threshold."""
    presence = [int(c) for c in network.layout.presence_column]
    least = [int(v) for v in network.scaling.thresholds(network.layout)]
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


def _lower_rotation(build: Builder, network: Network, kept: str, kind: str) -> str:
    """Rotate every phi to the reference object's; its own becomes 0, and so does that of an absent object."""
    layout = network.layout
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


def _joined(build: Builder, network: Network, layer: Dense) -> str:
    """Put the nodes that a layer reads one behind the other."""
    sources = network.sources_of(layer)
    if len(sources) == 1:
        return node_of(sources[0])
    elements = tuple((k, i) for k, name in enumerate(sources) for i in range(len(network.types_of(name))))
    return build.let(f"{layer.name}.input", Gather(elements), *(node_of(name) for name in sources))


def _lower_layer(build: Builder, layer: Dense, node: str) -> None:
    """Multiply and add, cast to the result, rectify, cast to the output."""
    affine = Affine(layer.weight, layer.weight_type.fractional, layer.bias, layer.bias_type.fractional, layer.accumulator)
    node = build.let(f"{layer.name}.accumulator", affine, node)
    if layer.result is None:
        build.alias(f"{layer.name}.result", node)
    else:
        node = build.let(f"{layer.name}.result", Cast((layer.result,) * layer.n_out), node)
    if layer.activation is Activation.RELU:
        node = build.let(f"{layer.name}.active", Relu(), node)
    build.let(f"{layer.name}.output", Cast(layer.outputs), node)
