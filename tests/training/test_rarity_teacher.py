"""The rarity teacher counts decades of background rate, shares votes between kinds that say the same, and is learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.dataset import Dataset
from l1ad.core.errors import ConfigError
from l1ad.training.lesson import load_lesson
from l1ad.training.problem import make_problem
from l1ad.training.rarity_teacher import Tail, make_rarity_teacher, vote_weights
from l1ad.training.recipe import TARGETS_FILE, TEACHER_FILE, train_float
from l1ad.training.results import save_float
from tests.datasets_made import make_dataset
from tests.stages.test_train import config
from tests.training.test_recipe import Call, calls

__all__ = ["calls"]  # the fixture that stands in for training


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("rarity") / "dataset", 3000, 20)


def test_decades_are_a_slow_count_of_what_is_at_or_above() -> None:
    random = np.random.default_rng(1)
    values, weight = random.integers(0, 30, 2000).astype(float), random.uniform(0.1, 3.0, 2000)
    values[:800] = 0.0
    tail = Tail.measure(values, weight)
    for value in range(30):
        wanted = -np.log10(sum(w for v, w in zip(values, weight, strict=True) if v >= value) / weight.sum())
        assert tail(np.array([value]))[0] == pytest.approx(wanted, abs=1e-12)
    assert tail(np.array([0.0, -3.0])).tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(tail(np.array([3.5])), tail(np.array([4.0])))


def test_beyond_the_background_an_exponential_goes_on() -> None:
    """Of an exponential's own tail, a value one per cent of a per cent reach is found from ten thousand events to a tenth of a decade or two."""
    values = np.random.default_rng(2).exponential(1.0, 10_000)
    tail = Tail.measure(values, np.ones(10_000))
    assert len(tail.values) == 10_000 - 9  # fewer than ten events have no rate of their own
    far = np.array([12.0, 16.0, 20.0])
    np.testing.assert_allclose(tail(far), far / np.log(10.0), rtol=0.15)
    assert (np.diff(tail(np.linspace(0, 30, 500))) >= 0).all()


def test_a_heavy_event_alone_makes_no_rate() -> None:
    weight = np.ones(1000)
    weight[-1] = 200.0
    tail = Tail.measure(np.arange(1000.0), weight)
    assert tail.values[-1] < 700  # so far down ten effective events are at or above
    assert np.isfinite(tail(np.array([5000.0]))).all()


def test_an_object_that_background_hardly_has_is_rare() -> None:
    """Nine of a thousand events, or none, have one: rarer than ten of them, and the more so the harder it is."""
    for present in (0, 9):
        tail = Tail.measure(np.r_[np.zeros(1000 - present), np.full(present, 3.0)], np.ones(1000))
        assert tail(np.array([0.0, 0.5, 1.5])).tolist() == [0.0, 2.5, 3.5]


def test_kinds_that_say_the_same_share_a_vote() -> None:
    random = np.random.default_rng(3)
    one, other = random.normal(size=(2, 50_000))
    weight = random.uniform(0.5, 2.0, 50_000)
    found = vote_weights(np.stack([one, 3.0 * one + 1.0, other, np.zeros(50_000)]), weight)
    np.testing.assert_allclose(found, [0.5, 0.5, 1.0, 1.0], atol=1e-3)
    half = vote_weights(np.stack([one, (one + other) / np.sqrt(2)]), np.ones(50_000))
    np.testing.assert_allclose(half, 1 / 1.5, atol=0.02)


def test_the_score_is_the_weighted_sum_of_each_kinds_rarity_squared(dataset: Dataset, tmp_path: Path) -> None:
    """By hand: the decades of a kind's places summed, the rate of that sum, squares with the kind's weight."""
    problem = make_problem(config(tmp_path, seeds=2, teacher="rarity"), dataset)
    teacher, x_hw, weight = make_rarity_teacher(problem), problem.train.x_hw, problem.train.weight
    scores = teacher.scores(x_hw)
    assert scores.shape == (2, len(x_hw))
    np.testing.assert_array_equal(scores[0], scores[1])
    rarities = []
    for slot in problem.layout.slots:
        pt = np.log1p(x_hw[:, problem.layout.feature_columns("pt", slot.kind)].astype(float))
        places = [Tail.measure(pt[:, i], weight)(pt[:, i]) for i in range(slot.multiplicity)]
        total = np.sum(places, axis=0)
        rarities.append(Tail.measure(total, weight)(total))
    wanted = vote_weights(np.stack(rarities), weight) @ np.stack(rarities) ** 2
    np.testing.assert_allclose(scores[0], wanted, rtol=1e-9)


def test_the_score_rises_with_every_objects_pt_and_sees_what_the_chip_sees(dataset: Dataset, tmp_path: Path) -> None:
    problem = make_problem(config(tmp_path, teacher="rarity"), dataset)
    teacher, layout = make_rarity_teacher(problem), problem.layout
    x = np.zeros((1, layout.n_columns), dtype=np.int64)
    base = teacher.scores(x)[0, 0]
    for column in layout.feature_columns("pt"):
        soft, hard, beyond = (x.copy() for _ in range(3))
        soft[0, column], hard[0, column], beyond[0, column] = 300, 3000, layout.columns[column].type.max_int
        found = [teacher.scores(one)[0, 0] for one in (soft, hard, beyond)]
        assert base < found[0] < found[1] < found[2], layout.names[column]
    deaf = replace(teacher, scaling=replace(teacher.scaling, min_pt_hw=(("muon", 500),)))
    x[0, layout.index("muon[0].pt_hw")] = 499
    assert deaf.scores(x)[0, 0] == base < teacher.scores(x)[0, 0]


def test_students_learn_its_rarity_and_no_teacher_is_trained(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    chosen = config(tmp_path, seeds=2, teacher="rarity")
    training = train_float(chosen, dataset, tmp_path / "checkpoint.npz")
    (student,) = calls
    assert student.graph.distil == 1.0
    target = student.train.target
    assert target is not None
    np.testing.assert_array_equal(target[0], target[1])
    score = make_rarity_teacher(training.problem).scores(student.train.x_hw)[0]
    assert (np.diff(target[0][np.argsort(score)]) >= -1e-5).all()
    save_float(training, tmp_path)
    assert not (tmp_path / TEACHER_FILE).exists()
    np.testing.assert_array_equal(load_lesson(training.problem, tmp_path / TARGETS_FILE).train.target, target)


@pytest.mark.parametrize("score", ["masked_mse", "mse"])
def test_a_score_that_reconstructs_cannot_learn_it(dataset: Dataset, tmp_path: Path, score: str) -> None:
    message = rf"^Key 'training\.teacher' is 'rarity', which ranks events and reconstructs none, and the score is '{score}'; use 'ensemble' or "
    with pytest.raises(ConfigError, match=message):
        make_problem(config(tmp_path, "ae", score, teacher="rarity"), dataset)
    make_problem(config(tmp_path, "ae", score, teacher="rarity", recipe="plain"), dataset)
