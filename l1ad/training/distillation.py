"""Let a small student learn a teacher's score (Hinton et al., arXiv:1503.02531; for this trigger: AXOL1TL's and CICADA's students)."""

from __future__ import annotations

from typing import Any

from l1ad.core.network import SCALED, Score
from l1ad.graph import Graph
from l1ad.graph.scores import PRESENT
from l1ad.training.forward import Forward
from l1ad.training.interpret import evaluate_tensors
from l1ad.training.lowered import LOG_VARIANCE, MEAN, OUTPUT

#: Added under the square roots: below it, differences of the score do not count.
_SOFT = 1.0


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


def distillation_loss(tf: Any, kind: Score, score: Graph, out: Forward, batch: Any) -> Any:
    """Compute the squared distance of the square roots of score and target, shape ``(n_seeds, n)``.

    The square root makes a relative error count the same everywhere in the tail, as the order of events does. A score that is no sum of
    squares, whose target is already a logarithm of the rate and which may be negative, is compared as it is.

    Args:
        tf: TensorFlow.
        kind: which score.
        score: the score, lowered.
        out: the network's values.
        batch: as for ``chip_score``, with ``target`` ``(n_seeds, n)``.
    """
    values = chip_score(tf, score, out, batch)
    if not kind.formula.squares:
        return (values - batch.target) ** 2
    return (tf.sqrt(values + _SOFT) - tf.sqrt(batch.target + _SOFT)) ** 2
