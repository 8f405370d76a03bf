"""Read QKeras' quantisers from a file: a dictionary or a call written as text, parsed and never evaluated."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow
from l1ad.core.network import Activation
from l1ad.qkeras.importing.few_values import FEW_VALUES, Rounded, few_values
from l1ad.qkeras.importing.fields import class_name, number, whole

#: Arguments in the order in which they may be written without a name, with QKeras 0.9.0's defaults.
_BITS_ARGUMENTS = {
    "bits": 8,
    "integer": 0,
    "symmetric": 0,
    "keep_negative": True,
    "alpha": None,
    "use_stochastic_rounding": False,
}
_RELU_ARGUMENTS = {
    "bits": 8,
    "integer": 0,
    "use_sigmoid": 0,
    "negative_slope": 0.0,
    "use_stochastic_rounding": False,
    "relu_upper_bound": None,
}
#: Arguments that do not change what is computed; of those at the end, as long as they have this value.
_HARMLESS = {"scale_axis", "var_name", "use_ste", "use_variables", "is_quantized_clip", "qnoise_factor", "post_training_scale"}
#: Longest call that is read as text.
_MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Quantiser:
    """What a quantiser does.

    Attributes:
        activation: what it does before it quantises.
        type: the type it quantises to; None for none (a plain ReLU).
        negative_slope: slope of a leaky ReLU, whose negative values the type does not hold.
        bound: largest value after quantising; None for the type's own end.
        bound_is_sure: whether the description says that the bound counts.
        rounded: finds the values of weights where that is not rounding to the type; None where it is.
    """

    activation: Activation
    type: FixedPoint | None
    negative_slope: float = 0.0
    rounded: Rounded | None = None
    bound: float | None = None
    bound_is_sure: bool = True


def parse_quantiser(description: Any, where: str, *, data_scale: bool = False, weights: bool = False) -> Quantiser | None:
    """Read a quantiser.

    Args:
        description: a Keras dictionary, a call as text such as ``quantized_bits(6,1,alpha=1)``, a quantiser that was read before, or None.
        where: whose it is, for messages.
        data_scale: whether QKeras makes alpha None a scale that depends on the data, as it does for a kernel.
        weights: whether it quantises weights, which may have few values (binary, ternary, powers of two).

    Returns:
        The quantiser; None for none and for ``linear``.

    Raises:
        ModelError: it is not understood, or not exactly convertible.
    """
    if description is None or description == "linear":
        return None
    if isinstance(description, Quantiser):
        return description
    name, arguments = _call(description, where)
    if name == "relu":
        return Quantiser(Activation.RELU, None)
    if name == "quantized_bits":
        return _bits(_complete(_BITS_ARGUMENTS, arguments, name, where), where, data_scale)
    if name == "quantized_relu":
        return _relu(_complete(_RELU_ARGUMENTS, arguments, name, where), where, as_text=isinstance(description, str))
    if weights and name in FEW_VALUES:
        return _few(name, _complete(FEW_VALUES[name], arguments, name, where), where, data_scale)
    raise ModelError(
        f"{where} uses {name!r}, which cannot be converted exactly; use quantized_bits or quantized_relu with alpha=1."
    )


def _call(description: Any, where: str) -> tuple[str, dict[str | int, Any]]:
    if isinstance(description, Mapping) and "class_name" in description:
        config = description.get("config") or {}
        return class_name(description), dict(config) if isinstance(config, Mapping) else {}
    if isinstance(description, str) and len(description) <= _MAX_TEXT:
        return _parsed_text(description, where)
    raise ModelError(f"{where} has a quantiser that is not understood: {description!r}; use quantized_bits or quantized_relu.")


def _parsed_text(text: str, where: str) -> tuple[str, dict[str | int, Any]]:
    try:
        tree = ast.parse(text, mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, {}
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            raise ValueError
        positional: dict[str | int, Any] = {i: ast.literal_eval(value) for i, value in enumerate(tree.args)}
        return tree.func.id, positional | {str(k.arg): ast.literal_eval(k.value) for k in tree.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ModelError(
            f"{where} has a quantiser that is not understood: {text!r}; use quantized_bits or quantized_relu."
        ) from None


def _complete(defaults: Mapping[str, Any], given: Mapping[str | int, Any], name: str, where: str) -> dict[str, Any]:
    names = list(defaults)
    out = dict(defaults)
    for key, value in given.items():
        if isinstance(key, int) and key >= len(names):
            raise ModelError(f"{where}: {name} has {key + 1} arguments without a name, which is not understood; name them.")
        argument = names[key] if isinstance(key, int) else key
        if argument not in defaults and argument not in _HARMLESS:
            raise ModelError(f"{where}: argument {argument!r} of {name} is not understood; the import knows {names!r}.")
        out[argument] = value
    _require_deterministic(out, where)
    return out


def _require_deterministic(arguments: Mapping[str, Any], where: str) -> None:
    """Refuse what is neither full quantisation nor the same for every event."""
    noise, scale = arguments.get("qnoise_factor", 1.0), arguments.get("post_training_scale")
    if noise != 1.0:
        raise ModelError(f"{where}: qnoise_factor must be 1 (full quantisation), got {noise!r}; finish the training first.")
    if arguments["use_stochastic_rounding"]:
        raise ModelError(f"{where} rounds at random (use_stochastic_rounding), which no chip does; train it without.")
    if scale is not None:
        raise ModelError(f"{where} has post_training_scale {scale!r}: its scale is not 1; train with alpha=1 and without it.")


def _few(name: str, arguments: Mapping[str, Any], where: str, data_scale: bool) -> Quantiser:
    if name != "quantized_po2":
        _require_unit_scale(arguments["alpha"], where, data_scale)
    type_, rounded = few_values(name, arguments, where)
    return Quantiser(Activation.LINEAR, type_, rounded=rounded)


def _require_unit_scale(alpha: Any, where: str, data_scale: bool) -> None:
    if isinstance(alpha, bool) or (alpha != 1 and (alpha is not None or data_scale)):
        raise ModelError(
            f"{where} has alpha {alpha!r}: its scale is not 1, so that it cannot be converted exactly; train with alpha=1."
        )


def _bits(arguments: Mapping[str, Any], where: str, data_scale: bool) -> Quantiser:
    _require_unit_scale(arguments["alpha"], where, data_scale)
    type_ = FixedPoint.from_quantized_bits(
        *_widths(arguments, where), keep_negative=bool(number(arguments, "keep_negative", 1, where))
    )
    if type_.width - int(type_.signed) < 1:
        raise ModelError(f"{where} is a binary quantiser (1 bit), which is not a fixed-point type; use at least 2 bits.")
    return Quantiser(Activation.LINEAR, replace(type_, overflow=Overflow.SAT_SYM) if arguments["symmetric"] else type_)


def _relu(arguments: Mapping[str, Any], where: str, *, as_text: bool) -> Quantiser:
    if arguments["use_sigmoid"]:
        raise ModelError(f"{where} is a quantized_relu with use_sigmoid, which is not a ReLU; train it without.")
    type_ = FixedPoint.from_quantized_relu(*_widths(arguments, where))
    slope = number(arguments, "negative_slope", 0.0, where)
    if slope and (math.frexp(slope)[0] != 0.5 or not 2.0 ** (1 - type_.width) <= slope <= 1 or type_.width < 2):
        raise ModelError(
            f"{where} is a quantized_relu of {type_.width} bits with negative_slope {slope:g}, expected a power of two from "
            f"{2.0 ** (1 - type_.width):g} to 1; train it with such a slope."
        )
    bound, sure = _upper_bound(arguments, type_, where, as_text=as_text)
    return Quantiser(Activation.RELU, type_, slope, bound=bound, bound_is_sure=sure)


def _upper_bound(arguments: Mapping[str, Any], type_: FixedPoint, where: str, *, as_text: bool) -> tuple[float | None, bool]:
    """Return the bound that QKeras puts on quantised values, in float32, and whether it is sure that it does.

    ``is_quantized_clip``, true unless it is written, makes QKeras ignore ``relu_upper_bound``; QKeras does not save it.
    """
    bound, clip = arguments["relu_upper_bound"], arguments.get("is_quantized_clip")
    if bound is None or clip or (clip is None and as_text):
        return None, True
    value = float(np.float32(number(arguments, "relu_upper_bound", 0, where)))
    if value < 0:
        raise ModelError(f"{where} has relu_upper_bound {bound!r}, expected a number above 0; train it with one.")
    return (value, clip is not None) if 0 < value < type_.max else (None, True)


def _widths(arguments: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Read bits and integer bits; none is not a default here but a file that is damaged."""
    bits, integer = whole(arguments, "bits", 0, where), whole(arguments, "integer", 0, where)
    if not 1 <= bits <= MAX_WIDTH or abs(integer) > MAX_WIDTH:
        raise ModelError(f"{where} has {bits} bits, {integer} of them integer; only 1 to {MAX_WIDTH} bits can be imported.")
    return bits, integer
