import numpy as np
import pytest
from scipy import stats

from l1ad.studies.association import mutual_information, pearson, spearman


def test_correlations_are_those_of_scipy_with_equal_weights():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 9, 200), rng.normal(size=200)
    y = y + 0.2 * x
    assert pearson(x, y).value == pytest.approx(stats.pearsonr(x, y).statistic)
    assert spearman(x, y).value == pytest.approx(stats.spearmanr(x, y).statistic)


def test_whole_weights_are_repetitions():
    rng = np.random.default_rng(2)
    x, y, w = rng.integers(0, 9, 50), rng.integers(0, 9, 50), rng.integers(1, 5, 50)
    x2, y2 = np.repeat(x, w), np.repeat(y, w)
    assert pearson(x, y, w).value == pytest.approx(pearson(x2, y2).value)
    assert spearman(x, y, w).value == pytest.approx(spearman(x2, y2).value)
    assert spearman(x, y, w).high - spearman(x, y, w).low > spearman(x2, y2).high - spearman(x2, y2).low


def test_what_does_not_vary_has_no_correlation():
    assert pearson(np.ones(5), np.arange(5)) is None
    assert spearman(np.arange(5), np.ones(5)) is None
    assert pearson([1.0], [2.0]) is None


def test_perfect_relations():
    x = np.arange(30)
    assert spearman(x, np.exp(x)).value == pytest.approx(1.0)
    assert spearman(x, -x).value == pytest.approx(-1.0)
    assert pearson([1, 2, 3], [1, 2, 4]).low == -1.0


def test_the_rank_interval_covers():
    rng, inside = np.random.default_rng(3), 0
    truth = 6 / np.pi * np.arcsin(0.3)
    for _ in range(300):
        x = rng.normal(size=60)
        c = spearman(x, 0.6 * x + 0.8 * rng.normal(size=60))
        inside += c.low <= truth <= c.high
    assert 0.6 < inside / 300 < 0.77


def test_mutual_information_of_equal_and_of_independent_quantities():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 4, 40_000)
    assert mutual_information(x, 3 * x) == pytest.approx(2.0, abs=0.01)
    assert mutual_information(x, rng.integers(0, 4, 40_000)) < 1e-3
    assert mutual_information(rng.normal(size=40_000), rng.normal(size=40_000)) < 5e-3
