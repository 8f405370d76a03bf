"""Read the variables of a TensorFlow checkpoint (``variables.index`` and ``variables.data-…``) without TensorFlow: nothing is run.

The index is a sorted table of LevelDB's form (blocks of keys with shared beginnings, a footer of 48 bytes) whose values are protocol buffers that
say kind, shape, place and checksum of each array (tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/lib/io/format.cc).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.core.protobuf import first, integers, messages, parse_message, read_varint
from l1ad.qkeras.importing.hdf5 import MAX_CONFIG_BYTES, Allowance

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER, _TRAILER = 48, 5
#: TensorFlow's numbers of the kinds of numbers that are read.
_KINDS = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}
_CRC_DELTA = 0xA282EAD8


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where an array is, and what."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


def read_variables(folder: Path, wanted: str, allowance: Allowance) -> dict[str, FloatArray]:
    """Read the arrays of a checkpoint whose keys end in a text.

    Args:
        folder: where ``variables.index`` lies.
        wanted: the end of the keys; the result's keys are without it.
        allowance: what may still be read.

    Returns:
        Arrays by key, as float64.

    Raises:
        ModelError: a size that is too large, or a kind that is no number.
        ValueError: the files are damaged.
        OSError: they cannot be read.
    """
    table = dict(_table(_limited(folder / "variables.index")))
    shards = first(integers(parse_message(table.pop(b"", b"")), 1))
    found: dict[str, FloatArray] = {}
    for key, value in table.items():
        name = key.decode("utf-8")
        allowance.take_object(name)
        if name.endswith(wanted):
            entry = _entry(value)
            found[name.removesuffix(wanted)] = _array(folder, entry, shards, name, allowance)
    return found


def _limited(path: Path) -> bytes:
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise ModelError(f"{str(path)!r} takes more than {MAX_CONFIG_BYTES // 2**20} MB; this is not a trigger network.")
    return path.read_bytes()


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """List the keys and values of a table."""
    if len(data) < _FOOTER or data[-8:] != _MAGIC:
        raise ValueError("its index of variables is no table")
    footer = data[-_FOOTER:]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    for _, handle in _block(data, index):
        yield from _block(data, _handle(handle, 0)[0])


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = read_varint(data, at)
    size, at = read_varint(data, at)
    return (offset, size), at


def _block(data: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    offset, size = handle
    end = offset + size
    if end + _TRAILER > len(data) or size < 4:
        raise ValueError("a block of its index of variables is cut")
    if data[end] != 0:
        raise ValueError("its index of variables is compressed")
    block = data[offset:end]
    limit = size - 4 * (1 + int.from_bytes(block[-4:], "little"))
    at, key = 0, b""
    while at < limit:
        shared, at = read_varint(block, at)
        own, at = read_varint(block, at)
        length, at = read_varint(block, at)
        if shared > len(key) or at + own + length > limit:
            raise ValueError("a key of its index of variables is cut")
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


def _entry(value: bytes) -> _Entry:
    message = parse_message(value)
    shape = tuple(first(integers(dim, 1)) for part in messages(message, 2) for dim in messages(part, 2))
    kind, shard, offset, size, checksum = (first(integers(message, field)) for field in (1, 3, 4, 5, 6))
    return _Entry(kind, shape, shard, offset, size, checksum)


def _array(folder: Path, entry: _Entry, shards: int, name: str, allowance: Allowance) -> FloatArray:
    if entry.kind not in _KINDS:
        raise ModelError(f"Array {name!r} holds no numbers (kind {entry.kind} of TensorFlow); the file is not understood.")
    dtype = np.dtype(_KINDS[entry.kind])
    if min(entry.shape, default=0) < 0 or math.prod(entry.shape) * dtype.itemsize != entry.size or entry.offset < 0:
        raise ValueError(f"array {name!r} of shape {entry.shape!r} takes {entry.size} bytes")
    allowance.take_bytes(entry.size, name)
    with (folder / f"variables.data-{entry.shard:05d}-of-{shards:05d}").open("rb") as file:
        file.seek(entry.offset)
        data = file.read(entry.size)
    if len(data) != entry.size or _masked_crc(data) != entry.checksum:
        raise ValueError(f"array {name!r} is damaged")
    return np.frombuffer(data, dtype).reshape(entry.shape).astype(np.float64)


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC = _crc_table()


def _masked_crc(data: bytes) -> int:
    """Return CRC-32C (Castagnoli) as TensorFlow keeps it: turned by 15 bits, plus a constant."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _CRC_DELTA) & 0xFFFFFFFF
