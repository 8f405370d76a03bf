"""Describe fixed-point types and quantise to them exactly as ``ap_fixed`` does.

A value of type ``ap_fixed<W, I, Q, O>`` is an integer of ``W`` bits times ``2 ** (I - W)``; ``I`` counts the sign bit of a
signed type. All arithmetic here is on those integers (``int64``), so that nothing depends on a float's rounding.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.errors import ConfigError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

#: Widest type whose every value, and every sum this project makes of them, fits the int64 arithmetic used here.
MAX_WIDTH = 62
#: Significand of the float64 numbers in which sums that float32 cannot hold are compared.
FLOAT64_BITS = 53


class Rounding(enum.Enum):
    """What happens to bits below the step; the values are the HLS names without ``AP_``."""

    TRN = "TRN"
    TRN_ZERO = "TRN_ZERO"
    RND = "RND"
    RND_ZERO = "RND_ZERO"
    RND_INF = "RND_INF"
    RND_MIN_INF = "RND_MIN_INF"
    RND_CONV = "RND_CONV"


class Overflow(enum.Enum):
    """What happens to values out of range; the values are the HLS names without ``AP_``."""

    WRAP = "WRAP"
    SAT = "SAT"
    SAT_ZERO = "SAT_ZERO"
    SAT_SYM = "SAT_SYM"


_TYPE = re.compile(
    r"^\s*(?:ap_)?(?P<kind>u?fixed|u?int)\s*<\s*(?P<args>[^<>]*)>\s*$",
)


def shift_right(value: IntArray, bits: int, rounding: Rounding) -> IntArray:
    """Divide integers by ``2 ** bits`` with one of the rounding modes of ``ap_fixed``.

    Args:
        value: integers, any shape.
        bits: how many bits go; 0 or negative shifts left, which is exact.
        rounding: what to do with the bits that go.

    Returns:
        Integers of the same shape.
    """
    if bits <= 0:
        return value << np.int64(-bits)
    if bits > MAX_WIDTH:
        return shift_right(_fold(value, bits - MAX_WIDTH), MAX_WIDTH, rounding)
    one = np.int64(1)
    floor = value >> np.int64(bits)
    rest = value & ((one << np.int64(bits)) - one)
    half = one << np.int64(bits - 1)
    match rounding:
        case Rounding.TRN:
            return floor
        case Rounding.TRN_ZERO:
            return floor + ((value < 0) & (rest != 0))
        case Rounding.RND:
            return floor + (rest >= half)
        case Rounding.RND_MIN_INF:
            return floor + (rest > half)
        case Rounding.RND_ZERO:
            return floor + ((rest > half) | ((rest == half) & (value < 0)))
        case Rounding.RND_INF:
            return floor + ((rest > half) | ((rest == half) & (value >= 0)))
        case Rounding.RND_CONV:
            return floor + ((rest > half) | ((rest == half) & ((floor & one) == one)))


def _fold(value: IntArray, bits: int) -> IntArray:
    """Drop low bits but keep whether any of them was set (a sticky bit), for shifts wider than the word."""
    bits = min(bits, MAX_WIDTH)
    sticky = (value & ((np.int64(1) << np.int64(bits)) - np.int64(1))) != 0
    return (value >> np.int64(bits)) | sticky.astype(np.int64)


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """One fixed-point type, as ``ap_fixed<width, integer, rounding, overflow>``.

    Attributes:
        signed: two's complement when true.
        width: number of bits, 1 to 62.
        integer: bits left of the binary point, the sign bit included; may be negative or exceed ``width``.
        rounding: mode for bits below the step.
        overflow: mode for values out of range.

    >>> FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>").to_int([0.03125, 0.09375, 9.0]).tolist()
    [0, 2, 127]
    >>> FixedPoint.parse("ap_ufixed<4,4>").cast(37, fractional=1).tolist()  # 18.5: truncated, then wrapped
    2
    """

    signed: bool
    width: int
    integer: int
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise ConfigError(f"A fixed-point width must be 1 to {MAX_WIDTH} bits, got {self.width!r}; choose one in that range.")
        if not -256 <= self.integer <= 256:
            raise ConfigError(f"The integer bits of a fixed-point type must be -256 to 256, got {self.integer!r}.")

    @classmethod
    def parse(cls, text: str) -> FixedPoint:
        """Read ``ap_fixed<8,4,AP_RND_CONV,AP_SAT>``, ``ufixed<8,3>`` or ``ap_int<12>``.

        Args:
            text: the type as HLS writes it; the ``ap_``/``AP_`` prefixes may be left out, a sixth saturation-bits
                argument only if it is 0.

        Returns:
            The type.

        Raises:
            ConfigError: the text is no such type.
        """
        match = _TYPE.match(text)
        if match is None:
            raise ConfigError(f"Expected a type like 'ap_fixed<8,4,AP_RND_CONV,AP_SAT>', got {text!r}.")
        kind, args = match["kind"], [part.strip() for part in match["args"].split(",")]
        try:
            return cls._from_args(kind, args)
        except (ValueError, IndexError):
            raise ConfigError(f"Expected a type like 'ap_fixed<8,4,AP_RND_CONV,AP_SAT>', got {text!r}.") from None

    @classmethod
    def _from_args(cls, kind: str, args: list[str]) -> FixedPoint:
        signed = not kind.startswith("u")
        width = int(args[0])
        if kind.endswith("int"):
            if len(args) != 1:
                raise ValueError
            return cls(signed, width, width)
        if len(args) > 5 or (len(args) == 5 and int(args[4]) != 0):
            raise ValueError
        rounding = Rounding(args[2].removeprefix("AP_")) if len(args) > 2 else Rounding.TRN
        overflow = Overflow(args[3].removeprefix("AP_")) if len(args) > 3 else Overflow.WRAP
        return cls(signed, width, int(args[1]), rounding, overflow)

    def __str__(self) -> str:
        name = "ap_fixed" if self.signed else "ap_ufixed"
        modes = "" if self._default_modes else f",AP_{self.rounding.value},AP_{self.overflow.value}"
        return f"{name}<{self.width},{self.integer}{modes}>"

    @property
    def _default_modes(self) -> bool:
        return self.rounding is Rounding.TRN and self.overflow is Overflow.WRAP

    @classmethod
    def from_kif(
        cls,
        keep_negative: bool,
        integer: int,
        fractional: int,
        rounding: Rounding = Rounding.TRN,
        overflow: Overflow = Overflow.WRAP,
    ) -> FixedPoint:
        """Make a type from the form alkaid and HGQ2 use: the sign bit is not counted in ``integer``."""
        return cls(
            bool(keep_negative), int(keep_negative) + integer + fractional, int(keep_negative) + integer, rounding, overflow
        )

    @property
    def kif(self) -> tuple[bool, int, int]:
        """Form ``(keep_negative, integer bits without the sign, fractional bits)``."""
        return self.signed, self.integer - int(self.signed), self.fractional

    @classmethod
    def from_quantized_bits(cls, bits: int, integer: int, *, keep_negative: bool = True) -> FixedPoint:
        """Return the type of QKeras' ``quantized_bits(bits, integer, keep_negative, alpha=1)``: it rounds half to even and saturates."""
        return cls(keep_negative, bits, integer + int(keep_negative), Rounding.RND_CONV, Overflow.SAT)

    @classmethod
    def from_quantized_relu(cls, bits: int, integer: int) -> FixedPoint:
        """Return the type of QKeras' ``quantized_relu(bits, integer)``: unsigned, rounds half to even and saturates."""
        return cls(False, bits, integer, Rounding.RND_CONV, Overflow.SAT)

    @property
    def fractional(self) -> int:
        """Number of bits right of the binary point (may be negative)."""
        return self.width - self.integer

    @property
    def step(self) -> float:
        """Value of one unit in the last place."""
        return float(2.0**-self.fractional)

    @property
    def min_int(self) -> int:
        """Smallest integer code (``SAT_SYM`` can represent it, but no cast gives it)."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def symmetric_min_int(self) -> int:
        """Smallest code that a cast with ``SAT_SYM`` gives: minus the largest, but -1 for a type that is a sign only.

        The headers bring the smallest code itself to it as well, not only what is below (``ap_fixed_base::operator=``).
        """
        return -self.max_int if self.signed and self.width > 1 else self.min_int

    @property
    def max_int(self) -> int:
        """Largest integer code."""
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def min(self) -> float:
        """Smallest value."""
        return self.min_int * self.step

    @property
    def max(self) -> float:
        """Largest value."""
        return self.max_int * self.step

    def with_modes(self, rounding: Rounding, overflow: Overflow) -> FixedPoint:
        """Return the same grid with other modes."""
        return replace(self, rounding=rounding, overflow=overflow)

    def holds(self, low: int, high: int, fractional: int) -> bool:
        """Return whether every value in ``[low, high] * 2 ** -fractional`` is in range (rounding aside)."""
        shift = fractional - self.fractional
        if shift >= 0:
            return (low >> shift) >= self.min_int and -((-high) >> shift) <= self.max_int
        return (low << -shift) >= self.min_int and (high << -shift) <= self.max_int

    def cast(self, value: ArrayLike, fractional: int) -> IntArray:
        """Quantise integers on another grid to this type.

        Args:
            value: integers, any shape; they stand for ``value * 2 ** -fractional``.
            fractional: fractional bits of ``value``.

        Returns:
            This type's integer codes, same shape, int64.
        """
        codes = np.asarray(value, dtype=np.int64)
        shift = max(
            fractional - self.fractional, -MAX_WIDTH
        )  # further left, a code but 0 is out of every type's range all the same
        if shift < 0 and codes.size:
            top = int(max(abs(int(codes.max())), abs(int(codes.min()))))
            if top.bit_length() - shift > 63:
                codes = self._reduce_before_left_shift(codes, -shift)
        return self.overflowed(shift_right(codes, shift, self.rounding))

    def _reduce_before_left_shift(self, codes: IntArray, shift: int) -> IntArray:
        """Bring codes into a range in which the left shift cannot leave int64, without changing the result."""
        if self.overflow is not Overflow.WRAP:
            bound = np.int64(1) << np.int64(max(0, 62 - shift))
            return np.clip(codes, -bound, bound)
        keep = max(0, self.width - shift)
        return codes & ((np.int64(1) << np.int64(keep)) - np.int64(1))

    def overflowed(self, codes: IntArray) -> IntArray:
        """Bring integer codes on this type's own grid into range by its overflow mode."""
        low, high = np.int64(self.min_int), np.int64(self.max_int)
        match self.overflow:
            case Overflow.SAT:
                return np.clip(codes, low, high)
            case Overflow.SAT_SYM:
                return np.clip(codes, np.int64(self.symmetric_min_int), high)
            case Overflow.SAT_ZERO:
                return np.where((codes < low) | (codes > high), np.int64(0), codes)
            case Overflow.WRAP:
                mask = (np.int64(1) << np.int64(self.width)) - np.int64(1)
                wrapped = codes & mask
                if not self.signed:
                    return wrapped
                sign = np.int64(1) << np.int64(self.width - 1)
                return (wrapped ^ sign) - sign

    def from_int(self, codes: ArrayLike) -> FloatArray:
        """Return the float64 values of integer codes."""
        return np.ldexp(np.asarray(codes, dtype=np.float64), -self.fractional)

    def to_int(self, values: ArrayLike) -> IntArray:
        """Quantise float64 values to integer codes, with this type's rounding and overflow.

        The product of a float64 with a power of two is exact, so the result is that of infinite precision; values beyond
        2**62 steps are held there first (only ``WRAP`` could tell the difference).

        Args:
            values: floats, any shape, finite.

        Returns:
            Integer codes, same shape, int64.

        Raises:
            ConfigError: a value is NaN or infinite.
        """
        scaled = np.ldexp(np.asarray(values, dtype=np.float64), self.fractional)
        if not np.all(np.isfinite(scaled)):
            raise ConfigError(f"Cannot quantise NaN or infinity to {self}; clean the values first.")
        return self.overflowed(_round_float(np.clip(scaled, -(2.0**62), 2.0**62), self.rounding))

    def quantise(self, values: ArrayLike) -> FloatArray:
        """Return the nearest representable float64 values, by this type's modes."""
        return self.from_int(self.to_int(values))


def _round_float(value: FloatArray, rounding: Rounding) -> IntArray:
    """Round floats to integers by a mode; exact, since ``floor`` and the remainder are."""
    floor = np.floor(value)
    rest = value - floor
    match rounding:
        case Rounding.TRN:
            up = np.zeros(value.shape, dtype=bool)
        case Rounding.TRN_ZERO:
            up = (value < 0) & (rest > 0)
        case Rounding.RND:
            up = rest >= 0.5
        case Rounding.RND_MIN_INF:
            up = rest > 0.5
        case Rounding.RND_ZERO:
            up = (rest > 0.5) | ((rest == 0.5) & (value < 0))
        case Rounding.RND_INF:
            up = (rest > 0.5) | ((rest == 0.5) & (value >= 0))
        case Rounding.RND_CONV:
            up = (rest > 0.5) | ((rest == 0.5) & (np.mod(floor, 2) == 1))
    return np.asarray(floor, dtype=np.int64) + up
