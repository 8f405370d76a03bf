"""The files that training leaves for users of Keras: loadable, convertible by hls4ml as they are, with the network's integers."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.network import Activation, Network
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.qkeras.files import KERAS_FILE, QKERAS_FILE, save_keras, save_qkeras, why_not_as_it_is
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from tests.networks import make_events, make_network

UNSIGNED = FixedPoint.from_quantized_bits(8, 6, keep_negative=False)
WHOLE = FixedPoint.from_quantized_bits(6, 5)


def loaded(network: Network, folder: Path) -> Any:
    tensorflow()
    from qkeras.utils import load_qmodel

    save_qkeras(network, folder / QKERAS_FILE)
    return load_qmodel(str(folder / QKERAS_FILE), compile=False)


def given_and_wanted(network: Network, n_events: int) -> tuple[FloatArray, IntArray]:
    """Return the values of the scaled input's codes, and the specification's codes of the last layer."""
    x_hw = make_events(network.layout, n_events)
    values = network.scaling.type.from_int(network.scaling.apply(network.layout, x_hw))
    return values, reference.evaluate(network, x_hw)[f"{network.layers[-1].name}.output"]


def codes(network: Network, values: Any) -> IntArray:
    return np.ldexp(np.asarray(values, dtype=np.float64), network.layers[-1].output.fractional).astype(np.int64)


def converted_as_it_is(model: Any, values: FloatArray, folder: Path) -> Any:
    """Convert as hls4ml's documentation shows: its own configuration, bit_exact, nothing of ours."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import hls4ml

        config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
        project = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=str(folder / "hls4ml"), backend="Vitis", bit_exact=True
        )
        project.compile()
        return project.predict(np.ascontiguousarray(values.astype(np.float32)))


@pytest.mark.parametrize("types", [{}, {"input_type": UNSIGNED}, {"output_type": WHOLE}], ids=["default", "unsigned", "whole"])
def test_the_qkeras_file_gives_the_networks_integers(types: dict[str, FixedPoint], tmp_path: Path) -> None:
    network = make_network(seed=5, **types)
    values, wanted = given_and_wanted(network, 3000)
    model = loaded(network, tmp_path)
    assert [layer.__class__.__name__ for layer in model.layers[1:]] == ["QActivation", *["QDense", "QActivation"] * 2]
    np.testing.assert_array_equal(codes(network, model(values.astype(np.float32))), wanted)


def test_hls4ml_converts_the_file_as_it_is_with_the_same_integers(tmp_path: Path) -> None:
    network = make_network(seed=6, zero_fraction=0.3)
    assert why_not_as_it_is(network) is None
    values, wanted = given_and_wanted(network, 3000)
    found = codes(network, converted_as_it_is(loaded(network, tmp_path), values, tmp_path))
    assert np.count_nonzero(found != wanted) == 0


@pytest.mark.slow
@pytest.mark.parametrize("types", [{"input_type": UNSIGNED}, {"output_type": WHOLE}], ids=["unsigned", "whole"])
def test_what_is_said_not_to_convert_as_it_is_differs(types: dict[str, FixedPoint], tmp_path: Path) -> None:
    network = make_network(seed=2, **types)
    assert why_not_as_it_is(network) is not None
    values, wanted = given_and_wanted(network, 3000)
    found = codes(network, converted_as_it_is(loaded(network, tmp_path), values, tmp_path))
    assert np.count_nonzero(found != wanted) > 0


@pytest.mark.parametrize(
    ("types", "reason"),
    [
        (
            {"input_type": UNSIGNED},
            r"^the input is ap_ufixed<8,6,.*>, and hls4ml takes an unsigned quantized_bits for a signed one$",
        ),
        (
            {"output_type": WHOLE},
            r"^the output of layer 'dense2' is ap_fixed<6,6,.*>, and hls4ml takes a type without fractional",
        ),
        ({"hidden_type": FixedPoint.from_quantized_relu(6, 6)}, r"^the output of layer 'dense1' is ap_ufixed<6,6,"),
    ],
)
def test_what_does_not_convert_as_it_is_is_named(types: dict[str, FixedPoint], reason: str) -> None:
    assert re.search(reason, why_not_as_it_is(make_network(**types)) or "")


def test_the_float_file_gives_the_float_networks_values_and_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    network, random = make_network(), np.random.default_rng(1)
    shapes = [(8, 4, Activation.RELU), (4, 2, Activation.LINEAR)]
    layers = tuple(
        FloatDense(f"dense{i + 1}", random.normal(size=(n_in, n_out)), random.normal(size=n_out), activation)
        for i, (n_in, n_out, activation) in enumerate(shapes)
    )
    made = FloatNetwork(network.layout, network.scaling, layers, FloatScore(network.score.kind))
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        save_keras(made, tmp_path / name / KERAS_FILE)
    assert (tmp_path / "first" / KERAS_FILE).read_bytes() == (tmp_path / "second" / KERAS_FILE).read_bytes()
    model = tensorflow().keras.models.load_model(tmp_path / "first" / KERAS_FILE)
    x = random.normal(size=(200, 8))
    wanted = np.maximum(x @ layers[0].weight + layers[0].bias, 0) @ layers[1].weight + layers[1].bias
    np.testing.assert_allclose(model(x.astype(np.float32)).numpy(), wanted, rtol=1e-4, atol=1e-4)
