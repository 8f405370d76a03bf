"""Interval arithmetic on integers of any size, with the roundings and overflows of ``ap_fixed``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow, Rounding


def round_shift(value: int, bits: int, rounding: Rounding) -> int:
    """Divide one integer by ``2 ** bits`` as ``fixed.shift_right`` does, without a limit on its size."""
    if bits <= 0:
        return value << -bits
    floor, rest, half = value >> bits, value & ((1 << bits) - 1), 1 << (bits - 1)
    match rounding:
        case Rounding.TRN:
            up = False
        case Rounding.TRN_ZERO:
            up = value < 0 and rest != 0
        case Rounding.RND:
            up = rest >= half
        case Rounding.RND_MIN_INF:
            up = rest > half
        case Rounding.RND_ZERO:
            up = rest > half or (rest == half and value < 0)
        case Rounding.RND_INF:
            up = rest > half or (rest == half and value >= 0)
        case Rounding.RND_CONV:
            up = rest > half or (rest == half and floor % 2 == 1)
    return floor + up


def smallest_type(
    low: int, high: int, fractional: int, rounding: Rounding = Rounding.TRN, overflow: Overflow = Overflow.WRAP
) -> FixedPoint | None:
    """Return the narrowest type that holds codes in ``[low, high]``; None when that is more than 62 bits.

    Args:
        low: smallest code.
        high: largest code.
        fractional: fractional bits of the codes and of the type.
        rounding: the type's rounding.
        overflow: the type's overflow.
    """
    signed = low < 0
    width = max(1, int(signed) + max(high.bit_length(), (-low - 1).bit_length() if signed else 0))
    return FixedPoint(signed, width, width - fractional, rounding, overflow) if width <= MAX_WIDTH else None


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers from ``low`` to ``high``, both included."""

    low: int
    high: int

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    @property
    def magnitude(self) -> int:
        """The largest absolute value."""
        return max(abs(self.low), abs(self.high))

    def times(self, factor: int) -> Interval:
        """Multiply by a constant."""
        a, b = self.low * factor, self.high * factor
        return Interval(min(a, b), max(a, b))

    def product(self, other: Interval) -> Interval:
        """Multiply by an independent interval."""
        corners = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(corners), max(corners))

    def squared(self) -> Interval:
        """Multiply by itself."""
        low = 0 if self.low <= 0 <= self.high else min(abs(self.low), abs(self.high)) ** 2
        return Interval(low, self.magnitude**2)

    def hull(self, other: Interval) -> Interval:
        """Return the smallest interval with both in it."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def rectified(self) -> Interval:
        """Replace negative values by 0."""
        return Interval(max(self.low, 0), max(self.high, 0))

    def rounded(self, bits: int, rounding: Rounding) -> Interval:
        """Divide by ``2 ** bits``; every rounding mode keeps order, so the ends stay the ends."""
        return Interval(round_shift(self.low, bits, rounding), round_shift(self.high, bits, rounding))

    def fits(self, type_: FixedPoint) -> bool:
        """Return whether every value is a code of a type."""
        return type_.min_int <= self.low and self.high <= type_.max_int

    def overflowed(self, type_: FixedPoint) -> Interval:
        """Bring codes into a type's range by its overflow mode; the hull where the result has gaps."""
        low, high = type_.min_int, type_.max_int
        match type_.overflow:
            case Overflow.SAT:
                return Interval(min(max(self.low, low), high), min(max(self.high, low), high))
            case Overflow.SAT_SYM:
                low = type_.symmetric_min_int
                return Interval(min(max(self.low, low), high), min(max(self.high, low), high))
            case Overflow.SAT_ZERO:
                inside = self._clipped(low, high)
                if inside == self:
                    return self
                return Interval(0, 0) if inside is None else inside.hull(Interval(0, 0))
            case Overflow.WRAP:
                turns = (self.low - low) >> type_.width
                if turns != (self.high - low) >> type_.width:
                    return Interval(low, high)
                return Interval(self.low - (turns << type_.width), self.high - (turns << type_.width))

    def _clipped(self, low: int, high: int) -> Interval | None:
        a, b = max(self.low, low), min(self.high, high)
        return Interval(a, b) if a <= b else None

    def cast(self, type_: FixedPoint, fractional: int) -> Interval:
        """Quantise as ``FixedPoint.cast``: values ``* 2 ** -fractional`` to codes of a type."""
        return self.rounded(fractional - type_.fractional, type_.rounding).overflowed(type_)

    def folded(self, turn: int) -> Interval:
        """Add a turn once below minus half a turn, take one from half a turn on."""
        first, end = -(turn // 2), -(-turn // 2)
        pieces = []
        for low, high, added in ((self.low, first - 1, turn), (first, end - 1, 0), (end, self.high, -turn)):
            piece = self._clipped(low, high)
            if piece is not None:
                pieces.append(Interval(piece.low + added, piece.high + added))
        return hull(pieces)


def hull(intervals: Iterable[Interval]) -> Interval:
    """Return the smallest interval with all of them in it.

    Args:
        intervals: at least one.
    """
    every = list(intervals)
    return Interval(min(i.low for i in every), max(i.high for i in every))


def total(intervals: Iterable[Interval]) -> Interval:
    """Add up intervals; nothing gives 0."""
    every = list(intervals)
    return Interval(sum(i.low for i in every), sum(i.high for i in every))


def signed_width(*ranges: Interval) -> int:
    """Return the bits of the narrowest signed integer that holds every range."""
    return max((end if end >= 0 else -end - 1).bit_length() for i in ranges for end in (i.low, i.high)) + 1
