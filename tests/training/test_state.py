"""Starting weights have the variance of He and of Glorot, and every seed and layer its own."""

import numpy as np
import pytest

from l1ad.training.state import initial_parameters
from tests.training.test_plan import plan


@pytest.mark.parametrize(("layer", "variance"), [(0, 2 / 44), (1, 2 / 200), (2, 2 / (100 + 80))])
def test_starting_weights_have_the_published_variance(layer: int, variance: float) -> None:
    made = plan("{kind: ae, hidden: [200, 100], latent: 80}")
    weight = initial_parameters(made, (1, 2, 3)).weights[layer]
    assert weight.var() == pytest.approx(variance, rel=0.05)
    assert abs(weight.mean()) < 0.05 * np.sqrt(variance)


def test_seeds_and_layers_start_apart() -> None:
    start = initial_parameters(plan("{kind: ae, hidden: [44], latent: 44}"), (1, 2))
    flat = [w[seed].ravel() for w in start.weights for seed in (0, 1)]
    correlation = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(correlation).max() < 0.1
    assert not any(bias.any() for bias in start.biases)
