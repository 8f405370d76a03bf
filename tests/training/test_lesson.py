"""Targets are linear in the decades of background rate and every half decade counts; a student has what is on the chip."""

import numpy as np
import pytest

from l1ad.training.distillation import TOP_DECADES, top_target
from l1ad.training.lesson import MOST, decades_of, flat_weights, student_plan, student_start
from l1ad.training.rarity_teacher import Tail
from l1ad.training.state import initial_parameters
from tests.training.test_plan import plan


def test_decades_end_where_no_trigger_cuts() -> None:
    scores = np.arange(1e5)
    tail = Tail.measure(scores, np.ones(len(scores)))
    wanted = [0.0, 1.0, 3.0, TOP_DECADES]
    assert decades_of([tail], np.array([[-5.0, 0.9e5, 99_900.0, 1e6]]))[0] == pytest.approx(wanted, abs=1e-3)


def test_every_half_decade_and_class_counts_the_same() -> None:
    random = np.random.default_rng(1)
    decades = random.exponential(0.8, 100_000)
    classes = (random.random(len(decades)) < 0.3).astype(int)
    weight = flat_weights(decades, classes)
    assert weight.mean() == pytest.approx(1.0)
    bins = [
        weight[(decades >= low) & (decades < low + 0.5) & (classes == c)].sum()
        for low in (0.0, 0.5, 1.0, 1.5, 2.0)
        for c in (0, 1)
    ]
    assert max(bins) == pytest.approx(min(bins), rel=1e-6)
    tail = weight[(decades >= 3.0) & (decades < 3.5) & (classes == 0)].sum()
    assert tail / bins[0] == pytest.approx(3.0, rel=1e-6)


def test_a_bin_of_one_event_is_not_learnt_by_heart() -> None:
    weight = flat_weights(np.append(np.zeros(9999), 5.9), np.zeros(10_000, dtype=int))
    # A quarter of all would be the ordinary events', 2500; the rare one is cut to MOST.
    assert weight[-1] / weight.sum() == pytest.approx(MOST / (MOST + 2500), rel=1e-3)


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
