"""Drift of a threshold between parts of the data, against counts made by hand and against chance."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.plain import Origin
from l1ad.physics.drift import Drift, Halves, drifts, halves_by, halves_by_chance, measure
from l1ad.physics.needed import needed_threshold
from l1ad.physics.rates import RateSample
from l1ad.physics.stability import Bins, Stability, lumi_groups, rate_in_bins, stability_of
from l1ad.scores.targets import Kind
from tests.physics.test_rates import make_sample

PLACE = Origin(Path("rates.json"), "'l1ad rates'")


def test_the_measure_is_the_published_one() -> None:
    # 30 of 10 000 where 10 were wanted, and 0 of 10 000, which the half event keeps finite.
    assert measure(0.003, 0.001, 10_000) == pytest.approx(math.log(0.00305 / 0.00105))
    assert measure(0.0, 0.001, 10_000) == pytest.approx(math.log(0.00105 / 0.00005))
    assert measure(0.001, 0.001, 10_000) == 0.0


def test_a_threshold_of_one_half_on_the_other_by_hand() -> None:
    # First half 0..99, second half 0..198 in steps of 2; 10 % are wanted: of the first, scores from 90 on.
    scores, first = np.r_[np.arange(100), 2 * np.arange(100)], np.arange(200) < 100
    data = RateSample(scores, np.ones(200), None, 1000.0)
    forth, back = drifts(data, "total_100khz", 100.0, Halves("time", first, ("early", "late")))
    assert (forth.set_on, forth.applied_to, forth.threshold, forth.needed) == ("early", "late", 90, 179)
    assert (back.set_on, back.threshold, back.needed, back.rate.khz) == ("late", 179, 90, 0.0)
    assert forth.rate.khz == pytest.approx(550.0)
    assert forth.drift == pytest.approx(abs(math.log((0.55 + 0.005) / (0.10 + 0.005))))
    assert forth.expected == pytest.approx(math.sqrt(1 / 10 + 1 / 55))
    assert forth.significant
    assert Drift.read(forth.to_dict(), PLACE) == forth


def test_random_halves_drift_as_much_as_expected() -> None:
    rng = np.random.default_rng(1)
    data = RateSample(rng.integers(0, 1 << 20, 40_000), rng.uniform(0.5, 1.5, 40_000), None, 1000.0)
    found = [d for seed in range(40) for d in drifts(data, "b", 5.0, halves_by_chance(40_000, seed))]
    pulls = np.array([d.drift / d.expected for d in found])
    assert 0.6 < np.sqrt((pulls**2).mean()) < 1.4
    assert np.mean([d.significant for d in found]) < 0.05


def test_halves_are_of_equal_weight_and_keep_equal_values_together() -> None:
    halves = halves_by("pile-up", np.array([3, 1, 1, 2, 3]), np.array([1.0, 4.0, 0.0, 1.0, 1.0]), ("low", "high"))
    assert halves is not None
    assert halves.first.tolist() == [False, True, True, False, False]
    assert halves_by("pile-up", np.ones(3), np.ones(3), ("low", "high")) is None
    # All the weight in the last value: something is left for both parts all the same.
    last = halves_by("pile-up", np.array([1, 2]), np.array([0.0, 1.0]), ("low", "high"))
    assert last is not None
    assert last.first.tolist() == [True, False]


def test_a_half_that_does_not_resolve_the_rate_sets_no_threshold() -> None:
    scores, first = np.r_[np.full(50, 7), np.arange(50)], np.arange(100) < 50
    found = list(drifts(RateSample(scores, np.ones(100), None, 1000.0), "b", 100.0, Halves("time", first, ("early", "late"))))
    assert [(d.set_on, d.needed) for d in found] == [("late", None)]


def test_needed_thresholds_by_bin_keep_the_rate_there() -> None:
    scores = np.r_[np.arange(100), 2 * np.arange(100)]
    index = (np.arange(200) >= 100).astype(np.int64)
    data = RateSample(scores, np.ones(200), None, 1000.0)
    low, high = rate_in_bins(data, 90, index, index, ("a", "b"), 100.0)
    assert low.needed is not None
    assert high.needed is not None
    assert (low.needed.threshold, high.needed.threshold) == (90, 179)
    found = needed_threshold(data, 100.0, Kind.TOTAL)
    assert found is not None
    span, rate = found
    assert rate.khz <= 100.0
    assert span.low is not None
    assert span.high is not None
    assert span.low < span.threshold < span.high


def test_luminosity_blocks_are_grouped_in_order_and_not_cut() -> None:
    run, lumi = np.array([2, 1, 1, 2, 1, 1]), np.array([1, 5, 7, 3, 5, 9])
    index, labels = lumi_groups(run, lumi, np.ones(6), 10)
    assert labels == ("1:5", "1:7", "1:9", "2:1", "2:3")
    assert index.tolist() == [3, 0, 1, 4, 0, 2]
    index, labels = lumi_groups(run, lumi, np.ones(6), 2)
    assert labels == ("1:5–7", "1:9–2:3")
    assert index.tolist() == [1, 0, 0, 1, 0, 1]


def test_stability_comes_back_from_json() -> None:
    from l1ad.physics.rates import rate_point

    data = make_sample()
    point = rate_point(data, 61.7, Kind.TOTAL)
    index = np.arange(len(data.scores)) % 2
    found = stability_of(data, point, Bins("pile-up", index, index, ("a", "b")))
    assert Stability.read(found.to_dict(), PLACE) == found
