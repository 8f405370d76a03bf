"""Constants of an ONNX graph: which are on a grid, and the type that holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, Overflow, Rounding
from l1ad.core.network import Activation
from l1ad.graph import Interval, signed_width
from l1ad.qkeras.importing.onnx_file import OnnxNode
from l1ad.qkeras.importing.quantisers import Quantiser


@dataclass(frozen=True, slots=True, eq=False)
class Constant:
    """Values, and whether a quantiser made them what they are."""

    values: FloatArray
    quantised: bool


def are_powers(values: FloatArray) -> bool:
    """Return whether all values are 0 or powers of two, with either sign: factors that need no quantiser."""
    return bool(np.isin(np.abs(np.frexp(values)[0]), (0.0, 0.5)).all())


def exponent_of(scale: FloatArray, node: OnnxNode) -> int:
    """Return the power of two that a scale is; the first, where there are several.

    Raises:
        ModelError: one is none.
    """
    exponent = np.frexp(scale)[1]
    if not scale.size or not are_powers(scale) or (scale <= 0).any() or np.abs(exponent).max() > MAX_WIDTH:
        raise ModelError(
            f"Node {node.name!r} ({node.kind}) has a scale {float(np.ravel(scale)[0]) if scale.size else 0.0:g} that is no power of two, so that it cannot be "
            "converted exactly; train it with power-of-two scales."
        )
    return int(np.ravel(exponent)[0]) - 1


def spread(values: FloatArray, n: int, node: OnnxNode) -> FloatArray:
    """Give a constant one value for each output."""
    flat = values.reshape(-1)
    if len(flat) not in (1, n):
        raise ModelError(
            f"Node {node.name!r} ({node.kind}) has a constant of shape {values.shape!r} for {n} values; only one for each is imported."
        )
    return np.broadcast_to(flat, (n,)).astype(np.float64)


def require_finite(values: FloatArray, node: OnnxNode) -> None:
    """Refuse constants that are no numbers.

    Raises:
        ModelError: one is not finite.
    """
    if not np.isfinite(values).all():
        raise ModelError(f"Node {node.name!r} ({node.kind}) has values that are not all finite; train the model again.")


def holding(constant: Constant, node: OnnxNode) -> Quantiser | None:
    """Return a quantiser whose type holds all values exactly; None for values that nobody quantised."""
    if not constant.quantised:
        return None
    values = constant.values
    require_finite(values, node)
    ratios = [value.as_integer_ratio() for value in np.unique(values).tolist()]
    fractional = max((denominator.bit_length() - 1 for _, denominator in ratios), default=0)
    codes = [numerator << (fractional + 1 - denominator.bit_length()) for numerator, denominator in ratios]
    width = max(2, signed_width(Interval(min(codes, default=0), max(codes, default=0))))
    if width > MAX_WIDTH:
        raise ModelError(f"Node {node.name!r} ({node.kind}) has values that need {width} bits; this is not a trigger network.")
    return Quantiser(Activation.LINEAR, FixedPoint(True, width, width - fractional, Rounding.RND_CONV, Overflow.SAT))
