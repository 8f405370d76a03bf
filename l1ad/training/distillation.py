"""Let a small student learn a teacher's score (Hinton et al., arXiv:1503.02531; for this trigger: AXOL1TL's and CICADA's students)."""

from __future__ import annotations

import math
from typing import Any

from l1ad.core.network import SCALED
from l1ad.graph import Graph
from l1ad.graph.scores import PRESENT
from l1ad.training.forward import Forward
from l1ad.training.interpret import evaluate_tensors
from l1ad.training.lowered import LOG_VARIANCE, MEAN, OUTPUT
from l1ad.training.plan import Plan

#: Added under the square roots: below it, differences of the score do not count.
_SOFT = 1.0
#: The rarest background rate that is told apart, in decades: a thirtieth of a 1 kHz trigger's fraction.
TOP_DECADES = 6.0
#: Distances beyond so many decades count linearly.
SOON = 0.5
#: Part of the largest possible sum of squares that is the top target.
HEADROOM = 0.5
#: Part of the output's range that is the top target of a score that is not a sum of squares.
LINEAR_HEADROOM = 0.9


def chip_score(tf: Any, score: Graph, out: Forward, batch: Any) -> Any:
    """Compute the score of the chip in the training graph, without the score's own types.

    Args:
        tf: TensorFlow.
        score: the score, lowered.
        out: the network's values.
        batch: with ``x`` and ``present``, ``(n_seeds, n, n_columns)``.

    Returns:
        Shape ``(n_seeds, n)``.
    """
    compares = SCALED in score.grids
    given = {SCALED: batch.x, PRESENT: batch.present, OUTPUT: out.reconstruction if compares else out.mean}
    if out.log_variance is not None:
        given |= {MEAN: out.mean, LOG_VARIANCE: out.log_variance}
    return evaluate_tensors(tf, score, given)["score"][..., 0]


def top_target(plan: Plan) -> float:
    """Return the largest target of a latent score: part of what the outputs' squares can reach."""
    types = plan.layers[plan.n_encoder - 1].types
    assert types is not None  # an encoder's last layer is on the chip
    if not plan.score.formula.squares:
        return LINEAR_HEADROOM * types.output.max
    return HEADROOM * plan.latent * types.output.max**2


def distillation_loss(tf: Any, plan: Plan, score: Graph, out: Forward, batch: Any) -> Any:
    """Compute how far score and target are from each other, shape ``(n_seeds, n)``.

    Square roots make a relative error count the same everywhere in the tail, as the order of events does; a score that is not a sum of
    squares, whose target may be negative, is compared as it is. Of a score free in its scale a distance beyond `SOON` decades counts
    linearly (Huber, Ann. Math. Statist. 35 (1964) 73), and above the top target only what falls below it: beyond the rarest rate all is the same.

    Args:
        tf: TensorFlow.
        plan: the student.
        score: the score, lowered.
        out: the network's values.
        batch: as for ``chip_score``, with ``target`` ``(n_seeds, n)``.
    """
    values = chip_score(tf, score, out, batch)
    squares = plan.score.formula.squares
    distance = tf.sqrt(values + _SOFT) - tf.sqrt(batch.target + _SOFT) if squares else values - batch.target
    if plan.score.is_reconstruction:
        return distance**2
    top = top_target(plan)
    at_top = batch.target >= top * (1.0 - 1e-5)
    distance = tf.where(at_top, tf.minimum(distance, 0.0), distance)
    soon = SOON * (math.sqrt(top) if squares else top) / TOP_DECADES
    size = tf.abs(distance)
    return tf.where(size < soon, distance**2, soon * (2.0 * size - soon))
