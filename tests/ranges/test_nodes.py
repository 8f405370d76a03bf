"""Proved ranges enclose every value, are attained where they can be, and find every node that can wrap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.errors import ConversionError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.ranges import (
    Interval,
    NodeRange,
    float32_exact,
    float32_failure,
    prove,
    require_int64,
    require_safe,
    smallest_score,
    sum_fractional,
)
from l1ad.spec import reference
from tests.branching_networks import NETWORKS as BRANCHING
from tests.networks import EVERY_SCORE, HIDDEN, make_events, make_network, outputs_for

NETWORKS = {
    **EVERY_SCORE,
    "rotated": make_network(widths=(5, 8), score=Score.MSE, phi_reference="met"),
    "pt thresholds": make_network(
        widths=(5, 8), score=Score.MASKED_MSE, phi_reference="jet", min_pt_hw=(("jet", 40), ("met", 7))
    ),
    "result": make_network(widths=(5, 3), result=FixedPoint.parse("ap_fixed<9,4,AP_RND_ZERO,AP_SAT_SYM>")),
    "wrapping": make_network(widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<12,5>"), may_wrap=True),
}


def by_name(network: Network) -> dict[str, NodeRange]:
    return {node.node: node for node in prove(network)}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_value_is_within_its_proved_range(name: str) -> None:
    network = NETWORKS[name]
    values = reference.evaluate(network, make_events(network.layout, 4000, seed=5))
    nodes = by_name(network)
    for node in set(values) - ({"square"} if network.score.table else set()):
        codes = values[node].reshape(len(values[node]), -1)
        zero_too = node == "square" and network.score.kind is Score.MASKED_MSE
        for column, interval in zip(codes.T, nodes[node].values, strict=True):
            interval = interval.hull(Interval(0, 0)) if zero_too else interval
            assert interval.low <= column.min()
            assert column.max() <= interval.high


def test_the_first_sums_attain_their_bounds() -> None:
    network = NETWORKS["latent"]
    scaled = by_name(network)["scaled"].values
    accumulator = by_name(network)["dense1.accumulator"]
    layer = network.layers[0]
    for j in range(layer.n_out):
        ends = [(i.high if w > 0 else i.low, i.low if w > 0 else i.high) for i, w in zip(scaled, layer.weight[:, j], strict=True)]
        high, low = (np.array([end[k] for end in ends]) @ layer.weight[:, j] for k in (0, 1))
        bias = layer.bias[j] << (sum_fractional(layer, network.scaling.type.fractional) - layer.bias_type.fractional)
        assert accumulator.needed[j] == Interval(int(low + bias), int(high + bias))


def test_rotation_to_a_reference_leaves_its_own_phi_zero() -> None:
    network = make_network(phi_reference="met", input_type=FixedPoint.parse("ap_fixed<16,8>"))
    scaled = by_name(network)["scaled"]
    assert scaled.values[-1] == Interval(0, 0)
    assert scaled.values[2].low < 0 < scaled.values[2].high


def test_a_node_that_can_wrap_is_refused_with_the_width_it_needs() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<10,5>"))
    message = (
        r"^Node 'dense1.accumulator' of network 'tiny' can wrap: its codes span \[-\d+, \d+\] and ap_fixed<10,5> holds \[-512, 511\]; "
        r"use ap_fixed<\d+,\d+> or wider, or declare the network as wrapping by design \(may_wrap\).$"
    )
    with pytest.raises(ConversionError, match=message):
        require_safe(network)


def test_the_minimal_width_is_safe_and_one_bit_less_is_not() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<40,20>"))
    minimal = by_name(network)["dense1.accumulator"].minimal
    assert minimal is not None
    narrower = FixedPoint(True, minimal.width - 1, minimal.integer - 1)

    def first(type_: FixedPoint) -> Network:
        return replace(network, layers=(replace(network.layers[0], accumulator=type_), *network.layers[1:]))

    fine = FixedPoint(True, minimal.width, minimal.integer)
    assert not by_name(first(fine))["dense1.accumulator"].can_wrap
    assert by_name(first(narrower))["dense1.accumulator"].can_wrap
    assert by_name(first(narrower))["dense1.accumulator"].first_outside is not None


def test_a_network_declared_as_wrapping_is_accepted() -> None:
    nodes = require_safe(NETWORKS["wrapping"])
    assert any(node.can_wrap for node in nodes)


def test_saturation_is_told_and_not_refused() -> None:
    nodes = {node.node: node for node in require_safe(NETWORKS["latent"])}
    assert nodes["dense1.output"].can_saturate
    assert not nodes["dense1.output"].can_wrap


def test_a_row_of_the_table() -> None:
    row = by_name(NETWORKS["latent"])["dense1.output"].row
    assert (row.node, row.type, row.elements) == ("dense1.output", str(HIDDEN), 5)
    assert row.can_saturate
    assert row.low == 0


def test_int64_is_enough_for_usual_networks() -> None:
    for network in NETWORKS.values():
        require_int64(network)


@pytest.mark.parametrize("kind", Score)
@pytest.mark.parametrize("phi_reference", [None, "met"])
def test_the_smallest_score_is_exact_and_cannot_overflow(kind: Score, phi_reference: str | None) -> None:
    outputs = outputs_for(kind, 4)
    output = FixedPoint.parse("ap_fixed<8,3,AP_RND_CONV,AP_SAT>")
    network = make_network(widths=(5, outputs), score=kind, output_type=output, phi_reference=phi_reference)
    spec = smallest_score(network.layout, network.scaling, network.layers, kind, True, ())
    chosen = replace(network, score=spec, thresholds=())
    nodes = {node.node: node for node in require_safe(chosen)}
    assert not nodes["score"].overflows
    assert spec.total == nodes["score"].minimal
    if kind.is_reconstruction:
        assert spec.columns == tuple(range(8))
        assert spec.difference is not None
        assert spec.square.fractional == 2 * spec.difference.fractional


def test_the_smallest_score_beyond_62_bits_is_refused() -> None:
    output = FixedPoint.parse("ap_fixed<36,18,AP_RND_CONV,AP_SAT>")
    network = make_network(output_type=FixedPoint.parse("ap_fixed<8,3>"))
    layers = (network.layers[0], replace(network.layers[1], output=output, bias_type=FixedPoint(True, 36, 36)))
    layers = (layers[0], replace(layers[1], bias=np.array([1 << 34, 1 << 34])))
    with pytest.raises(ModelError, match=r"^An exact score needs more than 62 bits at 'square' \(it spans \["):
        smallest_score(network.layout, network.scaling, layers, Score.LATENT_L2, False, ())


def test_float32_is_exact_for_usual_widths_and_the_first_failure_is_named() -> None:
    assert float32_exact(make_network())
    wide = make_network(hidden_type=FixedPoint.from_quantized_relu(20, 3))
    assert float32_failure(wide) == "dense2.accumulator"
    assert float32_failure(make_network(accumulator=FixedPoint.parse("ap_fixed<30,10>"))) == "dense1.accumulator"


def test_float32_failure_counts_partial_sums_not_only_the_total() -> None:
    network = make_network(widths=(2,), output_type=FixedPoint.parse("ap_fixed<12,8,AP_RND,AP_SAT>"))
    layer = network.layers[0]
    weight = np.zeros_like(layer.weight)
    weight[0], weight[3] = 1 << 18, -(1 << 18)
    wide = FixedPoint(True, 20, 2)
    big = replace(layer, weight=weight, weight_type=wide)
    assert float32_failure(replace(network, layers=(big,))) == "dense1.accumulator"


def test_float32_failure_looks_at_each_neurons_own_type() -> None:
    """Types of their own that are all the layer's type change nothing; one that is too fine for 24 bits is found, in its own layer."""
    network = make_network(widths=(5, 2))
    first, second = network.layers
    assert float32_failure(replace(network, layers=(replace(first, own_outputs=(first.output,) * 5), second))) is None
    wide = FixedPoint.from_quantized_relu(20, 3)
    for neuron in range(5):
        own = tuple(wide if j == neuron else first.output for j in range(5))
        mixed = replace(network, layers=(replace(first, own_outputs=own), second))
        assert float32_failure(mixed) == float32_failure(replace(network, layers=(replace(first, output=wide), second)))


@pytest.mark.parametrize("name", BRANCHING)
def test_float32_failure_knows_every_network(name: str) -> None:
    assert float32_exact(BRANCHING[name])
