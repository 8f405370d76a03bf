"""What the recipe hands to each of its trainings: seeds, schedule, targets and shares; training itself is left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.core.dataset import Dataset
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Score
from l1ad.training import recipe, teacher
from l1ad.training.events import Events
from l1ad.training.lesson import FIRST_BIAS
from l1ad.training.loop import Fit, FitSettings
from l1ad.training.recipe import accepted, candidate_seeds, train_float, train_quantised, trigger_fraction
from l1ad.training.results import save_float
from l1ad.training.state import Parameters
from l1ad.training.steps import Graph
from l1ad.training.teacher import log_losses
from tests.datasets_made import make_dataset
from tests.networks import make_events, make_network
from tests.stages.test_train import config


@dataclass
class Call:
    """What one training was asked for."""

    graph: Graph
    train: Events
    validation: Events
    settings: FitSettings
    start: Parameters


@dataclass
class Calls:
    """Stand in for training: note what is asked for, and nudge every network's weights by its seed."""

    made: list[Call]

    def fit(self, graph: Graph, train: Events, validation: Events, settings: FitSettings, start: Parameters, *_: Any) -> Fit:
        self.made.append(Call(graph, train, validation, settings, start))
        nudged = [a.copy() for a in start.flat]
        for i, seed in enumerate(settings.seeds):
            nudged[0][i] += np.random.default_rng(seed).normal(0, 0.05, nudged[0][i].shape).astype(np.float32)
        losses = [float(5 - i) for i in range(len(settings.seeds))]
        return Fit(Parameters.from_flat(nudged), {"loss": [losses], "validation": [losses]})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("recipe") / "dataset", 1500, 20)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    made = Calls([])
    monkeypatch.setattr(recipe, "fit", made.fit)
    monkeypatch.setattr(teacher, "fit", made.fit)
    monkeypatch.setattr("l1ad.training.curves._plot", lambda *_: None)
    return made.made


def test_teachers_then_students_that_learn_their_scores(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    chosen = config(tmp_path, seeds=2, average=0.7)
    training = train_float(chosen, dataset, tmp_path / "checkpoint.npz")
    teachers, students = calls
    n = len(teachers.train.x_hw)
    assert teachers.train.target is None
    assert (teachers.graph.distil, students.graph.distil) == (0.0, 1.0)
    assert teachers.settings.cosine
    assert students.settings.cosine
    assert (teachers.graph.average, students.graph.average) == (0.7, 0.7)
    assert (teachers.settings.epochs, students.settings.epochs) == (2, 2)
    assert len(set(teachers.settings.seeds)) == 4
    assert students.settings.seeds == (1, 2)
    assert len(students.train.x_hw) == 2 * n
    np.testing.assert_array_equal(students.train.x_hw[:n], teachers.train.x_hw)
    assert students.train.target is not None
    assert students.train.target.shape == (2, 2 * n)
    np.testing.assert_array_equal(students.start.biases[-1], np.full((2, 1, 2), np.float32(FIRST_BIAS)))
    assert students.validation.x_hw.shape[0] == 2 * len(teachers.validation.x_hw)
    assert training.best == 1  # the smaller validation loss


def test_the_target_is_the_teachers_rarity(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    """Linear in the decades of rate that the ensemble's mean standardised loss has on weighted background."""
    training = train_float(config(tmp_path, seeds=2), dataset, tmp_path / "checkpoint.npz")
    events, target, weight = calls[1].train, calls[1].train.target, training.problem.train.weight
    assert training.teacher is not None
    assert target is not None
    losses = log_losses(training.teacher.graph, training.teacher.parameters, events.x_hw)
    n = len(weight)
    mean = np.average(losses[:, :n], axis=1, weights=weight)[:, None]
    width = np.sqrt(np.average((losses[:, :n] - mean) ** 2, axis=1, weights=weight))[:, None]
    scores = ((losses - mean) / width).reshape(2, 2, -1).mean(axis=1)
    np.testing.assert_allclose(training.teacher.scores(events.x_hw), scores, rtol=1e-6, atol=1e-6)
    for one, learnt in zip(scores, target, strict=True):
        order = np.argsort(one)
        assert (np.diff(learnt[order]) >= -1e-5).all()
        ordered = np.sort(learnt[:n])[::-1]
        above = np.cumsum(weight[np.argsort(-one[:n], kind="stable")]) / weight.sum()
        decades = [ordered[np.searchsorted(above, rate)] for rate in (0.1, 0.01)]
        assert decades[0] / decades[1] == pytest.approx(0.5, rel=0.1)


def test_members_of_an_ensemble_count_alike(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    """Each member's log-loss has mean 0 and spread 1 on the weighted background, whatever its own scale."""
    training = train_float(config(tmp_path, seeds=3, teachers=1), dataset, tmp_path / "checkpoint.npz")
    assert training.teacher is not None
    scores, weight = training.teacher.scores(training.problem.train.x_hw), training.problem.train.weight
    np.testing.assert_allclose(np.average(scores, axis=1, weights=weight), 0.0, atol=1e-6)
    np.testing.assert_allclose(np.average(scores**2, axis=1, weights=weight), 1.0, rtol=1e-5)


@pytest.mark.parametrize(("kind", "score", "share"), [("ae", "masked_mse", 0.5), ("ae", "mse", 0.5), ("vae", "kl", 1.0)])
def test_a_reconstruction_student_learns_both(
    dataset: Dataset, calls: list[Call], tmp_path: Path, kind: str, score: str, share: float
) -> None:
    train_float(config(tmp_path, kind, score), dataset, tmp_path / "checkpoint.npz")
    assert calls[1].graph.distil == share
    assert calls[1].graph.plan.score is Score(score)


def test_the_plain_recipe_trains_once_at_a_constant_rate(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    train_float(config(tmp_path, recipe="plain"), dataset, tmp_path / "checkpoint.npz")
    train_float(config(tmp_path, schedule="constant"), dataset, tmp_path / "checkpoint.npz")
    plain, *constant = calls
    assert (plain.settings.cosine, plain.graph.average, plain.graph.distil) == (False, 0.0, 0.0)
    assert plain.train.target is None
    assert not any(call.settings.cosine for call in constant)


def baseline(chosen: Any, dataset: Dataset, folder: Path) -> Path:
    training = train_float(chosen, dataset, folder / "checkpoint.npz")
    save_float(training, folder)
    return folder


def test_every_candidate_has_its_own_seed_and_its_students_target(
    dataset: Dataset, calls: list[Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = config(tmp_path, seeds=2, candidates=3, sparsity=0.5, prune_from=0.34, prune_to=0.67)
    folder = baseline(chosen, dataset, tmp_path)
    parts = iter([0.1, 0.2, 0.9, 0.9, 0.5, 0.2])
    monkeypatch.setattr(recipe, "accepted", lambda *_: next(parts))
    trained = train_quantised(chosen, dataset, folder, tmp_path / "checkpoint.npz")
    call = calls[-1]
    assert len(set(call.settings.seeds)) == 6
    assert call.settings.seeds[::3] == (1, 2)
    assert call.settings.cosine
    assert call.graph.distil == 1.0
    assert [call.settings.pruning.sparsity(epoch) for epoch in range(3)] == [0.0, 0.0, 0.5]
    assert call.train.target is not None
    for first, second in ((0, 1), (1, 2), (3, 4)):
        np.testing.assert_array_equal(call.train.target[first], call.train.target[second])
        assert all(np.array_equal(a[first], a[second]) for a in call.start.flat)
    assert not np.array_equal(call.train.target[2], call.train.target[3])
    # Losses fall with the number: the last of the first seed has both ranks, of the second the sums are equal and the loss decides.
    assert trained.fit.history["validation"][-1] == [3.0, 0.0]
    assert len(trained.networks) == 2


def test_a_network_is_shrunk_round_by_round_from_where_it_was(dataset: Dataset, calls: list[Call], tmp_path: Path) -> None:
    chosen = config(tmp_path, candidates=1, sparsity=0.4, prune_to=0.67, shrink=[0.6, 0.8])
    folder = baseline(chosen, dataset, tmp_path)
    train_quantised(chosen, dataset, folder, tmp_path / "checkpoint.npz")
    first, second, third = calls[-3:]
    assert [call.settings.pruning.sparsity(2) for call in (first, second, third)] == pytest.approx([0.4, 0.6, 0.8])
    # Half of the rise's time: a cubic has an eighth of it left.
    assert second.settings.pruning.sparsity(0) == pytest.approx(0.4)
    assert second.settings.pruning.sparsity(1) == pytest.approx(0.6 - 0.2 / 8)
    for former, later in ((first, second), (second, third)):
        nudged = np.random.default_rng(former.settings.seeds[0]).normal(0, 0.05, former.start.flat[0][0].shape).astype(np.float32)
        np.testing.assert_array_equal(later.start.flat[0][0], former.start.flat[0][0] + nudged)


def test_candidates_are_compared_by_what_they_accept(
    dataset: Dataset, calls: list[Call], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison sees each candidate's network, the background's weights, and background before mixed events."""
    chosen = config(tmp_path, candidates=2)
    folder, seen = baseline(chosen, dataset, tmp_path), []
    monkeypatch.setattr(recipe, "accepted", lambda *found: float(len(seen.append(found) or seen)))
    train_quantised(chosen, dataset, folder, tmp_path / "checkpoint.npz")
    (one, weight, x_hw), (other, _, _) = seen
    assert one.digest != other.digest
    assert len(x_hw) == 2 * len(weight)
    np.testing.assert_array_equal(x_hw, calls[-1].train.x_hw)


def test_seeds_of_candidates() -> None:
    assert candidate_seeds((1, 2), 1) == (1, 2)
    assert len(set(candidate_seeds(range(64), 16))) == 64 * 16


@pytest.mark.parametrize("n", [5_000, 1_000_000])
def test_networks_are_compared_where_triggers_cut_or_as_near_as_events_say(n: int) -> None:
    """By hand: the first fraction of at least 3e-5 above which 50 effective events are."""
    random = np.random.default_rng(2)
    scores, weight = random.normal(size=n), random.uniform(0.1, 2.0, n)
    sums, squares = 0.0, 0.0
    for i in np.argsort(-scores):
        sums, squares = sums + weight[i], squares + weight[i] ** 2
        if sums >= 3e-5 * weight.sum() and sums**2 >= 50 * squares:
            break
    assert trigger_fraction(scores, weight) == pytest.approx(sums / weight.sum())


def test_accepted_counts_mixed_events_above_the_triggers_threshold() -> None:
    from l1ad.spec.reference import scores

    wide = FixedPoint.parse("ap_fixed<20,16,AP_RND_CONV,AP_SAT>")
    network = make_network(widths=(6, 3), hidden_type=FixedPoint.from_quantized_relu(16, 8), output_type=wide)
    x_hw = make_events(network.layout, 6000)
    order = np.argsort(-scores(network, x_hw), kind="stable")
    x_hw = x_hw[np.concatenate([np.delete(order, np.s_[:3000:3]), order[:3000:3]])]  # the last thousand score higher
    weight = np.random.default_rng(1).uniform(0.1, 2.0, 5000)
    values = scores(network, x_hw)
    most = trigger_fraction(values[:5000], weight) * weight.sum()
    threshold = min(v for v in np.unique(values) if weight[values[:5000] >= v].sum() <= most * (1 + 1e-9))
    wanted = np.mean(values[5000:] >= threshold)
    assert 0.0 < wanted < 1.0
    assert accepted(network, weight, x_hw) == pytest.approx(wanted)
