"""Kernels spread over their places are Keras' convolutions; a student with windows learns a known task and is exact as true QKeras convolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.config import Config, parse_config
from l1ad.core.affine import Padding, Window
from l1ad.core.dataset import Split
from l1ad.core.errors import ConfigError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.network import Network
from l1ad.qkeras.evaluate import qkeras_scores
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from l1ad.stages.train import train
from l1ad.training.plan import plan_model
from l1ad.training.windows import Kernel, every_place, gathered, spread, spread_tensor
from tests.datasets_made import make_dataset

WINDOWS = [
    Window((18, 14, 1), (2, 2), (2, 2)),
    Window((19, 3, 1), (3, 3)),
    Window((7, 5, 3), (3, 2), (2, 1), Padding.SAME),
    Window((6, 1, 4), (3, 1), (3, 1)),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_a_spread_kernel_is_keras_convolution_and_its_transpose(window: Window) -> None:
    tf = tensorflow()
    random, filters = np.random.default_rng(1), 4
    weight = random.normal(size=(*window.size, window.shape[2], filters)).astype(np.float32)
    kernel = Kernel(window, filters)
    rows = weight.reshape(1, *kernel.shape)
    x = random.normal(size=(5, *window.shape)).astype(np.float32)
    strides, padding = (1, *window.strides, 1), window.padding.value.upper()
    wanted = tf.nn.conv2d(x, weight, strides, padding).numpy().reshape(5, -1)
    np.testing.assert_allclose(x.reshape(5, -1) @ spread(kernel, rows)[0], wanted, rtol=1e-4, atol=1e-5)
    y = random.normal(size=(5, *window.places, filters)).astype(np.float32)
    back = tf.nn.conv2d_transpose(y, weight, x.shape, strides, padding).numpy().reshape(5, -1)
    transposed = Kernel(window, filters, transposed=True)
    own = weight.swapaxes(2, 3).reshape(1, *transposed.shape)
    np.testing.assert_allclose(y.reshape(5, -1) @ spread(transposed, own)[0], back, rtol=1e-4, atol=1e-5)
    for one, values in ((kernel, rows), (transposed, own)):
        bias = random.normal(size=(1, 1, one.channels[1])).astype(np.float32)
        matrix, biases = spread_tensor(tf, one, tf.constant(values), tf.constant(bias))
        np.testing.assert_array_equal(matrix.numpy(), spread(one, values))
        np.testing.assert_array_equal(biases.numpy(), every_place(one, bias))


@pytest.mark.parametrize("transposed", [False, True])
def test_gathering_is_the_transpose_of_spreading(transposed: bool) -> None:
    random, kernel = np.random.default_rng(2), Kernel(WINDOWS[2], 4, transposed)
    weight = random.normal(size=(2, *kernel.shape))
    matrix = random.normal(size=spread(kernel, weight).shape)
    assert np.vdot(spread(kernel, weight), matrix) == pytest.approx(np.vdot(weight, gathered(kernel, matrix)))


def test_pooling_averages_and_upsampling_repeats() -> None:
    x = np.arange(1.0, 13.0, dtype=np.float32).reshape(1, 6, 1, 2)
    pool = Kernel(Window((6, 1, 2), (4, 1), (2, 1)), 2, fixed=True)
    pooled = (x.reshape(1, -1) @ spread(pool, pool.constant()[None])[0]).reshape(2, 2)
    np.testing.assert_array_equal(pooled, [x[0, :4, 0].mean(axis=0), x[0, 2:, 0].mean(axis=0)])
    up = Kernel(Window((6, 1, 2), (3, 1), (3, 1)), 2, transposed=True, fixed=True)
    repeated = (np.array([[1.0, 2.0, 3.0, 4.0]]) @ spread(up, up.constant()[None])[0]).reshape(6, 2)
    np.testing.assert_array_equal(repeated, np.repeat([[1.0, 2.0], [3.0, 4.0]], 3, axis=0))


LAYOUT = """name: pixels
source: made
slots: [{kind: region, multiplicity: 24, features: {pt: {type: uint<6>, lsb: 0.5}}}]
"""
MODEL = "{kind: ae, image: [6, 4, 1], layers: [{conv: 4, window: [2, 2], strides: [2, 2]}, {pool: [2, 1]}, {dense: 8}], latent: 3, weight_bits: 8, bias_bits: 10}"


def config(folder: Path, model: str = MODEL, score: str = "mse", **training: object) -> Config:
    (folder / "pixels.yaml").write_text(LAYOUT, encoding="utf-8")
    settings = {"recipe": "plain", "float_epochs": 25, "epochs": 15, "batch_size": 64, "learning_rate": 4e-3, **training}
    section = ", ".join(f"{key}: {value}" for key, value in settings.items())
    text = (
        f"name: t\nlayout: pixels.yaml\nruns: runs\ndata: {{background: {{zb: a.h5}}}}\nmodel: {model}\nscore: {{kind: {score}}}\n"
        f"training: {{{section}}}\nscaling: {{rule: given, shift: 3}}\n"
    )
    return parse_config(text, "t.yaml", folder)


def pictures(n_background: int, n_signal: int) -> np.ndarray:
    """Make pictures of two bright columns of equal brightness; signals have the same brightness in other places."""
    random = np.random.default_rng(5)
    height = random.integers(30, 50, (n_background + n_signal, 1, 1))
    column = np.eye(4)[random.integers(0, 2, n_background + n_signal) * 2][:, None, :].repeat(6, axis=1)
    x = (height * column).astype(np.int64)
    x[n_background:] = random.permuted(x[n_background:].reshape(n_signal, -1), axis=1).reshape(n_signal, 6, 4)
    return np.clip(x + random.integers(0, 5, x.shape), 0, 63).reshape(len(x), -1)


def load(folder: Path) -> ObjectLayout:
    return load_layout(str(folder / "pixels.yaml"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, np.ndarray, np.ndarray]:
    folder = tmp_path_factory.mktemp("windows")
    chosen = config(folder, sparsity=0.2)
    x_hw = pictures(3000, 400)
    data = make_dataset(folder / "runs/t/dataset", 3000, 400, layout=load(folder), signals=("other",), x_hw=x_hw)
    network = Network.load(train(chosen).path / "network.json")
    background = np.asarray(data.x_hw[data.rows(sample="zero_bias", split=Split.TEST)])
    return network, background, np.asarray(data.x_hw[data.rows(sample="other")])


def test_an_autoencoder_with_windows_finds_what_it_has_not_seen(trained: tuple[Network, np.ndarray, np.ndarray]) -> None:
    network, background, other = trained
    low, high = (reference.scores(network, x) for x in (background, other))
    assert np.mean(high[:, None] > low[None]) > 0.95


def test_weights_are_shared_and_pruned_together(trained: tuple[Network, np.ndarray, np.ndarray]) -> None:
    network = trained[0]
    assert [layer.name for layer in network.layers] == ["conv1", "pool2", "dense3", "dense4", "dense5", "dense6", "up7", "conv8"]
    matrix = network.layers[0].weight.reshape(6, 4, 3, 2, 4)
    for i, j in ((0, 0), (2, 1)):
        np.testing.assert_array_equal(matrix[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, i, j], matrix[:2, :2, 0, 0])
    assert np.count_nonzero(matrix) == 6 * np.count_nonzero(matrix[:2, :2, 0, 0])
    pool = network.layers[1]
    assert set(np.unique(pool.weight_type.from_int(pool.weight))) == {0.0, 0.5}
    zeros = sum(np.count_nonzero(layer.weight == 0) for layer in network.layers[2:6])
    assert zeros >= 0.15 * sum(layer.weight.size for layer in network.layers[2:6])


def test_the_chip_is_qkeras_own_convolution(trained: tuple[Network, np.ndarray, np.ndarray]) -> None:
    """QConv2D and QDense, put together here by hand from the kernels, give the integers of the matrices."""
    import qkeras

    network, background, other = trained
    x_hw = np.concatenate([background, other, np.random.default_rng(3).integers(0, 64, (500, 24))])
    np.testing.assert_array_equal(qkeras_scores(network, x_hw), reference.scores(network, x_hw))
    tf = tensorflow()
    conv, pool, dense = network.layers[:3]

    def bits(type_: object) -> object:
        return qkeras.quantized_bits(type_.width, type_.integer - 1, alpha=1)  # type: ignore[attr-defined]

    def relu(type_: object) -> object:
        return qkeras.QActivation(qkeras.quantized_relu(type_.width, type_.integer))  # type: ignore[attr-defined]

    entry = tf.keras.Input((24,))
    image = tf.keras.layers.Reshape((6, 4, 1))(qkeras.QActivation(bits(network.scaling.type))(entry))
    own = qkeras.QConv2D(4, 2, 2, kernel_quantizer=bits(conv.weight_type), bias_quantizer=bits(conv.bias_type))
    values = tf.keras.layers.AveragePooling2D((2, 1))(relu(conv.output)(own(image)))  # type: ignore[operator]
    flat = tf.keras.layers.Flatten()(relu(pool.output)(values))  # type: ignore[operator]
    last = qkeras.QDense(8, kernel_quantizer=bits(dense.weight_type), bias_quantizer=bits(dense.bias_type))
    model = tf.keras.Model(entry, relu(dense.output)(last(flat)))  # type: ignore[operator]
    kernel = conv.weight.reshape(6, 4, 3, 2, 4)[:2, :2, 0, 0][:, :, None]
    own.set_weights([conv.weight_type.from_int(kernel), conv.bias_type.from_int(conv.bias[:4])])
    last.set_weights([dense.weight_type.from_int(dense.weight), dense.bias_type.from_int(dense.bias)])
    scaled = network.scaling.apply_float(network.layout, x_hw).astype(np.float32)
    found = np.ldexp(model(scaled).numpy().astype(np.float64), dense.output.fractional)
    np.testing.assert_array_equal(found, reference.evaluate(network, x_hw)["dense3.output"])


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            MODEL.replace("[6, 4, 1]", "[6, 4, 2]"),
            r"^Key 'image' has 6 x 4 x 2 values, the layout 24 columns; use one value a column\.$",
        ),
        (
            MODEL.replace("{pool: [2, 1]}, {dense: 8}", "{dense: 8}, {pool: [2, 1]}"),
            r"^Key 'layers' has a window at place 3, behind a dense layer, which has no image; put dense layers last\.$",
        ),
        (
            MODEL.replace("window: [2, 2]", "window: [7, 2]"),
            r"^Key 'layers': A window of 7 x 2 does not fit an input of 6 x 4; use",
        ),
        (MODEL.replace("conv: 4, ", "conv: 4, dense: 2, "), r"a layer is one of dense, conv and pool, got dense and conv"),
        (MODEL.replace("image: [6, 4, 1], ", ""), r"layers with a window need image: height, width and channels of the inputs"),
        (
            MODEL.replace("latent: 3", "latent: 3, batch_norm: true"),
            r"batch_norm is for dense layers of kind 'ae' or 'vae'; leave it out",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, model: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        plan_model(config(tmp_path, model), load(tmp_path))
