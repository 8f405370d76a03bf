import numpy as np
import pytest

from l1ad.studies.latent import density_uniformity, latent_entropy, subset_stability


def test_entropy_of_equal_variances_is_the_logarithm_of_their_number():
    rng = np.random.default_rng(1)
    latent = rng.normal(size=(20_000, 4))
    assert latent_entropy(latent, np.ones(20_000)) == pytest.approx(np.log(4), abs=1e-3)
    latent[:, 1:] = 7.0
    assert latent_entropy(latent, np.ones(20_000)) == 0.0
    assert latent_entropy(np.ones((9, 3)), np.ones(9)) == 0.0


def test_entropy_follows_the_weights():
    latent = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    assert latent_entropy(latent, np.array([1.0, 1.0, 0.0])) == 0.0


def test_equal_subsets_are_stable_and_opposite_ones_are_not():
    same = np.tile([[1.0, 2.0], [3.0, -1.0]], (1, 1)).repeat(4, axis=0)
    same = np.vstack([np.tile(row, (2, 1)) for row in ([1.0, 2.0], [3.0, -1.0], [0.5, 0.5])])
    cosine, distance = subset_stability(same, np.ones(6), 2)
    assert (cosine, distance) == (pytest.approx(1.0), pytest.approx(0.0))
    opposite = np.array([[1.0, 0.0], [-1.0, 0.0]] * 5)
    cosine, distance = subset_stability(opposite, np.ones(10), 2)
    assert (cosine, distance) == (pytest.approx(-1.0), pytest.approx(2.0))
    assert subset_stability(np.zeros((8, 2)), np.ones(8), 2) == (None, 0.0)


def test_uniform_points_are_more_uniform_than_clumps():
    rng = np.random.default_rng(2)
    flat = rng.random((1500, 2))
    clumped = np.vstack([rng.normal(0, 0.01, (1400, 2)), rng.normal(0, 5, (100, 2))])
    for better, worse in zip(density_uniformity(flat, 1), density_uniformity(clumped, 1), strict=True):
        assert better > worse
    assert density_uniformity(np.column_stack([flat[:, 0], flat[:, 0]]), 1)[1] is None
