"""What belongs to a dense layer is read as Keras and QKeras compute it: normalisation, biases, what follows."""

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.trained import FloatNetwork
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.runtime import tensorflow
from l1ad.scores.float_reference import float_outputs
from l1ad.spec import reference
from tests.networks import make_events, tiny_layout
from tests.qkeras.importing.handmade import dense, entry, sequential, source, write_h5

LAYOUT = tiny_layout()
INPUT = "ap_fixed<8,4,AP_RND_CONV,AP_SAT>"
WIDE = "ap_fixed<24,8,AP_RND_CONV,AP_SAT>"
KERNEL = "quantized_bits(6,1,alpha=1)"


def imported(path: Path, **types: Any) -> tuple[Network, FloatNetwork]:
    model = understand(read_model(path))
    score = ScoreConfig(kind="latent_l2")
    return assemble("t", model, LAYOUT, ScalingFile(shift=(4,) * 8), TypesFile(**{"input": INPUT, **types}), score)


def saved(path: Path, *layers: Any) -> Any:
    """Save a Keras model with random weights, positive where they are variances."""
    tf = tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = tf.keras.Sequential([tf.keras.Input((8,)), *layers])
        rng = np.random.default_rng(3)
        for layer in model.layers:
            layer.set_weights(
                [rng.uniform(0.5, 2, v.shape) if "variance" in v.name else rng.normal(0, 0.6, v.shape) for v in layer.weights]
            )
        model.save(path)
    return model


def scaled(network: Network, x_hw: IntArray) -> NDArray[np.float32]:
    """Return the scaled inputs as the firmware quantises them, for a model that does not do so itself."""
    return network.scaling.type.from_int(network.scaling.apply(network.layout, x_hw)).astype(np.float32)


def assert_equal_to_keras(path: Path, model: Any) -> None:
    """Compare the exact network's outputs with the model's, on every event."""
    network, _ = imported(path)
    x_hw = make_events(LAYOUT, 1000)
    last = network.layers[-1]
    values = np.asarray(model(scaled(network, x_hw)), dtype=np.float64)
    np.testing.assert_array_equal(
        np.ldexp(values, last.output.fractional), reference.evaluate(network, x_hw)[f"{last.name}.output"]
    )


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        ({"bias_quantizer": "quantized_bits(8,2)"}, ["quantized_bits(8,3,alpha=1)"]),
        ({"use_bias": False}, ["quantized_bits(8,3,alpha=1)"]),
        ({"bias_quantizer": "quantized_bits(8,2,alpha=1)"}, ["quantized_bits(8,3,alpha=1)", "relu"]),
        ({"bias_quantizer": "quantized_bits(8,2,alpha=1)"}, ["quantized_bits(8,3,1,alpha=1)", "relu"]),
        ({"bias_quantizer": "quantized_bits(8,2,alpha=1)"}, ["relu", "quantized_bits(8,3,alpha=1)"]),
    ],
)
def test_layers_that_qkeras_computes_alike(tmp_path: Path, settings: dict[str, Any], after: list[str]) -> None:
    """A bias' quantiser without alpha has scale 1; no bias needs no type; a ReLU may stand on either side of a quantiser."""
    from qkeras import QActivation, QDense

    layers = [QDense(3, kernel_quantizer=KERNEL, **settings), *(QActivation(text) for text in after)]
    assert_equal_to_keras(tmp_path / "m.h5", saved(tmp_path / "m.h5", *layers))


@pytest.mark.parametrize("scale", [None, 0.5])
def test_post_training_scale(tmp_path: Path, scale: float | None) -> None:
    """QKeras' main branch writes it with every quantiser; null changes nothing, a number is a scale."""
    quantiser = {"class_name": "quantized_bits", "config": {"bits": 8, "integer": 3, "alpha": 1, "post_training_scale": scale}}
    arrays = {"d/d/kernel:0": np.ones((8, 2)), "d/d/bias:0": np.ones(2)}
    path = write_h5(tmp_path / "m.h5", sequential(source(), dense("d", kernel_quantizer=quantiser)), arrays)
    if scale is None:
        assert understand(read_model(path)).layers[0].weight_type is not None
        return
    with pytest.raises(ModelError, match=r"^The kernel of layer 'd' has post_training_scale 0\.5: its scale is not 1; .*$"):
        understand(read_model(path))


def test_bias_without_quantiser_still_needs_a_type(tmp_path: Path) -> None:
    from qkeras import QDense

    saved(tmp_path / "m.h5", QDense(3, kernel_quantizer=KERNEL, name="d"))
    with pytest.raises(ModelError, match=r"^The bias of layer 'd' has no quantiser in the model; give its type as .*$"):
        imported(tmp_path / "m.h5")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, True), (True, False)])
def test_normalisation_on_either_side(tmp_path: Path, first: bool, use_bias: bool, center: bool, scale: bool) -> None:
    """The float network gives what Keras gives, also where the normalisation is the model's first layer."""
    layers = tensorflow().keras.layers
    pair = [layers.BatchNormalization(center=center, scale=scale), layers.Dense(3, use_bias=use_bias, name="d")]
    model = saved(tmp_path / "m.h5", *(pair if first else pair[::-1]))
    types = {"d": {"weight": WIDE, "bias": WIDE, "output": WIDE}}
    network, floating = imported(tmp_path / "m.h5", layers=types)
    x_hw = make_events(LAYOUT, 200)
    unlimited = model(network.scaling.apply_float(LAYOUT, x_hw).astype(np.float32), training=False).numpy()
    np.testing.assert_allclose(float_outputs(floating, x_hw), unlimited, rtol=1e-4, atol=1e-4)
    values = model(scaled(network, x_hw), training=False).numpy()
    exact = np.ldexp(reference.evaluate(network, x_hw)["d.output"].astype(float), -network.layers[-1].output.fractional)
    np.testing.assert_allclose(exact, values, atol=0.01)


STATISTICS = {
    "gamma": [1.5, 0.5],
    "beta": [0.25, -1],
    "moving_mean": [1, 2],
    "moving_variance": [3, 0.1],
}


def normalised(path: Path, kind: str = "BatchNormalization", first: bool = False, **config: Any) -> Path:
    """Write a dense layer beside a normalisation."""
    width = 8 if first else 2
    plain = dense("d", kind="Dense") if not config.pop("quantised", False) else dense("d")
    if plain["class_name"] == "Dense":
        del plain["config"]["kernel_quantizer"], plain["config"]["bias_quantizer"]
    pair = [plain, entry(kind, "n", **config)]
    arrays = {f"n/n/{name}:0": np.resize(values, width) for name, values in STATISTICS.items()}
    arrays |= {"d/d/kernel:0": np.ones((8, 2)), "d/d/bias:0": np.ones(2)}
    return write_h5(path, sequential(source(), *(pair[::-1] if first else pair)), arrays)


PO2 = {"class_name": "quantized_po2", "config": {"bits": 5}}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"kind": "QBatchNormalization", "gamma_quantizer": PO2, "mean_quantizer": PO2},
            r"^Layer 'n' quantises its gamma, mean and is a QBatchNormalization, which cannot be folded exactly; use QDenseBatchnorm, .*$",
        ),
        (
            {"first": True, "quantised": True},
            r"^Layer 'n' normalises the input before the quantised weights of 'd' and cannot be folded exactly; put .*$",
        ),
        ({"quantised": True}, r"^Layer 'n' would scale the quantised weights of 'd', which cannot be converted exactly; .*$"),
        ({"axis": 0}, r"^Layer 'n' normalises along axis 0 of shape \(2,\); only the last of a flat input can be folded\.$"),
        ({"epsilon": -4}, r"^Layer 'n' has a variance that is not above 0; train the model again\.$"),
        ({"epsilon": "small"}, r"^Layer 'n' needs a number as 'epsilon', got 'small'; the file is damaged\.$"),
    ],
)
def test_normalisations_that_are_refused(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        understand(read_model(normalised(tmp_path / "m.h5", **settings)))


def test_normalisation_of_the_input_that_is_quantised_afterwards(tmp_path: Path) -> None:
    path = normalised(tmp_path / "m.h5", first=True)

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].insert(2, entry("QActivation", "q", activation="quantized_bits(8,3)"))
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelError, match=r"^Layer 'n' normalises the input and layer 'q' quantises what comes out, .*$"):
        understand(read_model(path))


def test_qbatchnormalization_without_quantisers_is_a_batch_normalisation(tmp_path: Path) -> None:
    none = {f"{part}_quantizer": None for part in ("gamma", "beta", "mean", "variance")}
    plain = understand(read_model(normalised(tmp_path / "a.h5"))).layers[0]
    quantised = understand(read_model(normalised(tmp_path / "b.h5", kind="QBatchNormalization", **none))).layers[0]
    np.testing.assert_array_equal(plain.weight, quantised.weight)
    np.testing.assert_array_equal(plain.bias, quantised.bias)


def test_qdensebatchnorm_folds_in_float32(tmp_path: Path) -> None:
    """The folded numbers are those of float32 operations, one rounding each, as QKeras makes them before it quantises."""
    rng = np.random.default_rng(5)
    kernel, bias = rng.normal(size=(8, 2)).astype(np.float32), rng.normal(size=2).astype(np.float32)
    gamma, beta, mean = (np.asarray(STATISTICS[name], np.float32) for name in ("gamma", "beta", "moving_mean"))
    layer = dense("d", kind="QDenseBatchnorm", folding_mode="ema_stats_folding", epsilon=0.001)
    arrays = {f"d/d/n/{name}:0": values for name, values in STATISTICS.items()} | {"d/d/kernel:0": kernel, "d/d/bias:0": bias}
    found = understand(read_model(write_h5(tmp_path / "m.h5", sequential(source(), layer), arrays))).layers[0]
    gain = np.float32(1) / np.sqrt(np.asarray(STATISTICS["moving_variance"], np.float32) + np.float32(0.001)) * gamma
    assert gain.dtype == np.float32
    np.testing.assert_array_equal(found.weight, gain * kernel)
    np.testing.assert_array_equal(found.bias, gain * (bias - mean) + beta)


def test_a_plain_normalisation_is_folded_as_hls4ml_folds_it(tmp_path: Path) -> None:
    """One weight that the float64 product would round otherwise: hls4ml 1.3.0 gives these bits (its BatchNormalization and bn_fuse)."""
    statistics = {"gamma": 1.1, "beta": 0.2, "moving_mean": 0.3, "moving_variance": 0.7}
    arrays = {"d/d/kernel:0": np.full((8, 1), 0.1), "d/d/bias:0": np.array([0.4])}
    arrays |= {f"bn/bn/{name}:0": np.array([value]) for name, value in statistics.items()}
    layer = entry("Dense", "d", units=1)
    path = write_h5(tmp_path / "m.h5", sequential(source(), layer, entry("BatchNormalization", "bn", epsilon=0.001)), arrays)
    folded = understand(read_model(path)).layers[0]
    one = {name: np.float32(value) for name, value in statistics.items()}
    gain = one["gamma"] / np.sqrt(one["moving_variance"] + np.float32(0.001))
    assert folded.weight[0, 0] == float(gain * np.float32(0.1))
    assert folded.bias[0] == float(gain * np.float32(0.4) + (one["beta"] - gain * one["moving_mean"]))
    exact = 1.1 / np.sqrt(float(np.float32(0.7)) + 0.001) * float(np.float32(0.1))
    assert folded.weight[0, 0] != exact
