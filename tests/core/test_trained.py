"""A trained model comes back as it was saved; what is none is refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.artefact import writing
from l1ad.core.errors import ArtefactError, ModelError
from l1ad.core.network import Activation, Score
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore, load_trained
from tests.networks import make_network


def float_network() -> FloatNetwork:
    network = make_network()
    layers = tuple(
        FloatDense(layer.name, layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias), layer.activation)
        for layer in network.layers
    )
    return FloatNetwork(network.layout, network.scaling, layers, FloatScore(Score.LATENT_L2))


def test_float_network_round_trip(tmp_path: Path) -> None:
    network = float_network()
    network.save(tmp_path / "float.npz")
    back = FloatNetwork.load(tmp_path / "float.npz")
    assert (back.layout, back.scaling, back.score, back.saturate) == (network.layout, network.scaling, network.score, True)
    for a, b in zip(network.layers, back.layers, strict=True):
        assert (a.name, a.activation) == (b.name, b.activation)
        np.testing.assert_array_equal(a.weight, b.weight)
        np.testing.assert_array_equal(a.bias, b.bias)
    assert back.layers[0].activation is Activation.RELU


def test_float_score_round_trip() -> None:
    score = FloatScore(Score.MASKED_MSE, (0, 2, 3), True)
    assert FloatScore.from_dict(score.to_dict()) == score


def test_float_network_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^There is no float network at '.*none\.npz'; run 'l1ad train' first\.$"):
        FloatNetwork.load(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_float_network_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "float.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"^'.*float\.npz' is not a float network: .*; write it with 'l1ad train'\.$"):
        FloatNetwork.load(tmp_path / "float.npz")


def test_float_network_of_pickles_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "float.npz").open("wb") as file:
        np.savez(file, description=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ModelError, match=r"^'.*' is not a float network: ValueError .*allow_pickle.*$"):
        FloatNetwork.load(tmp_path / "float.npz")


@pytest.mark.parametrize("with_reference", [True, False])
def test_trained_model(tmp_path: Path, with_reference: bool) -> None:
    network = make_network()
    with writing(tmp_path / "model", "model", key="k", inputs={}, config={}) as draft:
        network.save(draft.path / "network.json")
        if with_reference:
            float_network().save(draft.path / "float.npz")
    model = load_trained(tmp_path / "model")
    assert model.network.digest == network.digest
    assert (model.reference is not None) == with_reference
    assert len(model.digest) == 64


def test_no_trained_model(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"^Expected a 'model' artefact .*; run 'l1ad train' or 'l1ad import' first\.$"):
        load_trained(tmp_path / "model")
