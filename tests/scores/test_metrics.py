import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from l1ad.core.errors import InputError
from l1ad.scores import metrics
from l1ad.scores.selection import weighted_quantile
from l1ad.scores.targets import Kind, Target


def sample(seed: int, n: int, high: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, high, n), rng.integers(1, 9, n).astype(float)


def slow_roc(b, wb, s, ws):
    points = []
    for t in sorted({*b.tolist(), *s.tolist()}, reverse=True):
        fpr = sum(w for v, w in zip(b, wb, strict=True) if v >= t) / sum(wb)
        tpr = sum(w for v, w in zip(s, ws, strict=True) if v >= t) / sum(ws)
        points.append((t, fpr, tpr))
    return points


def slow_auc(b, wb, s, ws):
    total = 0.0
    for v, w in zip(s, ws, strict=True):
        for u, z in zip(b, wb, strict=True):
            total += w * z * (1.0 if v > u else 0.5 if v == u else 0.0)
    return total / (sum(wb) * sum(ws))


def test_roc_is_the_slow_count_at_every_distinct_score():
    (b, wb), (s, ws) = sample(1, 150), sample(2, 80, 55)
    curve = metrics.roc(b, s, wb, ws)
    expected = slow_roc(b, wb, s, ws)
    assert_array_equal(curve.threshold, [p[0] for p in expected])
    np.testing.assert_allclose(curve.fpr, [p[1] for p in expected], rtol=1e-13)
    np.testing.assert_allclose(curve.tpr, [p[2] for p in expected], rtol=1e-13)
    assert curve.fpr[-1] == curve.tpr[-1] == 1.0


def test_auc_is_the_weighted_pair_count():
    (b, wb), (s, ws) = sample(3, 120), sample(4, 90, 50)
    assert metrics.auc(b, s, wb, ws).value == pytest.approx(slow_auc(b, wb, s, ws), rel=1e-12)


def test_auc_agrees_with_scikit_learn():
    from sklearn.metrics import roc_auc_score

    (b, wb), (s, ws) = sample(5, 400), sample(6, 300, 60)
    truth = np.r_[np.zeros(len(b)), np.ones(len(s))]
    expected = roc_auc_score(truth, np.r_[b, s], sample_weight=np.r_[wb / wb.sum(), ws / ws.sum()])
    assert metrics.auc(b, s, wb, ws).value == pytest.approx(expected, rel=1e-12)


def test_auc_error_is_delongs():
    (b, _), (s, _) = sample(7, 60), sample(8, 50, 60)
    wins = np.array([[1.0 if v > u else 0.5 if v == u else 0.0 for u in b] for v in s])
    expected = np.sqrt(wins.mean(axis=1).var(ddof=1) / len(s) + wins.mean(axis=0).var(ddof=1) / len(b))
    assert metrics.auc(b, s).error == pytest.approx(expected, rel=1e-12)


def test_auc_error_covers_the_scatter_of_repeated_samples():
    rng = np.random.default_rng(10)
    results = [
        metrics.auc(rng.normal(0, 1, 300), rng.normal(1, 1, 200), rng.exponential(1, 300), rng.exponential(1, 200))
        for _ in range(800)
    ]
    scatter = np.std([r.value for r in results])
    assert np.sqrt(np.mean([r.error**2 for r in results])) == pytest.approx(scatter, rel=0.1)


@pytest.mark.parametrize(("shift", "value"), [(100, 1.0), (0, 0.5), (-100, 0.0)])
def test_auc_of_perfect_useless_and_inverted_scores(shift, value):
    b = np.arange(50)
    assert metrics.auc(b, b + shift).value == value


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(0, 40),
)
def test_integer_threshold_is_the_smallest_that_keeps_the_target(events, target):
    scores = np.array([e[0] for e in events])
    weight = np.array([float(e[1]) for e in events])
    if weight.sum() == 0:
        return
    threshold = metrics.threshold_for_weight(scores, weight, target)
    candidates = range(int(scores[weight > 0].min()), int(scores.max()) + 2)
    expected = next(t for t in candidates if sum(Fraction(w) for v, w in zip(scores, weight, strict=True) if v >= t) <= target)
    assert isinstance(threshold, int)
    assert threshold == expected


def test_float_threshold_is_the_next_number_above_the_first_rejected_score():
    scores = np.array([0.5, 1.5, 2.5, 2.5, 3.5])
    assert metrics.threshold_for_weight(scores, None, 2) == np.nextafter(2.5, np.inf)
    assert metrics.threshold_for_weight(scores, None, 3) == np.nextafter(1.5, np.inf)
    assert metrics.threshold_for_weight(scores, None, 5) == 0.5
    assert metrics.threshold_for_weight(scores, None, 0) == np.nextafter(3.5, np.inf)


def test_fraction_that_rounds_below_a_whole_count_keeps_the_count():
    scores = np.arange(300_000)
    threshold = metrics.threshold_for_fraction(scores, None, 3e-5)
    assert int((scores >= threshold).sum()) == 9


def test_weights_change_the_threshold():
    scores = np.arange(10)
    assert metrics.threshold_for_fraction(scores, None, 0.2) == 8
    assert metrics.threshold_for_fraction(scores, np.r_[np.ones(9), 9.0], 0.2) == 10


def test_efficiency_interval_is_clopper_pearson():
    from scipy.stats import binomtest

    passed = np.r_[np.ones(7, bool), np.zeros(33, bool)]
    result = metrics.efficiency(passed, level=0.9)
    exact = binomtest(7, 40).proportion_ci(0.9, "exact")
    assert (result.value, result.n_passed, result.n_total, result.method) == (7 / 40, 7, 40, "clopper-pearson")
    assert (result.low, result.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert metrics.efficiency(passed, np.full(40, 3.0), level=0.9).low == result.low


def test_efficiency_with_weights_uses_effective_numbers():
    passed, weight = np.array([1, 1, 0, 0, 0], bool), np.array([1.0, 3.0, 2.0, 2.0, 4.0])
    result = metrics.efficiency(passed, weight)
    assert result.value == pytest.approx(1 / 3)
    assert result.n_effective == pytest.approx(16 / 10)
    assert result.low < 1 / 3 < result.high
    assert result.method == "korn-graubard"


@pytest.mark.parametrize(("passed", "low", "high"), [(np.zeros(9, bool), 0.0, None), (np.ones(9, bool), None, 1.0)])
def test_efficiency_ends_stay_in_range(passed, low, high):
    result = metrics.efficiency(passed)
    assert low is None or (result.low == low and 0 < result.high < 1)
    assert high is None or (result.high == high and 0 < result.low < 1)


def test_weighted_interval_covers_at_its_level():
    rng = np.random.default_rng(11)
    inside = 0
    for _ in range(400):
        result = metrics.efficiency(rng.random(400) < 0.3, rng.uniform(0.5, 1.5, 400))
        inside += result.low <= 0.3 <= result.high
    assert 0.63 < inside / 400 < 0.80


def test_interval_of_light_selected_events_is_that_of_their_own_weights():
    weight = np.r_[np.full(10_000, 100.0), np.full(400, 0.1)]
    result = metrics.efficiency(np.r_[np.zeros(10_000, bool), np.ones(400, bool)], weight)
    assert result.n_effective == pytest.approx(400)
    assert (result.high - result.low) / 2 == pytest.approx(result.value / 20, rel=0.05)


def test_interval_covers_where_the_weight_goes_with_the_selection():
    rng = np.random.default_rng(13)
    truth, inside = (2 * 0.02 + 0.1 * 0.6) / 2.1, 0
    for _ in range(400):
        hard = np.r_[np.zeros(600, bool), np.ones(600, bool)]
        chosen = rng.random(1200) < np.where(hard, 0.6, 0.02)
        result = metrics.efficiency(chosen, np.where(hard, 0.1, 2.0) * rng.uniform(0.9, 1.1, 1200))
        inside += result.low <= truth <= result.high
    assert 0.63 < inside / 400 < 0.85


def test_working_point_counts_its_background():
    background, signal = metrics.Weighted(np.arange(10_000)), metrics.Weighted(np.arange(9_000, 10_100))
    point = metrics.working_point(background, signal, Target(1e-3))
    assert point.threshold == 9990
    assert point.background.n_passed == 10
    assert point.enough
    assert point.signal.n_passed == 110
    assert not metrics.working_point(background, signal, Target(9e-4)).enough


def test_a_pure_working_point_counts_what_the_menu_does_not_take():
    """Of 10 000 background events the menu takes the even ones, of the signal all from 10 000 on; a thousandth are 10 odd ones."""
    scores, weight = np.arange(10_000), np.ones(10_000)
    background = metrics.Weighted(scores, weight, scores % 2 == 0)
    signal = np.arange(9_000, 10_100)
    point = metrics.working_point(background, metrics.Weighted(signal, None, signal >= 10_000), Target(1e-3, Kind.PURE, 1.0))
    assert point.threshold == 9_980
    assert (point.background.n_passed, point.background.value) == (10, 1e-3)
    assert point.signal.n_passed == 20
    assert point.target.label == "1 kHz pure"
    free = metrics.Weighted(scores, weight, np.ones(10_000, dtype=bool))
    assert free.threshold(Target(1e-3, Kind.PURE)) == 0
    with pytest.raises(InputError, match=r"^A pure rate needs the menu's decisions"):
        metrics.Weighted(scores).threshold(Target(1e-3, Kind.PURE))


def test_flips_count_both_directions():
    left, right = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 1], bool)
    result = metrics.flips(left, right)
    assert (result.n_left_only, result.n_right_only, result.n_both, result.n_different) == (1, 1, 2, 2)
    assert result.overlap == 0.5
    assert result.fraction == pytest.approx(0.4)
    assert metrics.flips(np.zeros(3, bool), np.zeros(3, bool)).overlap == 1.0


def test_flips_at_equal_rate_do_not_see_the_scale():
    rng = np.random.default_rng(12)
    left = rng.normal(size=1000)
    assert metrics.flips_at_target(left, 3 * left + 2, np.arange(800), Target(0.05)).n_different == 0
    swapped = np.round(left * 1000).astype(np.int64)
    swapped[np.argmax(left)] = -10_000
    assert metrics.flips_at_target(left, swapped, np.arange(1000), Target(0.05)).n_left_only == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.auc(np.array([]), np.array([1.0])),
            r"^Metrics need at least one background event, got scores of shape \(0,\)",
        ),
        (lambda: metrics.auc(np.array([1.0]), np.array([])), r"^Metrics need at least one signal event"),
        (lambda: metrics.auc(np.array([1.0, math.nan]), np.array([1.0])), r"^1 background scores are not a number"),
        (lambda: metrics.efficiency([True], [1.0, 2.0]), r"^Weights must fit the 1 selection events, got shape \(2,\)"),
        (lambda: metrics.efficiency([True], [-1.0]), r"^Weights of the selection events must be finite, at least 0"),
        (lambda: metrics.efficiency([]), r"^Metrics need at least one selection event, got none"),
        (lambda: metrics.threshold_for_weight(np.arange(3), None, -1), r"^A threshold needs a target of at least 0, got -1"),
        (
            lambda: Target(0.0),
            r"^A background fraction must be between 0 and 1, got 0\.0",
        ),
        (
            lambda: metrics.flips([True], [True, False]),
            r"^Two selections must be of the same events, got shapes \(1,\) and \(2,\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize(("fraction", "wanted"), [(0.0, 1), (0.25, 1), (0.26, 2), (1.0, 4)])
def test_weighted_quantile(fraction: float, wanted: int) -> None:
    assert weighted_quantile(np.array([4, 1, 3, 2]), np.ones(4), fraction) == wanted


def test_weighted_quantile_without_weight() -> None:
    assert weighted_quantile(np.array([4, 1]), np.zeros(2), 1.0) == 4


def test_weighted_quantile_counts_weights() -> None:
    assert weighted_quantile(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0]), 0.5) == 3.0
