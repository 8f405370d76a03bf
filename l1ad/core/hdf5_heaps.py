"""Check the heaps of texts in an HDF5 file before the library reads them.

Texts of any length lie in global heap collections. The library believes what a collection says of its size and walks from object to
object: a damaged size of 0 keeps it walking for ever inside one call, which nothing but a kill ends, and a large one makes it take that
much memory; and it believes the length that stands where a text is used, and takes that much memory as well. So the walk is done here
first, and lengths are compared. Form: HDF5 File Format Specification 3.0, III.E and IV.B (variable-length data).
"""

from __future__ import annotations

import contextlib
import functools
import io
import mmap
from collections.abc import Iterator
from pathlib import Path

import h5py

#: Signature, version 1 and three reserved bytes: what chance does not put into data.
_BEGINS = b"GCOL\x01\x00\x00\x00"
#: Bytes of the head of a collection, and of that of an object, with sizes of 8 bytes.
_HEAD = 16
#: Where an HDF5 file begins: the addresses in it count from here.
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
#: Bytes of a text that its length is believed up to: a virtual data set, too, names an object of a heap, behind bytes that are no length.
_MOST_OF_A_TEXT = 64 * 2**20
#: Largest file that is looked through: every model is smaller; reading all of a larger data file first would take longer than its events.
MOST_BYTES = 256 * 2**20


def heap_fault(data: bytes | mmap.mmap) -> str | None:
    """Say what is wrong with a global heap collection of a file, or with a text that lies in one; None where nothing is.

    Args:
        data: the whole file.
    """
    lengths: list[tuple[int, str]] = []
    place = data.find(_BEGINS)
    while place >= 0:
        fault, objects = _collection(data, place)
        if fault is not None:
            return f"the global heap at byte {place} {fault}"
        lengths.extend(_false_lengths(data, place, objects))
        place = data.find(_BEGINS, place + _HEAD)
    return _first_of_a_text(data, lengths) if lengths else None


def _collection(data: bytes | mmap.mmap, place: int) -> tuple[str | None, dict[int, int]]:
    """Walk through a collection: what is wrong with it, and the bytes of its objects by index."""
    objects: dict[int, int] = {}
    size = int.from_bytes(data[place + 8 : place + _HEAD], "little")
    if not _HEAD <= size <= len(data) - place:
        return f"has {size} bytes where the file has {len(data) - place}", objects
    at, end = place + _HEAD, place + size
    while end - at >= _HEAD:
        index, length = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 8 : at + _HEAD], "little")
        # Object 0 is the space that is free, its own head included.
        step = length if index == 0 else _HEAD + -(-length // 8) * 8
        if not 0 < step <= end - at:
            return f"has an object of {length} bytes where {end - at} are left", objects
        if index:
            objects[index] = length
        at += step
    return None, objects


def _false_lengths(data: bytes | mmap.mmap, place: int, objects: dict[int, int]) -> Iterator[tuple[int, str]]:
    """Find where an object of this collection is used (length, address, index) with a length that it does not have."""
    address = (place - max(0, data.find(_SIGNATURE))).to_bytes(8, "little")
    at = data.find(address, 4)
    while at >= 0:
        length = int.from_bytes(data[at - 4 : at], "little")
        held = objects.get(int.from_bytes(data[at + 8 : at + 12], "little"))
        if held is not None and length > max(held, _MOST_OF_A_TEXT):
            yield at, f"the text at byte {at - 4} has a length of {length} where its heap holds {held} bytes"
        at = data.find(address, at + 1)


def _first_of_a_text(data: bytes | mmap.mmap, lengths: list[tuple[int, str]]) -> str | None:
    """Say the first false length that is one: numbers in an array may look like it."""
    plain: list[tuple[int, int]] = []
    with (
        contextlib.suppress(OSError, RuntimeError, ValueError, OverflowError, KeyError, TypeError),
        h5py.File(io.BytesIO(data), "r") as file,
    ):
        file.visititems(lambda _name, item: plain.extend(_plain_bytes(item)))
    return next((said for at, said in lengths if not any(begin <= at < end for begin, end in plain)), None)


def _plain_bytes(item: h5py.Group | h5py.Dataset) -> Iterator[tuple[int, int]]:
    """Give first and last byte of where the numbers of an array lie in the file; a damaged file may say anything."""
    if not isinstance(item, h5py.Dataset) or item.dtype.hasobject:
        return
    if item.chunks is None:
        begin = item.id.get_offset()
        if begin is not None:
            yield begin, begin + item.id.get_storage_size()
        return
    for k in range(item.id.get_num_chunks()):
        chunk = item.id.get_chunk_info(k)
        yield chunk.byte_offset, chunk.byte_offset + chunk.size


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
