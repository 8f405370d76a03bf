"""Train an encoder on pairs of views of one event, and then an autoencoder of its outputs: the two steps of AXOL1TL's version 5.

The first loss is VICReg's (Bardes, Ponce, LeCun, arXiv:2105.04906, section 4): views of one event lie together, every output varies over events, no two
outputs say the same. The second is the mean squared difference of the outputs and their reconstruction, of which the encoder learns nothing.
"""

from __future__ import annotations

import enum
from typing import Any

#: VICReg's weights of invariance, variance and covariance, and the least standard deviation of an output.
INVARIANCE, VARIANCE, COVARIANCE, SPREAD = 25.0, 25.0, 1.0, 1.0
_SMALL = 1e-4


class Step(enum.Enum):
    """Which layers are trained: all, the encoder on pairs, or what follows it."""

    WHOLE = "whole"
    PAIRS = "pairs"
    RECONSTRUCTION = "reconstruction"

    def trains(self, layer: int, n_encoder: int) -> bool:
        """Return whether a layer is trained in this step."""
        return self is Step.WHOLE or (layer < n_encoder) == (self is Step.PAIRS)


def pair_loss(tf: Any, first: Any, second: Any, weight: Any) -> Any:
    """Compute VICReg's loss of a batch.

    Args:
        tf: TensorFlow.
        first: the encoder's outputs of one view, ``(n_seeds, n_events, n_out)``.
        second: of the other.
        weight: of the events, ``(n_seeds, n_events)``.

    Returns:
        Shape ``(n_seeds,)``.
    """
    share = (weight / tf.reduce_sum(weight, axis=1, keepdims=True))[..., tf.newaxis]
    together = tf.reduce_mean(tf.reduce_sum(share * (first - second) ** 2, axis=1), axis=-1)
    return INVARIANCE * together + _spread_loss(tf, first, share) + _spread_loss(tf, second, share)


def _spread_loss(tf: Any, values: Any, share: Any) -> Any:
    centred = values - tf.reduce_sum(share * values, axis=1, keepdims=True)
    covariance = tf.matmul(share * centred, centred, transpose_a=True)
    variance = tf.linalg.diag_part(covariance)
    narrow = tf.reduce_mean(tf.nn.relu(SPREAD - tf.sqrt(variance + _SMALL)), axis=-1)
    alike = (tf.reduce_sum(covariance**2, axis=[1, 2]) - tf.reduce_sum(variance**2, axis=-1)) / values.shape[-1]
    return VARIANCE * narrow + COVARIANCE * alike


def reconstruction_loss(tf: Any, embedded: Any, rebuilt: Any) -> Any:
    """Compute the mean squared difference of the encoder's outputs and their reconstruction, ``(n_seeds, n_events)``."""
    return tf.reduce_mean((rebuilt - tf.stop_gradient(embedded)) ** 2, axis=-1)
