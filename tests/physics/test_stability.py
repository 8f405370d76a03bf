import numpy as np
import pytest

from l1ad.physics.rates import RateSample
from l1ad.physics.stability import constancy, pileup_bins, rate_in_bins, run_groups


def test_pileup_bins_hold_about_equal_weight():
    rng = np.random.default_rng(1)
    pileup, weight = rng.uniform(20, 80, 5000).astype(np.float32), rng.random(5000)
    index, labels = pileup_bins(pileup, weight, 5)
    shares = np.bincount(index, weights=weight) / weight.sum()
    assert len(labels) == 5
    np.testing.assert_allclose(shares, 0.2, atol=0.01)


def test_one_value_of_pileup_is_one_bin():
    index, labels = pileup_bins(np.full(10, 60.0), np.ones(10), 4)
    assert len(set(index.tolist())) == 1
    assert set(index.tolist()) <= set(range(len(labels)))


def test_rate_in_a_bin_is_the_rate_if_all_crossings_were_like_it():
    sample = RateSample(np.array([5, 1, 5, 5]), np.array([1.0, 3.0, 1.0, 1.0]), None, 100.0)
    rates = rate_in_bins(sample, 4, np.array([10.0, 20.0, 30.0, 40.0]), np.array([0, 0, 2, 2]), ("a", "b", "c"))
    assert [(r.label, r.rate.khz, r.centre) for r in rates] == [("a", 25.0, 17.5), ("c", 100.0, 35.0)]


def test_runs_are_grouped_in_order():
    index, labels = run_groups(np.array([7, 3, 3, 9, 8]), 2)
    assert labels == ("3–7", "8–9")
    np.testing.assert_array_equal(index, [0, 0, 0, 1, 1])
    assert run_groups(np.array([7, 3]), 20)[1] == ("3", "7")


@pytest.mark.parametrize(("drift", "constant"), [(0.0, True), (0.5, False)])
def test_constancy_tells_a_drift_from_scatter(drift, constant):
    rng = np.random.default_rng(3)
    index = np.repeat(np.arange(6), 3000)
    sample = RateSample((rng.random(18000) < 0.05 * (1 + drift * index)).astype(int), np.ones(18000), None, 100.0)
    p = constancy(rate_in_bins(sample, 1, index, index, "abcdef"))
    assert (p > 0.01) is constant


def test_constancy_of_one_bin_is_not_known():
    sample = RateSample(np.array([1, 0]), np.ones(2), None, 1.0)
    assert constancy(rate_in_bins(sample, 1, np.zeros(2), np.zeros(2, int), "a")) is None
