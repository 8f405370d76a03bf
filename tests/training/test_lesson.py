"""Targets are linear in the decades of background rate and every half decade counts; a student has what is on the chip."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.training.distillation import TOP_DECADES, top_target
from l1ad.training.events import Events
from l1ad.training.lesson import MOST, decades_of, flat_weights, load_lesson, student_plan, student_start
from l1ad.training.problem import Problem, make_problem
from l1ad.training.rarity_teacher import Tail
from l1ad.training.state import initial_parameters
from tests.datasets_made import make_dataset
from tests.stages.test_train import config
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


def test_half_decades_of_a_reconstruction_teachers_error_count_alike(tmp_path: Path) -> None:
    """Background events weigh what their error's rate says: a decade of rare events as much as nine tenths of all."""
    dataset = make_dataset(tmp_path / "dataset", 6000, 20, weight=np.ones(6040))
    problem = make_problem(config(tmp_path, "ae", "masked_mse"), dataset)
    errors = {name: np.arange(2.0 * len(events.x_hw))[np.newaxis] for name, events in problem_parts(problem)}
    np.savez(tmp_path / "targets.npz", **errors)
    lesson = load_lesson(problem, tmp_path / "targets.npz")
    n = len(problem.train.x_hw)
    weight, rate = lesson.train.weight[:n], 1.0 - np.arange(n) / n
    muons = np.minimum((problem.train.x_hw[:, problem.layout.feature_columns("pt", "muon")] > 0).sum(axis=1), 2)
    common = muons == np.bincount(muons).argmax()
    sums = [weight[common & (rate <= 10.0**-low) & (rate > 10.0 ** -(low + 0.5))].sum() for low in (0.0, 0.5, 1.0)]
    assert max(sums) < 1.05 * min(sums)
    assert lesson.train.target is not None
    np.testing.assert_array_equal(lesson.train.target, errors["train"])


def problem_parts(problem: Problem) -> list[tuple[str, Events]]:
    """Name the two parts as the file of targets does."""
    return [("train", problem.train), ("validation", problem.validation)]


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
