"""Networks of every score, type and mode, and the check that the compiled emulator gives the integers of the specification."""

from __future__ import annotations

import numpy as np

from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.core.network import Network, Score
from l1ad.emulator.kernel import Emulator
from l1ad.spec import reference
from tests.networks import EVERY_SCORE, make_network, make_threshold_events


def wide_layout() -> ObjectLayout:
    """Return a layout whose pt needs 32 bits, with an odd number of columns."""
    pt, phi = FixedPoint.parse("uint<20>"), FixedPoint.parse("uint<6>")
    jet = ObjectSlot("jet", 2, ("pt", "phi"), (pt, phi), (0.5, 0.1), 50)
    return ObjectLayout("wide5", (jet, ObjectSlot("ht", 1, ("pt",), (pt,), (0.5,))))


CASES = {
    **EVERY_SCORE,
    "rotated": make_network(widths=(5, 8), score=Score.MASKED_MSE, phi_reference="met"),
    "rotated to a finer grid": make_network(widths=(5, 2), phi_reference="jet"),
    "pt thresholds": make_network(widths=(5, 8), score=Score.MASKED_MSE, min_pt_hw=(("jet", 40), ("met", 7))),
    "pt threshold and rotated": make_network(widths=(5, 8), score=Score.MSE, phi_reference="jet", min_pt_hw=(("jet", 40),)),
    "pt threshold on odd columns": make_network("axol1tl57", widths=(4, 2), min_pt_hw=(("muon", 9), ("jet", 100))),
    "pt threshold on wide columns": make_network(wide_layout(), (6, 5), Score.MASKED_MSE, min_pt_hw=(("ht", 70_000), ("jet", 3))),
    "odd columns": make_network("axol1tl57", widths=(4, 2)),
    "wide columns": make_network(wide_layout(), widths=(6, 5), score=Score.MASKED_MSE),
    "wide and rotated": make_network(wide_layout(), widths=(6, 2), phi_reference="jet"),
    "wrapping": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<9,4>"), result=FixedPoint.parse("ap_fixed<7,4>"), may_wrap=True
    ),
    "wrapping without rounding": make_network(widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<14,4>"), may_wrap=True),
    "rounding accumulator": make_network(
        widths=(5, 3), accumulator=FixedPoint.parse("ap_fixed<12,8,AP_RND_CONV,AP_WRAP>"), may_wrap=True
    ),
    "16 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<14,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(15, 5),
    ),
    "32 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<20,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(20, 5),
    ),
    "64 bits": make_network(
        widths=(5, 3),
        input_type=FixedPoint.parse("ap_fixed<30,6,AP_RND,AP_SAT>"),
        hidden_type=FixedPoint.from_quantized_relu(40, 8),
    ),
    "sparse": make_network("l1topo44", widths=(14, 3), zero_fraction=0.7),
    "full bytes": make_network(
        "l1topo44",
        widths=(14, 9, 3),
        input_type=FixedPoint.parse("ap_fixed<8,5,AP_RND,AP_SAT>"),
        weight_type=FixedPoint.from_quantized_bits(8, 1),
        hidden_type=FixedPoint.from_quantized_relu(8, 5),
    ),
    "all zero": make_network(widths=(5, 2), zero_fraction=1.1),
}


def check(network: Network, n_events: int = 1003, march: str = "native") -> None:
    x = make_threshold_events(network, n_events, seed=7).astype(network.layout.storage)
    wanted = reference.scores(network, x)
    np.testing.assert_array_equal(Emulator(network, march=march).scores(x), wanted)
    assert len(np.unique(wanted)) > 5
