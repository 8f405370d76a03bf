"""The elements of nodes on which given results depend."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from l1ad.graph.graph import Graph, Node
from l1ad.graph.operations import Affine, Gather, Sum

Masks = dict[str, NDArray[np.bool_]]


def demanded(graph: Graph, wanted: Mapping[str, NDArray[np.bool_]], stops: Collection[str] = ()) -> Masks:
    """Go back from requested elements to all that they are computed from.

    Args:
        graph: the graph.
        wanted: a mask of elements for each node that is asked for.
        stops: nodes that are given: what they read is not asked for.

    Returns:
        A mask for every node, all False where nothing of it is read. A sum without weights still reads its first input.
    """
    masks: Masks = {name: np.zeros(len(grid), dtype=bool) for name, grid in graph.grids.items()}
    for name, mask in wanted.items():
        masks[graph.node(name).name] |= mask
    for node in reversed(graph.nodes):
        mask = masks[node.name]
        if mask.any() and (node.name not in stops or node.name in wanted):
            _ask(node, mask, masks)
    return masks


def _ask(node: Node, mask: NDArray[np.bool_], masks: Masks) -> None:
    match node.operation:
        case Gather(elements=elements):
            for (which, element), read in zip(elements, mask, strict=True):
                masks[node.inputs[which]][element] |= read
        case Affine() as affine:
            read = (affine.weight[:, mask] != 0).any(axis=1)
            read[0] |= not read.any()
            masks[node.inputs[0]] |= read
        case Sum():
            masks[node.inputs[0]][:] = True
        case _:
            for name in node.inputs:
                masks[name] |= mask


def needed(graph: Graph, given: Collection[str]) -> list[Node]:
    """List the nodes that the graph's outputs rest on, in order, when some are given.

    Args:
        graph: the graph.
        given: nodes whose values are at hand.
    """
    asked = set(graph.outputs) - set(given)
    for node in reversed(graph.nodes):
        if node.name in asked:
            asked |= set(node.inputs) - set(given)
    return [node for node in graph.nodes if node.name in asked]
