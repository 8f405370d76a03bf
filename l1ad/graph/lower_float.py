"""Lower a floating-point network: the operations of the chip in real numbers, where only what the scaling does first is on a grid."""

from __future__ import annotations

from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED
from l1ad.core.scaling import Scaling
from l1ad.core.trained import FloatNetwork
from l1ad.graph.builder import Builder
from l1ad.graph.graph import Graph
from l1ad.graph.lower import lower_inputs, lower_layer, node_of
from l1ad.graph.operations import Hold, Weighted
from l1ad.graph.scores import lower_score


def lower_float(network: FloatNetwork) -> Graph:
    """Lower a float network; its weights are given when the graph is run.

    Args:
        network: the network.

    Returns:
        A graph with the output ``score``; ``scaled`` and the layers' nodes are called as in ``lower``.
    """
    build = Builder()
    lower_scaled(build, network.layout, network.scaling, network.scaling.type if network.saturate else None)
    node = SCALED
    for layer in network.layers:
        node = lower_layer(build, layer.name, Weighted(*layer.weight.shape), node, layer.activation)
    score = network.score
    turn = (lambda column, fractional: network.scaling.turn(network.layout, column, fractional)) if score.cyclic else None
    read = tuple(map(node_of, score.sources)) or ((SCALED, node) if score.kind.is_reconstruction else (node,))
    return build.graph(lower_score(build, score.kind, read, columns=score.columns, turn=turn))


def lower_scaled(build: Builder, layout: ObjectLayout, scaling: Scaling, held_in: FixedPoint | None) -> None:
    """Add the scaled inputs, not rounded.

    Args:
        build: an empty graph.
        layout: the columns.
        scaling: offset and shift of each.
        held_in: the type whose range they are held in; None for none.
    """
    node = lower_inputs(build, layout, scaling)
    if held_in is None:
        build.alias(SCALED, node)
    else:
        build.let(SCALED, Hold((held_in.min,) * layout.n_columns, (held_in.max,) * layout.n_columns), node)


def weights_of(network: FloatNetwork) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return the weights and biases of a float network by the node that takes them."""
    return {f"{layer.name}.accumulator": (layer.weight, layer.bias) for layer in network.layers}
