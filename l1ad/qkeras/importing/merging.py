"""Read the layers that put tensors together: one behind the other, or element by element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.qkeras.importing.draft import Tensor, require_elements
from l1ad.qkeras.importing.keras_file import LayerRecord

MERGING = ("Add", "Subtract", "Average", "Concatenate")


def concatenated(read: Sequence[Tensor], axis: Any, where: str) -> Tensor:
    """Put tensors one behind the other.

    Args:
        read: the tensors.
        axis: along which, counted as Keras does: 0 is the batch.
        where: the layer's name, for messages.

    Raises:
        ModelError: an axis that is none, or shapes that do not fit.
    """
    shapes = [tensor.shape for tensor in read]
    n_axes = len(shapes[0])
    whole = isinstance(axis, int) and not isinstance(axis, bool)
    along = (axis - 1 if axis > 0 else axis + n_axes) if whole else -1
    if not whole or axis == 0 or not 0 <= along < n_axes:
        raise ModelError(
            f"{where} concatenates along axis {axis!r} of shape {shapes[0]!r}, which is not there; save the model again."
        )
    rest = {shape[:along] + shape[along + 1 :] for shape in shapes}
    if len(rest) != 1 or {len(shape) for shape in shapes} != {n_axes}:
        raise ModelError(f"{where} concatenates shapes {shapes!r}, which do not fit along axis {axis!r}; save the model again.")
    require_elements(sum(len(tensor.elements) for tensor in read), where)
    layers, elements = (
        np.concatenate([getattr(tensor, part).reshape(tensor.shape) for tensor in read], axis=along)
        for part in ("layers", "elements")
    )
    return Tensor(layers.shape, layers.ravel(), elements.ravel())


def signs(record: LayerRecord, read: Sequence[Tensor], where: str) -> tuple[FloatArray, FixedPoint]:
    """Return the weights of a sum, difference or average of tensors of one shape, one behind the other, and their type.

    Raises:
        ModelError: shapes that differ, or an average that does not divide by a power of two.
    """
    if len({tensor.shape for tensor in read}) != 1:
        raise ModelError(f"{where} puts shapes {[tensor.shape for tensor in read]!r} together; only equal ones are imported.")
    n, values = len(read[0].elements), [1.0] * len(read)
    require_elements(n * len(read), where)
    if record.kind == "Subtract":
        if len(read) != 2:
            raise ModelError(f"{where} subtracts {len(read)} tensors, expected 2; the file is damaged.")
        values[1] = -1.0
    if record.kind == "Average":
        if len(read) & (len(read) - 1):
            raise ModelError(f"{where} averages {len(read)} tensors, which does not divide by a power of two; average 2 or 4.")
        values = [1.0 / len(read)] * len(read)
    bits = (len(read) - 1).bit_length()
    return np.concatenate([value * np.eye(n) for value in values]), FixedPoint(True, 2 * bits + 2, bits + 2)
