"""Minifloat codes, columns left out and a type between give the same integers in every implementation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.codes import Minifloat
from l1ad.core.errors import LayoutError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.core.scaling import Scaling
from l1ad.emulator.kernel import Emulator
from l1ad.firmware.golden import adversarial_events
from l1ad.graph import evaluate, lower
from l1ad.hls.csim import Csim
from l1ad.ranges import prove, smallest_score
from l1ad.rtl.trace import trace_network
from l1ad.spec import reference
from tests.networks import make_events, make_network, tiny_layout
from tests.projects import make_project
from tests.rtl.test_trace import require_equal

PT = (0, 3, 6)
FINE, COARSE = Minifloat(4, 2, 6), Minifloat(5, 3, 3)


def changed(network: Network, **changes: object) -> Network:
    """Change the scaling and prove the score's types again."""
    scaling = replace(network.scaling, **changes)
    kind = network.score.kind
    spec = smallest_score(network.layout, scaling, network.layers, kind, network.score.cyclic, network.score.columns)
    return replace(network, scaling=scaling, score=spec, thresholds=())


def coded(*, offset: int = 0, **more: object) -> Network:
    """Return the three pt codes, signed eta an untouched column; shifts bring the largest codes into the input type."""
    network = make_network(widths=(5, 2), **more)
    codes = tuple(COARSE if i == 6 else FINE if i in PT else None for i in range(8))
    offsets = tuple(offset if i in PT else value for i, value in enumerate(network.scaling.offset))
    shifts = tuple(2 if i in PT else value for i, value in enumerate(network.scaling.shift))
    return changed(network, codes=codes, offset=offsets, shift=shifts)


NETWORKS = {
    "coded": coded(),
    "coded, offset below zero": coded(offset=9),
    "left out": changed(make_network(widths=(5, 2)), left_out=(1, 2, 7)),
    "through": changed(make_network(widths=(5, 2)), through=FixedPoint.parse("ap_fixed<18,13,AP_TRN,AP_WRAP>")),
    "through, rounding twice": changed(make_network(widths=(5, 2)), through=FixedPoint.parse("ap_fixed<9,7,AP_RND,AP_SAT>")),
    "all of it": changed(
        coded(phi_reference="met", min_pt_hw=(("jet", 9),)), left_out=(4,), through=FixedPoint.parse("ap_fixed<11,8,AP_RND>")
    ),
    "reconstructed": changed(make_network(widths=(4, 8), score=Score.MASKED_MSE, phi_reference="jet"), left_out=(1, 4)),
}


def events(network: Network) -> np.ndarray:
    near = make_events(network.layout, 2000, seed=2)
    near[:, PT] = np.random.default_rng(4).integers(0, 300, size=(2000, 3))
    return np.concatenate([make_events(network.layout, 2000, seed=8), near, adversarial_events(network, 1000, seed=3)])


@pytest.mark.parametrize("name", NETWORKS)
def test_every_implementation_gives_the_witness_s_integers(name: str) -> None:
    network = NETWORKS[name]
    x = events(network)
    wanted = reference.evaluate(network, x)
    assert len(np.unique(wanted["score"])) > 20
    values = evaluate(lower(network), x)
    np.testing.assert_array_equal(values["scaled"], wanted["scaled"])
    np.testing.assert_array_equal(values["score"][:, 0], wanted["score"])
    np.testing.assert_array_equal(Emulator(network).scores(x), wanted["score"])
    require_equal(network, trace_network(network))
    for interval, column in zip(prove(network)[0].values, wanted["scaled"].T, strict=True):
        assert interval.low <= column.min()
        assert column.max() <= interval.high


@pytest.mark.parametrize("name", ["coded, offset below zero", "all of it"])
def test_the_c_simulation_does(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    x = events(network)
    np.testing.assert_array_equal(Csim(make_project(tmp_path / "project", network)).scores(x), reference.scores(network, x))


def test_qkeras_does() -> None:
    from l1ad.qkeras.evaluate import qkeras_scores

    for name in ("coded", "all of it", "left out"):
        network = NETWORKS[name]
        x = events(network)
        np.testing.assert_array_equal(qkeras_scores(network, x), reference.scores(network, x), err_msg=name)


@pytest.mark.parametrize("code", [FINE, COARSE, Minifloat(6, 2, 8), Minifloat(3, 3, 1), Minifloat(4, 0, 5)])
def test_a_minifloat_is_the_leading_bits_and_the_octave(code: Minifloat) -> None:
    counts = np.arange(0, 2 * code.top + 4)
    wanted = []
    for v in np.minimum(counts, code.top).tolist():
        octave = max(0, v.bit_length() - 1 - code.linear_bits)
        step = 2 ** (code.linear_bits - code.mantissa_bits + octave)
        wanted.append(int(Fraction(v, step)) + octave * 2**code.mantissa_bits)
    codes = code.encode(counts)
    assert codes.tolist() == wanted
    assert (np.diff(codes) >= 0).all()
    assert codes[code.top] == codes.max() == code.largest


def test_rounding_twice_is_not_rounding_once() -> None:
    network = NETWORKS["through, rounding twice"]
    x = events(network)
    once = replace(network, scaling=replace(network.scaling, through=None))
    assert (reference.evaluate(network, x)["scaled"] != reference.evaluate(once, x)["scaled"]).any()


def test_a_scaling_survives_json_and_an_old_one_keeps_its_form() -> None:
    for network in NETWORKS.values():
        assert Scaling.from_dict(network.scaling.to_dict()) == network.scaling
    assert set(make_network().scaling.to_dict()) == {"offset", "shift", "type", "phi_reference"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": (FINE,)}, r"^Scaling codes need 8 values for layout 'tiny8', got 1\.$"),
        (
            {"codes": (None, None, FINE) + (None,) * 5},
            r"^Column 'jet\[0\]\.phi_hw' is an angle, which a minifloat would tear apart",
        ),
        ({"left_out": (8,)}, r"^Scaling leaves column 8 out, layout 'tiny8' has 8 columns\.$"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        replace(make_network().scaling, **changes).check(tiny_layout())


def test_codes_that_would_lose_their_order_are_refused() -> None:
    with pytest.raises(
        LayoutError, match=r"^A minifloat needs mantissa_bits from 0 to linear_bits.*its codes would lose their order\.$"
    ):
        Minifloat(2, 3, 4)
