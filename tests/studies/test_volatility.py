import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from l1ad.physics.judge import Judge
from l1ad.reporting.document import ABSENT, State
from l1ad.scores.performance import evaluate
from l1ad.scores.targets import Target
from l1ad.studies import volatility as study
from l1ad.studies.result import as_scores
from l1ad.studies.trainings import changed
from l1ad.studies.volatility import Repeated, Spread, compare_recipes, figure_spreads, finding, pair_matrices, recipe_table
from tests.datasets_made import make_dataset, pt_sum
from tests.studies.material_made import make_material

POINT = Target(0.05)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("volatility") / "dataset", n_background=2000, n_signal=200)


def scores_of(dataset, values):
    return as_scores(dataset, values, np.arange(dataset.n_events))


def test_scores_that_rank_alike_agree_whatever_their_scale(dataset):
    base = pt_sum(dataset) + np.arange(dataset.n_events) / 1e6
    ranks, overlaps = pair_matrices(
        Judge(dataset, (POINT,), None), [scores_of(dataset, base), scores_of(dataset, np.exp(base / base.max()))]
    )
    np.testing.assert_allclose(ranks, 1.0)
    np.testing.assert_array_equal(overlaps, 1.0)


def test_opposite_scores_share_nothing(dataset):
    base = np.random.default_rng(1).permutation(dataset.n_events).astype(float)
    ranks, overlaps = pair_matrices(Judge(dataset, (POINT,), None), [scores_of(dataset, base), scores_of(dataset, -base)])
    assert ranks[0, 1] == pytest.approx(-1.0)
    assert overlaps[0, 1] == 0.0


def test_spread_and_finding_name_the_widest_signal(dataset):
    good = pt_sum(dataset) + np.arange(dataset.n_events) / 1e6
    index = np.asarray(dataset.column("sample"))
    poor = np.where(index == 2, good / 4, good)
    scores = [scores_of(dataset, good), scores_of(dataset, poor)]
    performances = tuple(evaluate(dataset, one, (POINT,)) for one in scores)
    spreads = figure_spreads(performances, (1.0, 3.0))
    assert spreads[0] == Spread("validation loss", (1.0, 3.0))
    assert spreads[0].relative == pytest.approx(np.sqrt(2) / 2)
    assert Spread("zero", (0.0, 0.0)).relative is None
    assert [spread.label for spread in spreads] == ["", "", "ttbar", "a_4l", "", ""]
    assert spreads[2].values[0] == spreads[2].values[1]
    assert spreads[1].values == pytest.approx([(a + b) / 2 for a, b in zip(spreads[2].values, spreads[3].values, strict=True)])
    text = finding(
        Repeated("plain", (1, 2), performances, spreads, *pair_matrices(Judge(dataset, (POINT,), None), scores)), POINT
    )
    assert "differs most between 2 trainings on a_4l" in text
    assert "always train several seeds" in text


@dataclass
class Networks:
    """Stand in for trained networks: scores that follow the events' pt, less so the larger the seed and with the plain recipe."""

    config: object
    validation_loss: tuple = (2.0, 1.0, 3.0)

    @property
    def seeds(self):
        first = self.config.training.seed
        return tuple(range(first, first + self.config.training.seeds))

    def scores(self, dataset, rows, index):
        noise = np.random.default_rng(self.seeds[index]).normal(0, 1, len(rows))
        spread = {"plain": 1500.0, "robust": 1.0}[self.config.training.recipe]
        return as_scores(dataset, np.maximum(pt_sum(dataset)[rows] + spread * noise, 0), rows)


def test_the_study_trains_either_recipe_with_every_seed_and_compares_them(tmp_path, monkeypatch):
    material = make_material(tmp_path)
    material = replace(material, config=changed(material.config, "studies", {"seeds": 3, "seed": 5}))
    asked = []

    def train(config, dataset, work):
        asked.append((config.training.recipe, config.training.seeds, config.training.seed, work.name))
        assert config.training.epochs == material.config.training.epochs
        return Networks(config)

    monkeypatch.setattr(study, "train_quantised_networks", train)
    result = study.study_volatility(material)
    assert asked == [("plain", 3, 5, "plain"), ("robust", 3, 5, "robust")]
    plain, robust = (result.numbers[name] for name in ("plain", "robust"))
    change = result.numbers["changes"][0]
    assert change["target"]["label"] == "2000 kHz total"
    assert (plain["recipe"], robust["recipe"]) == ("plain", "robust")
    assert plain["seeds"] == robust["seeds"] == [5, 6, 7]
    assert change["plain"] > 3 * change["robust"]
    assert plain["rank_correlation"][0][1] < 0.95
    assert robust["rank_correlation"][0][1] > 0.99
    assert result.state is (State.GOOD if change["passes"] else State.WARNING)


def repeated(recipe, *efficiencies):
    spreads = [Spread("validation loss", (1.0, 2.0))]
    for name, values in zip("AB", efficiencies, strict=True):
        spreads += [Spread(f"AUC {name}", (0.9, 0.9)), Spread(f"efficiency {name}", values, POINT, name)]
    return Repeated(recipe, (1, 2), (), tuple(spreads), np.ones((2, 2)), np.ones((2, 2)))


def test_recipes_are_compared_by_the_spread_of_all_signals_and_each_median():
    plain, robust = repeated("plain", (0.1, 0.3), (0.4, 0.4)), repeated("robust", (0.3, 0.3), (0.45, 0.55))
    change = compare_recipes(plain, robust, POINT)
    assert change.plain == pytest.approx(np.sqrt((np.sqrt(0.02) / 0.2) ** 2 / 2))
    assert change.factor == pytest.approx((np.sqrt(0.02) / 0.2) / (np.sqrt(0.005) / 0.5))
    assert change.lower == ()
    assert change.passes
    assert re.search(
        r"goes from 50 % with the plain recipe to 10 % with the robust one, 5\.0 times less \(3 required\); no", change.sentence
    )


def test_a_lower_median_or_a_small_change_does_not_pass():
    plain = repeated("plain", (0.1, 0.3), (0.4, 0.4))
    lower = compare_recipes(plain, repeated("robust", (0.3, 0.3), (0.39, 0.39)), POINT)
    assert lower.lower == ("B",)
    assert lower.factor == np.inf
    assert not lower.passes
    assert lower.sentence.endswith("the median falls on B.")
    assert not compare_recipes(plain, repeated("robust", (0.2, 0.3), (0.4, 0.5)), POINT).passes


def test_the_table_shows_both_recipes_in_one_row():
    table = recipe_table(repeated("plain", (0.1, 0.3), (0.4, 0.4)), repeated("robust", (0.3, 0.3), (0.45, 0.55)))
    assert [row[0] for row in table.rows] == ["AUC A", "efficiency A", "AUC B", "efficiency B"]
    assert table.rows[1] == ("efficiency A", "20.00", "30.00", "70.7", "0", ABSENT)
    assert table.note.endswith("to about 71 %.")
