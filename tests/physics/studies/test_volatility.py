import numpy as np
import pytest

from l1ad.physics.studies.result import as_scores
from l1ad.physics.studies.volatility import Repeated, Spread, figure_spreads, finding, pair_matrices
from l1ad.scores.performance import evaluate
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
