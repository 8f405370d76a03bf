"""A model file is data from a stranger: no link is followed, no size believed, no nesting or cycle walked into."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.qkeras.importing import hdf5
from l1ad.qkeras.importing.keras_file import read_model
from l1ad.qkeras.importing.quantisers import parse_quantiser
from tests.qkeras.importing.handmade import dense, sequential, source, write_h5, write_keras

CONFIG = sequential(source(), dense("d"))
ARRAYS = {"d/d/kernel:0": np.ones((8, 2)), "d/d/bias:0": np.zeros(2)}


def spoilt(tmp_path: Path, change: Callable[[h5py.File], object]) -> Path:
    path = write_h5(tmp_path / "m.h5", CONFIG, ARRAYS)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def huge(file: h5py.File) -> None:
    """Claim 40 GB of zeros in a few bytes."""
    file["model_weights"].create_dataset("d/d/gamma:0", (100_000, 100_000), "f4", chunks=(1000, 1000), compression="gzip")


def huge_chunk(file: h5py.File) -> None:
    """Store a few numbers in a chunk that unpacks to 1 GB."""
    file["model_weights"].create_dataset(
        "d/d/gamma:0", (2, 2), "f4", maxshape=(None, None), chunks=(16_384, 16_384), compression="gzip"
    )


def ring(file: h5py.File) -> None:
    file["model_weights/d/d/up"] = file["model_weights/d"]


def tree(file: h5py.File) -> None:
    """Make 2 ** 14 paths of 14 groups, by links that point to the same group twice."""
    group = file["model_weights/d"]
    for i in range(14):
        below = file.create_group(f"g{i}")
        group["a"] = group["b"] = below
        group = below


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (huge, r"^Array 'd/d/gamma:0' takes 38146 MB and the file more than 256 MB; this is not a trigger network\.$"),
        (huge_chunk, r"^Array 'd/d/gamma:0' takes 1024 MB and the file more than 256 MB; .*$"),
        (ring, r"^'.*' lies more than 16 groups deep; the model file is not understood\.$"),
        (tree, r"^The model file holds more than 10000 objects, up to .*; this is not a trigger network\.$"),
    ],
)
def test_sizes_that_are_not_believed(tmp_path: Path, change: Callable[[h5py.File], object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_model(spoilt(tmp_path, change))


@pytest.mark.parametrize("link", [h5py.ExternalLink("/etc/other.h5", "/x"), h5py.SoftLink("/elsewhere")])
@pytest.mark.parametrize("place", ["model_weights", "model_weights/d", "model_weights/d/d/bias:0"])
def test_links_are_not_followed(tmp_path: Path, link: Any, place: str) -> None:
    def replace(file: h5py.File) -> None:
        del file[place]
        file[place] = link

    with pytest.raises(ModelError, match=r"^'.*' is a link to somewhere else; a model file must hold its own arrays\.$"):
        read_model(spoilt(tmp_path, replace))


@pytest.mark.parametrize("place", ["layers", "layers/q_dense", "layers/q_dense/vars"])
def test_links_of_an_archive_are_not_followed(tmp_path: Path, place: str) -> None:
    path = write_keras(tmp_path / "m.keras", CONFIG, {"q_dense": list(ARRAYS.values())}, {})
    with zipfile.ZipFile(path) as archive:
        (tmp_path / "w.h5").write_bytes(archive.read("model.weights.h5"))
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        del file[place]
        file[place] = h5py.ExternalLink("/etc/other.h5", "/x")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    with pytest.raises(ModelError, match=r"^'.*' is a link to somewhere else; a model file must hold its own arrays\.$"):
        read_model(path)


def test_arrays_that_are_too_large_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def three(file: h5py.File) -> None:
        for i in range(3):
            file["model_weights"].create_dataset(f"d/d/{i}", (100_000,), "f4", compression="gzip")

    path = spoilt(tmp_path, three)
    monkeypatch.setattr(hdf5, "MAX_BYTES", 2**20)
    with pytest.raises(
        ModelError, match=r"^Array 'd/d/2' takes 0 MB and the file more than 1 MB; this is not a trigger network\.$"
    ):
        read_model(path)


def test_archive_that_unpacks_to_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The member is refused by the size it declares, before it is unpacked."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.writestr("model.weights.h5", bytes(2**21))
    monkeypatch.setattr(hdf5, "MAX_BYTES", 2**20)
    with pytest.raises(ModelError, match=r"^'model.weights.h5' in '.*' takes more than 1 MB; this is not a trigger network\.$"):
        read_model(path)


def test_archive_that_declares_less_than_it_unpacks_to(tmp_path: Path) -> None:
    """What is read ends where the declared size ends; the rest is damage."""
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(CONFIG))
        archive.writestr("model.weights.h5", bytes(2**21))
    declared = (2**21).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(declared, (64).to_bytes(4, "little")))
    with pytest.raises(ModelError, match=r"^'.*' is not a Keras model that can be read \(Bad CRC-32 .*\); save it whole, .*$"):
        read_model(path)


def test_member_twice(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "m.keras", CONFIG, {}, {})
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", json.dumps(CONFIG))
    with pytest.raises(ModelError, match=r"^'.*' is not a Keras archive: it has 2 'config.json'; save it with .*$"):
        read_model(path)


@pytest.mark.parametrize(
    "config", ["[" * 100_000, "[]", "7", '{"class_name": "Sequential"}', '{"class_name": 3, "config": {"layers": [3]}}']
)
def test_configuration_that_is_none(tmp_path: Path, config: str) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(ModelError, match=r"^'.*' is not a Keras model that can be read \(.*\); save it whole, with .*$"):
        read_model(tmp_path / "m.keras")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(
        ModelError,
        match=r"^'.*' is a folder, but no SavedModel and no firmware's sources; give a Keras file, or the folder of one of these\.$",
    ):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 200 + ")" * 200, r"^K has a quantiser that is not understood: .*$"),
        ("quantized_bits(" + "9," * 1000 + ")", r"^K has a quantiser that is not understood: .*$"),
        ("quantized_bits(bits='x',alpha=1)", r"^K needs a number as 'bits', got 'x'; the file is damaged\.$"),
        ("quantized_bits([8],alpha=1)", r"^K needs a number as 'bits', got \[8\]; the file is damaged\.$"),
        ("quantized_bits(100,2,alpha=1)", r"^K has 100 bits, 2 of them integer; only 1 to 62 bits can be imported\.$"),
        ("quantized_bits(6,1,alpha=[1])", r"^K has alpha \[1\]: its scale is not 1, .*$"),
        ("quantized_relu(6,1,negative_slope='x')", r"^K needs a number as 'negative_slope', got 'x'; the file is damaged\.$"),
        ({"class_name": "quantized_bits", "config": "x"}, r"^K has alpha None: .*$"),
    ],
)
def test_quantisers_of_strangers(text: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_quantiser(text, "K", data_scale=True)


def test_what_is_allowed_is_counted_over_the_whole_file() -> None:
    allowance = hdf5.Allowance.of_a_file()
    allowance.take_bytes(hdf5.MAX_BYTES, "a")
    with pytest.raises(ModelError, match=r"^Array 'b' takes 0 MB and the file more than 256 MB; .*$"):
        allowance.take_bytes(1, "b")
