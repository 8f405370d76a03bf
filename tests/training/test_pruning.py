"""The schedule is that of tensorflow-model-optimization; the masks are of the importance computed by loops."""

import numpy as np
import pytest

from l1ad.qkeras.runtime import tensorflow
from l1ad.training.lesson import student_plan
from l1ad.training.pruning import PruningSchedule, full_masks, importance_masks, spreads
from l1ad.training.state import Parameters, initial_parameters
from tests.training.test_plan import plan


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("epoch", [0, 2, 3, 5, 8, 12])
def test_schedule_is_the_librarys(epoch: int) -> None:
    tf = tensorflow()
    from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

    theirs = PolynomialDecay(0.0, 0.5, begin_step=2, end_step=8, power=3, frequency=1)
    wanted = float(theirs(tf.constant(min(epoch, 8), tf.int64))[1]) if epoch >= 2 else 0.0
    assert PruningSchedule(0.5, 2, 8).sparsity(epoch) == pytest.approx(wanted, abs=1e-6)


def importance(parameters: Parameters, spread: list[np.ndarray]) -> np.ndarray:
    """Compute by loops how much each weight of the first of two layers moves the outputs, the first network's."""
    first, second = (w[0].astype(float) for w in parameters.weights[:2])
    found = np.zeros_like(first)
    for i in range(first.shape[0]):
        for j in range(first.shape[1]):
            found[i, j] = abs(first[i, j]) * spread[0][0, i] * np.sqrt((second[j] ** 2).sum())
    return found


def test_what_matters_least_goes() -> None:
    made = student_plan(plan("{kind: vae, hidden: [6]}"))
    parameters = initial_parameters(made, (1, 2))
    x = np.random.default_rng(1).normal(size=(500, 44)) * np.linspace(0.0, 2.0, 44)
    spread = spreads(made, parameters, x)
    np.testing.assert_allclose(spread[0][1], x.std(axis=0))
    masks = importance_masks(made, parameters, 0.6, spread)
    kept, values = masks[0][0] > 0, importance(parameters, spread)
    assert values[kept].min() >= values[~kept].max()
    # The first input never varies: its six weights go and are not counted.
    assert not kept[0].any()
    assert kept.sum() == 43 * 6 - round(43 * 6 * 0.6)
    assert masks[1].all()


def test_a_neuron_that_nothing_listens_to_loses_its_weights() -> None:
    made = student_plan(plan("{kind: vae, hidden: [6]}"))
    parameters = initial_parameters(made, (1,))
    parameters.weights[1][0, 2] = 0.0
    spread = spreads(made, parameters, np.random.default_rng(1).normal(size=(500, 44)))
    assert not importance_masks(made, parameters, 0.2, spread)[0][0, :, 2].any()


def test_layers_compete_and_the_last_is_left_alone() -> None:
    made = plan("{kind: vae}")
    parameters = initial_parameters(made, (1, 2))
    parameters.weights[0][:] *= 0.01
    masks = importance_masks(made, parameters, 0.5, spreads(made, parameters, np.random.default_rng(1).normal(size=(400, 44))))
    n = [m[0].size for m in masks[:2]]
    for seed in (0, 1):
        assert sum(int(m[seed].sum()) for m in masks[:2]) == pytest.approx(sum(n) / 2, abs=1)
    assert all(m.all() for m in masks[2:])
    assert all(m.all() for m in full_masks(parameters))


def test_nothing_to_prune() -> None:
    assert PruningSchedule(0.0, 0, 1).sparsity(5) == 0.0
