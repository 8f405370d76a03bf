import math
from dataclasses import replace

import numpy as np
import pytest

from l1ad.config.physics import RatesConfig
from l1ad.core.errors import InputError
from l1ad.physics.rates import (
    RateSample,
    TooFewEventsError,
    bit_name,
    crossing_rate_khz,
    menu_taken,
    rate_curve,
    rate_point,
    resolved_points,
    threshold_for_rate,
)
from l1ad.scores.targets import Kind
from tests.datasets_made import make_dataset


def make_sample(seed: int = 1, n: int = 500) -> RateSample:
    rng = np.random.default_rng(seed)
    weight = rng.integers(1, 6, n) / 4
    return RateSample(rng.integers(0, 60, n), weight, rng.random(n) < 0.3, 1000.0)


def slow_rate(sample: RateSample, threshold: float, keep=lambda taken: True) -> float:
    chosen = 0.0
    for score, weight, taken in zip(sample.scores, sample.weight, sample.taken, strict=True):
        if score >= threshold and keep(taken):
            chosen += weight
    return chosen / sum(sample.weight) * sample.crossing_khz


@pytest.mark.parametrize("target", [40.0, 61.7, 250.0, 999.9, 1000.0])
@pytest.mark.parametrize("kind", list(Kind))
def test_thresholds_and_rates_are_those_of_a_slow_count(target, kind):
    sample = make_sample()
    keep = (lambda taken: not taken) if kind is Kind.PURE else (lambda taken: True)
    lowest = min(s for s, t in zip(sample.scores, sample.taken, strict=True) if keep(t))
    expected = next(t for t in range(lowest, 62) if slow_rate(sample, t, keep) <= target * (1 + 1e-12))
    point = rate_point(sample, target, kind)
    assert point.threshold == expected
    assert isinstance(point.threshold, int)
    assert point.total.khz == pytest.approx(slow_rate(sample, expected), rel=1e-12)
    assert point.pure.khz == pytest.approx(slow_rate(sample, expected, lambda t: not t), rel=1e-12)
    assert point.shared.khz == pytest.approx(slow_rate(sample, expected, lambda t: t), rel=1e-12)
    assert point.total.n_events == sum(s >= expected for s in sample.scores)
    assert point.total.low_khz <= point.total.khz <= point.total.high_khz


def test_the_curve_is_the_slow_count_at_every_score():
    sample = make_sample(2, 200)
    curve = rate_curve(sample)
    for t, total, pure, shared in zip(curve.threshold, curve.total, curve.pure, curve.shared, strict=True):
        assert total == pytest.approx(slow_rate(sample, t), rel=1e-12)
        assert pure == pytest.approx(slow_rate(sample, t, lambda taken: not taken), rel=1e-12, abs=1e-9)
        assert shared == pytest.approx(slow_rate(sample, t, lambda taken: taken), rel=1e-12, abs=1e-9)


def test_weights_change_the_threshold():
    scores = np.arange(100)
    even = RateSample(scores, np.ones(100), None, 100.0)
    heavy = RateSample(scores, np.where(scores == 95, 50.0, 1.0), None, 100.0)
    assert threshold_for_rate(even, 10.0, Kind.TOTAL) == 90
    assert threshold_for_rate(heavy, 10.0, Kind.TOTAL) == 96


def test_events_the_menu_takes_do_not_count_for_the_pure_rate():
    scores = np.arange(100)
    sample = RateSample(scores, np.ones(100), scores >= 90, 100.0)
    point = rate_point(sample, 5.0, Kind.PURE)
    assert point.threshold == 85
    assert (point.total.khz, point.pure.khz, point.shared.khz) == (pytest.approx(15), pytest.approx(5), pytest.approx(10))


def test_without_a_menu_there_is_no_pure_rate():
    sample = RateSample(np.arange(100), np.ones(100), None, 100.0)
    point = rate_point(sample, 20.0, Kind.TOTAL)
    assert point.pure is None
    assert point.shared is None
    assert rate_curve(sample).shared is None
    with pytest.raises(InputError, match=r"^A pure rate needs the menu's decisions, and the data have no column"):
        rate_point(sample, 20.0, Kind.PURE)


@pytest.mark.parametrize("target", [0.0, -1.0, 1000.1, math.nan])
def test_a_target_beyond_the_crossing_rate_is_refused(target):
    with pytest.raises(InputError, match=r"^A target rate must be above 0 and at most the bunch-crossing rate of 1000 kHz, got "):
        threshold_for_rate(make_sample(), target, Kind.TOTAL)


def test_too_few_events_are_named_with_what_they_resolve():
    sample = RateSample(np.arange(100), np.ones(100), np.zeros(100, bool), 1000.0)
    assert threshold_for_rate(sample, 10.0, Kind.TOTAL) == 99
    message = r"^There are too few events for a pure rate of 9\.99 kHz: the 100 background events resolve 10 kHz at the highest score; ask"
    with pytest.raises(InputError, match=message):
        threshold_for_rate(sample, 9.99, Kind.PURE)


def test_few_events_behind_a_rate_are_flagged():
    sample = RateSample(np.arange(1000), np.ones(1000), None, 1000.0)
    assert not rate_point(sample, 9.0, Kind.TOTAL).enough
    assert rate_point(sample, 10.0, Kind.TOTAL).enough
    mostly_taken = replace(sample, taken=np.arange(1000) % 5 > 0)
    few, many = (rate_point(mostly_taken, target, Kind.PURE) for target in (9.0, 10.0))
    assert few.total.enough
    assert (few.pure.n_events, few.enough) == (9, False)
    assert (many.pure.n_events, many.enough) == (10, True)


def test_crossing_rate_and_names():
    assert crossing_rate_khz(RatesConfig(bunches=2544)) == pytest.approx(28607.28)
    assert crossing_rate_khz(RatesConfig(crossing_khz=40000.0)) == 40000.0
    assert [bit_name(Kind.PURE, t) for t in (0.1, 1.0, 10.0, 1e-7)] == ["pure_0p1khz", "pure_1khz", "pure_10khz", "pure_1em07khz"]


def test_the_menu_is_read_from_either_column(tmp_path):
    dataset = make_dataset(tmp_path / "dataset")
    rows = np.arange(50)
    np.testing.assert_array_equal(menu_taken(dataset, rows), dataset.column("menu")[rows] != 0)


def test_default_rates_that_the_events_do_not_resolve_are_left_out_with_the_reason():
    scores = np.array([9, 9, *range(9)] * 100)
    sample = RateSample(scores, np.ones(1100), None, 11.0)
    points, reasons = resolved_points(sample, None, Kind.TOTAL)
    assert [point.target_khz for point in points] == [10.0]
    assert len(reasons) == 2
    assert "the 1100 background events resolve 2 kHz at the highest score, which 200 of them share; ask" in reasons[0]
    with pytest.raises(TooFewEventsError, match=r"^There are too few events for a total rate of 1 kHz"):
        resolved_points(sample, (10.0, 1.0), Kind.TOTAL)
    with pytest.raises(
        InputError, match=r"^A target rate must be above 0 and at most the bunch-crossing rate of 2 kHz, got 10\.0 kHz"
    ):
        resolved_points(RateSample(scores, np.ones(1100), None, 2.0), None, Kind.TOTAL)
