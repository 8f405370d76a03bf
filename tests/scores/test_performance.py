import numpy as np
import pytest

from l1ad.core.dataset import Role, Split
from l1ad.core.errors import InputError
from l1ad.scores import metrics
from l1ad.scores.performance import background_of, evaluate, signals_of
from l1ad.scores.targets import Target
from tests.datasets_made import make_dataset, make_scores, pt_sum


def test_evaluation_is_that_of_the_test_background_with_its_weights(tmp_path):
    dataset = make_dataset(tmp_path / "dataset")
    scores = make_scores(dataset, pt_sum(dataset))
    result = evaluate(dataset, scores, (Target(0.1),))
    rows = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    signal = dataset.rows(sample="a_4l")
    weight = dataset.column("weight")[rows]
    assert result.n_background == len(rows) < 400
    assert [s.name for s in result.signals] == ["ttbar", "a_4l"]
    assert result.signals[1].auc == metrics.auc(scores.values[rows], scores.values[signal], weight)
    pair = (
        metrics.Weighted(scores.values[rows], weight),
        metrics.Weighted(scores.values[signal], dataset.column("weight")[signal]),
    )
    assert result.signals[1].points[0] == metrics.working_point(*pair, Target(0.1))
    assert result.mean_auc() == np.mean([s.auc.value for s in result.signals])
    assert result.mean_efficiency(Target(0.1)) > 0.1
    assert result.mean_efficiency(Target(0.2)) is None


def test_the_mean_over_signals_has_their_intervals_in_quadrature(tmp_path):
    dataset = make_dataset(tmp_path / "dataset")
    result = evaluate(dataset, make_scores(dataset, pt_sum(dataset)), (Target(0.1),))
    a, b = (point.signal for point in result.points(Target(0.1)))
    mean = result.mean(Target(0.1))
    assert mean.value == pytest.approx((a.value + b.value) / 2)
    assert mean.high - mean.value == pytest.approx(np.hypot(a.high - a.value, b.high - b.value) / 2)
    assert mean.value - mean.low == pytest.approx(np.hypot(a.value - a.low, b.value - b.low) / 2)
    assert mean.n_effective == result.signals[0].points[0].background.n_effective


def test_scores_of_some_events_are_matched_by_row(tmp_path):
    dataset = make_dataset(tmp_path / "dataset")
    rows = np.arange(dataset.n_events)[::-3].copy()
    scores = make_scores(dataset, rows * 10, rows=rows)
    background = background_of(dataset, scores, None)
    np.testing.assert_array_equal(background.scores, background.rows * 10)
    assert set(background.rows) == set(rows[rows < 400])
    assert sum(len(s.rows) for s in signals_of(dataset, scores)) == (rows >= 400).sum()


def test_scores_of_another_dataset_or_without_background_are_refused(tmp_path):
    dataset, other = make_dataset(tmp_path / "a"), make_dataset(tmp_path / "b", seed=2)
    with pytest.raises(InputError, match=r"^The csim scores belong to dataset "):
        evaluate(dataset, make_scores(other, pt_sum(other)))
    rows = np.arange(400, 600)
    with pytest.raises(InputError, match=r"^The csim scores hold no background event"):
        evaluate(dataset, make_scores(dataset, pt_sum(dataset)[rows], rows=rows))
