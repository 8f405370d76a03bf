"""Appending to HDF5: whole blocks at a time, and the same data however they come."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.data import hdf5


@pytest.mark.parametrize("sizes", [(40,), (3, 13, 16, 8), (1,) * 40, (15, 25)])
def test_events_appended_in_any_pieces_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, ...]
) -> None:
    monkeypatch.setattr(hdf5, "BLOCK", 16)
    objects, numbers = np.arange(40 * 2 * 3).reshape(40, 2, 3), np.arange(40)
    firsts = np.cumsum((0, *sizes))
    with hdf5.Hdf5Appender(tmp_path / "x.h5") as file:
        for first, size in zip(firsts, sizes, strict=False):
            file.append({"objects": objects[first : first + size], "numbers": numbers[first : first + size]})
    with h5py.File(tmp_path / "x.h5") as stored:
        np.testing.assert_array_equal(stored["objects"], objects)
        np.testing.assert_array_equal(stored["numbers"], numbers)
        assert stored["objects"].chunks == (16, 1, 3)


def test_what_waits_is_not_written_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"), hdf5.Hdf5Appender(tmp_path / "x.h5") as file:  # noqa: PT012
        file.append({"numbers": np.arange(5)})
        raise RuntimeError("stopped")
    with h5py.File(tmp_path / "x.h5") as stored:
        assert not list(stored)
