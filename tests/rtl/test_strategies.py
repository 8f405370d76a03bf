"""Every strategy's form computes the network; each is what its name says; what cannot be exact is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.choices import Strategy
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.rtl.project import source_files, write_project
from l1ad.rtl.simulate import RtlSimulation
from l1ad.rtl.strategies import trace_strategy
from l1ad.rtl.trace import parts_read
from l1ad.rtl.verilog import top
from l1ad.spec import reference
from tests.networks import make_events, make_network

needs_verilator = pytest.mark.skipif(
    toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="there is no Verilator or no C++ compiler"
)
NETWORK = make_network(widths=(4, 2), zero_fraction=0.3)
MASKED = make_network(widths=(4, 8), score=Score.MASKED_MSE, phi_reference="jet")
TYPED = make_network(widths=(4, 2), result=FixedPoint.parse("ap_fixed<9,5,AP_RND,AP_SAT>"))


@needs_verilator
@pytest.mark.parametrize(
    ("network", "strategy", "reuse_factor"),
    [
        (NETWORK, Strategy.LATENCY, 1),
        (MASKED, Strategy.LATENCY, 1),
        (NETWORK, Strategy.RESOURCE, 2),
        (TYPED, Strategy.RESOURCE, 3),
        (MASKED, Strategy.RESOURCE, 8),
        (make_network(widths=(4, 2), zero_fraction=1.0), Strategy.RESOURCE, 4),
    ],
)
def test_every_form_is_the_network(tmp_path: Path, network: Network, strategy: Strategy, reuse_factor: int) -> None:
    write_project(source_files(trace_strategy(network, strategy, reuse_factor)), tmp_path)
    simulation = RtlSimulation.open(tmp_path, threads=1)
    x_hw = make_events(network.layout, 3000)
    scores, bits = simulation.run(x_hw)
    np.testing.assert_array_equal(scores, reference.scores(network, x_hw))
    np.testing.assert_array_equal(bits, reference.bits(network, scores))


def test_latency_has_a_multiplier_for_each_weight_and_no_clock() -> None:
    design = trace_strategy(NETWORK, Strategy.LATENCY)
    assert [stage.name for stage in design.stages] == ["scaling", "dense1_sums", "dense1", "dense2_sums", "dense2", "score"]
    first = design.stages[1].logic
    read, _ = parts_read(NETWORK)[0]
    assert first.verilog("m").count(" * ") == first.multipliers == np.count_nonzero(read.weight) > 10
    assert (design.latency_cycles, design.register_bits) == (0, 0)
    assert "clk" not in top(design)


def test_resource_shares_multipliers_over_the_interval() -> None:
    design = trace_strategy(make_network(widths=(4, 2)), Strategy.RESOURCE, 4)
    first = design.stages[1].logic
    assert first.multipliers == 4 * 8 // 4
    assert (design.interval, design.latency_cycles) == (4, 9)
    assert re.search(r"input clk,\n    input start,\n", top(design))
    widths = [net.width for stage in design.stages for net in stage.outputs if stage.name.endswith("_sums")]
    inputs = sum(column.type.width for column in NETWORK.layout.columns)
    assert design.register_bits == inputs + 2 + NETWORK.score.total.width + 3 + 2 * sum(widths)


def test_distributed_arithmetic_is_the_flows_own() -> None:
    design = trace_strategy(NETWORK, Strategy.DISTRIBUTED_ARITHMETIC)
    assert [stage.name for stage in design.stages] == ["scaling", "dense1", "dense2", "score"]


@pytest.mark.parametrize(("strategy", "reuse_factor"), [(Strategy.LATENCY, 2), (Strategy.RESOURCE, 1)])
def test_a_reuse_factor_that_does_not_fit_is_refused(strategy: Strategy, reuse_factor: int) -> None:
    with pytest.raises(ConversionError, match=r"^Strategy '\w+' cannot have reuse factor \d: resource needs at least 2, the"):
        trace_strategy(NETWORK, strategy, reuse_factor)


def test_products_that_are_rounded_one_by_one_are_refused() -> None:
    network = make_network(widths=(4, 2), accumulator=FixedPoint.parse("ap_fixed<14,8>"), may_wrap=True)
    with pytest.raises(ConversionError, match=r"^Layer 'dense1' rounds each product to ap_fixed<14,8>; sums with multipliers"):
        trace_strategy(network, Strategy.LATENCY)
