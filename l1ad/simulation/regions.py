"""Sum calorimeter towers into the regions of the CMS Level-1 calorimeter trigger, 18 steps of φ times 14 of η."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.kernels import ETA_MAX, ETA_STEP, N_ETA, N_PHI, Grid, compiled

N_REGIONS_PHI = 18
#: Edges of the regions of one side in η: four trigger towers each, as wide as those of the CMS hadron calorimeter up to the end-cap's end.
EDGES = (0.0, 0.348, 0.696, 1.044, 1.392, 1.740, 2.172, 3.0)
N_REGIONS_ETA = 2 * (len(EDGES) - 1)
#: Step of a tower's energy, GeV.
TOWER_STEP_GEV = 0.5


def _rows() -> tuple[NDArray[np.int64], Grid]:
    """Tabulate the first region of each row of towers, -1 for none, and the part of the row that lies in it; the rest lies in the next."""
    edges = np.array([-edge for edge in reversed(EDGES[1:])] + list(EDGES))
    low = np.round(np.arange(N_ETA) * ETA_STEP - ETA_MAX, 6)
    first = np.searchsorted(edges, low + 1e-9, side="right") - 1
    first[(low < -EDGES[-1] - 1e-9) | (low > EDGES[-1] - 1e-9)] = -1
    part = np.clip((edges[np.minimum(first, N_REGIONS_ETA - 1) + 1] - low) / ETA_STEP, 0.0, 1.0)
    return first.astype(np.int64), part


_FIRST, _PART = _rows()


@compiled
def sum_regions(calo: Grid, regions: Grid) -> None:
    """Sum towers, each truncated to 0.5 GeV; a tower across an edge is shared by its area.

    Args:
        calo: towers of both layers before the density of pile-up is subtracted, ``(2, 98, 64)``.
        regions: energies in GeV, to be filled, ``(18, 14)``.
    """
    regions[:] = 0.0
    for row in range(N_ETA):
        if _FIRST[row] >= 0:
            for column in range(N_PHI):
                energy = TOWER_STEP_GEV * math.floor((calo[0, row, column] + calo[1, row, column]) / TOWER_STEP_GEV)
                if energy > 0.0:
                    i = column * N_REGIONS_PHI // N_PHI
                    inside = min(1.0, (i + 1) * N_PHI / N_REGIONS_PHI - column)
                    share_row(regions[i], _FIRST[row], _PART[row], energy * inside)
                    share_row(regions[(i + 1) % N_REGIONS_PHI], _FIRST[row], _PART[row], energy * (1.0 - inside))


@compiled
def share_row(regions: Grid, first: int, part: float, energy: float) -> None:
    """Add energy to a region and the next in η, by the part of the row that lies in the first."""
    regions[first] += part * energy
    if part < 1.0 and first + 1 < N_REGIONS_ETA:
        regions[first + 1] += (1.0 - part) * energy
