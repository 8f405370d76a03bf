"""Read QKeras' quantisers of weights that know few values: binary, ternary and powers of two, as QKeras 0.9.0 computes them in float32."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, Overflow, Rounding
from l1ad.qkeras.importing.fields import number, whole

#: Arguments in the order in which they may be written without a name, with their defaults.
FEW_VALUES: dict[str, dict[str, Any]] = {
    "binary": {"use_01": False, "alpha": None, "use_stochastic_rounding": False},
    "ternary": {"alpha": None, "threshold": None, "use_stochastic_rounding": False, "number_of_unrolls": 5},
    "quantized_po2": {
        "bits": 8,
        "max_value": None,
        "use_stochastic_rounding": False,
        "quadratic_approximation": False,
        "log2_rounding": "rnd",
    },
}
_THRESHOLD = 0.33
#: Below this a value counts as zero (Keras' epsilon).
_EPSILON = 1e-7
#: Nearer to a half than this, the float32 logarithm of another library may round the other way.
_TIE = 1e-5
Rounded = Callable[[FloatArray], FloatArray]


def few_values(name: str, arguments: Mapping[str, Any], where: str) -> tuple[FixedPoint, Rounded]:
    """Return the type that holds a quantiser's values, and the function that finds them.

    Args:
        name: ``binary``, ``ternary`` or ``quantized_po2``.
        arguments: all of its arguments; its scale is 1.
        where: whose it is, for messages.

    Returns:
        The type, and the function: from float32 weights to values of the type.

    Raises:
        ModelError: a setting that is not understood, or values that need more than 62 bits.
    """
    if name == "binary":
        low = 0.0 if arguments["use_01"] else -1.0
        return _small(), lambda x: np.where(x < 0, low, 1.0)
    if name == "ternary":
        if isinstance(arguments["threshold"], str):
            raise ModelError(f"{where} is a ternary quantiser whose threshold depends on the data; train it with a number.")
        least = np.float32(number(arguments, "threshold", _THRESHOLD, where))
        return _small(), lambda x: np.where(np.abs(x.astype(np.float32)) >= least, np.sign(x), 0.0)
    return _powers(arguments, where)


def _small() -> FixedPoint:
    return FixedPoint(True, 2, 2, Rounding.RND_CONV, Overflow.SAT)


def _powers(arguments: Mapping[str, Any], where: str) -> tuple[FixedPoint, Rounded]:
    if arguments["quadratic_approximation"] or arguments["log2_rounding"] != "rnd":
        raise ModelError(f"{where} is a quantized_po2 with quadratic_approximation or log2_rounding, which is not imported.")
    largest, bits = arguments["max_value"], whole(arguments, "bits", 8, where)
    most = None if largest is None else number(arguments, "max_value", 1.0, where)
    span = bits - 1 - int(most is None or most > 1)
    if not 0 <= span <= 6 or (most is not None and most <= 0):
        raise ModelError(
            f"{where} is a quantized_po2 of {bits} bits and max_value {largest!r}; only up to 62 bits of range can be imported."
        )
    low, high = -(2**span), 2**span - 1
    top = high if most is None else min(high, max(low, round(math.log2(most))))
    if top + 2 - low > MAX_WIDTH:
        raise ModelError(
            f"{where} is a quantized_po2 from 2**{low} to 2**{top}, which needs more than {MAX_WIDTH} bits; use fewer."
        )
    type_ = FixedPoint(True, top + 2 - low, top + 2, Rounding.RND_CONV, Overflow.SAT)
    return type_, lambda x: _nearest_powers(x, low, high, most, where)


def _nearest_powers(x: FloatArray, low: int, high: int, most: float | None, where: str) -> FloatArray:
    """Round the logarithm half to even and hold it in range; zero counts as positive and becomes the least power."""
    size = np.abs(x.astype(np.float32)).astype(np.float64)
    held = np.maximum(size if most is None else np.minimum(size, most), _EPSILON)
    exponent = np.log2(held)
    if (np.abs(exponent - np.floor(exponent) - 0.5) < _TIE).any():
        raise ModelError(
            f"{where} has a weight half-way between two powers of two, which QKeras rounds by its float32 logarithm; move it."
        )
    found = np.where(size < _EPSILON, low, np.clip(np.rint(exponent), low, high))
    return np.where(x < 0, -1.0, 1.0) * np.exp2(found)
