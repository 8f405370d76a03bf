"""Branches, skips, shared layers, slopes, bounds and pooling by the largest: what QKeras computes, event by event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.network import Network
from l1ad.emulator.kernel import Emulator
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.importing.quantisers import parse_quantiser
from l1ad.qkeras.runtime import tensorflow
from l1ad.spec import reference
from tests.networks import make_events, tiny_layout
from tests.qkeras.importing.handmade import BITS, dense, entry, functional, source, write_h5

LAYOUT = tiny_layout()
KERNEL = {"kernel_quantizer": "quantized_bits(6,1,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
BITS8, RELU = "quantized_bits(8,3,alpha=1)", "quantized_relu(6,2)"


def network_of(path: Path, **types: Any) -> Network:
    model = understand(read_model(path))
    scaling = ScalingFile(shift=(3,) * 8)
    return assemble("m", model, LAYOUT, scaling, TypesFile(**types), ScoreConfig(kind="latent_l2"))[0]


def joined(tf: Any, x: Any) -> Any:
    """A branch, a skip, a difference and two tensors put one behind the other, one of them sums without a type."""
    from qkeras import QActivation, QDense

    layers = tf.keras.layers
    left = QActivation(RELU, name="left_relu")(QDense(4, name="left", **KERNEL)(x))
    right = QDense(4, activation="quantized_relu(5,3)", name="right", **KERNEL)(x)
    added = layers.Add(name="added")([left, right])
    minus = layers.Subtract(name="minus")([right, left])
    half = QActivation("quantized_bits(5,3,alpha=1)", name="half")(layers.Average(name="mean")([minus, added]))
    both = layers.Concatenate(name="both")([added, half, left])
    return QDense(3, activation="quantized_bits(12,6,alpha=1)", name="latent", **KERNEL)(both)


def shared(tf: Any, x: Any) -> Any:
    """One encoder for each half of the event, and its own output read again."""
    from qkeras import QActivation, QDense

    layers = tf.keras.layers
    encoder = QDense(4, activation=RELU, name="encoder", **KERNEL)
    once = encoder(x)
    twice = encoder(layers.Concatenate(name="doubled")([once, once]))
    out = QDense(2, name="latent", **KERNEL)(layers.Concatenate(name="both")([twice, once]))
    return QActivation("quantized_bits(12,6,alpha=1)", name="out")(out)


def images(tf: Any, x: Any) -> Any:
    """Channels put together, the largest of windows that overlap, a quantiser on what was put together."""
    from qkeras import QActivation, QConv2D, QDense

    layers = tf.keras.layers
    image = layers.Reshape((4, 2, 1), name="image")(x)
    wide = QConv2D(2, (2, 2), padding="same", activation=RELU, name="wide", **KERNEL)(image)
    both = layers.Concatenate(axis=3, name="channels")([wide, image])
    again = QActivation("quantized_bits(5,3,alpha=1)", name="again")(both)
    largest = layers.MaxPooling2D((3, 2), strides=(2, 1), padding="same", name="largest")(again)
    return QDense(2, activation="quantized_bits(12,6,alpha=1)", name="latent", **KERNEL)(layers.Flatten(name="flat")(largest))


def slopes(tf: Any, x: Any) -> Any:
    """Every way to write a slope below 0, and bounds of what is quantised."""
    from qkeras import QActivation, QDense

    layers = tf.keras.layers
    y = QDense(6, activation="quantized_relu(7,2,negative_slope=0.25)", name="one", **KERNEL)(x)
    y = QActivation("quantized_relu(4,1,negative_slope=0.125)", name="two_act")(QDense(5, name="two", **KERNEL)(y))
    y = layers.LeakyReLU(0.5, name="three_act")(QDense(5, name="three", **KERNEL)(y))
    y = QActivation("quantized_bits(6,2,alpha=1)", name="three_bits")(y)
    y = QActivation("quantized_relu(6,2,relu_upper_bound=1.28125,is_quantized_clip=False)", name="bound")(y)
    y = QActivation("quantized_relu(6,2,relu_upper_bound=0.5)", name="no_bound")(QDense(5, name="four", **KERNEL)(y))
    return QDense(2, activation="quantized_bits(12,6,alpha=1)", name="latent", **KERNEL)(y)


def in_a_row(tf: Any, x: Any) -> Any:
    """Quantisers behind quantisers, and a sum that is the output."""
    from qkeras import QActivation, QDense

    y = QActivation("quantized_bits(4,2,alpha=1)", name="finer")(QDense(3, activation=BITS8, name="first", **KERNEL)(x))
    z = QActivation("quantized_relu(3,2)", name="rectified")(y)
    return tf.keras.layers.Add(name="last")([y, z])


@pytest.mark.parametrize("build", [joined, shared, images, slopes, in_a_row])
@pytest.mark.filterwarnings("ignore")
def test_every_event_is_what_qkeras_computes(build: Callable[[Any, Any], Any], tmp_path: Path) -> None:
    tf = tensorflow()
    from qkeras import QActivation

    tf.keras.utils.set_random_seed(3)
    entry_ = tf.keras.Input((8,), name="entry")
    model = tf.keras.Model(entry_, build(tf, QActivation(BITS8, name="quantised")(entry_)))
    random = np.random.default_rng(4)
    model.set_weights([random.normal(0, 0.8, w.shape) for w in model.get_weights()])
    x = make_events(LAYOUT, 1500)
    for ending in ("h5", "keras"):
        model.save(tmp_path / f"m.{ending}")
        network = network_of(tmp_path / f"m.{ending}")
        scaled = network.scaling.apply_float(LAYOUT, x).astype(np.float32)
        wanted = np.asarray(model(tf.constant(scaled)), dtype=np.float64)
        nodes, last = reference.evaluate(network, x), network.layers[-1]
        np.testing.assert_array_equal(last.output.from_int(nodes[f"{last.name}.output"]), wanted)
        assert len(np.unique(wanted)) > 10
    np.testing.assert_array_equal(Emulator(network).scores(x), nodes["score"])


SLOPED = {"d/d/kernel:0": np.eye(8)[:, :2] * 0.5, "d/d/bias:0": np.zeros(2)}


def sloped(tmp_path: Path, slope: float, bits: int = 4) -> Path:
    out = {"class_name": "quantized_bits", "config": {"bits": bits, "integer": 3, "alpha": 1}}
    layers = [source(), entry("QActivation", "q", activation=BITS), dense("d"), entry("LeakyReLU", "a", alpha=slope)]
    return write_h5(tmp_path / "m.h5", functional(*layers, entry("QActivation", "o", activation=out)), SLOPED)


def test_slope_that_float32_multiplies_exactly_enough(tmp_path: Path) -> None:
    """0.3 is no power of two: every sum below 0 is tried, and these are quantised as Keras' float32 products are."""
    tf = tensorflow()
    network = network_of(sloped(tmp_path, 0.3))
    x = make_events(LAYOUT, 1500)
    sums = np.asarray(network.scaling.type.from_int(network.scaling.apply(LAYOUT, x)), dtype=np.float32)[:, :2] / 2
    products = tf.nn.leaky_relu(sums, 0.3).numpy().astype(np.float64)
    nodes = reference.evaluate(network, x)
    np.testing.assert_array_equal(nodes["d.output"], np.clip(np.rint(products), -8, 7))
    assert (nodes["d.output"] < 0).any()


def test_slope_whose_float32_product_is_rounded_otherwise(tmp_path: Path) -> None:
    """Code -960 of the sums: -1.125 is half-way, which float32 finds and the exact product of its 0.3 just misses."""
    path = sloped(tmp_path, 0.3, bits=6)
    with pytest.raises(
        ModelError, match=r"^Layer 'd' has slope 0\.3: Keras' float32 product is quantised differently .* for 1 of 1024 sums; "
    ):
        network_of(path)
    assert len(network_of(path, negative_slope="exact").layers) == 3
    assert len(network_of(path, negative_slope="drop").layers) == 1


@pytest.mark.parametrize(("choice", "largest"), [("apply", 1.25), ("ignore", 3.9375)])
def test_a_bound_of_which_the_file_says_half(tmp_path: Path, choice: str, largest: float) -> None:
    """QKeras does not save is_quantized_clip, without which relu_upper_bound counts."""
    relu = {"class_name": "quantized_relu", "config": {"bits": 6, "integer": 2, "relu_upper_bound": 1.25}}
    layers = [source(), entry("QActivation", "q", activation=BITS), dense("d"), entry("QActivation", "a", activation=relu)]
    path = write_h5(tmp_path / "m.h5", functional(*layers), {"d/d/kernel:0": np.eye(8)[:, :2], "d/d/bias:0": np.zeros(2)})
    with pytest.raises(ModelError, match=r"^Layer 'd' is followed by a quantized_relu with relu_upper_bound 1\.25, which QKeras"):
        network_of(path)
    network = network_of(path, relu_upper_bound=choice)
    last = network.layers[-1]
    values = last.output.from_int(reference.evaluate(network, make_events(LAYOUT, 500))["d.output"])
    assert values.max() == largest


def branching(change: Callable[[list[dict[str, Any]]], None]) -> dict[str, Any]:
    """Two dense layers of one input, added."""
    config = functional(source(), dense("a"), dense("b"), entry("Add", "s"))
    layers = config["config"]["layers"]
    layers[2]["inbound_nodes"] = [[["entry", 0, 0, {}]]]
    layers[3]["inbound_nodes"] = [[["a", 0, 0, {}], ["b", 0, 0, {}]]]
    change(layers)
    return config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ls: ls[2].update(inbound_nodes=[[["s", 0, 0, {}]]]), r"^The layers .*s.* → .* read each other in a ring; only"),
        (
            lambda ls: ls[3].update(inbound_nodes=[[["a", 0, 0, {}]]]),
            r"^The model's output is 's', to which the layers \['b'\] do not",
        ),
        (
            lambda ls: ls[3].update(inbound_nodes=[[["a", 1, 0, {}], ["b", 0, 0, {}]]]),
            r"^Layer 's' reads 'a', which the model does not",
        ),
        (lambda ls: ls[2]["config"].update(units=3), r"^Layer 'b' has a kernel of shape \(8, 2\) .*, expected \(8, 3\)"),
        (lambda ls: ls[3].update(class_name="Multiply"), r"^Layer 's' is a 'Multiply', which is not imported; known are "),
        (lambda ls: ls[3].update(class_name="QDense"), r"^Layer 's' reads \['a', 'b'\] at once, which a QDense cannot; save"),
        (
            lambda ls: ls[3].update(class_name="Concatenate", config={"name": "s", "axis": 2}),
            r"^Layer 's' concatenates along axis 2 of shape \(2,\), which is not there; save",
        ),
        (
            lambda ls: ls[0]["config"].update(batch_input_shape=[None, 10**9]),
            r"^The model's input gives 1000000000 values; this is",
        ),
    ],
)
def test_branches_that_are_not_imported_are_one_sentence(change: Any, message: str, tmp_path: Path) -> None:
    arrays = {f"{n}/{n}/{part}:0": np.ones(shape) for n in "ab" for part, shape in (("kernel", (8, 2)), ("bias", (2,)))}
    path = write_h5(tmp_path / "m.h5", branching(change), arrays)
    with pytest.raises(ModelError, match=message):
        network_of(path, input="ap_fixed<8,4,AP_RND_CONV,AP_SAT>")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "quantized_relu(4,1,negative_slope=0.3)",
            r"^K is a quantized_relu of 4 bits with negative_slope 0\.3, expected a power of two",
        ),
        (
            "quantized_relu(4,1,negative_slope=0.0625)",
            r"^K is a quantized_relu of 4 bits with negative_slope 0\.0625, expected a power",
        ),
        (
            "quantized_relu(4,1,relu_upper_bound=-1,is_quantized_clip=False)",
            r"^K has relu_upper_bound -1, expected a number above 0",
        ),
    ],
)
def test_slopes_and_bounds_that_qkeras_does_not_have(text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_quantiser(text, "K")
