"""Heaps of texts in HDF5 files: whole ones pass, whatever wrote them; damaged ones are refused before the library walks through them."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core import hdf5_heaps
from l1ad.core.errors import InputError, ModelError
from l1ad.core.hdf5_heaps import file_heap_fault, heap_fault
from l1ad.data.hdf5 import opened
from l1ad.qkeras.importing.keras_file import read_model

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def written(libver: str = "earliest") -> bytes:
    """Write texts of many lengths, some of them removed and written again, so that heaps have holes."""
    held = io.BytesIO()
    with h5py.File(held, "w", libver=libver) as file:
        for i in range(100):
            file.attrs[f"a{i}"] = "x" * (i * 131 % 900)
        file.create_dataset("s", data=["t" * k for k in range(300)], dtype=h5py.string_dtype())
        file["long"] = "y" * 100_000
        del file.attrs["a7"]
        file.attrs["a9"] = "z" * 5_000
    return held.getvalue()


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_whole_heaps_pass(libver: str) -> None:
    data = written(libver)
    assert data.count(b"GCOL") > 3
    assert heap_fault(data) is None
    assert heap_fault(b"no HDF5, GCOL\x02 is in it") is None


def damaged(data: bytes, offset: int, value: int) -> bytes:
    """Write 8 bytes at a distance from the first heap."""
    at = data.index(b"GCOL\x01") + offset
    return data[:at] + value.to_bytes(8, "little") + data[at + 8 :]


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (8, 3 * 2**30, r"^the global heap at byte \d+ has 3221225472 bytes where the file has \d+$"),
        (8, 0, r"^the global heap at byte \d+ has 0 bytes where the file has \d+$"),
        (24, 2**62, r"^the global heap at byte \d+ has an object of 4611686018427387904 bytes where \d+ are left$"),
    ],
)
def test_sizes_that_cannot_be_are_named(offset: int, value: int, message: str) -> None:
    import re

    assert re.search(message, heap_fault(damaged(written(), offset, value)) or "")


def test_a_length_that_the_heap_does_not_hold_is_refused_before_the_library_takes_that_memory(tmp_path: Path) -> None:
    data = written()
    place = data.index(b"GCOL\x01")
    used = data.index(place.to_bytes(8, "little"))
    file = tmp_path / "a.h5"
    file.write_bytes(data[: used - 4] + (3 * 2**30).to_bytes(4, "little") + data[used:])
    with (
        pytest.raises(
            InputError, match=rf"the text at byte {used - 4} has a length of 3221225472 where its heap holds \d+ bytes"
        ),
        opened(file),
    ):
        pass


@pytest.mark.parametrize("chunks", [None, (8,)])
def test_numbers_that_look_like_a_length_are_no_fault(chunks: tuple[int] | None) -> None:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        file.attrs["text"] = "x" * 20
    place = held.getvalue().index(b"GCOL\x01")
    with h5py.File(held, "a") as file:
        file.create_dataset("numbers", data=np.array([7, -5, place, 0, 1, 9, 9, 9], "<i4"), chunks=chunks)
    assert held.getvalue().count(place.to_bytes(8, "little")) == 2
    assert heap_fault(held.getvalue()) is None


def test_the_address_of_a_heap_beside_an_index_of_no_object_is_no_fault() -> None:
    data = written()
    place = data.index(b"GCOL\x01")
    looks_like_one = (2**23).to_bytes(4, "little") + place.to_bytes(8, "little") + bytes(4)
    assert heap_fault(data + looks_like_one) is None  # index 0 is the heap's free space, no text


def test_every_shipped_sample_can_be_read() -> None:
    files = sorted(SAMPLE.glob("*.h5"))
    assert len(files) >= 16
    assert [file.name for file in files if file_heap_fault(file) is not None] == []


def endless(data: bytes) -> bytes:
    """Make the first object a free space of no length, from which HDF5 1.14 never walks on."""
    at = data.index(b"GCOL\x01") + 16
    return data[:at] + bytes(16) + data[at + 16 :]


def test_an_endless_heap_is_refused_by_every_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.h5"
    file.write_bytes(endless(written()))
    with (
        pytest.raises(InputError, match=r"cannot be read as HDF5 \(the global heap at byte \d+ has an object of 0 bytes where"),
        opened(file),
    ):
        pass
    with pytest.raises(ModelError, match=r"^'.*' is not a Keras model that can be read \(the global heap at byte \d+ has an obj"):
        read_model(file)
    monkeypatch.setattr(hdf5_heaps, "MOST_BYTES", 100)
    assert file_heap_fault(file) is None
