"""Code hardware counts as small floating-point numbers: fine where most objects are, a few steps an octave in the tail.

A linear input of six bits saturates at some ten GeV, which is where a trigger begins to look. A minifloat of five bits reaches
eight octaves for the price of a priority encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import IntArray


@dataclass(frozen=True, slots=True)
class Minifloat:
    """Describe a code of ``octaves * 2 ** mantissa_bits`` values: linear below ``2 ** linear_bits`` counts, then ``2 ** mantissa_bits`` steps an octave.

    For a count ``v`` in octave ``e`` (0 below ``2 ** linear_bits``, else ``floor(log2(v)) - linear_bits``) the code is
    ``(v >> (linear_bits - mantissa_bits + e)) + e * 2 ** mantissa_bits``; beyond the last octave it stays at its largest value, below 0
    the linear part goes on. Larger counts never have smaller codes.

    Attributes:
        linear_bits: counts below ``2 ** linear_bits`` are coded linearly.
        mantissa_bits: bits below the leading one that are kept.
        octaves: how many factors of two the code spans, the linear part being the first.
    """

    linear_bits: int
    mantissa_bits: int
    octaves: int

    def __post_init__(self) -> None:
        if not 0 <= self.mantissa_bits <= self.linear_bits <= 30 or not 1 <= self.octaves <= 31 - self.linear_bits:
            raise LayoutError(
                "A minifloat needs mantissa_bits from 0 to linear_bits, linear_bits up to 30 and at least one octave that ends below 2 ** 31, got "
                f"linear_bits {self.linear_bits!r}, mantissa_bits {self.mantissa_bits!r}, octaves {self.octaves!r}; its codes would lose their order."
            )

    @property
    def largest(self) -> int:
        """Largest code."""
        return (self.octaves << self.mantissa_bits) - 1

    @property
    def top(self) -> int:
        """Count at which larger ones are held: the last of the last octave."""
        return (1 << (self.linear_bits + self.octaves - 1)) - 1

    def encode(self, counts: IntArray) -> IntArray:
        """Code counts; int64, same shape."""
        held = np.minimum(np.asarray(counts, dtype=np.int64), self.top)
        octave = np.zeros(held.shape, dtype=np.int64)
        for e in range(1, self.octaves - 1):
            octave += held >= (1 << (self.linear_bits + e))
        # The first octave above the linear part has its step: both are octave 0 of the formula.
        return (held >> (self.linear_bits - self.mantissa_bits + octave)) + (octave << self.mantissa_bits)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"linear_bits": self.linear_bits, "mantissa_bits": self.mantissa_bits, "octaves": self.octaves}
