"""The chip's score in the training graph is the float reference's for every score; the distance to the teacher is that of square roots."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation, Score
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.graph import Graph
from l1ad.qkeras.runtime import tensorflow
from l1ad.scores.float_reference import float_outputs, float_scores, scaled_float
from l1ad.training.distillation import chip_score, distillation_loss, top_target
from l1ad.training.forward import Forward
from l1ad.training.lowered import lower_training_score
from l1ad.training.plan import LayerPlan, LayerTypes, Plan
from l1ad.training.steps import Batch
from tests.networks import INPUT, make_events, make_scaling, outputs_for, tiny_layout

LAYOUT = tiny_layout()
SCALING = make_scaling(LAYOUT, INPUT)
#: Scores that are sums of squares; the others are compared as they are.
SQUARES = {Score.LATENT_L2, Score.KL, Score.R_Z, Score.MSE, Score.MASKED_MSE}
COLUMNS = (0, 1, 2, 3, 5, 6, 7)


def lowered(kind: Score, cyclic: bool = True) -> Graph:
    return lower_training_score(kind, outputs_for(kind), LAYOUT, SCALING, COLUMNS, cyclic=cyclic)


def network(kind: Score, cyclic: bool = True) -> FloatNetwork:
    """Make one dense layer of random weights, wide enough for the score."""
    random = np.random.default_rng(3)
    layer = FloatDense(
        "dense1", random.normal(0, 0.15, (8, outputs_for(kind))), random.normal(0, 1, outputs_for(kind)), Activation.LINEAR
    )
    columns = COLUMNS if kind.is_reconstruction else ()
    return FloatNetwork(LAYOUT, SCALING, (layer,), FloatScore(kind, columns, cyclic and kind.is_reconstruction))


def in_graph(made: FloatNetwork, x_hw: np.ndarray, target: np.ndarray) -> tuple[Forward, Batch]:
    """Return the network's values and its events as the training graph has them: one network, axes (network, event, value)."""
    tf = tensorflow()
    kind, y = made.score.kind, float_outputs(made, x_hw)
    mean, log_variance = (y[:, : y.shape[1] // 2], y[:, y.shape[1] // 2 :]) if kind.needs_log_variance else (y, None)
    present = SCALING.present(LAYOUT, x_hw)
    tensors = [
        None if v is None else tf.constant(v[np.newaxis], tf.float32)
        for v in (mean, log_variance, y, scaled_float(made, x_hw), present)
    ]
    return Forward(*tensors[:3]), Batch(tensors[3], tensors[4], None, tf.constant(target[np.newaxis], tf.float32))


@pytest.mark.parametrize("cyclic", [True, False])
@pytest.mark.parametrize("kind", list(Score))
def test_the_graphs_score_is_the_float_networks(kind: Score, cyclic: bool) -> None:
    made, x_hw = network(kind, cyclic), make_events(LAYOUT, 400)
    wanted = float_scores(made, x_hw)
    got = chip_score(tensorflow(), lowered(kind, cyclic), *in_graph(made, x_hw, wanted)).numpy()
    assert got.shape == (1, 400)
    np.testing.assert_allclose(got[0], wanted, rtol=1e-4, atol=1e-3)


def test_the_scores_of_log_variances_differ() -> None:
    """KL and R_z of the same values are not alike: one in place of the other is seen."""
    x_hw = make_events(LAYOUT, 400)
    kl, r_z = (float_scores(network(kind), x_hw) for kind in (Score.KL, Score.R_Z))
    assert not np.allclose(kl, r_z, rtol=0.2)


def student(kind: Score) -> Plan:
    """Plan a student whose last layer gives what the score takes, of type <16,12>."""
    types = LayerTypes(*(FixedPoint.parse("ap_fixed<16,12,AP_RND_CONV,AP_SAT>"),) * 3)
    return Plan(
        (LayerPlan("dense1", 8, outputs_for(kind), Activation.LINEAR, types),), 1, 3, kind.needs_log_variance, INPUT, kind
    )


@pytest.mark.parametrize("kind", list(Score))
def test_the_distance_is_of_square_roots_but_for_a_linear_score(kind: Score) -> None:
    made, x_hw = network(kind), make_events(LAYOUT, 100)
    target = np.random.default_rng(1).uniform(0.0, 90.0, 100)
    score, plan = float_scores(made, x_hw), student(kind)
    root = (lambda v: v) if kind not in SQUARES else (lambda v: np.sqrt(v + 1.0))
    distance = root(score) - root(target)
    soon = (
        np.inf if kind.is_reconstruction else 0.5 / 6.0 * (top_target(plan) if kind not in SQUARES else np.sqrt(top_target(plan)))
    )
    wanted = np.where(abs(distance) < soon, distance**2, soon * (2 * abs(distance) - soon) if np.isfinite(soon) else 0.0)
    got = distillation_loss(tensorflow(), plan, lowered(kind), *in_graph(made, x_hw, target)).numpy()
    np.testing.assert_allclose(got[0], wanted, rtol=1e-2, atol=1e-2)


def test_above_the_top_only_what_falls_short_counts() -> None:
    made, x_hw, plan = network(Score.LINEAR), make_events(LAYOUT, 100), student(Score.LINEAR)
    top = top_target(plan)
    made.layers[0].bias[:] += top  # about half of the scores are above the top target, half below
    score = float_scores(made, x_hw)
    got = distillation_loss(tensorflow(), plan, lowered(Score.LINEAR), *in_graph(made, x_hw, np.full(100, top))).numpy()[0]
    over = score > top + 0.01
    assert over.any()
    assert (~over).any()
    assert not got[over].any()
    assert (got[score < top - 0.1] > 0).all()
