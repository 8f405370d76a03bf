"""Sums of values times dyadic factors, and a constant: what a tree of adders computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, IntArray
from l1ad.graph import Interval, signed_width


@dataclass(frozen=True, slots=True)
class Form:
    """A sum of inputs times factors, and a constant."""

    factors: Mapping[int, Fraction]
    constant: Fraction

    def plus(self, other: Form, times: Fraction) -> Form:
        """Add another one, times a factor."""
        found = dict(self.factors)
        for i, factor in other.factors.items():
            found[i] = found.get(i, Fraction(0)) + times * factor
        return Form({i: factor for i, factor in found.items() if factor}, self.constant + times * other.constant)

    def range(self, types: Sequence[FixedPoint] | Mapping[int, FixedPoint]) -> tuple[Fraction, Fraction, int]:
        """Return the least and the greatest value over all values of types, and the fractional bits of all of them."""
        low = high = self.constant
        finest = fractional_bits(self.constant) if self.constant else -MAX_WIDTH
        for i, factor in self.factors.items():
            ends = sorted(factor * Fraction(2) ** -types[i].fractional * code for code in (types[i].min_int, types[i].max_int))
            low, high = low + ends[0], high + ends[1]
            finest = max(finest, types[i].fractional + fractional_bits(factor))
        return low, high, finest


ZERO = Form({}, Fraction(0))


def fractional_bits(value: Fraction) -> int:
    """Number of fractional bits of a dyadic number; negative for multiples of two."""
    if value.denominator > 1:
        return value.denominator.bit_length() - 1
    return -((value.numerator & -value.numerator).bit_length() - 1)


def whole_code(value: Fraction, fractional: int, name: str) -> int:
    """Return the code of a value.

    Raises:
        ModelError: it is between two codes.
    """
    code = value * Fraction(2) ** fractional
    if code.denominator != 1:
        raise ModelError(
            f"{name!r} has a value {float(value):g} that is not a multiple of 2**{-fractional}; this is not understood."
        )
    return int(code)


def matrix(forms: Sequence[Form], n_in: int, name: str) -> tuple[IntArray, FixedPoint, IntArray, FixedPoint]:
    """Write sums as an affine map: weights ``(n_in, n_out)`` and their type, biases ``(n_out,)`` and their type.

    Raises:
        ModelError: factors that need more than 62 bits.
    """
    weight = np.zeros((n_in, len(forms)), dtype=object)
    for j, form in enumerate(forms):
        for i, factor in form.factors.items():
            weight[i, j] = factor
    bias = np.array([form.constant for form in forms], dtype=object)
    return (*_quantised(weight, name), *_quantised(bias, name))


def _quantised(values: NDArray[np.object_], name: str) -> tuple[IntArray, FixedPoint]:
    """Write dyadic numbers as codes of the narrowest signed type that holds them."""
    fractional = max((fractional_bits(Fraction(v)) for v in values.ravel() if v), default=0)
    codes = np.vectorize(lambda v: whole_code(Fraction(v), fractional, name), otypes=[object])(values)
    width = signed_width(Interval(int(codes.min()), int(codes.max())))
    if width > MAX_WIDTH:
        raise ModelError(f"{name!r} has factors of more than {MAX_WIDTH} bits; this is not a trigger network.")
    return codes.astype(np.int64), FixedPoint(True, width, width - fractional)
