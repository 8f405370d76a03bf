"""SavedModel folders: what Keras wrote, and what strangers make of it; nothing is run, and TensorFlow does not read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.core.protobuf import parse_message
from l1ad.qkeras.importing.keras_file import KerasModel, read_model
from l1ad.qkeras.importing.saved_model import is_saved_model, read_saved_model, saved_model_digest
from l1ad.qkeras.runtime import tensorflow
from tests.qkeras.importing.handmade import dense, field, functional, source, table, varint, write_h5, write_saved_model

KERNEL, BIAS = np.arange(16.0).reshape(8, 2), np.array([0.5, -1.0])
ARRAYS = {"layer_with_weights-0/kernel": KERNEL, "layer_with_weights-0/bias": BIAS, "save_counter": np.ones(())}
NAMES = {"layer_with_weights-0": "d"}


def same(first: KerasModel, second: KerasModel) -> None:
    assert first.input_shape == second.input_shape
    for one, other in zip(first.layers, second.layers, strict=True):
        assert (one.kind, one.name, one.sources) == (other.kind, other.name, other.sources)
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name])


@pytest.mark.filterwarnings("ignore")
def test_folder_that_keras_writes_is_the_h5_file(tmp_path: Path) -> None:
    """With names that are not in alphabetical order, a layer shared by two branches, and a normalisation."""
    tf = tensorflow()
    from qkeras import QActivation, QDense

    q = {"kernel_quantizer": "quantized_bits(6,1,alpha=1)", "bias_quantizer": "quantized_bits(6,1,alpha=1)"}
    x = tf.keras.Input((6,), name="entry")
    z, a = tf.keras.layers.BatchNormalization(name="zz")(x), QDense(6, name="aa", **q)
    model = tf.keras.Model(x, QActivation("quantized_relu(6,2)", name="act")(tf.keras.layers.Add()([a(z), a(x)])))
    random = np.random.default_rng(4)
    model.set_weights([random.uniform(0.3, 1.5, w.shape) for w in model.get_weights()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
        model.save(tmp_path / "folder", save_format="tf")
    assert is_saved_model(tmp_path / "folder")
    same(read_saved_model(tmp_path / "folder"), read_model(tmp_path / "m.h5"))


def config() -> dict[str, Any]:
    return functional(source(), dense("d"))


def test_folder_written_by_hand(tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "m", config(), ARRAYS, NAMES)
    path = write_h5(tmp_path / "m.h5", config(), {"d/d/kernel:0": KERNEL, "d/d/bias:0": BIAS})
    same(read_saved_model(folder), read_model(path))
    before = saved_model_digest(folder)
    (folder / "variables/variables.data-00000-of-00001").write_bytes(b"")
    assert saved_model_digest(folder) != before


def changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return apply


DATA, INDEX = "variables/variables.data-00000-of-00001", "variables/variables.index"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / "keras_metadata.pb").unlink(),
            r"^'.*' is a SavedModel without keras_metadata\.pb: it holds functions, ",
        ),
        (lambda folder: (folder / INDEX).unlink(), r"^'.*' is not a Keras model that can be read \(.*No such file"),
        (
            changed("keras_metadata.pb", lambda data: data[:-7]),
            r"^'.*' is not a Keras model that can be read \(no protocol buffer at",
        ),
        (
            changed("keras_metadata.pb", lambda _: b"\x80" * 99),
            r"^'.*' is not a Keras model that can be read \(a number without end",
        ),
        (changed("keras_metadata.pb", lambda _: b""), r"^'.*' describes no model, only \[\]; save it with "),
        (changed(DATA, lambda data: data[:-9]), r"^'.*' is not a Keras model that can be read \(array '.*' is damaged\)"),
        (changed(DATA, lambda data: b"\1" + data[1:]), r"^'.*' is not a Keras model that can be read \(array '.*' is damaged\)"),
        (
            changed(INDEX, lambda data: data[:-1]),
            r"^'.*' is not a Keras model that can be read \(its index of variables is no table\)",
        ),
        (changed(INDEX, lambda data: b"\xff" * 9 + data[9:]), r"^'.*' is not a Keras model that can be read \("),
        (changed(INDEX, lambda data: table({b"": b"\x08\x01"})), r"^$"),
    ],
)
def test_damaged_folders_are_one_sentence(change: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "m", config(), ARRAYS, NAMES)
    change(folder)
    if message == "^$":  # an index without arrays is a model whose layer lacks them
        assert read_saved_model(folder).layers[1].arrays == {}
        return
    with pytest.raises(ModelError, match=message):
        read_saved_model(folder)


@pytest.mark.parametrize(
    ("arrays", "names", "message"),
    [
        (
            {"layer_with_weights-0/kernel": (1, (2**20, 2**20), b"")},
            NAMES,
            r"^Array '.*kernel.*' takes \d+ MB and the file more than 256 MB; ",
        ),
        (
            {"layer_with_weights-0/kernel": (1, (2**63, 2), b"")},
            NAMES,
            r"^'.*' is not a Keras model that can be read \(array '.*' of shape",
        ),
        (
            {"layer_with_weights-0/kernel": (7, (2,), b"ab")},
            NAMES,
            r"^Array '.*kernel.*' holds no numbers \(kind 7 of TensorFlow\); ",
        ),
        (ARRAYS, {}, r"^'.*' does not say which layers its arrays in \['layer_with_weights-0'\] belong to; save it "),
        (
            ARRAYS,
            NAMES | {"layer_with_weights-1": "d"},
            r"^'.*' does not say which layers its arrays in \['layer_with_weights-0', ",
        ),
    ],
)
def test_arrays_that_lie_are_one_sentence(arrays: Any, names: dict[str, str], message: str, tmp_path: Path) -> None:
    folder = write_saved_model(tmp_path / "m", config(), arrays, names)
    with pytest.raises(ModelError, match=message):
        read_saved_model(folder)


def test_protocol_buffers_are_read_as_they_are_written() -> None:
    data = (
        field(1, 300) + field(2, b"ab") + field(1, 2**64 - 1) + varint(3 << 3 | 5) + b"\1\0\0\0" + varint(4 << 3 | 1) + bytes(8)
    )
    assert parse_message(data) == {1: [300, 2**64 - 1], 2: [b"ab"], 3: [1], 4: [0]}
    for cut in (1, 4, len(data) - 1):
        with pytest.raises(ValueError, match=r"^(no protocol buffer|a number without end)"):
            parse_message(data[:cut])
    with pytest.raises(ValueError, match=r"^no protocol buffer"):
        parse_message(varint(1 << 3 | 3))
