"""Scores are judged at the working point, total and beyond the menu, and at one larger background fraction."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.dataset import Dataset
from l1ad.core.errors import InputError
from l1ad.physics.judge import judge_of
from l1ad.scores.targets import Kind, Target
from l1ad.studies.result import Material
from l1ad.studies.trainings import changed
from tests.datasets_made import make_scores
from tests.studies.material_made import make_material


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("judge"))


def test_the_working_point_comes_first_total_then_pure(material: Material) -> None:
    config = changed(changed(material.config, "studies", {"rate_khz": 3.0, "fpr": 0.02}), "rates", {"crossing_khz": 300.0})
    judge = judge_of(config, material.dataset)
    assert judge.targets == (Target(0.01, Kind.TOTAL, 3.0), Target(0.01, Kind.PURE, 3.0), Target(0.02))
    assert judge.working_point == judge.targets[:2]
    assert judge_of(config, material.dataset, 0.3).targets[2:] == (Target(0.3),)


def test_a_pure_efficiency_leaves_out_what_the_menu_takes(material: Material) -> None:
    config = changed(changed(material.config, "studies", {"rate_khz": 60.0}), "rates", {"crossing_khz": 300.0})
    dataset: Dataset = material.dataset
    judge = judge_of(config, dataset)
    pass_l1 = np.asarray(dataset.column("pass_l1")).astype(bool)
    np.testing.assert_array_equal(judge.taken, pass_l1)
    found = judge.performance(make_scores(dataset, np.arange(dataset.n_events)), None)
    for signal in found.signals:
        rows = dataset.rows(sample=signal.name)
        pure = signal.points[1]
        wanted = (rows >= pure.threshold) & ~pass_l1[rows]
        weight = np.asarray(dataset.column("weight")[rows], dtype=np.float64)
        assert pure.signal.value == pytest.approx(float(weight[wanted].sum() / weight.sum()))
        assert signal.points[0].threshold >= pure.threshold


def test_a_working_point_above_the_crossing_rate_is_refused(material: Material) -> None:
    config = changed(material.config, "rates", {"crossing_khz": 100.0})
    config = changed(config, "studies", {"rate_khz": 100.0})
    with pytest.raises(
        InputError, match=r"^The working point of 100 kHz must be below the bunch-crossing rate of 100 kHz; change"
    ):
        judge_of(config, material.dataset)
