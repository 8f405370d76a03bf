"""Lower each score: one function a score, from named nodes to the terms that are summed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow
from l1ad.core.network import Network, Score
from l1ad.graph.builder import Builder
from l1ad.graph.operations import Add, Cast, Fold, Gate, Gather, Lookup, Multiply, Subtract, Sum

#: Name of the node that says which column's object is there.
PRESENT = "present"


def lower_score(build: Builder, network: Network, read: Sequence[str]) -> str:
    """Add the score's nodes.

    Args:
        build: the graph so far, with the node ``present``.
        network: whose score it is.
        read: the nodes that the score reads: what is compared and its reconstruction, or the one node of the outputs.

    Returns:
        The node of the score, one element.
    """
    terms = TERMS[network.score.kind](build, network, *read)
    return build.let("score", Cast((network.score.total,)), build.let("score.sum", Sum(), terms))


def _square(build: Builder, network: Network, values: str, n: int) -> str:
    product = build.let("square.exact", Multiply(), values, values)
    return build.let("square", Cast((network.score.square,) * n), product)


def latent_l2(build: Builder, network: Network, output: str) -> str:
    """Square every output."""
    return _square(build, network, output, _size(network))


def _size(network: Network) -> int:
    return len(network.types_of(network.score_sources[-1]))


def linear(build: Builder, network: Network, output: str) -> str:
    """Take the network's one output as it is."""
    return build.let("square", Cast((network.score.square,)), output)


def mse(build: Builder, network: Network, compared: str, output: str) -> str:
    """Square the difference of a node, the scaled input as a rule, and its reconstruction."""
    return _square(build, network, _difference(build, network, compared, output), len(network.score.columns))


def masked_mse(build: Builder, network: Network, compared: str, output: str) -> str:
    """Do as ``mse``, with 0 for columns whose object is absent."""
    columns = network.score.columns
    present = build.let("difference.present", Gather(tuple((0, column) for column in columns)), PRESENT)
    kept = build.let("difference.kept", Gate(), _difference(build, network, compared, output), present)
    return _square(build, network, kept, len(columns))


def _difference(build: Builder, network: Network, compared: str, output: str) -> str:
    """Subtract the reconstruction from what it is compared with, fold phi into half a turn where asked for, cast."""
    spec = network.score
    pick = Gather(tuple((0, column) for column in spec.columns))
    x, y = build.let("difference.x", pick, compared), build.let("difference.y", pick, output)
    difference, turns = build.let("difference.exact", Subtract(), x, y), _turns(network)
    if any(turns):
        difference = build.let("difference.folded", Fold(turns), difference)
    if spec.difference is None:
        raise ModelError(f"Score {spec.kind.value!r} needs a difference type.")
    return build.let("difference", Cast((spec.difference,) * len(spec.columns)), difference)


def _turns(network: Network) -> tuple[int, ...]:
    spec = network.score
    if not spec.cyclic:
        return (0,) * len(spec.columns)
    types = [network.types_of(name) for name in network.score_sources]
    return tuple(network.phi_turn(c, max(of[c].fractional for of in types)) or 0 for c in spec.columns)


def _means_and_table(build: Builder, network: Network, output: str) -> tuple[str, str]:
    spec, address, n = network.score, network.types_of(network.score_sources[-1])[0], _size(network) // 2
    means = build.let("mean", Gather(tuple((0, i) for i in range(n))), output)
    log_variance = build.let("log_variance", Gather(tuple((0, i) for i in range(n, 2 * n))), output)
    if spec.table is None:
        raise ModelError(f"Score {spec.kind.value!r} needs a table type.")
    # Entries before overflow, so that the cast that follows shows whether the type holds them.
    wide = FixedPoint(True, MAX_WIDTH, MAX_WIDTH - spec.table.fractional, spec.table.rounding, Overflow.SAT)
    spec.table_codes(address)  # refuses an address that is too wide
    lookup = Lookup(wide.to_int(spec.table_values(address)), spec.table.fractional, address.min_int)
    squares = _square(build, network, means, n)
    return squares, build.let("table", Cast((spec.table,) * n), build.let("table.entry", lookup, log_variance))


def kl(build: Builder, network: Network, output: str) -> str:
    """Add the square of each mean and the table's entry for its log-variance."""
    return build.let("terms", Add(), *_means_and_table(build, network, output))


def r_z(build: Builder, network: Network, output: str) -> str:
    """Multiply the square of each mean by the table's entry for its log-variance."""
    return build.let("terms", Multiply(), *_means_and_table(build, network, output))


#: The function that lowers each score.
TERMS: Mapping[Score, Callable[..., str]] = {
    Score.LATENT_L2: latent_l2,
    Score.LINEAR: linear,
    Score.MSE: mse,
    Score.MASKED_MSE: masked_mse,
    Score.KL: kl,
    Score.R_Z: r_z,
}
