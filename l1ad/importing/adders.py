"""Read a layer that hls4ml wrote as a tree of adders (distributed arithmetic): the affine map it computes, and a proof that nothing is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, IntArray
from l1ad.importing.cpp import Declarations

_FUNCTION = re.compile(r"\bvoid\s+(dense_da_\w+)\s*\(\s*\w+\s+inp\[(\d+)\]\s*,\s*\w+\s+out\[(\d+)\]\s*\)\s*\{([^{}]*)\}")
_TERM = r"(?:bit_shift<-?\d+>\()?(?:inp\[\d+\]|v\d+)\)?|ap_u?fixed<\d+,\s*-?\d+>\(-?\d+(?:\.\d+)?(?:e-?\d+)?\)|-?\d+(?:\.\d+)?"
_STATEMENT = re.compile(rf"(?:(ap_u?fixed<\d+,\s*-?\d+>)\s+(v\d+)|out\[(\d+)\])\s*=\s*(-?)\s*({_TERM})(?:\s*([-+])\s*({_TERM}))?")
_SHIFTED = re.compile(r"bit_shift<(-?\d+)>\((.*)\)")
_MOST_STATEMENTS = 200_000


@dataclass(frozen=True, slots=True)
class Adders:
    """The body of a function that adds shifted inputs."""

    n_in: int
    n_out: int
    body: str


@dataclass(frozen=True, slots=True)
class Form:
    """A sum of inputs times factors, and a constant."""

    factors: dict[int, Fraction]
    constant: Fraction

    def plus(self, other: Form, times: Fraction) -> Form:
        """Add another one, times a factor."""
        found = dict(self.factors)
        for i, factor in other.factors.items():
            found[i] = found.get(i, Fraction(0)) + times * factor
        return Form({i: factor for i, factor in found.items() if factor}, self.constant + times * other.constant)


_ZERO = Form({}, Fraction(0))


def adder_functions(plain: str) -> dict[str, Adders]:
    """Find such functions in a text without comments, by name."""
    return {name: Adders(int(n_in), int(n_out), body) for name, n_in, n_out, body in _FUNCTION.findall(plain)}


def affine_map(adders: Adders, name: str, inputs: list[FixedPoint]) -> tuple[IntArray, FixedPoint, IntArray, FixedPoint]:
    """Find the affine map that a tree of adders computes.

    Args:
        adders: the function.
        name: its name, for messages.
        inputs: type of each input.

    Returns:
        Weights ``(n_in, n_out)`` and their type, biases ``(n_out,)`` and their type.

    Raises:
        ModelError: a statement is not understood, or a sum could leave its type.
    """
    known: dict[str, Form] = {f"inp[{i}]": Form({i: Fraction(1)}, Fraction(0)) for i in range(adders.n_in)}
    outputs: dict[int, Form] = {}
    statements = [" ".join(part.split()) for part in adders.body.split(";")]
    if len(statements) > _MOST_STATEMENTS:
        raise ModelError(f"{name!r} has {len(statements)} statements; this is not a trigger network.")
    for statement in filter(None, statements):
        match = _STATEMENT.fullmatch(statement)
        if match is None:
            raise ModelError(f"{name!r} holds {statement[:60]!r}, which is not understood; expected sums of two shifted terms.")
        form = _ZERO.plus(_term(match[5], known, name), Fraction(-1 if match[4] else 1))
        if match[7]:
            form = form.plus(_term(match[7], known, name), Fraction(-1 if match[6] == "-" else 1))
        if match[2]:
            _require_held(form, Declarations().type(match[1]), inputs, f"{match[2]!r} of {name!r}")
            known[match[2]] = form
        else:
            outputs[int(match[3])] = form
    if sorted(outputs) != list(range(adders.n_out)):
        raise ModelError(f"{name!r} writes {len(outputs)} of its {adders.n_out} outputs; the sources are incomplete.")
    return _codes([outputs[j] for j in range(adders.n_out)], adders.n_in, name)


def _term(text: str, known: dict[str, Form], name: str) -> Form:
    shift = _SHIFTED.fullmatch(text)
    if shift is not None:
        bits = int(shift[1])
        if abs(bits) > MAX_WIDTH:
            raise ModelError(f"{name!r} shifts by {bits} bits; this is not a trigger network.")
        return _ZERO.plus(_term(shift[2], known, name), Fraction(2) ** bits)
    if text in known:
        return known[text]
    if text.startswith("v") or text.startswith("inp"):
        raise ModelError(f"{name!r} reads {text!r}, which nothing before it writes; the sources are incomplete.")
    constant = re.fullmatch(r"(ap_u?fixed<[^>]*>)\((.*)\)", text)
    if constant is None:
        return Form({}, Fraction(text))
    value, type_ = Fraction(constant[2]), Declarations().type(constant[1])
    if not type_.holds(*(_whole(value, type_.fractional, name),) * 2, type_.fractional):
        raise ModelError(f"{name!r} adds {text!r}, which its type does not hold; this is not understood.")
    return Form({}, value)


def _whole(value: Fraction, fractional: int, name: str) -> int:
    code = value * Fraction(2) ** fractional
    if code.denominator != 1:
        raise ModelError(
            f"{name!r} has a value {float(value):g} that is not a multiple of 2**{-fractional}; this is not understood."
        )
    return int(code)


def _require_held(form: Form, type_: FixedPoint, inputs: list[FixedPoint], what: str) -> None:
    """Refuse a sum that its type does not hold for every input: the adders would round or wrap."""
    low = high = form.constant
    finest = form.constant.denominator.bit_length() - 1
    for i, factor in form.factors.items():
        ends = sorted(factor * Fraction(2) ** -inputs[i].fractional * code for code in (inputs[i].min_int, inputs[i].max_int))
        low, high = low + ends[0], high + ends[1]
        finest = max(finest, inputs[i].fractional + _fractional(factor))
    scale = Fraction(2) ** type_.fractional
    if finest > type_.fractional or low * scale < type_.min_int or high * scale > type_.max_int:
        raise ModelError(
            f"{what} is {type_}, its sum spans [{float(low):g}, {float(high):g}] in steps of 2**{-finest}; it could lose bits."
        )


def _fractional(value: Fraction) -> int:
    """Number of fractional bits of a dyadic number; negative for multiples of two."""
    if value.denominator > 1:
        return value.denominator.bit_length() - 1
    return -((value.numerator & -value.numerator).bit_length() - 1)


def _codes(forms: list[Form], n_in: int, name: str) -> tuple[IntArray, FixedPoint, IntArray, FixedPoint]:
    weight = np.zeros((n_in, len(forms)), dtype=object)
    for j, form in enumerate(forms):
        for i, factor in form.factors.items():
            weight[i, j] = factor
    bias = np.array([form.constant for form in forms], dtype=object)
    return (*_quantised(weight, name), *_quantised(bias, name))


def _quantised(values: NDArray[np.object_], name: str) -> tuple[IntArray, FixedPoint]:
    """Write dyadic numbers as codes of the narrowest signed type that holds them."""
    fractional = max((_fractional(Fraction(v)) for v in values.ravel() if v), default=0)
    codes = np.vectorize(lambda v: _whole(Fraction(v), fractional, name), otypes=[object])(values)
    width = 1 + max(int(code).bit_length() if code >= 0 else (int(code) + 1).bit_length() for code in codes.ravel())
    if width > MAX_WIDTH:
        raise ModelError(f"{name!r} has factors of more than {MAX_WIDTH} bits; this is not a trigger network.")
    return codes.astype(np.int64), FixedPoint(True, width, width - fractional)
