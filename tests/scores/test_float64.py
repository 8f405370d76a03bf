"""Numbers in float64 give the integers of the specification, also for types that truncate and wrap."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.scores.float64 import float64_outputs
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events

CASES = {
    "exact": make_network(widths=(5, 3)),
    "rotated": make_network(widths=(5, 3), phi_reference="met"),
    "pt thresholds": make_network(widths=(5, 3), phi_reference="met", min_pt_hw=(("jet", 40), ("met", 7))),
    "wrapping": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<9,4>"), result=FixedPoint.parse("ap_fixed<7,4>"), may_wrap=True
    ),
    "truncating input": make_network(widths=(5, 3), input_type=FixedPoint.parse("ap_fixed<9,5>"), may_wrap=True),
}


@pytest.mark.parametrize("name", CASES)
def test_outputs_are_those_of_the_specification(name: str) -> None:
    network = CASES[name]
    x = make_threshold_events(network, 9000)
    np.testing.assert_array_equal(float64_outputs(network, x), reference.evaluate(network, x)["dense2.output"])


def test_more_than_53_bits_are_refused() -> None:
    network = make_network(hidden_type=FixedPoint.from_quantized_relu(50, 3))
    with pytest.raises(
        ConversionError, match=r"^Node 'dense1\.output' may need \d+ bits, float64 has 53; use narrower types before it\.$"
    ):
        float64_outputs(network, make_events(network.layout, 1))
