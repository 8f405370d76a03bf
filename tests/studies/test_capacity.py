"""The capacity study trains every shape with several seeds and sets them side by side."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from l1ad.config import Config
from l1ad.physics.judge import Judge
from l1ad.studies import capacity as study
from l1ad.studies.result import as_scores
from l1ad.studies.trainings import changed
from tests.datasets_made import pt_sum
from tests.studies.material_made import make_material


@dataclass
class Networks:
    """Stand in for trained networks: wide ones score better, every seed a little otherwise."""

    config: Config

    @property
    def validation_loss(self) -> tuple[float, ...]:
        return tuple(1.0 + seed for seed in range(self.config.training.seeds))

    def performances(self, judge: Judge, rows: Any) -> tuple[Any, ...]:
        spread = 5000.0 / self.config.model.hidden[0] ** 2
        noise = [np.random.default_rng(seed).normal(0, spread, len(rows)) for seed in range(self.config.training.seeds)]
        pt = pt_sum(judge.dataset)[rows]
        return tuple(judge.performance(as_scores(judge.dataset, pt + one, rows)) for one in noise)


@pytest.mark.parametrize(("seeds", "trained"), [(2, 2), (3, 3), (8, 4)])
def test_every_shape_is_trained_with_several_seeds(tmp_path: Any, monkeypatch: Any, seeds: int, trained: int) -> None:
    material = make_material(tmp_path)
    material = replace(material, config=changed(material.config, "studies", {"seeds": seeds}))
    asked: list[Config] = []

    def train(config: Config, dataset: Any, work: Any) -> Networks:
        asked.append(config)
        return Networks(config)

    monkeypatch.setattr(study, "train_networks", train)
    monkeypatch.setattr(study, "estimated_lut", lambda networks: 100.0 * networks.config.model.hidden[0])
    result = study.study_capacity(material)
    assert [(c.model.hidden, c.model.latent, c.training.seeds) for c in asked] == [((8,), 2, trained), ((12,), 3, trained)]
    small, large = result.numbers["variants"]
    assert (small["name"], large["name"]) == ("44-8-2", "44-12-3")
    assert len(small["validation_loss"]) == trained
    assert all(len(signal["auc"]) == trained for signal in large["signals"].values())
    assert "for 1.5 times the LUTs" in result.finding
