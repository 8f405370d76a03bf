"""Squares, comparisons, folds, tables and sums of products: exact over all or many values."""

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Rounding
from l1ad.graph.operations import Affine
from l1ad.rtl.arithmetic import divided, folded, not_below, relu, square, table, turned, weighted_sums
from l1ad.spec.scores import folded as folded_integers
from tests.networks import make_network
from tests.rtl.test_quantise import computed, variable


@pytest.mark.parametrize(
    "text", ["ap_ufixed<6,3>", "ap_fixed<7,4>", "ap_fixed<10,5>", "ap_fixed<12,6>", "ap_ufixed<9,-1>", "ap_ufixed<5,7>"]
)
def test_squares_are_exact(text: str) -> None:
    type_ = FixedPoint.parse(text)
    codes = np.arange(type_.min_int, type_.max_int + 1)
    value = variable(type_)
    np.testing.assert_array_equal(computed(type_, [square(value)], codes, value)[:, 0], type_.from_int(codes) ** 2)


@pytest.mark.parametrize("width", [8, 24, 25, 40, 50])
def test_a_score_of_any_width_is_compared_exactly(width: int) -> None:
    type_ = FixedPoint(False, width, width - 3)
    random = np.random.default_rng(2)
    for threshold in (1, 5, 2 ** (width - 1) - 1, 3 * 2 ** (width - 3) + 1, 2**width - 1):
        near = np.clip(threshold + random.integers(-300, 300, 200), 0, type_.max_int)
        codes = np.concatenate([near, random.integers(0, type_.max_int, 200), [0, threshold - 1, threshold, type_.max_int]])
        value = variable(type_)
        got = computed(type_, [not_below(value, float(type_.from_int(threshold)))], codes, value)[:, 0]
        np.testing.assert_array_equal(got == 1, codes >= threshold)


def test_thresholds_out_of_reach_are_constants() -> None:
    value = variable(FixedPoint.parse("ap_ufixed<8,4>"))
    assert not_below(value, 0.0).low == 1.0
    assert not_below(value, 16.0).high == 0.0


@pytest.mark.parametrize("turn", [64, 100, 33, 7])
def test_differences_are_folded_once(turn: int) -> None:
    type_ = FixedPoint.parse("ap_fixed<9,9>")
    codes = np.arange(-256, 256)
    value = variable(type_)
    got = computed(type_, [folded(value, float(turn))], codes, value)[:, 0]
    np.testing.assert_array_equal(got, folded_integers(codes, turn))


@pytest.mark.parametrize("period", [64, 144, 100, 33])
def test_angles_are_turned_by_whole_periods(period: int) -> None:
    type_ = FixedPoint.parse("ap_int<10>")
    codes = np.arange(-512, 512)
    value = variable(type_)
    got = computed(type_, [turned(value, period)], codes, value)[:, 0]
    np.testing.assert_array_equal(got, np.mod(codes + period // 2, period) - period // 2)


@pytest.mark.parametrize(("up", "down"), [(128, 64), (64, 128), (144, 576), (96, 144)])
def test_angles_are_put_on_another_grid(up: int, down: int) -> None:
    type_ = FixedPoint.parse("ap_uint<8>")
    codes = np.arange(256)
    value = variable(type_)
    np.testing.assert_array_equal(computed(type_, [divided(value, up, down)], codes, value)[:, 0], codes * up // down)


def test_negative_values_are_cut_off() -> None:
    type_ = FixedPoint.parse("ap_fixed<6,3>")
    codes = np.arange(-32, 32)
    value = variable(type_)
    np.testing.assert_array_equal(computed(type_, [relu(value)], codes, value)[:, 0], np.maximum(type_.from_int(codes), 0.0))


def test_a_table_that_alkaid_would_round_is_refused() -> None:
    value = variable(FixedPoint.parse("ap_uint<1>"))
    with pytest.raises(ConversionError, match=r"^The table of score 'kl' has entries of more than 24 significant bits"):
        table(value, np.array([0.0, 2.0**24 + 1.0]), "score 'kl'")


@pytest.mark.parametrize("rounding", Rounding)
def test_products_are_rounded_one_by_one_where_the_accumulator_is_short(rounding: Rounding) -> None:
    from alkaid.trace import FVArray, trace

    accumulator = FixedPoint(True, 12, 8, rounding)
    layer = replace(make_network(widths=(4, 2)).layers[0], accumulator=accumulator)
    type_ = FixedPoint.parse("ap_fixed<8,4>")
    n = layer.n_in
    inputs = FVArray.from_kif(np.ones(n, dtype=int), np.full(n, 3), np.full(n, 4))
    affine = Affine(layer.weight, layer.weight_type.fractional, layer.bias, layer.bias_type.fractional, layer.accumulator)
    logic = trace(list(inputs), weighted_sums(list(inputs), affine))
    codes = np.random.default_rng(3).integers(-128, 128, (500, n))
    products = accumulator.cast(codes[:, :, np.newaxis] * layer.weight, type_.fractional + layer.weight_type.fractional)
    wanted = accumulator.overflowed(products.sum(axis=1) + accumulator.cast(layer.bias, layer.bias_type.fractional))
    np.testing.assert_array_equal(logic.predict(type_.from_int(codes)), accumulator.from_int(wanted))
