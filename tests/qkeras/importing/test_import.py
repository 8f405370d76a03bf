"""Files written by Keras and QKeras come back as the exact network; everything else is refused by name."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ConversionError, L1adError, LayoutError, ModelError
from l1ad.core.network import Activation, Network
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from tests.networks import make_events, tiny_layout
from tests.qkeras.importing.handmade import sequential, source

LAYOUT = tiny_layout()
SCALING = ScalingFile(shift=(3,) * 8)
BITS = "quantized_bits(6,1,alpha=1)"


def qkeras_model(
    tf: Any, weights: str = BITS, relu: str = "quantized_relu(8,3)", last: str = "quantized_bits(10,4,alpha=1)"
) -> Any:
    from qkeras import QActivation, QDense

    values = entry = tf.keras.Input((8,), name="entry")
    values = QActivation("quantized_bits(8,3,alpha=1)", name="scaled")(values)
    values = QDense(5, kernel_quantizer=weights, bias_quantizer=weights, name="first", bias_initializer="ones")(values)
    values = QActivation(relu, name="relu")(values)
    values = QDense(2, kernel_quantizer=weights, bias_quantizer=weights, name="second")(values)
    return tf.keras.Model(entry, QActivation(last, name="out")(values))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Save models with Keras; what it warns about while it does is not looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved_models(tmp_path_factory.mktemp("models"))


def saved_models(folder: Path) -> dict[str, Path]:
    tf = tensorflow()
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    made = {
        "qkeras": qkeras_model(tf),
        "leaky": qkeras_model(tf, relu="quantized_relu(8,3,negative_slope=0.125)"),
        "float": tf.keras.Sequential(
            [
                tf.keras.Input((8,)),
                layers.Dense(5),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Dropout(0.1),
                layers.Dense(2),
            ]
        ),
        "lambda": tf.keras.Sequential(
            [tf.keras.Input((8,)), layers.Dense(5, name="d"), layers.Lambda(lambda x: x, name="trick")]
        ),
        "conv": tf.keras.Sequential([tf.keras.Input((8,)), layers.Reshape((8, 1), name="shape"), layers.Conv1D(2, 3)]),
        "late_norm": tf.keras.Sequential(
            [tf.keras.Input((8,)), layers.Dense(5, activation="relu"), layers.BatchNormalization(name="norm"), layers.Dense(2)]
        ),
        "branch": branching(tf),
    }
    norm = made["float"].layers[1]
    norm.set_weights([np.linspace(0.5, 2, 5), np.linspace(-1, 1, 5), np.linspace(-1, 1, 5), np.linspace(0.5, 3, 5)])
    paths = {}
    for name, model in made.items():
        for suffix in ("h5", "keras"):
            paths[f"{name}.{suffix}"] = folder / f"{name}.{suffix}"
            model.save(paths[f"{name}.{suffix}"])
    made["qkeras"].save_weights(folder / "weights.h5")
    return paths | {"weights.h5": folder / "weights.h5"}


def branching(tf: Any) -> Any:
    entry = tf.keras.Input((8,))
    values = tf.keras.layers.Dense(4, name="trunk")(entry)
    return tf.keras.Model(entry, [tf.keras.layers.Dense(2, name="mean")(values), tf.keras.layers.Dense(2, name="log")(values)])


def imported(path: Path, types: dict[str, Any] | None = None, scaling: ScalingFile = SCALING) -> Network:
    model = understand(read_model(path))
    return assemble("t", model, LAYOUT, scaling, TypesFile(**(types or {})), ScoreConfig(kind="latent_l2"))[0]


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.filterwarnings("ignore")
def test_qkeras_model_comes_back_exactly(models: dict[str, Path], suffix: str) -> None:
    tf = tensorflow()
    from qkeras.utils import _add_supported_quantized_objects

    network = imported(models[f"qkeras.{suffix}"])
    x_hw = make_events(LAYOUT, 500)
    known: dict[str, Any] = {}
    _add_supported_quantized_objects(known)
    model = tf.keras.models.load_model(models["qkeras.h5"], custom_objects=known, compile=False)
    values = model(network.scaling.apply_float(LAYOUT, x_hw).astype(np.float32)).numpy()
    wanted = reference.evaluate(network, x_hw)["second.output"]
    np.testing.assert_array_equal(np.ldexp(values, network.layers[-1].output.fractional), wanted)


FLOAT_TYPES = {
    "input": "ap_fixed<8,4,AP_RND_CONV,AP_SAT>",
    "layers": {
        "dense": {"weight": "ap_fixed<16,4>", "bias": "ap_fixed<16,4>", "output": "ap_ufixed<16,8>"},
        "dense_1": {"weight": "ap_fixed<16,4>", "bias": "ap_fixed<16,4>", "output": "ap_fixed<20,12>"},
    },
    "may_wrap": True,
}


@pytest.mark.parametrize("suffix", ["h5", "keras"])
@pytest.mark.filterwarnings("ignore")
def test_batch_normalisation_is_folded(models: dict[str, Path], suffix: str) -> None:
    """The float network gives what Keras gives."""
    tf = tensorflow()
    path = models[f"float.{suffix}"]
    names = [record.name for record in read_model(path).layers if record.kind == "Dense"]
    types = FLOAT_TYPES | {"layers": dict(zip(names, FLOAT_TYPES["layers"].values(), strict=True))}  # type: ignore[attr-defined]
    model = understand(read_model(path))
    network, floating = assemble("t", model, LAYOUT, SCALING, TypesFile(**types), ScoreConfig(kind="latent_l2"))
    from l1ad.scores.float_reference import float_outputs

    x_hw = make_events(LAYOUT, 100)
    keras = tf.keras.models.load_model(path, compile=False)
    values = keras(network.scaling.apply_float(LAYOUT, x_hw).astype(np.float32), training=False).numpy()
    np.testing.assert_allclose(float_outputs(floating, x_hw), values, rtol=1e-3, atol=1e-3)
    assert [layer.activation for layer in network.layers] == [Activation.RELU, Activation.LINEAR]


@pytest.mark.parametrize(
    ("name", "types", "error", "message"),
    [
        (
            "lambda.h5",
            {},
            ModelError,
            r"^Layer 'trick' is a 'Lambda', which is not imported; known are .* nothing in a model file is executed\.$",
        ),
        ("lambda.keras", {}, ModelError, r"^Layer 'trick' is a 'Lambda', which is not imported; .*$"),
        (
            "conv.h5",
            {"input": "ap_fixed<8,4>"},
            ModelError,
            r"^The kernel of layer 'conv1d.*' has no quantiser in the model; give its .*$",
        ),
        ("late_norm.h5", {}, ModelError, r"^Layer 'norm' normalises after an activation and cannot be folded exactly; .*$"),
        ("branch.h5", {}, ModelError, r"^The model has 2 outputs \['mean', 'log'\]; save one that has a single output: .*$"),
        ("branch.keras", {}, ModelError, r"^The model has 2 outputs \['mean', 'log'\]; save one that has a single output: .*$"),
        ("weights.h5", {}, ModelError, r"^'.*weights.h5' holds no model configuration, only .*; save the whole model, .*$"),
        ("float.h5", {}, ModelError, r"^The input has no quantiser in the model; give its type as 'input' in the types file\.$"),
        (
            "float.h5",
            {"input": "ap_fixed<8,4>"},
            ModelError,
            r"^The kernel of layer '.*' has no quantiser in the model; give its type .*$",
        ),
        (
            "qkeras.h5",
            {"layers": {"frist": {}}},
            ModelError,
            r"^The types name layer 'frist', which the model does not have; did .*$",
        ),
        (
            "qkeras.h5",
            {"layers": {"first": {"result": "ap_fixed<6,3>"}}},
            ConversionError,
            r"^Node 'first.result' of network '.*' can wrap: .*$",
        ),
    ],
)
def test_refusals(models: dict[str, Path], name: str, types: dict[str, Any], error: type[L1adError], message: str) -> None:
    with pytest.raises(error, match=message):
        imported(models[name], types)


def test_slope_may_be_dropped(models: dict[str, Path]) -> None:
    assert imported(models["leaky.h5"], {"negative_slope": "drop"}).layers[0].activation is Activation.RELU


def test_model_of_another_layout(models: dict[str, Path]) -> None:
    from l1ad.core.layout import load_layout

    model = understand(read_model(models["qkeras.h5"]))
    with pytest.raises(LayoutError, match=r"^The model takes 8 inputs, layout 'l1topo44' has 44 columns; .*$"):
        assemble("t", model, load_layout("l1topo44"), ScalingFile(shift=(0,) * 44), TypesFile(), ScoreConfig(kind="latent_l2"))
    with pytest.raises(LayoutError, match=r"^Scaling shift needs 8 values for layout 'tiny8', got 2\.$"):
        imported(models["qkeras.h5"], scaling=ScalingFile(shift=(1, 2), offset=(0,) * 8))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^There is no model file '.*none.h5'; give an HDF5 or .keras file\.$"):
        read_model(tmp_path / "none.h5")


@pytest.mark.parametrize("cut", [0, 100, 5000])
@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_cut_off_file(models: dict[str, Path], tmp_path: Path, suffix: str, cut: int) -> None:
    (tmp_path / "cut").write_bytes(models[f"qkeras.{suffix}"].read_bytes()[:cut])
    with pytest.raises(ModelError, match=r"^'.*cut' is not a Keras model that can be read \(.*\); save it whole, .*$"):
        read_model(tmp_path / "cut")


def test_archive_without_weights(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(sequential(source())))
    with pytest.raises(ModelError, match=r"^'.*a.keras' is not a Keras archive: it has no 'model.weights.h5'; .*$"):
        read_model(tmp_path / "a.keras")


def changed_file(path: Path, target: Path, change: Callable[[h5py.File], None]) -> Path:
    target.write_bytes(path.read_bytes())
    with h5py.File(target, "r+") as file:
        change(file)
    return target


def test_links_out_of_the_file_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    def link(file: h5py.File) -> None:
        del file["model_weights/first/first/bias:0"]
        file["model_weights/first/first/bias:0"] = h5py.ExternalLink("/etc/hostname", "x")

    with pytest.raises(ModelError, match=r"^'bias:0' is a link to somewhere else; a model file must hold its own arrays\.$"):
        read_model(changed_file(models["qkeras.h5"], tmp_path / "a.h5", link))


def test_arrays_that_are_no_numbers_are_refused(models: dict[str, Path], tmp_path: Path) -> None:
    def text(file: h5py.File) -> None:
        del file["model_weights/first/first/bias:0"]
        file["model_weights/first/first/bias:0"] = ["a", "b"]

    with pytest.raises(ModelError, match=r"^Array '.*bias:0' holds no numbers \(dtype object\); the file is not understood\.$"):
        read_model(changed_file(models["qkeras.h5"], tmp_path / "a.h5", text))


def test_weights_that_are_not_finite(models: dict[str, Path], tmp_path: Path) -> None:
    def infinite(file: h5py.File) -> None:
        file["model_weights/first/first/kernel:0"][0, 0] = np.nan

    with pytest.raises(ModelError, match=r"^The weights of layer 'first' are not all finite; train the model again\.$"):
        imported(changed_file(models["qkeras.h5"], tmp_path / "a.h5", infinite))


def test_missing_kernel(models: dict[str, Path], tmp_path: Path) -> None:
    def drop(file: h5py.File) -> None:
        del file["model_weights/first"]

    with pytest.raises(
        ModelError, match=r"^Layer 'first' has no kernel array in the file; save the whole model after training\.$"
    ):
        imported(changed_file(models["qkeras.h5"], tmp_path / "a.h5", drop))


@pytest.mark.parametrize("mode", ["ema_stats_folding", "batch_stats_folding", "other"])
def test_folding_modes(tmp_path: Path, mode: str) -> None:
    """A QDenseBatchnorm as QKeras writes it, by hand: kernel and bias are scaled by gamma / sqrt(variance + epsilon)."""
    quantiser = {"class_name": "quantized_bits", "config": {"bits": 10, "integer": 3, "alpha": 1}}
    layer = {
        "class_name": "QDenseBatchnorm",
        "config": {
            "name": "d",
            "units": 2,
            "folding_mode": mode,
            "epsilon": 0.0,
            "kernel_quantizer": quantiser,
            "bias_quantizer": quantiser,
        },
    }
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(sequential(source(), layer))
        group = file.create_group("model_weights/d/d")
        group["kernel:0"], group["bias:0"] = np.ones((8, 2)), np.array([1.0, 2.0])
        for name, values in {"gamma": [2, 1], "beta": [0.5, 0], "moving_mean": [1, 1], "moving_variance": [4, 16]}.items():
            group[f"norm/{name}:0"] = np.array(values, dtype=float)
    if mode == "other":
        with pytest.raises(
            ModelError, match=r"^Layer 'd' has folding_mode 'other'; known are ema_stats_folding, batch_stats_folding\.$"
        ):
            understand(read_model(tmp_path / "m.h5"))
        return
    dense = understand(read_model(tmp_path / "m.h5")).layers[0]
    np.testing.assert_array_equal(dense.weight[0], [1.0, 0.25])
    np.testing.assert_array_equal(dense.bias, [0.5, 0.25])


def test_too_large_a_member_is_refused(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("l1ad.qkeras.importing.hdf5.MAX_CONFIG_BYTES", 100)
    with pytest.raises(ModelError, match=r"^'config.json' in '.*' takes more than 0 MB; this is not a trigger network\.$"):
        read_model(models["qkeras.keras"])
    with pytest.raises(ModelError, match=r"^Attribute 'model_config' of the model file is not text of at most 0 MB\.$"):
        read_model(models["qkeras.h5"])
    monkeypatch.setattr("l1ad.qkeras.importing.hdf5.MAX_BYTES", 100)
    with pytest.raises(ModelError, match=r"^'.*' takes more than 0 MB; this is not a trigger network\.$"):
        read_model(models["qkeras.h5"])
