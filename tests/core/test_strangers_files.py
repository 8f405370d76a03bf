"""JSON and NumPy files of a stranger: nothing is built that they only promise, nothing unpickled; one line says what is wrong."""

from __future__ import annotations

import io
import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from l1ad.core import array_file
from l1ad.core.array_file import open_array, read_arrays
from l1ad.core.json_text import parse_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "key 'a' is there twice"),
        ("9" * 101, "a number has 101 digits, more than 100"),
        ("[" * 100_000, "it is nested too deeply"),
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_json_that_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_json(text)


def test_json_of_artefacts_is_read_as_it_was_written() -> None:
    assert parse_json('{"a": [1, -2.5, null, Infinity]}') == {"a": [1, -2.5, None, float("inf")]}
    assert parse_json(str(10**99)) == 10**99


def head(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def pickled() -> bytes:
    held = io.BytesIO()
    np.save(held, np.array([print], dtype=object), allow_pickle=True)
    return held.getvalue()


@pytest.mark.parametrize(
    "data", [pickle.dumps([1]), pickled(), head("(1099511627776,)"), head("(-1,)"), head("(print('x'),)"), head("(2,)")[:-4], b""]
)
def test_no_array_is_believed(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"^x\.npy is not an array \(.+\)$"):
        open_array(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", data)
    with pytest.raises(ValueError, match=r"^x\.npz holds no arrays \(.+\)$"):
        read_arrays(tmp_path / "x.npz")
    assert capsys.readouterr().out == ""


def test_arrays_that_unpack_to_too_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(20_000), b=np.zeros(2))
    assert {name: len(values) for name, values in read_arrays(tmp_path / "x.npz").items()} == {"a": 20_000, "b": 2}
    monkeypatch.setattr(array_file, "MOST_BYTES", 2**17)
    with pytest.raises(ValueError, match=r"^x\.npz holds no arrays \(it unpacks to more than 0 MB\)$"):
        read_arrays(tmp_path / "x.npz")
