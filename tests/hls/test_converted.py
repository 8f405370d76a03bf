"""Test the conversion by hls4ml: what is refused, and that its output is checked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.hls.converted import Inner, check_types, check_weights, convert_network
from l1ad.hls.source import inlined, layer_variables
from tests.networks import make_network
from tests.projects import TARGET

SOURCE = """void l1ad_network(
    entry_t entry[8],
    result_t layer4_out[2]
) {
    #pragma HLS ARRAY_RESHAPE variable=entry complete dim=0
    #pragma HLS ARRAY_PARTITION variable=layer4_out complete dim=0
    #pragma HLS INTERFACE ap_vld port=entry,layer4_out
    #pragma HLS PIPELINE
    #pragma HLS ARRAY_PARTITION variable=layer1_out complete dim=0
    nnet::dense<entry_t, layer1_t, config1>(entry, layer1_out, w1, b1); // dense1
    nnet::relu<layer1_t, layer2_t, relu_config2>(layer1_out, layer2_out); // dense1_output
    nnet::dense<layer2_t, result_t, config4>(layer2_out, layer4_out, w4, b4); // dense2
}
"""


def made_inner(network: Network, **changes: Any) -> Inner:
    """Build what a right conversion of a network looks like."""
    weights = {}
    for name, layer in zip((1, 4), network.layers, strict=True):
        for letter, values in (("w", layer.weight_type.from_int(layer.weight)), ("b", layer.bias_type.from_int(layer.bias))):
            text = ", ".join(f"{value:.10f}" for value in values.ravel())
            weights[f"firmware/weights/{letter}{name}.h"] = f"dense1_weight_t w1[] = {{{text}}};".encode()
    types = {
        "entry_t": "ap_fixed<8,4,AP_RND_CONV,AP_SAT,0>",
        "result_t": "ap_fixed<10,5,AP_RND_CONV,AP_SAT,0>",
        "dense1_accum_t": "ap_fixed<20,12>",
        "dense2_accum_t": "ap_fixed<20,11>",
    }
    variables = {"dense1": ("layer1_out", "layer2_out"), "dense2": ("layer4_out", "layer4_out")}
    files = {"firmware/l1ad_network.cpp": SOURCE.encode()} | weights
    return replace(Inner(files, "bit_exact", "entry_t", "result_t", types, variables), **changes)


def test_a_node_that_can_wrap_undeclared_is_refused() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<9,4>"))
    with pytest.raises(ConversionError, match=r"^Node 'dense1\.accumulator' of network 'tiny' can wrap: "):
        convert_network(network, TARGET)


def test_a_right_conversion_passes_the_checks() -> None:
    network = make_network()
    inner = made_inner(network)
    check_weights(network, inner)
    check_types(network, inner)
    assert layer_variables(SOURCE, network) == inner.variables


def test_another_weight_is_found() -> None:
    network = make_network()
    other = replace(network.layers[1], bias=network.layers[1].bias ^ 1)
    changed = replace(network, layers=(network.layers[0], other))
    with pytest.raises(
        ConversionError, match=r"^hls4ml wrote other values than layer 'dense2' has into b4\.h; use another type than ap_fi"
    ):
        check_weights(changed, made_inner(network))


@pytest.mark.parametrize(
    ("name", "type_", "message"),
    [
        (
            "entry_t",
            "ap_fixed<8,4>",
            r"^hls4ml made entry_t ap_fixed<8,4>, the network has ap_fixed<8,4,AP_RND_CONV,AP_SAT>; this type",
        ),
        (
            "result_t",
            "ap_fixed<9,5,AP_RND_CONV,AP_SAT>",
            r"^hls4ml made result_t ap_fixed<9,5,AP_RND_CONV,AP_SAT>, the network has",
        ),
        (
            "dense1_accum_t",
            "ap_fixed<10,2>",
            r"^hls4ml made the accumulator of layer 'dense1' ap_fixed<10,2>, which does not hold its",
        ),
        (
            "dense2_accum_t",
            "ap_fixed<19,11>",
            r"^hls4ml made the accumulator of layer 'dense2' ap_fixed<19,11>, which does not hold its",
        ),
    ],
)
def test_a_type_that_loses_bits_is_found(name: str, type_: str, message: str) -> None:
    network = make_network()
    inner = made_inner(network)
    with pytest.raises(ConversionError, match=message):
        check_types(network, replace(inner, types=inner.types | {name: type_}))


def test_a_coarser_accumulator_is_right_where_all_terms_are_even() -> None:
    network = make_network()
    even = replace(network.layers[0], weight=network.layers[0].weight & ~1, bias=network.layers[0].bias & ~1)
    inner = made_inner(network)
    types = inner.types | {"dense1_accum_t": "ap_fixed<19,12>"}
    check_types(replace(network, layers=(even, network.layers[1])), replace(inner, types=types))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOURCE.replace("nnet::relu", "nnet::tanh"), r"^hls4ml put a step 'tanh' that network 'tiny' does not have\.$"),
        (SOURCE.replace("nnet::relu", "nnet::dense"), r"^hls4ml wrote 3 dense layers for the 2 of network 'tiny'\.$"),
    ],
)
def test_steps_that_are_not_the_networks_are_found(source: str, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        layer_variables(source, make_network())


def test_the_function_is_made_one_to_be_called() -> None:
    network = make_network()
    text = inlined('#include "l1ad_network.h"\n' + SOURCE, network, made_inner(network).variables)
    assert "INTERFACE" not in text
    assert "variable=entry" not in text
    assert "variable=layer4_out" not in text
    assert "variable=layer1_out" in text
    assert '#include "l1ad_trace.h"' in text
    traces = [line.strip() for line in text.splitlines() if "L1AD_TRACE" in line]
    assert traces == [
        'L1AD_TRACE("dense1.result", layer1_out, 4);',
        'L1AD_TRACE("dense1.output", layer2_out, 4);',
        'L1AD_TRACE("dense2.result", layer4_out, 2);',
        'L1AD_TRACE("dense2.output", layer4_out, 2);',
    ]


def test_another_form_of_function_is_refused() -> None:
    network = make_network()
    with pytest.raises(
        ConversionError, match=r"^hls4ml's l1ad_network\.cpp has no function of the expected form; this version of hls4ml"
    ):
        inlined(
            SOURCE.replace("#pragma HLS INTERFACE", "").replace("#pragma HLS PIPELINE", ""),
            network,
            made_inner(network).variables,
        )


def test_weights_of_few_bits_are_written_exactly() -> None:
    two_bits = FixedPoint.from_quantized_bits(2, 0)
    network = make_network(weight_type=two_bits, seed=6)
    assert {-2, -1, 0, 1} == set(np.unique(network.layers[0].weight))
    assert convert_network(network, TARGET).types["dense1_weight_t"] == "ap_fixed<2,1>"
