"""Test that the QKeras model of a network computes the network's integers, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Activation, Network
from l1ad.qkeras.build import FLOAT32_BITS, build_qkeras, refusal, significand_bits
from tests.networks import make_events, make_network


def plain_outputs(network: Network, x_hw: IntArray) -> IntArray:
    """Compute the last layer's codes with exact integers, independent of every implementation under test."""
    type_, codes = network.scaling.type, network.scaling.apply(network.layout, x_hw)
    for layer in network.layers:
        fractional = type_.fractional + layer.weight_type.fractional
        step = max(fractional, layer.bias_type.fractional)
        sums = ((codes @ layer.weight) << (step - fractional)) + (layer.bias << (step - layer.bias_type.fractional))
        sums = np.maximum(sums, 0) if layer.activation is Activation.RELU else sums
        codes, type_ = layer.output.cast(sums, step), layer.output
    return codes


def qkeras_codes(network: Network, x_hw: IntArray) -> IntArray:
    values = network.scaling.apply_float(network.layout, x_hw).astype(np.float32)
    out = build_qkeras(network)(values).numpy().astype(np.float64)
    return np.ldexp(out, network.layers[-1].output.fractional).astype(np.int64)


@pytest.mark.parametrize(
    "types",
    [
        {},
        {"weight_type": FixedPoint.from_quantized_bits(4, 0), "output_type": FixedPoint.from_quantized_bits(6, 5)},
        {"weight_type": FixedPoint.from_quantized_bits(8, 2), "hidden_type": FixedPoint.from_quantized_relu(4, 0)},
        {"input_type": FixedPoint.from_quantized_bits(8, 6, keep_negative=False)},
        {"output_type": FixedPoint.from_quantized_bits(7, 4, keep_negative=False)},
        {"hidden_type": FixedPoint.from_quantized_relu(6, 6), "weight_type": FixedPoint.from_quantized_bits(2, 0)},
    ],
    ids=["default", "coarse", "fine", "unsigned input", "unsigned output", "integers"],
)
def test_qkeras_gives_the_networks_integers(types: dict[str, FixedPoint]) -> None:
    network = make_network(seed=3, **types)
    x_hw = make_events(network.layout, 2000)
    assert max(significand_bits(network).values()) <= FLOAT32_BITS
    np.testing.assert_array_equal(qkeras_codes(network, x_hw), plain_outputs(network, x_hw))


def test_significand_bits_bounds_the_largest_partial_sum() -> None:
    network = make_network(widths=(1,), seed=1, input_type=FixedPoint.parse("ap_fixed<8,8,AP_RND_CONV,AP_SAT>"))
    layer = replace(network.layers[0], weight=np.full((8, 1), -32), bias=np.array([31]))
    network = replace(network, layers=(layer,))
    assert significand_bits(network) == {"dense1": (8 * 32 * 128 + 31).bit_length()}


def test_significand_bits_puts_products_and_bias_on_one_grid() -> None:
    network = make_network(widths=(1,), input_type=FixedPoint.parse("ap_fixed<2,2,AP_RND_CONV,AP_SAT>"))
    layer = replace(
        network.layers[0],
        weight=np.ones((8, 1), dtype=np.int64),
        bias=np.array([1]),
        bias_type=FixedPoint.from_quantized_bits(12, 0),
    )
    network = replace(network, layers=(layer,))
    assert significand_bits(network) == {"dense1": ((8 * 2 << (11 - 4)) + 1).bit_length()}


def test_wide_weights_need_more_than_float32s_24_bits() -> None:
    wide = FixedPoint.from_quantized_bits(20, 1)
    assert max(significand_bits(make_network(weight_type=wide)).values()) > FLOAT32_BITS


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"input_type": FixedPoint.parse("ap_fixed<8,4>")}, r"the input is ap_fixed<8,4>, QKeras only rounds half to even"),
        (
            {"output_type": FixedPoint.parse("ap_fixed<8,4,AP_RND,AP_SAT>")},
            r"the output of layer 'dense2' is ap_fixed<8,4,AP_RND,",
        ),
        ({"result": FixedPoint.parse("ap_fixed<8,4>")}, r"layer 'dense1' has an accumulator or result type of its own"),
        (
            {"hidden_type": FixedPoint.from_quantized_bits(8, 3)},
            r"layer 'dense1' gives its ReLU in the signed type ap_fixed<8,4,",
        ),
        (
            {"weight_type": FixedPoint.from_quantized_bits(1, 0)},
            r"the weights of layer 'dense1' is ap_fixed<1,1,.*binary quantiser",
        ),
        ({"weight_type": FixedPoint.from_quantized_bits(30, 0)}, r"the weights of layer 'dense1' is .* not all float32 numbers"),
        ({"hidden_type": FixedPoint.from_quantized_relu(4, -1)}, r"the output of layer 'dense1' is .* fewer than 0 integer bits"),
    ],
    ids=["input", "output", "result", "relu", "binary", "wide", "small"],
)
def test_what_qkeras_cannot_do_is_refused(options: dict[str, FixedPoint], reason: str) -> None:
    network = make_network(**options)
    assert refusal(network) is not None
    with pytest.raises(
        ConversionError, match=rf"^Network 'tiny' has no exact QKeras model: {reason}.*; change that type or import"
    ):
        build_qkeras(network)
