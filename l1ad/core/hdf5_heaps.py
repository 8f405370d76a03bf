"""Check the heaps of texts in an HDF5 file before the library reads them.

Texts of any length lie in global heap collections. The library believes what a collection says of its size and walks from object to
object: a damaged size of 0 keeps it walking for ever inside one call, which nothing but a kill ends, and a large one makes it take that
much memory. So the walk is done here first. Form: HDF5 File Format Specification 3.0, III.E.
"""

from __future__ import annotations

import functools
import mmap
from pathlib import Path

#: Signature, version 1 and three reserved bytes: what chance does not put into data.
_BEGINS = b"GCOL\x01\x00\x00\x00"
#: Bytes of the head of a collection, and of that of an object, with sizes of 8 bytes.
_HEAD = 16
#: Largest file that is looked through: every model is smaller; reading all of a larger data file first would take longer than its events.
MOST_BYTES = 256 * 2**20


def heap_fault(data: bytes | mmap.mmap) -> str | None:
    """Say what is wrong with a global heap collection of a file; None where nothing is.

    Args:
        data: the whole file.
    """
    place = data.find(_BEGINS)
    while place >= 0:
        fault = _collection_fault(data, place)
        if fault is not None:
            return f"the global heap at byte {place} {fault}"
        place = data.find(_BEGINS, place + _HEAD)
    return None


def _collection_fault(data: bytes | mmap.mmap, place: int) -> str | None:
    size = int.from_bytes(data[place + 8 : place + _HEAD], "little")
    if not _HEAD <= size <= len(data) - place:
        return f"has {size} bytes where the file has {len(data) - place}"
    at, end = place + _HEAD, place + size
    while end - at >= _HEAD:
        index, length = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 8 : at + _HEAD], "little")
        # Object 0 is the space that is free, its own head included.
        step = length if index == 0 else _HEAD + -(-length // 8) * 8
        if not 0 < step <= end - at:
            return f"has an object of {length} bytes where {end - at} are left"
        at += step
    return None


def file_heap_fault(path: Path) -> str | None:
    """Say what is wrong with a heap of a file, as `heap_fault`; None for a file of more than `MOST_BYTES`.

    Raises:
        OSError: the file cannot be read.
    """
    found = path.stat()
    return _of_file(path, found.st_size, found.st_mtime_ns) if 0 < found.st_size <= MOST_BYTES else None


@functools.lru_cache(maxsize=64)
def _of_file(path: Path, size: int, changed: int) -> str | None:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return heap_fault(data)
