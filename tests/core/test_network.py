import dataclasses
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import parse_layout
from l1ad.core.network import Activation, Dense, Network, Score, ScoreSpec, Threshold
from l1ad.core.scaling import Scaling
from tests.networks import make_network

LAYOUT = parse_layout(
    """
name: tiny
slots:
  - {kind: jet, multiplicity: 1, phi_period: 128, features: {pt: {type: uint<8>, lsb: 0.5}, phi: {type: uint<7>, lsb: 0.049}}}
  - {kind: met, multiplicity: 1, features: {pt: {type: uint<9>, lsb: 0.5}}}
""",
    "tiny",
)
T = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")
W = FixedPoint.parse("ap_fixed<4,2>")
SQUARE = FixedPoint.parse("ap_ufixed<12,6>")


def dense(name: str, n_in: int, n_out: int) -> Dense:
    weight = (np.arange(n_in * n_out).reshape(n_in, n_out) % 8) - 4
    return Dense(name, weight, W, np.zeros(n_out, dtype=np.int64), W, Activation.LINEAR, T)


def network(score: ScoreSpec | None = None, *layers: Dense) -> Network:
    spec = score or ScoreSpec(Score.LATENT_L2, SQUARE, SQUARE)
    return Network(
        "tiny", LAYOUT, Scaling((0,) * 3, (4, 3, 4), T), layers or (dense("enc", 3, 2),), spec, (Threshold("tight", 9),)
    )


def test_round_trip_through_a_file_keeps_everything(tmp_path: Path) -> None:
    saved = network()
    saved.save(tmp_path / "network.json")
    loaded = Network.load(tmp_path / "network.json")
    assert loaded.to_dict() == saved.to_dict()
    assert loaded.shape == "3-2"
    assert loaded.thresholds == (Threshold("tight", 9),)


def test_the_digest_follows_the_score_and_not_the_thresholds() -> None:
    first = network()
    assert first.with_thresholds(()).digest == first.digest
    changed = dense("enc", 3, 2)
    changed.weight[0, 0] += 1
    assert network(None, changed).digest != first.digest


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ModelError, match=r"^Layer 'enc' expects 4 inputs and gets 3; the model does not fit layout 'tiny'\.$"):
        network(None, dense("enc", 4, 2))
    with pytest.raises(ModelError, match=r"^Network 'tiny' has no layers"):
        Network("tiny", LAYOUT, Scaling((0,) * 3, (0,) * 3, T), (), ScoreSpec(Score.LATENT_L2, SQUARE, SQUARE))
    with pytest.raises(ModelError, match=r"^Layer 'enc' has weights outside ap_fixed<4,2>; quantise them first\.$"):
        network(None, dataclasses.replace(dense("enc", 3, 2), weight=np.full((3, 2), 8)))
    with pytest.raises(ModelError, match=r"^Layer 'enc' needs 2 biases, got shape \(3,\)\.$"):
        network(None, dataclasses.replace(dense("enc", 3, 2), bias=np.zeros(3, dtype=np.int64)))
    with pytest.raises(ModelError, match=r"^Layer 'enc' has a saturating accumulator"):
        network(None, dataclasses.replace(dense("enc", 3, 2), accumulator=T))
    with pytest.raises(ModelError, match=r"^Score 'mse' needs 3 reconstructed columns, the network gives 2\.$"):
        network(ScoreSpec(Score.MSE, SQUARE, SQUARE, T, (0, 1, 2)))
    with pytest.raises(ModelError, match=r"^Score 'mse' needs a difference type and the columns that take part\.$"):
        network(ScoreSpec(Score.MSE, SQUARE, SQUARE), dense("enc", 3, 3))
    with pytest.raises(ModelError, match=r"^Score 'kl' needs means and as many log-variances and a table type"):
        network(ScoreSpec(Score.KL, SQUARE, SQUARE))


def test_a_missing_or_damaged_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^There is no network at .*; run 'l1ad train' or 'l1ad import' first\.$"):
        Network.load(tmp_path / "network.json")
    (tmp_path / "network.json").write_text('{"name": "x"}')
    with pytest.raises(ModelError, match=r"is not a network: KeyError 'layout'"):
        Network.load(tmp_path / "network.json")


def test_phi_turns_are_in_units_of_the_scaled_grid() -> None:
    assert network().phi_turn(1, 4) == 128 * 2
    assert network().phi_turn(0, 4) is None
    assert network().phi_turn(1, -4) == 1
    with pytest.raises(ModelError, match=r"^A full turn of jet\[0\]\.phi_hw is not a whole number of steps"):
        network().phi_turn(1, -5)


def test_score_tables() -> None:
    address = FixedPoint.parse("ap_fixed<4,3>")
    kl = Score.KL.formula.table(address)
    assert kl.shape == (16,)
    assert kl[8] == 0  # exp(0) - 0 - 1
    assert kl[10] == pytest.approx(np.e - 2)
    r_z = Score.R_Z.formula.table(address)
    assert r_z[8] == 1
    assert r_z[0] == pytest.approx(np.exp(4.0))
    with pytest.raises(ModelError, match=r"^A score without log-variances has no lookup table; .*\.$"):
        Score.LATENT_L2.formula.table(address)
    with pytest.raises(ModelError, match=r"^A log-variance of 13 bits needs a table of more than 4096 entries; .*\.$"):
        Score.R_Z.formula.table(FixedPoint.parse("ap_fixed<13,3>"))


def test_a_linear_score_is_one_output() -> None:
    with pytest.raises(ModelError, match=r"^Score 'linear' reads 1 output, the network gives 2; give the last layer 1\.$"):
        make_network(widths=(4, 2), score=Score.LINEAR)
