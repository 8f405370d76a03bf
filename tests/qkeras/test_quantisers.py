"""The training graph's quantisers give QKeras' values bit for bit, and a straight-through gradient."""

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint
from l1ad.qkeras.quantisers import quantise
from l1ad.qkeras.runtime import tensorflow


def dyadic(n: int = 4096) -> np.ndarray:
    """Make values on a grid of 2**-9 over twice any range, ties and both ends among them."""
    return np.r_[np.arange(-n, n) / 512.0, np.arange(-n, n) / 64.0].astype(np.float32)


@pytest.mark.parametrize(("bits", "integer"), [(2, 0), (5, 1), (6, 2), (8, 3), (10, 5)])
def test_same_as_quantized_bits(bits: int, integer: int) -> None:
    from qkeras import quantized_bits

    tf = tensorflow()
    x = tf.constant(dyadic())
    ours = quantise(tf, x, FixedPoint.from_quantized_bits(bits, integer))
    np.testing.assert_array_equal(ours.numpy(), quantized_bits(bits, integer, alpha=1)(x).numpy())


@pytest.mark.parametrize(("bits", "integer"), [(1, 0), (4, 1), (6, 2), (8, 3)])
def test_same_as_quantized_relu(bits: int, integer: int) -> None:
    from qkeras import quantized_relu

    tf = tensorflow()
    x = tf.constant(dyadic())
    ours = quantise(tf, tf.nn.relu(x), FixedPoint.from_quantized_relu(bits, integer))
    np.testing.assert_array_equal(ours.numpy(), quantized_relu(bits, integer)(x).numpy())


def test_same_as_fixed_point_off_the_grid() -> None:
    tf = tensorflow()
    type_ = FixedPoint.from_quantized_bits(6, 1)
    x = np.random.default_rng(1).normal(0, 2, 10_000).astype(np.float32)
    np.testing.assert_array_equal(quantise(tf, tf.constant(x), type_).numpy(), type_.quantise(x.astype(np.float64)))


@pytest.mark.parametrize(("keep", "outside"), [(False, 0.0), (True, 1.0)])
def test_gradient_is_one_inside_the_range(keep: bool, outside: float) -> None:
    tf = tensorflow()
    x = tf.constant([-9.0, -1.3, 0.2, 9.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(quantise(tf, x, FixedPoint.from_quantized_bits(6, 1), keep_gradient=keep))
    np.testing.assert_array_equal(tape.gradient(y, x).numpy(), [outside, 1.0, 1.0, outside])
