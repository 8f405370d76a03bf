"""The operations of a chip, exact and on integers: what a network is lowered to and all that an interpreter has to know.

A node gives a vector of elements; each element is an integer code on a grid of its own, ``code * 2 ** -fractional``. Nothing is
rounded or overflows outside ``Cast`` and the accumulator of ``Affine``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from l1ad.core.codes import Minifloat
from l1ad.core.fixed import FixedPoint, IntArray


@dataclass(frozen=True, slots=True)
class Input:
    """Codes as they arrive, each within its own range."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    fractional: int = 0


@dataclass(frozen=True, slots=True)
class Constant:
    """Codes that never change, on a grid for each element."""

    codes: tuple[int, ...]
    fractional: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Elements of the inputs in a new order: ``(which input, which element)`` for each; concatenates, selects and repeats."""

    elements: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Add:
    """The sum of two vectors, element by element, on the finer of the two grids."""


@dataclass(frozen=True, slots=True)
class Subtract:
    """The first vector minus the second, on the finer of the two grids."""


@dataclass(frozen=True, slots=True)
class Maximum:
    """The larger of two vectors, element by element, on the finer of the two grids."""


@dataclass(frozen=True, slots=True)
class Multiply:
    """The product of two vectors, element by element; of a vector with itself, the square."""


@dataclass(frozen=True, slots=True)
class MovePoint:
    """The same codes with the binary point moved: the value divided by ``2 ** shift``, for each element."""

    shift: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    """``floor(code * numerator / denominator)``, for each element: one grid of angles put on another."""

    numerator: tuple[int, ...]
    denominator: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """Angles brought into ``[-period // 2, period - period // 2)`` by whole periods, in codes, for each element."""

    period: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """One period added below minus half of it and taken from half of it on, in codes; 0 leaves an element as it is."""

    period: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """``x @ weight + bias``: any dense, convolution or pooling layer, as one matrix.

    Attributes:
        weight: integer codes, shape ``(n_in, n_out)``.
        weight_fractional: their grid.
        bias: integer codes, shape ``(n_out,)``.
        bias_fractional: their grid.
        accumulator: type that every product, the bias and the sum are cast to; None keeps everything.
    """

    weight: IntArray
    weight_fractional: int
    bias: IntArray
    bias_fractional: int
    accumulator: FixedPoint | None = None


@dataclass(frozen=True, slots=True)
class Cast:
    """Quantise each element to its own type."""

    types: tuple[FixedPoint, ...]


@dataclass(frozen=True, slots=True)
class Encode:
    """Each element coded as a small floating-point number; None leaves it as it is. Larger codes never become smaller."""

    codes: tuple[Minifloat | None, ...]


@dataclass(frozen=True, slots=True)
class Relu:
    """Negative values become 0."""


@dataclass(frozen=True, slots=True)
class NotZero:
    """1 where an element is not 0, else 0."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """1 where a code is not below a constant, for each element, else 0."""

    least: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NotBelow:
    """1 where the first vector is not below the second, else 0; both on one grid."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The first vector where the second, which is 0 or 1, is 1, else 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """A table's entry for each element, addressed by ``code - lowest``.

    Attributes:
        entries: integer codes, shape ``(n_entries,)``.
        fractional: their grid.
        lowest: the code that addresses the first entry.
    """

    entries: IntArray
    fractional: int
    lowest: int


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of all elements, on the finest of their grids."""


@dataclass(frozen=True, slots=True)
class Weighted:
    """``x @ weight + bias`` of numbers that are given when it is run: a float network's, or the variables of a training. In real numbers only."""

    n_in: int
    n_out: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Each element held in a range without rounding. In real numbers only."""

    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A function of each element, given the elements and an exponential function. In real numbers only; chips have a ``Lookup``."""

    values: Callable[[Any, Callable[[Any], Any]], Any]


Operation = (
    Input
    | Constant
    | Gather
    | Add
    | Subtract
    | Maximum
    | Multiply
    | MovePoint
    | Ratio
    | Turn
    | Fold
    | Affine
    | Cast
    | Encode
    | Relu
    | NotZero
    | AtLeast
    | NotBelow
    | Gate
    | Lookup
    | Sum
    | Weighted
    | Hold
    | Curve
)
