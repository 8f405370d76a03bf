"""Read protocol-buffer messages of a stranger as plain data: numbers and bytes by field, without a schema and without running anything.

The encoding is that of protobuf.dev/programming-guides/encoding: a key of field number and wire type, then a varint, 4 or 8 bytes, or a length
and so many bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: Longest varint, in bytes.
_LONGEST = 10
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

#: A field's values in their order: integers of varints and of fixed numbers, bytes of everything else.
Message = dict[int, list[int | bytes]]


def parse_message(data: bytes) -> Message:
    """Read a message.

    Args:
        data: the message's bytes.

    Returns:
        Values by field number; nested messages, texts and packed numbers stay bytes.

    Raises:
        ValueError: the bytes are not a message.
    """
    found: Message = {}
    for field, value in _fields(data):
        found.setdefault(field, []).append(value)
    return found


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = read_varint(data, at)
            yield field, value
            continue
        size = {_EIGHT: 8, _FOUR: 4}.get(kind)
        if kind == _BYTES:
            size, at = read_varint(data, at)
        if size is None or field == 0 or at + size > len(data):
            raise ValueError(f"no protocol buffer at byte {at}")
        piece, at = data[at : at + size], at + size
        yield field, piece if kind == _BYTES else int.from_bytes(piece, "little")


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Read an integer of 7 bits a byte, least first; gives it and where the next field begins.

    Raises:
        ValueError: it has no end.
    """
    value = 0
    for i in range(_LONGEST):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 127) << (7 * i)
        if data[at + i] < 128:
            return value & (2**64 - 1), at + i + 1
    raise ValueError(f"a number without end at byte {at}")


def texts(message: Message, field: int) -> list[str]:
    """Return a field's values as texts.

    Raises:
        ValueError: one is none.
    """
    return [blob.decode("utf-8") for blob in blobs(message, field)]


def blobs(message: Message, field: int) -> list[bytes]:
    """Return a field's values as bytes.

    Raises:
        ValueError: one is a number.
    """
    values = message.get(field, [])
    if not all(isinstance(value, bytes) for value in values):
        raise ValueError(f"field {field} holds numbers")
    return [value for value in values if isinstance(value, bytes)]


def messages(message: Message, field: int) -> list[Message]:
    """Return a field's values as messages.

    Raises:
        ValueError: one is none.
    """
    return [parse_message(blob) for blob in blobs(message, field)]


def integers(message: Message, field: int) -> list[int]:
    """Return a field's values as signed integers, packed or not.

    Raises:
        ValueError: the bytes do not end with a number.
    """
    found: list[int] = []
    for value in message.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            number, at = read_varint(value, at)
            found.append(number)
    return [number - 2**64 if number >= 2**63 else number for number in found]


def floats(message: Message, field: int) -> list[float]:
    """Return a field's values as float32 numbers, packed or not.

    Raises:
        ValueError: the bytes are no whole number of them.
    """
    found: list[float] = []
    for value in message.get(field, []):
        data = value if isinstance(value, bytes) else value.to_bytes(8, "little")[:4]
        if len(data) % 4:
            raise ValueError(f"field {field} holds {len(data)} bytes, which are not numbers of 4")
        found += struct.unpack(f"<{len(data) // 4}f", data)
    return found


def first(values: list[int], default: int = 0) -> int:
    """Return the last of a field's values, which is what counts, or a default."""
    return values[-1] if values else default
