import numpy as np
import pytest

from l1ad.simulation.processes import MINIMUM_BIAS, QCD_EDGES_GEV, QCD_SLICES
from l1ad.simulation.weights import ZeroBias

SIGMA = {MINIMUM_BIAS: 80.0, "w_lnu": 5e-5} | {
    name: 0.72 * ((low / 20) ** -4.5 - (high / 20) ** -4.5)
    for name, low, high in zip(QCD_SLICES, QCD_EDGES_GEV[:-1], QCD_EDGES_GEV[1:], strict=True)
}


def slice_hardness(name: str, n_events: int) -> np.ndarray:
    """Draw from x^-5.5 within a slice, by quantiles."""
    i = QCD_SLICES.index(name)
    low, high = (QCD_EDGES_GEV[i] / 20) ** -4.5, (QCD_EDGES_GEV[i + 1] / 20) ** -4.5
    return 20 * (low + (high - low) * (np.arange(n_events) + 0.5) / n_events) ** (-1 / 4.5)


@pytest.mark.parametrize("pileup", [1.0, 20.0, 50.0, 200.0])
def test_all_that_can_happen_in_a_crossing_has_probability_one(pileup: float) -> None:
    law = ZeroBias(pileup, SIGMA)
    total = law.weights(MINIMUM_BIAS, np.zeros(10)).sum()
    total += sum(law.weights(name, slice_hardness(name, 2000)).sum() for name in QCD_SLICES)
    assert total == pytest.approx(1.0, abs=2e-4)


def test_rare_processes_weigh_their_cross_section() -> None:
    weights = ZeroBias(50.0, SIGMA).weights("w_lnu", np.zeros(100))
    np.testing.assert_allclose(weights, 50 * 5e-5 / 80 / 100)


def test_the_mean_number_of_harder_collisions_falls() -> None:
    mean = ZeroBias(50.0, SIGMA).hard_mean(np.array([20.0, 45.0, 350.0, 700.0]))
    assert mean[0] == pytest.approx(50 * 0.72 / 80)
    assert mean[2] / mean[3] == pytest.approx(32.0)
    assert (np.diff(mean) < 0).all()
