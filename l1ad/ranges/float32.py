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
    nodes = {node.node: node for node in prove(network)}
    for layer in network.layers:
        output = nodes[f"{layer.name}.output"].values
        sources = [nodes[SCALED if name == SCALED else f"{name}.output"] for name in network.sources_of(layer)]
        fractional = max(node.fractional for node in sources)
        inputs = tuple(i.times(1 << (fractional - node.fractional)) for node in sources for i in node.values)
        if layer.accumulator is not None or layer.result is not None:
            return f"{layer.name}.accumulator"
        if any(_needed(layer, inputs, fractional, j, output[j]) > LIMIT for j in range(layer.n_out)):
            return f"{layer.name}.accumulator"
    return None


def _needed(layer: Dense, inputs: tuple[Interval, ...], fractional: int, neuron: int, output: Interval) -> int:
    """Return the largest integer, in units of the finest grid, that the neuron's float arithmetic may meet."""
    grid = sum_fractional(layer, fractional)
    affine = Affine(layer.weight, layer.weight_type.fractional, layer.bias, layer.bias_type.fractional)
    terms = affine_terms(affine, inputs, [fractional] * layer.n_in, grid, neuron)
    finer = max(0, layer.output.fractional - grid)
    high = sum(max(0, term.high) for term in terms) << finer
    low = -sum(min(0, term.low) for term in terms) << finer
    quantised = output.magnitude << max(0, grid - layer.output.fractional)
    return max(high, low) + quantised


def float32_exact(network: Network) -> bool:
    """Return whether every accumulator of a network is exact in float32, in any order of summation."""
    return float32_failure(network) is None
