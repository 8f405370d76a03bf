import numpy as np
import pytest

from l1ad.physics.menu_overlap import overlaps, signal_efficiency
from l1ad.physics.rates import RateSample


def test_overlaps_are_conditional_fractions_of_weight():
    menu = np.array([0b01, 0b11, 0b10, 0b00], dtype=np.uint64)
    sample = RateSample(np.array([9, 9, 1, 9]), np.array([1.0, 2.0, 4.0, 3.0]), menu != 0, 10.0)
    first, second, third = overlaps(sample, 5, menu, ("A", "B", "C"))
    assert (first.item, first.item_rate.khz, first.of_score, first.of_item) == ("A", pytest.approx(3.0), 0.5, 1.0)
    assert (second.of_score, second.of_item) == (pytest.approx(2 / 6), pytest.approx(2 / 6))
    assert (third.item_rate.khz, third.of_score, third.of_item) == (0.0, 0.0, None)
    assert overlaps(sample, 99, menu, ("A",))[0].of_score is None


def test_signal_efficiency_total_pure_menu_either():
    taken = np.array([1, 0, 0, 1], bool)
    result = signal_efficiency("s", "S", np.array([9, 9, 1, 1]), np.ones(4), taken, 5)
    assert [e.value for e in (result.total, result.pure, result.menu, result.either)] == [0.5, 0.25, 0.5, 0.75]
    bare = signal_efficiency("s", "S", np.array([9, 1]), np.ones(2), None, 5)
    assert (bare.total.value, bare.pure, bare.menu, bare.either) == (0.5, None, None, None)
