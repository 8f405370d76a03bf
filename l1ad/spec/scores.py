"""Compute each score in int64 by hand, one function a score: what is summed, and on which grid.

Apart from ``l1ad.core.formulas`` on purpose: the two are compared, not made from each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Network, Score, ScoreSpec


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a score reads of some events.

    Attributes:
        network: whose score.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        compared: codes of the node that is compared with the outputs; the outputs themselves for other scores.
        outputs: codes of the node that the score reads, shape ``(n_events, n_out)``.
    """

    network: Network
    x_hw: IntArray
    compared: IntArray
    outputs: IntArray

    @property
    def spec(self) -> ScoreSpec:
        """The network's score."""
        return self.network.score

    def aligned(self) -> tuple[IntArray, int]:
        """Bring the outputs to the finest of their grids; gives them and its fractional bits."""
        grids = np.array([type_.fractional for type_ in self.network.types_of(self.network.score_sources[-1])])
        return self.outputs << (grids.max() - grids), int(grids.max())


#: Terms, the fractional bits they are on, and the differences where the score has any.
Terms = tuple[IntArray, int, IntArray | None]


def latent_l2(read: Reading) -> Terms:
    """Square every output, cast."""
    y, fractional = read.aligned()
    return read.spec.square.cast(y**2, 2 * fractional), read.spec.square.fractional, None


def linear(read: Reading) -> Terms:
    """Cast the one output."""
    y, fractional = read.aligned()
    return read.spec.square.cast(y, fractional), read.spec.square.fractional, None


def maximum(read: Reading) -> Terms:
    """Cast the largest output."""
    y, fractional = read.aligned()
    return read.spec.square.cast(y.max(axis=1, keepdims=True), fractional), read.spec.square.fractional, None


def mse(read: Reading) -> Terms:
    """Square the difference of what is compared, cast."""
    difference, type_ = _difference(read)
    return read.spec.square.cast(difference**2, 2 * type_.fractional), read.spec.square.fractional, difference


def masked_mse(read: Reading) -> Terms:
    """Like ``mse``; what belongs to an absent object counts 0."""
    terms, fractional, difference = mse(read)
    present = read.network.scaling.present(read.network.layout, read.x_hw)[:, list(read.spec.columns)]
    return terms * present, fractional, difference


def kl(read: Reading) -> Terms:
    """Add the squared means and ``exp(v) - v - 1`` of the log-variances, on the finer of the two grids."""
    square, table, table_type = _halves(read, lambda v: np.exp(v) - v - 1.0)
    grid = max(read.spec.square.fractional, table_type.fractional)
    return (square << (grid - read.spec.square.fractional)) + (table << (grid - table_type.fractional)), grid, None


def r_z(read: Reading) -> Terms:
    """Multiply the squared means by ``exp(-v)`` of the log-variances."""
    square, table, table_type = _halves(read, lambda v: np.exp(-v))
    return square * table, read.spec.square.fractional + table_type.fractional, None


def _halves(
    read: Reading, entry: Callable[[np.ndarray[tuple[int, ...], np.dtype[np.float64]]], object]
) -> tuple[IntArray, IntArray, FixedPoint]:
    """Square the means, and look the log-variances up in a table of their type's every value."""
    n, (y, fractional), spec = read.outputs.shape[1] // 2, read.aligned(), read.spec
    address = read.network.types_of(read.network.score_sources[-1])[0]
    assert spec.table is not None  # Network checks it
    v = np.ldexp(np.arange(address.min_int, address.max_int + 1, dtype=np.float64), -address.fractional)
    table = spec.table.to_int(np.asarray(entry(v), dtype=np.float64))
    return spec.square.cast(y[:, :n] ** 2, 2 * fractional), table[y[:, n:] - address.min_int], spec.table


def _difference(read: Reading) -> tuple[IntArray, FixedPoint]:
    """Subtract the reconstruction from what it is compared with on their common grid, fold phi, cast."""
    network, spec = read.network, read.spec
    assert spec.difference is not None  # Network checks it
    columns = list(spec.columns)
    grids = [np.array([network.types_of(name)[c].fractional for c in columns]) for name in network.score_sources]
    fractional = int(max(grid.max() for grid in grids))
    exact = (read.compared[:, columns] << (fractional - grids[0])) - (read.outputs[:, columns] << (fractional - grids[1]))
    if spec.cyclic:
        for i, column in enumerate(columns):
            turn = network.phi_turn(column, fractional)
            if turn is not None:
                exact[:, i] = folded(exact[:, i], turn)
    return spec.difference.cast(exact, fractional), spec.difference


def folded(values: IntArray, turn: int) -> IntArray:
    """Add a turn once to values below minus half a turn, take one from values not below half a turn.

    Args:
        values: integers, any shape.
        turn: a full turn in the same units.

    Returns:
        int64, same shape.
    """
    return values + turn * (2 * values < -turn) - turn * (2 * values >= turn)


#: The function of each score.
TERMS: Mapping[Score, Callable[[Reading], Terms]] = {
    Score.LATENT_L2: latent_l2,
    Score.LINEAR: linear,
    Score.MAXIMUM: maximum,
    Score.MSE: mse,
    Score.MASKED_MSE: masked_mse,
    Score.KL: kl,
    Score.R_Z: r_z,
}
