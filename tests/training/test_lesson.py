"""Targets are linear in the decades of background rate; a student has what is on the chip."""

import numpy as np
import pytest

from l1ad.training.lesson import RATES, rarity, rarity_scale, student_plan, student_start, top_target
from l1ad.training.state import initial_parameters
from tests.training.test_plan import plan


def test_rarity_counts_decades() -> None:
    scores = np.random.default_rng(1).permutation(10_000).astype(float)
    scale = rarity_scale(scores, np.ones(10_000))
    for rate in (0.1, 0.01, 0.001):
        assert rarity(np.array([10_000 * (1 - rate)]), scale)[0] == pytest.approx(-np.log10(rate), abs=0.05)


def test_rarity_goes_on_beyond_the_background() -> None:
    scale = rarity_scale(np.arange(10_000.0), np.ones(10_000))
    decades = rarity(np.array([9_990.0, 12_000.0, 14_000.0]), scale)
    assert (np.diff(decades) > 0).all()
    assert len(scale) == len(RATES)


def test_rarity_is_weighted() -> None:
    scores = np.arange(1000.0)
    weight = np.where(scores >= 900, 0.0, 1.0)
    assert rarity_scale(scores, weight)[3] < rarity_scale(scores, np.ones(1000))[3]


def test_equal_scores_do_not_divide_by_zero() -> None:
    scale = rarity_scale(np.ones(100), np.ones(100))
    assert np.isfinite(rarity(np.array([0.0, 1.0, 2.0]), scale)).all()


@pytest.mark.parametrize(
    ("model", "score", "shapes", "variational"),
    [
        ("{kind: vae}", "latent_l2", [(44, 32), (32, 16), (16, 3)], False),
        ("{kind: vae}", "kl", [(44, 32), (32, 16), (16, 6)], True),
        ("{kind: ae, hidden: [4], latent: 2}", "mse", [(44, 4), (4, 2), (2, 4), (4, 44)], False),
    ],
)
def test_student_is_what_is_on_the_chip(model: str, score: str, shapes: list[tuple[int, int]], variational: bool) -> None:
    student = student_plan(plan(model, score))
    assert [(layer.n_in, layer.n_out) for layer in student.layers] == shapes
    assert student.variational == variational
    assert student.n_chip == len(shapes)


def test_student_starts_away_from_zero() -> None:
    made = student_plan(plan("{kind: vae}"))
    start = student_start(made, initial_parameters(made, (1,)))
    np.testing.assert_array_equal(start.biases[-1], np.ones((1, 1, 3)))
    assert top_target(made) == pytest.approx(0.5 * 3 * 7.9375**2)
