"""The loss of constructed events is what the formula says."""

import numpy as np
import pytest

from l1ad.config.model import TrainingConfig
from l1ad.core.errors import ConfigError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Score
from l1ad.core.scaling import Scaling
from l1ad.qkeras.runtime import tensorflow
from l1ad.training.forward import Forward
from l1ad.training.losses import LossSpec, divergence, event_loss, loss_spec
from tests.networks import tiny_layout

LAYOUT = tiny_layout()
SCALING = Scaling((0,) * 8, (0,) * 8, FixedPoint.parse("ap_fixed<8,8,AP_RND_CONV,AP_SAT>"))


def spec(score: Score = Score.MASKED_MSE, columns: tuple[int, ...] = tuple(range(8)), **training: object) -> LossSpec:
    return loss_spec(TrainingConfig(**training), score, True, LAYOUT, SCALING, columns)  # type: ignore[arg-type]


def loss(made: LossSpec, x: list[float], y: list[float], present: list[float] | None = None) -> float:
    tf = tensorflow()
    there = present or [1.0] * 8
    tensors = [tf.constant([[values]], tf.float32) for values in (x, y, there)]
    return float(event_loss(tf, made, Forward(None, None, tensors[1]), tensors[0], tensors[2]).numpy()[0, 0])


def test_mean_squared_error() -> None:
    assert loss(spec(), [3.0] + [0.0] * 7, [1.0] + [0.0] * 7) == pytest.approx(4.0 / 8)


def test_absent_objects_are_left_out() -> None:
    absent = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    x, y = [0.0] * 8, [0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 0.0, 2.0]
    assert loss(spec(), x, y, absent) == pytest.approx(4.0 / 8)
    assert loss(spec(loss="mse"), x, y, absent) == pytest.approx((75.0 + 4.0) / 8)
    assert loss(spec(Score.MSE), x, y, absent) == pytest.approx((75.0 + 4.0) / 8)


@pytest.mark.parametrize(("column", "period"), [(2, 64.0), (7, 32.0)])
def test_phi_is_cyclic(column: int, period: float) -> None:
    x, y = [0.0] * 8, [0.0] * 8
    x[column] = period - 1.0
    assert loss(spec(), x, y) == pytest.approx(1.0 / 8)


def test_constant_columns_are_left_out() -> None:
    made = spec(columns=(0, 1))
    assert loss(made, [1.0, 1.0] + [9.0] * 6, [0.0] * 8) == pytest.approx(1.0)


def test_object_weights() -> None:
    made = spec(object_weights={"met": 3.0})
    assert loss(made, [1.0] + [0.0] * 7, [0.0] * 8) == pytest.approx(1.0 / 12)
    assert loss(made, [0.0] * 6 + [1.0, 0.0], [0.0] * 8) == pytest.approx(3.0 / 12)


def test_variational_loss() -> None:
    """Half the squared error plus beta times 0.5 (mu² + e^v − v − 1)."""
    tf = tensorflow()
    mean, log_variance = tf.constant([[[1.0, 2.0]]]), tf.constant([[[0.0, 1.0]]])
    kl = 0.5 * (1.0 + 4.0 + np.e - 2.0)
    out = Forward(mean, log_variance, tf.zeros([1, 1, 8]))
    assert float(divergence(tf, out).numpy()[0, 0]) == pytest.approx(kl)
    x = tf.constant([[[2.0] + [0.0] * 7]])
    total = event_loss(tf, spec(beta=0.5), out, x, tf.ones([1, 1, 8]))
    assert float(total.numpy()[0, 0]) == pytest.approx(2.0 + 0.5 * kl)


def test_bounded_outputs() -> None:
    made = spec(Score.LATENT_L2, bounded_outputs=True)
    assert loss(made, [0.0] * 8, [0.0, 1e6] + [0.0] * 6) == pytest.approx(127.0**2 / 8)
    assert loss(made, [0.0] * 8, [200.0, 0.0] + [0.0] * 6) == pytest.approx(200.0**2 / 8)


def test_bounded_outputs_on_the_chip_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"^Key 'training.bounded_outputs' needs a tanh and score 'masked_mse' puts the decoder .*$"
    ):
        spec(bounded_outputs=True)


def test_weight_of_an_unknown_object() -> None:
    with pytest.raises(
        ConfigError, match=r"^Key 'training.object_weights' names 'jets', which layout 'tiny8' does not have; did .*$"
    ):
        spec(object_weights={"jets": 1.0})
