"""Signed digits of integers: a product by a constant costs an adder for each but the first (Avizienis, IRE Trans. EC-10 (1961) 389)."""

from __future__ import annotations

import functools

import numpy as np

from l1ad.core.fixed import FixedPoint, IntArray


def signed_digits(values: IntArray) -> IntArray:
    """Count the digits ±1 of the canonical signed form, which has the fewest.

    Args:
        values: integers below 2⁶¹ in size, any shape.

    Returns:
        int64, same shape.
    """
    size = np.abs(np.asarray(values, dtype=np.int64)).astype(np.uint64)
    apart = size ^ (np.uint64(3) * size)
    return np.asarray(np.unpackbits(apart[..., np.newaxis].view(np.uint8), axis=-1).sum(axis=-1), dtype=np.int64)


@functools.cache
def nearest_of_digits(width: int, signed: bool, digits: int) -> IntArray:
    """Tabulate, for each integer of a type, the nearest one of at most so many signed digits; the smaller of two as near.

    Args:
        width: of the type.
        signed: whether it has a sign.
        digits: at least 1.

    Returns:
        int64, from the type's least integer on, ``(2 ** width,)``.
    """
    type_ = FixedPoint(signed=signed, width=width, integer=width)
    values = np.arange(type_.min_int, type_.max_int + 1)
    allowed = values[signed_digits(values) <= digits]
    allowed = allowed[np.argsort(np.abs(allowed), kind="stable")]
    return np.asarray(allowed[np.argmin(np.abs(values[:, np.newaxis] - allowed), axis=1)])
