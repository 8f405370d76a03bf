"""Decide whether QKeras' float32 arithmetic is exact for a network."""

from __future__ import annotations

from l1ad.core.network import SCALED, Dense, Network
from l1ad.graph import Interval
from l1ad.graph.bounds import affine_terms
from l1ad.graph.operations import Affine
from l1ad.ranges.nodes import prove, sum_fractional

#: Integers up to here, both signs, are exact in float32 (24 bits of significand).
LIMIT = 1 << 24


def float32_failure(network: Network) -> str | None:
    """Name the first accumulator that float32 cannot hold exactly.

    A matrix product may add in any order, so every subset of a neuron's terms must fit 24 bits: the sum of all positive and the sum
    of all negative bounds. QKeras' straight-through quantiser then computes ``x + (q(x) - x)``: the difference must fit as well.

    Returns:
        The node's name, or None when every step is exact.
    """
    codes = _codes(network)
    for layer in network.layers:
        sources = [code for name in network.sources_of(layer) for code in codes[name]]
        grid = max(fractional for _, fractional in sources)
        inputs = tuple(values.times(1 << (grid - fractional)) for values, fractional in sources)
        if layer.accumulator is not None or layer.result is not None:
            return f"{layer.name}.accumulator"
        if any(_needed(layer, inputs, grid, j, *codes[layer.name][j]) > LIMIT for j in range(layer.n_out)):
            return f"{layer.name}.accumulator"
    return None


def _codes(network: Network) -> dict[str, list[tuple[Interval, int]]]:
    """Return the codes of each element of the scaled input and of every layer's output, with the element's fractional bits."""
    nodes = {node.node: node for node in prove(network)}
    found = {SCALED: [nodes[SCALED]]} | {
        layer.name: [nodes[f"{layer.name}.output[{j}]"] for j in range(layer.n_out)]
        if layer.own_outputs
        else [nodes[f"{layer.name}.output"]]
        for layer in network.layers
    }
    return {name: [(values, part.fractional) for part in parts for values in part.values] for name, parts in found.items()}


def _needed(layer: Dense, inputs: tuple[Interval, ...], fractional: int, neuron: int, output: Interval, own: int) -> int:
    """Return the largest integer, in units of the finest grid, that the neuron's float arithmetic may meet.

    Args:
        layer: the layer.
        inputs: the codes of its inputs, all with ``fractional`` fractional bits.
        fractional: these bits.
        neuron: which one.
        output: the codes of the neuron's output.
        own: fractional bits of these.
    """
    grid = sum_fractional(layer, fractional)
    affine = Affine(layer.weight, layer.weight_type.fractional, layer.bias, layer.bias_type.fractional)
    terms = affine_terms(affine, inputs, [fractional] * layer.n_in, grid, neuron)
    finer = max(0, own - grid)
    high = sum(max(0, term.high) for term in terms) << finer
    low = -sum(min(0, term.low) for term in terms) << finer
    return max(high, low) + (output.magnitude << max(0, grid - own))


def float32_exact(network: Network) -> bool:
    """Return whether every accumulator of a network is exact in float32, in any order of summation."""
    return float32_failure(network) is None
