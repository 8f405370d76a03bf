"""Quantise in the training graph with the values of QKeras' quantisers (alpha 1) and a straight-through gradient.

The forward values are bit-identical to ``quantized_bits(b, i, alpha=1)`` and ``quantized_relu(b, i)`` wherever those give values of
their grid; QKeras adds the rounding of ``x + (xq - x)`` in float32 off it. The graph is a third of QKeras' and compiles as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1ad.core.digits import nearest_of_digits
from l1ad.core.fixed import FixedPoint


def quantise(
    tf: Any, x: Any, type_: FixedPoint | Sequence[FixedPoint], *, keep_gradient: bool = False, digits: int | None = None
) -> Any:
    """Round half to even and saturate, in float32.

    Args:
        tf: TensorFlow.
        x: float32 tensor.
        type_: the type; its modes are ``RND_CONV`` and ``SAT``. Or one for each network, along the first axis of three: of one
            width and sign, with binary points of their own.
        keep_gradient: pass the gradient also outside the range, so that a saturated value finds back.
        digits: most signed digits of each value; None for any.

    Returns:
        Tensor of values of the type; its gradient is 1 inside the range.
    """
    types = [type_] if isinstance(type_, FixedPoint) else list(type_)
    scale = _scale(tf, [t.fractional for t in types])
    low, high = float(types[0].min_int), float(types[0].max_int)
    held = tf.clip_by_value(x * scale, low, high)
    whole = tf.round(tf.stop_gradient(held))
    if digits is not None:
        table = nearest_of_digits(types[0].width, types[0].signed, digits).astype(np.float32)
        whole = tf.gather(tf.constant(table), tf.cast(whole - low, tf.int32))
    rounded = whole / scale
    through = x if keep_gradient else held / scale
    return through - tf.stop_gradient(through) + rounded


def _scale(tf: Any, fractional: list[int]) -> Any:
    if len(set(fractional)) == 1:
        return float(2.0 ** fractional[0])
    return tf.constant(np.ldexp(1.0, fractional).astype(np.float32)[:, np.newaxis, np.newaxis])
