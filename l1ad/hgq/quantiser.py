"""Understand HGQ2's fixed-point quantisers: a sign, integer and fractional bits for each element, and what they make of an array.

In the version that is read (0.2.0, ``hgq/quantizer/internal/fixed_point_quantizer.py``) the bits are trained numbers, rounded half to even; ``kif``
holds integer and fractional bits, ``kbi`` bits and integer bits, the sign not counted. An element without bits is 0. Values below the
largest negative of ``SAT_SYM`` are held there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError, nearest
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, IntArray, Overflow, Rounding

#: What HGQ2 calls the modes; the stochastic ones are so in training only.
_ROUNDING = {mode.value: mode for mode in Rounding} | {f"S_{mode.value}": mode for mode in Rounding}
_OVERFLOW = {mode.value: mode for mode in (Overflow.WRAP, Overflow.SAT, Overflow.SAT_SYM)}
_NUMBER = re.compile(r"^quantizer/vars/(\d+)$")


@dataclass(frozen=True, slots=True, eq=False)
class Quantiser:
    """A quantiser.

    Attributes:
        keep_negative: whether negative values are kept, for each element.
        integer: integer bits without the sign.
        fractional: fractional bits.
        rounding: of all elements.
        overflow: of all elements.
        only_rounds: whether values out of range are kept: weights of ``WRAP``, which are not wrapped.
    """

    keep_negative: IntArray
    integer: IntArray
    fractional: IntArray
    rounding: Rounding
    overflow: Overflow
    only_rounds: bool

    def types(self, n: int, where: str) -> tuple[FixedPoint | None, ...]:
        """Return the type of each of ``n`` elements; None for one that is always 0.

        Raises:
            ModelError: bits for another number of elements, or a type that is too wide.
        """
        if self.integer.size not in (1, n):
            raise ModelError(f"{where} has a quantiser of {self.integer.size} elements, expected 1 or {n}; save the model again.")
        rows = np.broadcast_to(np.stack([self.keep_negative.ravel(), self.integer.ravel(), self.fractional.ravel()]), (3, n)).T
        return tuple(self._type(bool(k), int(i), int(f), where) for k, i, f in rows)

    def _type(self, negative: bool, integer: int, fractional: int, where: str) -> FixedPoint | None:
        bits = max(integer, -fractional) + fractional
        if negative + integer + fractional <= 0 or (bits == 0 and self.overflow is Overflow.SAT_SYM):
            return None
        if negative + bits > MAX_WIDTH:
            raise ModelError(f"{where} has an element of {negative + bits} bits; at most {MAX_WIDTH} are imported.")
        return FixedPoint.from_kif(negative, bits - fractional, fractional, self.rounding, self.overflow)

    def codes(self, values: FloatArray, where: str) -> tuple[IntArray, int]:
        """Quantise an array of weights.

        Args:
            values: float32 numbers.
            where: whose they are, for messages.

        Returns:
            Integer codes, same shape, and their common fractional bits: the fewest that hold all.

        Raises:
            ModelError: as ``types``, or values that are not finite.
        """
        if not np.isfinite(values).all():
            raise ModelError(f"{where} has values that are not finite; train the model again.")
        if self.only_rounds:
            fractional = np.broadcast_to(self.fractional, values.shape).ravel()
            rounded = [(_rounded(v, int(f), self.rounding), int(f)) for v, f in zip(values.ravel(), fractional, strict=True)]
        else:
            kinds = [_element(a, values.shape) for a in (self.keep_negative, self.integer, self.fractional)]
            types = [self._type(bool(k), int(i), int(f), where) for k, i, f in zip(*kinds, strict=True)]
            rounded = [(0, 0) if t is None else (_cast(v, t), t.fractional) for v, t in zip(values.ravel(), types, strict=True)]
        return _on_one_grid(rounded, values.shape)


def _element(bits: IntArray, shape: tuple[int, ...]) -> IntArray:
    return np.broadcast_to(bits, shape).ravel()


def _rounded(value: float, fractional: int, rounding: Rounding) -> int:
    """Round as the framework does, in float32: ``RND`` is ``floor(x + 0.5)``, where the sum may round up by itself."""
    scaled = np.float32(np.ldexp(np.float32(value), fractional))
    if rounding is Rounding.RND:
        return int(np.floor(scaled + np.float32(0.5)))
    return int(FixedPoint(True, MAX_WIDTH, MAX_WIDTH, rounding, Overflow.SAT).to_int(float(scaled)))


def _cast(value: float, type_: FixedPoint) -> int:
    if type_.overflow is not Overflow.WRAP:  # held in range first, as HGQ2 does
        low = type_.symmetric_min_int if type_.overflow is Overflow.SAT_SYM else type_.min_int
        value = min(max(value, float(type_.from_int(low))), type_.max)
    return int(type_.overflowed(np.asarray(_rounded(value, type_.fractional, type_.rounding))))


def _on_one_grid(rounded: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[IntArray, int]:
    finest = max((f - _trailing_zeros(code) for code, f in rounded if code), default=0)
    codes = [code << (finest - f) if finest >= f else code >> (f - finest) for code, f in rounded]
    return np.array(codes, dtype=np.int64).reshape(shape), finest


def _trailing_zeros(code: int) -> int:
    return (code & -code).bit_length() - 1


def read_quantiser(entry: Any, arrays: Mapping[str, FloatArray], where: str) -> Quantiser:
    """Interpret a quantiser.

    Args:
        entry: its serialised configuration.
        arrays: its arrays, ``quantizer/vars/0`` and so on.
        where: whose it is, for messages.

    Raises:
        ModelError: no fixed-point quantiser, a mode that has no hardware type, or arrays that do not fit.
    """
    config = entry.get("config") if isinstance(entry, Mapping) else None
    if not isinstance(config, Mapping) or config.get("q_type") not in ("kif", "kbi"):
        kind = config.get("q_type") if isinstance(config, Mapping) else entry
        raise ModelError(f"{where} has a quantiser of type {kind!r}; only HGQ2's fixed-point types 'kif' and 'kbi' are imported.")
    if config.get("scaler") not in (None, 1, 1.0) or config.get("affine") is not None:
        raise ModelError(f"{where} has a quantiser that scales its values; train it without scaler and affine.")
    rounding = _mode(config, "round_mode", _ROUNDING, where)
    overflow = _mode(config, "overflow_mode", _OVERFLOW, where)
    k, first, second = _bits(config, overflow, arrays, where)
    weight = bool(config.get("is_weight")) and overflow is Overflow.WRAP and bool(config.get("trainable", True))
    only_rounds = weight and (config["q_type"] == "kif" or rounding is Rounding.RND)
    integer = first if config["q_type"] == "kif" else second
    fractional = second if config["q_type"] == "kif" else first - second
    return Quantiser(k, integer, fractional, rounding, overflow, only_rounds)


def _mode(config: Mapping[str, Any], key: str, known: Mapping[str, Any], where: str) -> Any:
    text = str(config.get(key)).upper()
    if text not in known:
        raise ModelError(f"{where} has {key} {text!r}, which is not a hardware type's; {nearest(text, known)}")
    return known[text]


def _bits(
    config: Mapping[str, Any], overflow: Overflow, arrays: Mapping[str, FloatArray], where: str
) -> tuple[IntArray, IntArray, IntArray]:
    """Return the sign and the two other numbers: integer and fractional bits (``kif``), or bits and integer bits (``kbi``).

    Keras numbers what is trained before what is not, each in the order it was made; integer bits of ``WRAP`` are not trained.
    """
    found = {int(match[1]): array for path, array in arrays.items() if (match := _NUMBER.match(path))}
    wrap, kif = overflow is Overflow.WRAP, config["q_type"] == "kif"
    if sorted(found) != list(range(4 if wrap else 3)):
        raise ModelError(
            f"{where} has a quantiser with {len(found)} arrays in the file, expected {4 if wrap else 3}; save it again."
        )
    trained, k, i = (found[0], found[1], found[2]) if wrap else (found[1 if kif else 0], found[2], found[0 if kif else 1])
    for array in (trained, k, i):
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > 2 * MAX_WIDTH or array.shape != k.shape:
            raise ModelError(f"{where} has a quantiser whose bits are not numbers of bits; the file is damaged.")
    trained_bits, integer = (np.rint(a).astype(np.int64) for a in (trained, i))
    return (k != 0).astype(np.int64), *((integer, trained_bits) if kif else (trained_bits, integer))
