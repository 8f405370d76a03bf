"""Regions of the calorimeter: towers shared by area, summed independently in small cells."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.simulation import kernels as k
from l1ad.simulation.regions import sum_regions

#: Edges in η as the regions have them, both sides.
EDGES = np.array([-3.0, -2.172, -1.74, -1.392, -1.044, -0.696, -0.348, 0, 0.348, 0.696, 1.044, 1.392, 1.74, 2.172, 3.0])


def overlap(low: np.ndarray, high: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Part of each interval that lies in each region."""
    inside = np.minimum(high[:, None], edges[1:]) - np.maximum(low[:, None], edges[:-1])
    return np.clip(inside, 0.0, None) / (high - low)[:, None]


def test_every_region_has_its_part_of_every_tower() -> None:
    calo = np.random.default_rng(3).exponential(0.7, (2, k.N_ETA, k.N_PHI))
    found = np.full((18, 14), 7.0)
    sum_regions(calo, found)
    rows, columns = np.arange(k.N_ETA) * 0.1 - 4.9, np.arange(k.N_PHI) / k.N_PHI
    counts = 0.5 * np.floor(calo.sum(axis=0) / 0.5)
    wanted = overlap(columns, columns + 1 / k.N_PHI, np.arange(19) / 18).T @ counts.T @ overlap(rows, rows + 0.1, EDGES)
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.parametrize(("row", "column", "region"), [(49, 0, (0, 7)), (48, 0, (0, 6)), (19, 63, (17, 0)), (78, 32, (9, 13))])
def test_a_tower_is_where_its_direction_says(row: int, column: int, region: tuple[int, int]) -> None:
    calo, found = np.zeros((2, k.N_ETA, k.N_PHI)), np.zeros((18, 14))
    calo[0, row, column], calo[1, row, column] = 20.3, 4.4
    sum_regions(calo, found)
    assert np.unravel_index(found.argmax(), found.shape) == region
    assert found.sum() == 24.5


def test_energy_beyond_the_end_cap_is_left_out() -> None:
    calo, found = np.zeros((2, k.N_ETA, k.N_PHI)), np.zeros((18, 14))
    calo[0, 18], calo[0, 79] = 50.0, 50.0
    sum_regions(calo, found)
    assert not found.any()
