"""The traced logic computes what the reference computes, for every score and every way to scale and accumulate."""

from dataclasses import replace

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Activation, Network, Score, Threshold
from l1ad.rtl.design import Design
from l1ad.rtl.pipeline import trace_pipeline, trace_whole
from l1ad.rtl.trace import steps, trace_network, values_read
from l1ad.rtl.verilog import verilog_files
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events, outputs_for

VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "rotated": {"phi_reference": "met"},
    "rotated to a finer grid": {"phi_reference": "jet", "cyclic": False},
    "pt thresholds": {"min_pt_hw": (("jet", 40), ("met", 7))},
    "pt threshold and rotated": {"min_pt_hw": (("jet", 40),), "phi_reference": "jet"},
    "wrapping accumulator": {"accumulator": FixedPoint.parse("ap_fixed<14,8>"), "may_wrap": True},
    "typed result": {
        "accumulator": FixedPoint.parse("ap_fixed<12,8,AP_RND_CONV,AP_WRAP>"),
        "result": FixedPoint.parse("ap_fixed<9,5,AP_RND,AP_SAT>"),
        "may_wrap": True,
    },
}


def simulate(design: Design, x_hw: IntArray) -> dict[str, np.ndarray]:
    """Run the modules with alkaid's interpreter; values by net."""
    values = {port: x_hw[:, i].astype(float) for i, port in enumerate(design.network.layout.ports)}
    for stage in design.stages:
        found = stage.logic.predict(np.stack([values[net.name] for net in stage.inputs], axis=1))
        values |= {net.name: found[:, i] for i, net in enumerate(stage.outputs)}
    return values


def require_equal(network: Network, design: Design, n_events: int = 1500) -> None:
    x_hw = make_threshold_events(network, n_events)
    values = simulate(design, x_hw)
    wanted = reference.scores(network, x_hw)
    np.testing.assert_array_equal(values["score"], network.score.total.from_int(wanted))
    for threshold in network.thresholds:
        np.testing.assert_array_equal(values[threshold.name] == 1, wanted >= threshold.value, err_msg=threshold.name)


@pytest.mark.parametrize("score", Score)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_logic_is_the_network(score: Score, variant: str) -> None:
    network = make_network(widths=(4, outputs_for(score, 2)), score=score, **VARIANTS[variant])
    require_equal(network, trace_network(network))


@pytest.mark.parametrize("layout", ["l1topo44", "axol1tl57"])
def test_shipped_layouts_are_traced(layout: str) -> None:
    network = make_network(layout, (3, 2), zero_fraction=0.8)
    require_equal(network, trace_network(network))


@pytest.mark.parametrize("clock_ns", [2.5, 1000.0])
def test_a_pipeline_is_the_network(clock_ns: float) -> None:
    network = make_network(widths=(4, 8), score=Score.MASKED_MSE)
    design = trace_pipeline(network, clock_ns)
    assert design.latency_cycles == len(design.stages)
    assert (len(design.stages) == 1) == (clock_ns > 100)
    require_equal(network, design)


def test_what_no_one_reads_is_not_computed() -> None:
    network = make_network(widths=(4, 2))
    first, second = network.layers
    second = replace(second, weight=second.weight * np.array([[1], [0], [1], [0]]))
    first = replace(first, weight=first.weight * (np.arange(8)[:, np.newaxis] != 3))
    network = replace(network, layers=(first, second))
    assert [mask.tolist() for mask in values_read(network)] == [
        [i != 3 for i in range(8)],
        [True, False, True, False],
        [True, True],
    ]
    outputs = {step.name: step.outputs for step in steps(network)}
    assert outputs["dense1"] == ("dense1_0", "dense1_2")
    assert "scaled_jet_pt_1" not in outputs["scaling"]
    require_equal(network, trace_network(network))


def test_a_network_without_weights_gives_a_constant() -> None:
    network = make_network(widths=(4, 2), zero_fraction=1.0)
    require_equal(network, trace_network(network))


def test_thresholds_at_both_ends_are_constant_bits() -> None:
    network = make_network(widths=(4, 2))
    top = network.score.total.max_int
    network = network.with_thresholds((Threshold("always", 0), Threshold("never", top)))
    require_equal(network, trace_network(network))


def test_tracing_twice_gives_the_same_text() -> None:
    network = make_network(widths=(4, 2))
    assert verilog_files(trace_network(network)) == verilog_files(trace_network(network))


def test_the_whole_is_one_piece_of_logic() -> None:
    network = make_network(widths=(4, 2))
    logic = trace_whole(network)
    x_hw = make_events(network.layout, 500)
    scores = logic.predict(x_hw.astype(float))[:, 0]
    np.testing.assert_array_equal(scores, network.score.total.from_int(reference.scores(network, x_hw)))


ONE_BIT = {
    "signed inputs": {"input_type": FixedPoint.parse("ap_fixed<1,1>")},
    "signed inputs, half a unit each, saturating": {"input_type": FixedPoint.parse("ap_fixed<1,0,AP_TRN,AP_SAT>")},
    "unsigned inputs": {"input_type": FixedPoint.parse("ap_ufixed<1,1>")},
    "signed inputs and rounded products": {
        "input_type": FixedPoint.parse("ap_fixed<1,1>"),
        "accumulator": FixedPoint.parse("ap_fixed<9,8,AP_RND,AP_WRAP>"),
    },
    "signed hidden layer": {"hidden_type": FixedPoint.parse("ap_fixed<1,3>"), "widths": (7, 2)},
}


@pytest.mark.parametrize("name", ONE_BIT)
def test_values_of_one_bit(name: str) -> None:
    """Six and more of them meet in one sum, where alkaid makes tables of single bits."""
    network = make_network(**{"widths": (4, 2), "may_wrap": True, "seed": 3} | ONE_BIT[name])  # type: ignore[arg-type]
    if "hidden" in name:
        first = replace(network.layers[0], activation=Activation.LINEAR)
        network = replace(network, layers=(first, network.layers[1]))
    assert len(np.unique(reference.scores(network, make_threshold_events(network, 1500)))) > 8
    require_equal(network, trace_network(network))
