"""Let a small student learn a teacher's score (Hinton et al., arXiv:1503.02531; for this trigger: AXOL1TL's and CICADA's students)."""

from __future__ import annotations

from typing import Any

from l1ad.core.network import Score
from l1ad.training.forward import Forward
from l1ad.training.losses import LossSpec, difference

#: Added under the square roots: below it, differences of the score do not count.
_SOFT = 1.0


def chip_score(tf: Any, spec: LossSpec, kind: Score, out: Forward, batch: Any) -> Any:
    """Compute the score of the chip in the training graph, without the score's own types.

    Args:
        tf: TensorFlow.
        spec: says which columns take part and how phi is folded.
        kind: which score.
        out: the network's values.
        batch: with ``x`` and ``present``, ``(n_seeds, n, n_columns)``.

    Returns:
        Shape ``(n_seeds, n)``.
    """
    if kind.is_reconstruction:
        taken = tf.constant((spec.column_weight > 0).astype("float32"))
        mask = taken * batch.present if kind is Score.MASKED_MSE else taken
        return tf.reduce_sum(mask * difference(tf, spec, batch.x, out.reconstruction) ** 2, axis=-1)
    if kind is Score.LATENT_L2:
        return tf.reduce_sum(out.mean**2, axis=-1)
    if kind is Score.LINEAR:
        return tf.reduce_sum(out.mean, axis=-1)
    v = out.log_variance
    terms = out.mean**2 + tf.exp(v) - v - 1.0 if kind is Score.KL else out.mean**2 * tf.exp(-v)
    return tf.reduce_sum(terms, axis=-1)


def distillation_loss(tf: Any, spec: LossSpec, kind: Score, out: Forward, batch: Any) -> Any:
    """Give the squared distance of the square roots of score and target, shape ``(n_seeds, n)``.

    The square root makes a relative error count the same everywhere in the tail, as the order of events does. A linear score, whose
    target is already a logarithm of the rate and which may be negative, is compared as it is.
    """
    score = chip_score(tf, spec, kind, out, batch)
    if kind is Score.LINEAR:
        return (score - batch.target) ** 2
    return (tf.sqrt(score + _SOFT) - tf.sqrt(batch.target + _SOFT)) ** 2
