"""The interval of routed LUTs: worked out by hand from the shipped designs, spanning both counts, and its coverage simulated."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.rtl.calibration import load_calibration, routed_interval


def test_the_interval_is_the_range_of_ratios_applied_to_both_counts() -> None:
    interval = routed_interval((1000.0, 900.0))
    # 35616 / 46065 = 0.7732 (64 particles) and 41594 / 45896 = 0.9063 (32 particles) are the smallest and largest ratio.
    assert (interval.low, interval.high) == (695, 907)
    assert (interval.designs, interval.smallest) == (5, 14549)
    assert "0.77 to 0.91" in interval.sentence
    assert "67 %" in interval.sentence
    assert "extrapolated" in interval.sentence


def test_a_design_of_the_calibrated_size_is_not_called_extrapolated() -> None:
    assert "extrapolated" not in routed_interval((20_000.0,)).sentence


def test_the_coverage_is_that_of_a_range_of_five() -> None:
    draws = np.random.default_rng(1).lognormal(size=(40_000, 6))
    inside = (draws[:, 5] > draws[:, :5].min(axis=1)) & (draws[:, 5] < draws[:, :5].max(axis=1))
    assert routed_interval((1.0,)).coverage == pytest.approx(inside.mean(), abs=0.01)


def test_only_equal_architectures_calibrate_and_every_one_has_its_source() -> None:
    for design in load_calibration():
        assert "public repository" in design.source
        assert (design.calibrates and design.routed_ratio is not None) or "GELATO" in design.name
