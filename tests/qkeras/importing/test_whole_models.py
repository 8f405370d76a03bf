"""What is imported is the whole model and nothing else: each layer's own arrays, one input, one output, classes of the right package."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.runtime import tensorflow
from tests.qkeras.importing.handmade import BITS, dense, entry, functional, sequential, source, write_h5, write_keras

QUANTISERS = {"kernel_quantizer": "quantized_bits(6,1,alpha=1)", "bias_quantizer": "quantized_bits(8,2,alpha=1)"}


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_default_names_of_a_session_with_an_earlier_model(tmp_path: Path, suffix: str) -> None:
    """Layers are q_dense_1 … q_dense_3, the archive's folders q_dense … q_dense_2: each gets what Keras gave it."""
    tf = tensorflow()
    from qkeras import QDense

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tf.keras.backend.clear_session()
        QDense(8, **QUANTISERS)(tf.keras.Input((8,)))
        model = tf.keras.Sequential([QDense(8, input_shape=(8,), **QUANTISERS), *(QDense(8, **QUANTISERS) for _ in range(2))])
        for i, layer in enumerate(model.layers):
            layer.set_weights([np.full((8, 8), i + 1.0), np.full(8, -i - 1.0)])
        model.save(tmp_path / f"m.{suffix}")
    imported = understand(read_model(tmp_path / f"m.{suffix}")).layers
    assert [layer.name for layer in imported] == [layer.name for layer in model.layers] == [f"q_dense_{i}" for i in (1, 2, 3)]
    for i, layer in enumerate(imported):
        np.testing.assert_array_equal(layer.weight, np.full((8, 8), i + 1.0))
        np.testing.assert_array_equal(layer.bias, np.full(8, -i - 1.0))


TWO = sequential(source(), dense("b"), dense("a"))
ONE, OTHER = [np.ones((8, 2)), np.zeros(2)], [np.full((2, 2), 3.0), np.ones(2)]


def test_archive_that_names_its_layers(tmp_path: Path) -> None:
    """Newer Keras says whose arrays a folder holds; the folder's own number counts for nothing then."""
    path = write_keras(tmp_path / "m.keras", TWO, {"q_dense": OTHER, "q_dense_1": ONE}, {"q_dense": "a", "q_dense_1": "b"})
    b, a = understand(read_model(path)).layers
    assert (b.weight.shape, a.weight.shape) == ((8, 2), (2, 2))
    np.testing.assert_array_equal(a.bias, [1, 1])


@pytest.mark.parametrize("root", ["layers", "_layer_checkpoint_dependencies"])
def test_archive_that_numbers_its_layers(tmp_path: Path, root: str) -> None:
    path = write_keras(tmp_path / "m.keras", TWO, {"q_dense": ONE, "q_dense_1": OTHER}, {}, root)
    assert [layer.weight[0, 0] for layer in understand(read_model(path)).layers] == [1, 3]


@pytest.mark.parametrize(
    ("folders", "names", "message"),
    [
        (
            {"q_dense": ONE, "q_dense_2": OTHER},
            {},
            r"^'.*' does not say which layers its arrays in \['q_dense_2'\] belong to; .*$",
        ),
        ({"q_dense": ONE, "dense": OTHER}, {}, r"^'.*' does not say which layers its arrays in \['dense'\] belong to; .*$"),
        (
            {"q_dense": ONE, "q_dense_1": OTHER},
            {"q_dense": "a", "q_dense_1": "a"},
            r"^'.*' does not say which layers its arrays in \['q_dense'.*\] belong to; .*$",
        ),
        (
            {"q_dense": ONE, "q_dense_1": OTHER},
            {"q_dense": "b", "q_dense_1": "z"},
            r"^'.*' does not say which layers its arrays in \['q_dense_1'\] belong to; .*$",
        ),
        ({"q_dense": ONE, "q_dense_1": OTHER}, {"q_dense": "b"}, r"^'.*' does not say which layers .*$"),
        (
            {"q_dense": OTHER, "q_dense_1": ONE},
            {},
            r"^Layer 'b' has a kernel of shape \(2, 2\) .*, expected \(8, 2\) and \(2,\); .*$",
        ),
        ({"q_dense": ONE, "q_dense_1": OTHER[:1]}, {}, r"^Layer 'a' has 1 arrays in the file, expected kernel, bias; .*$"),
        ({"q_dense": ONE, "q_dense_1": [*OTHER, [1.0]]}, {}, r"^Layer 'a' has 3 arrays in the file, expected kernel, bias; .*$"),
        ({"q_dense": ONE}, {}, r"^Layer 'a' has no kernel array in the file; save the whole model after training\.$"),
    ],
)
def test_archives_whose_arrays_are_not_the_layers(tmp_path: Path, folders: Any, names: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        understand(read_model(write_keras(tmp_path / "m.keras", TWO, folders, names)))


ARRAYS = {"d/d/kernel:0": np.ones((8, 2)), "d/d/bias:0": np.zeros(2)}


def refused(tmp_path: Path, config: dict[str, Any], message: str, arrays: Any = ARRAYS) -> None:
    with pytest.raises(ModelError, match=message):
        understand(read_model(write_h5(tmp_path / "m.h5", config, arrays)))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (ARRAYS | {"d/e/bias:0": np.zeros(2)}, r"^Layer 'd' has two arrays called 'bias' in the file; save the model again\.$"),
        (ARRAYS | {"d/d/scale:0": np.zeros(2)}, r"^Layer 'd' has arrays \['scale'\] in the file, which are not understood; .*$"),
        (ARRAYS | {"d/d/kernel:0": np.ones((2, 8))}, r"^Layer 'd' has a kernel of shape \(2, 8\) .*, expected \(8, 2\) .*$"),
        (ARRAYS | {"d/d/bias:0": np.ones(3)}, r"^Layer 'd' has .* a bias of shape \(3,\) in the file, expected .* \(2,\); .*$"),
    ],
)
def test_arrays_that_are_not_the_layers(tmp_path: Path, arrays: Any, message: str) -> None:
    refused(tmp_path, sequential(source(), dense("d")), message, arrays)


@pytest.mark.parametrize("shape", [(8,), (2, 4)])
def test_flattened_input(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = write_h5(
        tmp_path / "m.h5", functional(source(shape), entry("Flatten", "f", data_format="channels_last"), dense("d")), ARRAYS
    )
    assert understand(read_model(path)).layers[0].weight.shape == (8, 2)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            functional(source((4, 8)), dense("d")),
            r"^Layer 'd' is applied along the last axis of an input of shape \(4, 8\), which is not imported; put a Flatten .*$",
        ),
        (sequential(dense("d")), r"^The model's input has shape None, expected \[None, number of inputs\]; .*$"),
        (sequential(source((9,)), dense("d")), r"^Layer 'd' has a kernel of shape \(8, 2\) .*, expected \(9, 2\) .*$"),
        (
            sequential(entry("InputLayer", "i", batch_shape=[None, None]), dense("d")),
            r"^The model's input has shape \[None, None\], .*$",
        ),
        (
            functional(source(), dense("d"), entry("Activation", "a", activation="relu"), outputs=["d", "a"]),
            r"^The model has 2 outputs \['d', 'a'\]; save one that has a single output: only it is imported\.$",
        ),
        (
            functional(source(), dense("d"), entry("Activation", "a", activation="relu"), outputs=["d"]),
            r"^The model's output is 'd', to which the layers \['a'\] do not lead; save it without them\.$",
        ),
        (
            sequential(source(), dense("d"), dense("d")),
            r"^Two layers are called 'd'; every layer of a model needs its own name\.$",
        ),
    ],
)
def test_models_that_are_not_one_chain(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    refused(tmp_path, config, message)


def changed(**entry_keys: Any) -> dict[str, Any]:
    config = functional(source(), dense("d"))
    config["config"]["layers"][1].update(entry_keys)
    return config


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [[["entry", 0, 0, {}]], [["entry", 0, 0, {}]]],
            r"^The model's output is 'd', to which the layers \['d'\] do not lead; save it without them\.$",
        ),
        (
            [[["entry", 0, 0, {}], ["other", 0, 0, {}]]],
            r"^Layer 'd' reads 'other', which the model does not have; save it again\.$",
        ),
        ([[["entry", 0, 1, {}]]], r"^Output 1 of layer 'entry' is used; only layers with one output can be imported\.$"),
        ([[["entry", 0, 0, {"training": True}]]], r"^Layer 'd' is called with training=True, which is not understood; .*$"),
        (
            [{"args": [{"config": {"keras_history": ["entry", 0, 0]}}], "kwargs": {"training": True}}],
            r"^Layer 'd' is called with .*$",
        ),
        ([[["nowhere", 0, 0, {}]]], r"^Layer 'd' reads 'nowhere', which the model does not have; save it again\.$"),
    ],
)
def test_calls_that_are_not_understood(tmp_path: Path, nodes: Any, message: str) -> None:
    refused(tmp_path, changed(inbound_nodes=nodes), message)


def test_calls_as_keras_3_writes_them(tmp_path: Path) -> None:
    nodes = [
        {"args": [{"class_name": "__keras_tensor__", "config": {"keras_history": ["entry", 0, 0]}}], "kwargs": {"mask": None}}
    ]
    config = changed(inbound_nodes=nodes)
    config["config"] |= {"input_layers": ["entry", 0, 0], "output_layers": ["d", 0, 0]}
    assert len(understand(read_model(write_h5(tmp_path / "m.h5", config, ARRAYS))).layers) == 1


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"registered_name": "hgq>QDense", "module": "hgq.layers"}, "hgq>QDense"),
        ({"class_name": "hgq>QDense"}, "hgq>QDense"),
        ({"registered_name": "Custom>QDense"}, "Custom>QDense"),
        ({"module": "my_layers.dense"}, r"my_layers\.dense\.QDense"),
    ],
)
def test_class_of_the_same_name_from_another_package(tmp_path: Path, keys: dict[str, str], kind: str) -> None:
    refused(tmp_path, changed(**keys), rf"^Layer 'd' is a '{kind}', which is not imported; known are Dense, QDense, .*$")


@pytest.mark.parametrize(
    "keys",
    [
        {"registered_name": "qkeras>QDense", "module": "qkeras.qlayers"},
        {"registered_name": "QDense", "module": "qkeras.qlayers"},
        {"registered_name": None, "module": "keras.layers"},
    ],
)
def test_class_of_keras_and_qkeras(tmp_path: Path, keys: dict[str, Any]) -> None:
    assert understand(read_model(write_h5(tmp_path / "m.h5", changed(**keys), ARRAYS))).layers[0].name == "d"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"lora_rank": 4}, r"^Layer 'd' sets 'lora_rank' to 4, which is not understood; save the model without it\.$"),
        ({"iq_conf": {"class_name": "QuantizerConfig"}}, r"^Layer 'd' sets 'iq_conf' to .*, which is not understood; .*$"),
        ({"dtype": "mixed_float16"}, r"^Layer 'd' computes in 'mixed_float16', which cannot be converted exactly; .*$"),
        ({"dtype": {"class_name": "QuantizedDTypePolicy", "config": {"name": "float32"}}}, r"^Layer 'd' computes in \{.*$"),
        ({"units": "many"}, r"^Layer 'd' needs a number as 'units', got 'many'; the file is damaged\.$"),
        ({"units": 2.5}, r"^Layer 'd' needs a whole number as 'units', got 2\.5; the file is damaged\.$"),
        (
            {"kernel_quantizer": BITS | {"registered_name": "hgq>quantized_bits"}},
            r"^The kernel of layer 'd' uses 'hgq>quantized_bits', .*$",
        ),
        ({"kernel_quantizer": "quantized_relu(6,2)"}, r"^The kernel of layer 'd' is quantised by a ReLU, .*$"),
        (
            {"activation": {"module": "builtins", "class_name": "function", "config": "relu"}},
            r"^Layer 'd' uses 'builtins\.function', .*$",
        ),
        ({"activation": "softmax"}, r"^Layer 'd' uses 'softmax', which cannot be converted exactly; .*$"),
    ],
)
def test_settings_that_are_not_understood(tmp_path: Path, config: dict[str, Any], message: str) -> None:
    refused(tmp_path, sequential(source(), dense("d", **config)), message)


def test_settings_of_newer_keras_that_change_nothing(tmp_path: Path) -> None:
    settings = {
        "dtype": {"class_name": "DTypePolicy", "config": {"name": "float32"}},
        "quantization_config": None,
        "lora_rank": None,
    }
    path = write_h5(tmp_path / "m.h5", sequential(source(), dense("d", **settings)), ARRAYS)
    assert len(understand(read_model(path)).layers) == 1
