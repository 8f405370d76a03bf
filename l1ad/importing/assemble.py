"""Make the exact network of a firmware that was read from its sources."""

from __future__ import annotations

from dataclasses import replace

from l1ad.config.imported import ScalingFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ConfigError, ConversionError, LayoutError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layer import Dense
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Network
from l1ad.core.scaling import Scaling
from l1ad.core.score import Score, ScoreSpec
from l1ad.importing import axol1tl
from l1ad.importing.cpp import Declarations, calls
from l1ad.importing.draft import Layers, Node, SquaredDistance
from l1ad.importing.folder import Sources
from l1ad.importing.hls4ml import understand
from l1ad.importing.names import firmware_names
from l1ad.importing.scaling import given_scaling
from l1ad.ranges import prove, require_int64, require_safe
from l1ad.ranges.score_types import score_spec


def network_of_sources(
    name: str, sources: Sources, layout: ObjectLayout, scaling: ScalingFile | None, score: ScoreConfig
) -> Network:
    """Make the network that a firmware's sources describe, with every type as they say it.

    Args:
        name: the network's name, a C identifier.
        sources: texts of the firmware.
        layout: the input columns.
        scaling: offset and shift of each; None takes those of the sources.
        score: which score, where the sources do not say.

    Returns:
        The network; it may wrap where the firmware does.

    Raises:
        ModelError: something in the sources is not understood, by name.
        LayoutError: network or scaling do not fit the layout.
        ConversionError: the firmware's score could wrap on the way.
    """
    declared = sources.declarations()
    read = understand(list(calls(sources.top())), declared, sources.adders())
    if read.input_type is None:
        raise ModelError("The firmware's layers read no input; give the folder of a whole network.")
    made = _scaling(declared, layout, scaling, read.input_type)
    layers = _layers(read, layout)
    spec = _score(sources, declared, read, score, layout, made, layers)
    network = Network(name, layout, made, layers, spec, may_wrap=True)
    if read.score is not None:
        _require_exact_sum(network)
    require_int64(network)
    return without_leave(network)


def _scaling(declared: Declarations, layout: ObjectLayout, given: ScalingFile | None, input_type: FixedPoint) -> Scaling:
    if given is not None:
        return given_scaling(given, layout, input_type)
    if not axol1tl.has_scaling(declared):
        raise ConfigError("The firmware's sources hold no offsets and shifts; give its scaling with --scaling, or rule 'given'.")
    return axol1tl.scaling(declared, layout, input_type)


def _layers(read: Layers, layout: ObjectLayout) -> tuple[Dense, ...]:
    names = firmware_names(tuple(read.nodes)) | {SCALED: SCALED}
    made: list[Dense] = []
    for node in read.nodes.values():
        before = made[-1].name if made else SCALED
        made.append(_dense(node, names, before))
    first = next(node for node in read.nodes.values() if SCALED in node.sources)
    if first.sources == (SCALED,) and first.weight.shape[0] != layout.n_columns:
        raise LayoutError(
            f"The firmware takes {first.weight.shape[0]} inputs, layout {layout.name!r} has {layout.n_columns} columns; "
            "choose the layout it was made for."
        )
    return tuple(made)


def _dense(node: Node, names: dict[str, str], before: str) -> Dense:
    read = tuple(names[name] for name in node.sources)
    return Dense(
        names[node.name],
        node.weight,
        node.weight_type,
        node.bias,
        node.bias_type,
        node.activation,
        node.output,
        node.accumulator,
        node.result,
        sources=() if read == (before,) else read,
    )


def _score(
    sources: Sources,
    declared: Declarations,
    read: Layers,
    wanted: ScoreConfig,
    layout: ObjectLayout,
    scaling: Scaling,
    layers: tuple[Dense, ...],
) -> ScoreSpec:
    """Make the score that the sources compute; what they leave to others is the configuration's."""
    found = axol1tl.loss(sources)
    if read.score is not None:
        return _squared_distance(read.score, declared, found, read)
    if found is axol1tl.Loss.NONE:
        return score_spec(wanted, layout, scaling, layers, tuple(range(layout.n_columns)), may_wrap=True)
    type_ = axol1tl.score_type(declared)
    if found is axol1tl.Loss.ONE_OUTPUT:
        return ScoreSpec(Score.LINEAR, type_, type_)
    return ScoreSpec(Score.LATENT_L2, type_, type_)


def _squared_distance(score: SquaredDistance, declared: Declarations, found: axol1tl.Loss, read: Layers) -> ScoreSpec:
    if found is axol1tl.Loss.SQUARES:
        raise ModelError(
            "The firmware computes a squared distance and its emulator squares it again; this is not a score that is known."
        )
    if found is axol1tl.Loss.ONE_OUTPUT:
        last = axol1tl.score_type(declared)
        if last.fractional != score.total.fractional or last.max_int < score.total.max_int:
            raise ModelError(f"The score is cast from {score.total} to {last}, which loses values; this is not imported.")
    names = firmware_names(tuple(read.nodes))
    columns = tuple(range(read.nodes[score.sources[0]].weight.shape[1]))
    compared = (names[score.sources[0]], names[score.sources[1]])
    return ScoreSpec(Score.MSE, score.square, score.total, score.difference, columns, sources=compared)


def _require_exact_sum(network: Network) -> None:
    """Refuse a sum of squares that the firmware's accumulator could not hold: it would wrap term by term."""
    squares = {node.node: node for node in prove(network)}["square"]
    high = sum(interval.high for interval in squares.needed)
    if squares.overflows or high > network.score.square.max_int:
        raise ConversionError(
            f"The firmware sums squares up to {high} in {network.score.square}, which could wrap on the way; this is not imported."
        )


def without_leave(network: Network) -> Network:
    """Return a network without the leave to wrap where nothing can."""
    strict = replace(network, may_wrap=False)
    try:
        require_safe(strict)
    except ConversionError:
        return network
    return strict
