import re

import numpy as np
import pytest

from l1ad.reporting.document import ABSENT
from l1ad.scores.performance import evaluate
from l1ad.studies.result import as_scores
from l1ad.studies.volatility import Repeated, Spread, compare_recipes, figure_spreads, finding, pair_matrices, recipe_table
from tests.datasets_made import make_dataset, pt_sum


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("volatility") / "dataset", n_background=2000, n_signal=200)


def scores_of(dataset, values):
    return as_scores(dataset, values, np.arange(dataset.n_events))


def test_scores_that_rank_alike_agree_whatever_their_scale(dataset):
    base = pt_sum(dataset) + np.arange(dataset.n_events) / 1e6
    ranks, overlaps = pair_matrices(dataset, [scores_of(dataset, base), scores_of(dataset, np.exp(base / base.max()))], 0.05)
    np.testing.assert_allclose(ranks, 1.0)
    np.testing.assert_array_equal(overlaps, 1.0)


def test_opposite_scores_share_nothing(dataset):
    base = np.random.default_rng(1).permutation(dataset.n_events).astype(float)
    ranks, overlaps = pair_matrices(dataset, [scores_of(dataset, base), scores_of(dataset, -base)], 0.05)
    assert ranks[0, 1] == pytest.approx(-1.0)
    assert overlaps[0, 1] == 0.0


def test_spread_and_finding_name_the_widest_signal(dataset):
    good = pt_sum(dataset) + np.arange(dataset.n_events) / 1e6
    index = np.asarray(dataset.column("sample"))
    poor = np.where(index == 2, good / 4, good)
    scores = [scores_of(dataset, good), scores_of(dataset, poor)]
    performances = tuple(evaluate(dataset, one, (0.05,)) for one in scores)
    spreads = figure_spreads(performances, (1.0, 3.0))
    assert spreads[0] == Spread("validation loss", (1.0, 3.0))
    assert spreads[0].relative == pytest.approx(np.sqrt(2) / 2)
    assert Spread("zero", (0.0, 0.0)).relative is None
    assert spreads[2].values[0] == spreads[2].values[1]
    text = finding(Repeated("plain", (1, 2), performances, spreads, *pair_matrices(dataset, scores, 0.05)), 0.05)
    assert "differs most between 2 trainings on a_4l" in text
    assert "always train several seeds" in text


def repeated(recipe, *efficiencies):
    spreads = [Spread("validation loss", (1.0, 2.0))]
    for name, values in zip("AB", efficiencies, strict=True):
        spreads += [Spread(f"AUC {name}", (0.9, 0.9)), Spread(f"efficiency {name}", values)]
    return Repeated(recipe, (1, 2), (), tuple(spreads), np.ones((2, 2)), np.ones((2, 2)))


def test_recipes_are_compared_by_the_spread_of_all_signals_and_each_median():
    plain, robust = repeated("plain", (0.1, 0.3), (0.4, 0.4)), repeated("robust", (0.3, 0.3), (0.45, 0.55))
    change = compare_recipes(plain, robust)
    assert change.plain == pytest.approx(np.sqrt((np.sqrt(0.02) / 0.2) ** 2 / 2))
    assert change.factor == pytest.approx((np.sqrt(0.02) / 0.2) / (np.sqrt(0.005) / 0.5))
    assert change.lower == ()
    assert change.passes
    assert re.search(
        r"goes from 50 % with the plain recipe to 10 % with the robust one, 5\.0 times less \(3 wanted\); no", change.sentence
    )


def test_a_lower_median_or_a_small_change_does_not_pass():
    plain = repeated("plain", (0.1, 0.3), (0.4, 0.4))
    lower = compare_recipes(plain, repeated("robust", (0.3, 0.3), (0.39, 0.39)))
    assert lower.lower == ("B",)
    assert lower.factor == np.inf
    assert not lower.passes
    assert lower.sentence.endswith("the median falls on B.")
    assert not compare_recipes(plain, repeated("robust", (0.2, 0.3), (0.4, 0.5))).passes


def test_the_table_shows_both_recipes_in_one_row():
    table = recipe_table(repeated("plain", (0.1, 0.3), (0.4, 0.4)), repeated("robust", (0.3, 0.3), (0.45, 0.55)), 1e-3)
    assert [row[0] for row in table.rows] == ["AUC A", "efficiency A", "AUC B", "efficiency B"]
    assert table.rows[1] == ("efficiency A", "20.00", "30.00", "70.7", "0", ABSENT)
    assert table.note.endswith("to about 71 %.")
