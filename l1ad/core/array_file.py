"""Read NumPy's files of artefacts, which may be a stranger's: nothing is unpickled, no size is believed."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import one_line

#: Bytes that all arrays of an ``.npz`` file may take once they are unpacked.
MOST_BYTES = 256 * 2**20
#: What NumPy and zipfile raise for files that are damaged or lie about themselves, besides OSError.
_DAMAGE = (
    *(ValueError, TypeError, KeyError, EOFError, SyntaxError, OverflowError, MemoryError, RuntimeError, AttributeError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def open_array(path: Path) -> NDArray[Any]:
    """Open a ``.npy`` file of numbers, memory-mapped; what its head says beyond the file's end is refused.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not an array of numbers.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise ValueError(f"{path.name} is not an array ({one_line(error) or type(error).__name__})") from None


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz`` file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file, or takes more than ``MOST_BYTES``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _require_bounded(archive)
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except _DAMAGE as error:
        raise ValueError(f"{path.name} holds no arrays ({one_line(error) or type(error).__name__})") from None


def _require_bounded(archive: zipfile.ZipFile) -> None:
    """Compare what each member's head promises with what the archive says of it, before memory is taken."""
    members = archive.infolist()
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES // 2**20} MB")
    for member in members:
        with archive.open(member) as file:
            shape, dtype = _head(file)
        if int(np.prod(shape, dtype=object)) * dtype.itemsize > member.file_size:
            raise ValueError(f"{member.filename} promises more than it holds")


def _head(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read what an array's head promises."""
    version = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)  # type: ignore[no-untyped-call]
    return shape, dtype
