"""Pipelines are cut for the clock; estimates come without synthesis."""

import pytest

from l1ad.core.errors import ConfigError
from l1ad.rtl.pipeline import ALKAID_UNIT_NS, estimate, trace_pipeline, trace_whole
from tests.networks import make_network

NETWORK = make_network(widths=(4, 2))


def test_a_faster_clock_has_more_stages() -> None:
    counts = [len(trace_pipeline(NETWORK, clock_ns).stages) for clock_ns in (100.0, 10.0, 3.0)]
    assert counts == sorted(counts)
    assert counts[0] == 1 < counts[-1]


@pytest.mark.parametrize("clock_ns", [0.0, -5.0, float("nan")])
def test_an_impossible_clock_is_refused(clock_ns: float) -> None:
    with pytest.raises(ConfigError, match=r"^A clock period must be positive, got .* ns; set firmware\.clock_ns\.$"):
        trace_pipeline(NETWORK, clock_ns)


def test_the_estimate_is_alkaids() -> None:
    logic = trace_whole(NETWORK)
    assert estimate(NETWORK) == (logic.cost, logic.latency[1] * ALKAID_UNIT_NS)


def test_fewer_weights_cost_less() -> None:
    assert estimate(make_network(widths=(4, 2), zero_fraction=0.7))[0] < estimate(NETWORK)[0]
