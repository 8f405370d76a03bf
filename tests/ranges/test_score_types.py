"""A score's types: what is given is taken as it is, what is left out holds what arrives there."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, ScoreSpec
from l1ad.ranges.score_types import score_spec
from tests.networks import make_network


def wide_network() -> Network:
    """Return a network whose two outputs reach 2 ** 31 steps: each square just fits 62 bits and their sum does not."""
    network = make_network(output_type=FixedPoint.parse("ap_fixed<8,3>"))
    output = FixedPoint.parse("ap_fixed<32,32,AP_RND_CONV,AP_SAT>")
    bias = np.array([(1 << 31) - 1, 1 << 31])
    last = replace(network.layers[1], output=output, bias=bias, bias_type=FixedPoint(True, 40, 40))
    return replace(network, layers=(network.layers[0], last))


def spec_of(network: Network, kind: str, **types: str) -> ScoreSpec:
    config = ScoreConfig(kind=kind, **types)  # type: ignore[arg-type]
    columns = tuple(range(8)) if kind == "mse" else ()
    return score_spec(config, network.layout, network.scaling, network.layers, columns, may_wrap=True)


def test_given_types_are_not_asked_for() -> None:
    with pytest.raises(
        ModelError, match=r"^An exact score needs more than 62 bits at 'score' \(.*\); give its type as 'score.total' .*$"
    ):
        spec_of(wide_network(), "latent_l2")
    spec = spec_of(wide_network(), "latent_l2", square="ap_ufixed<30,30,AP_TRN,AP_SAT>")
    assert str(spec.square) == "ap_ufixed<30,30,AP_TRN,AP_SAT>"
    assert (spec.total.signed, spec.total.width, spec.total.fractional) == (False, 31, 0)
    both = spec_of(wide_network(), "latent_l2", square="ap_ufixed<30,30,AP_TRN,AP_SAT>", total="ap_ufixed<16,31,AP_TRN,AP_SAT>")
    assert str(both.total) == "ap_ufixed<16,31,AP_TRN,AP_SAT>"


@pytest.mark.parametrize(
    ("kind", "given", "fractional"),
    [
        ("latent_l2", {"square": "ap_ufixed<20,15,AP_TRN,AP_SAT>"}, {"square": 5, "total": 5}),
        ("mse", {"difference": "ap_fixed<10,7,AP_TRN,AP_SAT>"}, {"difference": 3, "square": 6, "total": 6}),
        ("kl", {"table": "ap_ufixed<12,3,AP_RND,AP_SAT>", "square": "ap_ufixed<20,16,AP_TRN,AP_SAT>"}, {"table": 9, "total": 9}),
        ("r_z", {"table": "ap_ufixed<12,3,AP_RND,AP_SAT>", "square": "ap_ufixed<20,16,AP_TRN,AP_SAT>"}, {"total": 9 + 4}),
    ],
)
def test_steps_behind_a_given_type_follow_its_grid(kind: str, given: dict[str, str], fractional: dict[str, int]) -> None:
    network = make_network(None, (4, 8 if kind == "mse" else 2), output_type=FixedPoint.parse("ap_fixed<8,4>"))
    spec = spec_of(network, kind, **given)
    found: dict[str, Any] = {step: getattr(spec, step).fractional for step in fractional}
    assert found == fractional
    assert {step: str(getattr(spec, step)) for step in given} == given


def test_step_that_a_score_does_not_have() -> None:
    with pytest.raises(ModelError, match=r"^Key 'score.table' has no place in score 'latent_l2'; leave it out\.$"):
        spec_of(make_network(), "latent_l2", table="ap_ufixed<12,3>")
