"""The score ``maximum`` is the largest output, in every implementation, whatever the outputs' types."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.emulator.kernel import Emulator
from l1ad.graph import evaluate, lower
from l1ad.hls.csim import Csim
from l1ad.ranges import prove, smallest_score
from l1ad.rtl.trace import trace_network
from l1ad.spec import reference
from tests.networks import make_events, make_network
from tests.projects import make_project
from tests.rtl.test_trace import require_equal


def network(n: int, *own: str) -> Network:
    made = make_network(widths=(5, n), score=Score.MAXIMUM)
    layer = replace(made.layers[1], own_outputs=tuple(FixedPoint.parse(text) for text in own))
    layers = (made.layers[0], layer)
    score = smallest_score(made.layout, made.scaling, layers, Score.MAXIMUM, False, ())
    return replace(made, layers=layers, score=score, thresholds=())


NETWORKS = {
    "one": network(1),
    "two": network(2),
    "five": network(5),
    "grids": network(3, "ap_fixed<8,5,AP_RND,AP_SAT>", "ap_fixed<9,3,AP_TRN,AP_SAT>", "ap_ufixed<7,6,AP_RND,AP_SAT>"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_largest_output_is_the_score(name: str) -> None:
    made = NETWORKS[name]
    x_hw = make_events(made.layout, 2000)
    values = reference.evaluate(made, x_hw)
    outputs = np.stack(
        [type_.from_int(codes) for type_, codes in zip(made.layers[1].outputs, values["dense2.output"].T, strict=True)], axis=1
    )
    np.testing.assert_array_equal(made.score.total.from_int(values["score"]), outputs.max(axis=1))
    np.testing.assert_array_equal(evaluate(lower(made), x_hw)["score"][:, 0], values["score"])
    np.testing.assert_array_equal(Emulator(made).scores(x_hw), values["score"])
    require_equal(made, trace_network(made))
    assert len(np.unique(values["score"])) > 20


def test_the_score_is_as_wide_as_the_widest_output() -> None:
    """Nothing is added up: neither end is beyond the largest of the outputs' ends."""
    nodes = {node.node: node for node in prove(NETWORKS["two"])}
    outputs = nodes["dense2.output"].values
    assert nodes["score"].low == max(i.low for i in outputs)
    assert nodes["score"].high == max(i.high for i in outputs)


def test_the_c_simulation_is_the_reference(tmp_path: Path) -> None:
    made = NETWORKS["grids"]
    x_hw = make_events(made.layout, 500)
    simulation = Csim(make_project(tmp_path / "project", made))
    np.testing.assert_array_equal(simulation.scores(x_hw), reference.scores(made, x_hw))
