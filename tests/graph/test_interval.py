"""Interval arithmetic encloses, and where it can attains, what fixed-point arithmetic gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from l1ad.core.fixed import FixedPoint, Overflow, Rounding, shift_right
from l1ad.graph.interval import hull, total
from l1ad.ranges import Interval, round_shift, smallest_type
from l1ad.spec.scores import folded

MODES = list(itertools.product(Rounding, Overflow))


@pytest.mark.parametrize("rounding", Rounding)
def test_rounding_is_that_of_arrays(rounding: Rounding) -> None:
    values = np.arange(-70, 71)
    for bits in (-2, 0, 1, 2, 5, 9):
        wanted = shift_right(values, bits, rounding)
        np.testing.assert_array_equal([round_shift(int(v), bits, rounding) for v in values], wanted)


@pytest.mark.parametrize(("rounding", "overflow"), MODES)
@pytest.mark.parametrize("signed", [True, False])
def test_a_cast_interval_is_the_hull_of_the_cast_values(rounding: Rounding, overflow: Overflow, signed: bool) -> None:
    type_ = FixedPoint(signed, 4, 3, rounding, overflow)
    for low, high in itertools.product(range(-45, 46, 5), repeat=2):
        if low > high:
            continue
        codes = type_.cast(np.arange(low, high + 1), 3)
        got = Interval(low, high).cast(type_, 3)
        wraps = overflow is Overflow.WRAP and not Interval(low, high).rounded(2, rounding).fits(type_)
        if wraps:  # a wrapped interval may be the whole range where the values leave a gap
            assert got.low <= codes.min() <= codes.max() <= got.high
        else:
            assert got == Interval(int(codes.min()), int(codes.max()))


@pytest.mark.parametrize("turn", [7, 8, 64])
def test_a_folded_interval_is_the_hull_of_the_folded_values(turn: int) -> None:
    for low, high in itertools.product(range(-turn, turn + 1), repeat=2):
        if low <= high:
            values = folded(np.arange(low, high + 1), turn)
            assert Interval(low, high).folded(turn) == Interval(int(values.min()), int(values.max()))


@given(st.integers(-50, 50), st.integers(0, 30), st.integers(-50, 50), st.integers(0, 30), st.integers(-9, 9))
def test_arithmetic_attains_its_bounds(a: int, da: int, b: int, db: int, factor: int) -> None:
    x, y = Interval(a, a + da), Interval(b, b + db)
    xs, ys = np.arange(a, a + da + 1)[:, np.newaxis], np.arange(b, b + db + 1)[np.newaxis]
    for got, values in (
        (x + y, xs + ys),
        (x - y, xs - ys),
        (x.product(y), xs * ys),
        (x.times(factor), xs * factor),
        (x.squared(), xs**2),
        (x.rectified(), np.maximum(xs, 0)),
        (x.hull(y), np.concatenate([xs.ravel(), ys.ravel()])),
    ):
        assert got == Interval(int(values.min()), int(values.max()))


def test_totals_and_hulls_of_many() -> None:
    intervals = [Interval(-1, 2), Interval(3, 4)]
    assert total(intervals) == Interval(2, 6)
    assert total([]) == Interval(0, 0)
    assert hull(intervals) == Interval(-1, 4)


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (0, 0, "ap_ufixed<1,-1>"),
        (0, 255, "ap_ufixed<8,6>"),
        (0, 256, "ap_ufixed<9,7>"),
        (-1, 0, "ap_fixed<1,-1>"),
        (-128, 127, "ap_fixed<8,6>"),
        (-129, 0, "ap_fixed<9,7>"),
        (-1, 128, "ap_fixed<9,7>"),
    ],
)
def test_the_smallest_type_holds_the_range_and_no_narrower_one_does(low: int, high: int, text: str) -> None:
    assert str(smallest_type(low, high, 2)) == text


def test_there_is_no_type_beyond_62_bits() -> None:
    assert smallest_type(0, 1 << 62, 0) is None
    assert smallest_type(-(1 << 61), (1 << 61) - 1, 0) is not None
