"""Convolutions, pooling, upsampling and weights of few values: what QKeras computes, and sentences for what is not imported."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.emulator.kernel import Emulator
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.importing.quantisers import parse_quantiser
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from tests.networks import make_events, tiny_layout
from tests.qkeras.importing.handmade import BITS, dense, entry, sequential, source, write_h5

LAYOUT = tiny_layout()
SCALING = ScalingFile(shift=(3,) * 8)
WEIGHTS = {"bits": "quantized_bits(6,1,alpha=1)", "few": ("ternary(alpha=1)", "quantized_po2(4,max_value=2)", "binary(alpha=1)")}


def network_of(path: Path, **types: Any) -> Network:
    model = understand(read_model(path))
    network, _ = assemble("m", model, LAYOUT, SCALING, TypesFile(**types), ScoreConfig(kind="latent_l2"))
    return network


def windowed(tf: Any, first: str, second: str, third: str) -> Any:
    """Every kind of window once, over 4 x 2 of the eight columns."""
    from qkeras import QActivation, QConv1D, QConv2D, QDense

    bias, relu = "quantized_bits(6,1,alpha=1)", "quantized_relu(8,3)"
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((8,)),
            QActivation("quantized_bits(8,3,alpha=1)", name="quantised"),
            layers.Reshape((4, 2, 1)),
            QConv2D(3, (2, 2), padding="same", kernel_quantizer=first, bias_quantizer=bias, name="conv"),
            QActivation(relu, name="conv_relu"),
            layers.AveragePooling2D((2, 2), name="pool"),
            layers.UpSampling2D((2, 2), name="up"),
            layers.Reshape((-1, 3)),
            QConv1D(2, 3, strides=2, kernel_quantizer=second, use_bias=False, name="conv1"),
            QActivation(relu, name="conv1_relu"),
            layers.Flatten(),
            QDense(2, kernel_quantizer=third, bias_quantizer=bias, name="latent"),
            QActivation("quantized_bits(12,6,alpha=1)", name="out"),
        ]
    )


@pytest.mark.parametrize(("weights", "ending"), [("bits", "h5"), ("few", "keras")])
def test_every_window_is_what_qkeras_computes(weights: str, ending: str, tmp_path: Path) -> None:
    tf = tensorflow()
    tf.keras.utils.set_random_seed(3)
    kinds = WEIGHTS[weights] if weights == "few" else (WEIGHTS[weights],) * 3
    model = windowed(tf, *kinds)
    random = np.random.default_rng(4)
    model.set_weights([random.normal(0, 0.8, w.shape) for w in model.get_weights()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / f"m.{ending}")
    network = network_of(tmp_path / f"m.{ending}")
    x = make_events(LAYOUT, 1500)
    scaled = network.scaling.apply_float(LAYOUT, x).astype(np.float32)
    wanted = np.asarray(model(tf.constant(scaled)), dtype=np.float64)
    nodes = reference.evaluate(network, x)
    np.testing.assert_array_equal(network.layer("latent").output.from_int(nodes["latent.output"]), wanted)
    assert len(np.unique(wanted)) > 30
    np.testing.assert_array_equal(Emulator(network).scores(x), nodes["score"])


def test_averages_keep_every_bit(tmp_path: Path) -> None:
    path = write_h5(
        tmp_path / "m.h5",
        sequential(
            source((8, 1)),
            entry("QActivation", "quantised", activation=BITS),
            entry("AveragePooling1D", "pool", pool_size=[4], strides=[4], padding="valid"),
            entry("Flatten", "flat"),
            dense("latent"),
            entry("QActivation", "out", activation=BITS),
        ),
        {"latent/latent/kernel:0": np.eye(2), "latent/latent/bias:0": np.zeros(2)},
    )
    network = network_of(path)
    assert network.layer("pool").output == FixedPoint.parse("ap_fixed<10,4,AP_RND_CONV,AP_SAT>")
    x = make_events(LAYOUT, 500)
    nodes = reference.evaluate(network, x)
    np.testing.assert_array_equal(nodes["pool.output"], nodes["scaled"].reshape(-1, 2, 4).sum(axis=2))


CONV = {"filters": 2, "kernel_size": [2], "strides": [1], "padding": "valid", "kernel_quantizer": BITS, "bias_quantizer": BITS}


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            entry("QConv1D", "c", **{**CONV, "padding": "causal"}),
            r"^Layer 'c' has padding 'causal'; known are 'valid' and 'same'\.$",
        ),
        (entry("QConv1D", "c", **{**CONV, "dilation_rate": [2]}), r"^Layer 'c' has dilation or groups, which are not imported; "),
        (
            entry("QConv1D", "c", **{**CONV, "data_format": "channels_first"}),
            r"^Layer 'c' has data_format 'channels_first'; only ",
        ),
        (
            entry("QConv1D", "c", **{**CONV, "kernel_size": [3]}),
            r"^Layer 'c' has a kernel of shape \(2, 1, 2\) .*, expected \(3, 1, 2\) and",
        ),
        (
            entry("QConv1D", "c", **{**CONV, "kernel_size": [9]}),
            r"^A window of 1 x 9 does not fit an input of 1 x 8; use a smaller",
        ),
        (
            entry("QConv1D", "c", **{**CONV, "kernel_size": ["2"]}),
            r"^Layer 'c' has a window of \['2'\], expected 1 whole numbers; the file",
        ),
        (
            entry("AveragePooling1D", "p", pool_size=[3]),
            r"^Layer 'p': Pooling by averages of 1 x 3 elements, .* does not divide by a power of two",
        ),
        (entry("GlobalMaxPool1D", "p"), r"^Layer 'p' is a 'GlobalMaxPool1D', which is not imported; known are Dense, "),
        (entry("UpSampling2D", "u", size=[2, 2]), r"^Layer 'u' has a window of \[2, 2\], expected 1 whole numbers"),
        (entry("Reshape", "r", target_shape=[3, 3]), r"^Layer 'r' makes \(3, 3\) of \(8, 1\), which has 8 values; save the"),
    ],
)
def test_what_is_not_imported_is_one_sentence(layer: dict[str, Any], message: str, tmp_path: Path) -> None:
    name = layer["config"]["name"]
    arrays = {f"{name}/{name}/kernel:0": np.ones((2, 1, 2)), f"{name}/{name}/bias:0": np.ones(2)} if name == "c" else {}
    path = write_h5(tmp_path / "m.h5", sequential(source((8, 1)), layer), arrays)
    with pytest.raises(ModelError, match=message):
        network_of(path, input="ap_fixed<8,4,AP_RND_CONV,AP_SAT>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("binary()", r"^K has alpha None: its scale is not 1"),
        ("ternary(alpha='auto')", r"^K has alpha 'auto': its scale is not 1"),
        ("quantized_po2(9)", r"^K is a quantized_po2 of 9 bits and max_value None; only"),
        ("quantized_po2(4,quadratic_approximation=True)", r"^K is a quantized_po2 with quadratic_approximation"),
        ("stochastic_ternary()", r"^K uses 'stochastic_ternary', which cannot be converted exactly"),
    ],
)
def test_few_values_with_another_scale_are_refused(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_quantiser(text, "K", data_scale=True, weights=True)


def test_few_values_are_for_weights_only() -> None:
    with pytest.raises(ModelError, match=r"^K uses 'binary', which cannot be converted exactly"):
        parse_quantiser("binary(alpha=1)", "K")
