"""Read arrays and texts of an HDF5 file from a stranger: no link is followed, every size is known before memory is taken."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray

#: Most bytes that all arrays of a file may take, and the largest file.
MAX_BYTES = 256 * 1024 * 1024
#: Largest configuration of a model, in bytes.
MAX_CONFIG_BYTES = 16 * 1024 * 1024
#: Groups inside groups, and objects in all: Keras needs 8 and a few dozen.
MAX_DEPTH, MAX_OBJECTS = 16, 10_000


@dataclass(slots=True)
class Allowance:
    """Count what is still allowed to be read of one file: bytes of arrays, and objects."""

    bytes_left: int
    objects_left: int = MAX_OBJECTS

    @classmethod
    def of_a_file(cls) -> Allowance:
        """Return a whole file's allowance."""
        return cls(MAX_BYTES)

    def take_object(self, name: str) -> None:
        """Count one more object.

        Raises:
            ModelError: there are too many.
        """
        self.objects_left -= 1
        if self.objects_left < 0:
            raise ModelError(
                f"The model file holds more than {MAX_OBJECTS} objects, up to {name!r}; this is not a trigger network."
            )

    def take_bytes(self, n_bytes: int, name: str) -> None:
        """Count one more array.

        Raises:
            ModelError: all together are too large.
        """
        self.bytes_left -= n_bytes
        if self.bytes_left < 0:
            raise ModelError(
                f"Array {name!r} takes {n_bytes // 2**20} MB and the file more than {MAX_BYTES // 2**20} MB; this is not a trigger network."
            )


def member(group: Any, key: str) -> Any:
    """Open a member of a group; None where there is none.

    Raises:
        ModelError: it is a link to somewhere else.
    """
    import h5py

    for part in key.split("/"):
        link = group.get(part, None, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ModelError(f"{key!r} is a link to somewhere else; a model file must hold its own arrays.")
        group = group[part]
    return group


def read_text(file: Any, name: str) -> str:
    """Read a text attribute.

    Raises:
        ModelError: it is not text, or too large.
    """
    size = file.attrs.get_id(name).get_storage_size()
    value = file.attrs[name] if size <= MAX_CONFIG_BYTES else None
    text = value.decode("utf-8") if isinstance(value, bytes) else value
    if not isinstance(text, str) or len(text) > MAX_CONFIG_BYTES:
        raise ModelError(f"Attribute {name!r} of the model file is not text of at most {MAX_CONFIG_BYTES // 2**20} MB.")
    return text


def read_arrays(group: Any, key: str, allowance: Allowance) -> dict[str, FloatArray]:
    """Read every array below a member of a group.

    Args:
        group: an open HDF5 group; None holds nothing.
        key: the member.
        allowance: what may still be read.

    Returns:
        Arrays by path, beginning with ``key``, as float64; none where there is no such member.

    Raises:
        ModelError: a link, no numbers, too large.
    """
    if group is None or member(group, key) is None:
        return {}
    return {name: _numbers(node, name, allowance) for name, node in _nodes(group, key, allowance, MAX_DEPTH)}


def _nodes(group: Any, key: str, allowance: Allowance, depth: int) -> list[tuple[str, Any]]:
    import h5py

    allowance.take_object(key)
    node = member(group, key)
    if isinstance(node, h5py.Dataset):
        return [(key, node)]
    if depth == 0:
        raise ModelError(f"{key!r} lies more than {MAX_DEPTH} groups deep; the model file is not understood.")
    return [(f"{key}/{name}", array) for child in node for name, array in _nodes(node, child, allowance, depth - 1)]


def _numbers(node: Any, name: str, allowance: Allowance) -> FloatArray:
    if node.dtype.kind not in "fiu":
        raise ModelError(f"Array {name!r} holds no numbers (dtype {node.dtype!s}); the file is not understood.")
    if node.is_virtual or node.external:
        raise ModelError(f"Array {name!r} lies in another file; a model file must hold its own arrays.")
    chunk = math.prod(node.chunks) * node.dtype.itemsize if node.chunks else 0
    allowance.take_bytes(max(int(node.nbytes), chunk), name)
    return np.asarray(node[()], dtype=np.float64)
