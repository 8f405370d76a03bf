"""The decision before the detector which crossings are worth its time, from the collisions that were drawn; the weight is one over the chance.

What Level 1 will see of a crossing is roughly known from its collisions: stiff particles make jets, their vector sum the missing
energy, muons are muons. Crossings in which none of it is large are detected with a small probability that is never 0, so that none of
the corners is blind. Far fewer crossings are detected than are made, and the weights stay exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.detector import Draws
from l1ad.simulation.particles import Counts, Visible, sum_by

Floats = NDArray[np.float64]

#: Quantities of a crossing's particles, in GeV.
PARTICLE_QUANTITIES = ("met", "ht", "collision", "particle", "muon")


def particle_quantities(pool: Visible, draws: Draws, hard: Visible | None, hard_event: Counts) -> dict[str, Floats]:
    """Compute the quantities of each crossing, ``(n_events,)`` in GeV.

    Args:
        pool: the pile-up collisions.
        draws: which of them are in each crossing, reflected and turned.
        hard: hard collisions, or None where no crossing has one.
        hard_event: number of each crossing's hard collision, -1 for none, ``(n_events,)``.

    Returns:
        ``met``: size of the vector sum of stiff particles; ``ht``: their scalar sum; ``collision``: the greatest scalar sum of one collision;
        ``particle`` and ``muon``: the stiffest.
    """
    n = len(hard_event)
    event = np.repeat(np.arange(n), draws.numbers)
    cos, sin = np.cos(draws.turn), np.sin(draws.turn)
    x, y = pool.x[draws.collision], pool.y[draws.collision]
    parts = (x * cos - y * sin, x * sin + y * cos, pool.total[draws.collision])
    sums = [sum_by(event, values, n) for values in parts]
    greatest = [_largest(values[draws.collision], draws) for values in (pool.total, pool.particle, pool.muon)]
    if hard is not None:
        sums = [total + values[hard_event] for total, values in zip(sums, (hard.x, hard.y, hard.total), strict=True)]
        greatest = [
            np.maximum(one, values[hard_event])
            for one, values in zip(greatest, (hard.total, hard.particle, hard.muon), strict=True)
        ]
    return dict(zip(PARTICLE_QUANTITIES, (np.hypot(sums[0], sums[1]), sums[2], *greatest), strict=True))


def _largest(values: Floats, draws: Draws) -> Floats:
    """Return the largest of each crossing's values, 0 for a crossing of no collision."""
    some = draws.numbers > 0
    found = np.zeros(len(draws.numbers))
    if some.any():
        found[some] = np.maximum.reduceat(values, draws.starts[:-1][some])
    return found


def chosen(draws: Draws, keep: NDArray[np.bool_]) -> Draws:
    """Leave only the pile-up of the crossings that are kept, ``keep`` of shape ``(n_events,)``."""
    rows = np.repeat(keep, draws.numbers)
    starts = np.concatenate([[0], np.cumsum(draws.numbers[keep])]).astype(np.int64)
    return Draws(starts, draws.collision[rows], draws.sign[rows], draws.turn[rows])


def leading(pool: Visible, draws: Draws) -> NDArray[np.int64]:
    """Find the pool collision with the largest sum in each crossing, -1 for a crossing of no collision, ``(n_events,)``."""
    found = np.full(len(draws.numbers), -1)
    total = pool.total[draws.collision]
    # Sorted by crossing, then by sum: the last of each crossing is its largest.
    order = np.lexsort((total, np.repeat(np.arange(len(found)), draws.numbers)))
    some = draws.numbers > 0
    found[some] = draws.collision[order[draws.starts[1:][some] - 1]]
    return found
