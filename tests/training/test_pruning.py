"""Masks and schedule are those of tensorflow-model-optimization."""

import numpy as np
import pytest

from l1ad.qkeras.runtime import tensorflow
from l1ad.training.pruning import PruningSchedule, full_masks, magnitude_masks
from l1ad.training.state import initial_parameters
from tests.training.test_plan import plan


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("epoch", [0, 2, 3, 5, 8, 12])
def test_schedule_is_the_librarys(epoch: int) -> None:
    tf = tensorflow()
    from tensorflow_model_optimization.sparsity.keras import PolynomialDecay

    theirs = PolynomialDecay(0.0, 0.5, begin_step=2, end_step=8, power=3, frequency=1)
    wanted = float(theirs(tf.constant(min(epoch, 8), tf.int64))[1]) if epoch >= 2 else 0.0
    assert PruningSchedule(0.5, 2, 8).sparsity(epoch) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sparsity", [0.25, 0.5, 0.8])
def test_masks_are_the_librarys(sparsity: float) -> None:
    tf = tensorflow()
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl
    from tensorflow_model_optimization.sparsity.keras import ConstantSparsity

    made = plan("{kind: vae}")
    parameters = initial_parameters(made, (1,))
    masks = magnitude_masks(made, parameters, sparsity)
    schedule = ConstantSparsity(sparsity, 0)
    for layer in range(2):
        pruner = pruning_impl.Pruning(lambda: tf.constant(1, tf.int64), [], schedule, (1, 1), "AVG")
        _, theirs = pruner._update_mask(tf.constant(parameters.weights[layer][0]))
        np.testing.assert_array_equal(masks[layer][0], theirs.numpy())


def test_only_hidden_chip_layers_are_pruned() -> None:
    made = plan("{kind: vae}")
    parameters = initial_parameters(made, (1, 2))
    masks = magnitude_masks(made, parameters, 0.5)
    assert [float(m.mean()) for m in masks] == [0.5, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert all(m.shape == w.shape for m, w in zip(masks, parameters.weights, strict=True))
    assert all(m.all() for m in full_masks(parameters))


def test_nothing_to_prune() -> None:
    assert PruningSchedule(0.0, 0, 1).sparsity(5) == 0.0
