"""Read a layer that hls4ml wrote as a tree of adders (distributed arithmetic): the affine map it computes, and a proof that nothing is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, IntArray
from l1ad.importing.cpp import Declarations
from l1ad.importing.forms import ZERO, Form, matrix, whole_code

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
        form = ZERO.plus(_term(match[5], known, name), Fraction(-1 if match[4] else 1))
        if match[7]:
            form = form.plus(_term(match[7], known, name), Fraction(-1 if match[6] == "-" else 1))
        if match[2]:
            _require_held(form, Declarations().type(match[1]), inputs, f"{match[2]!r} of {name!r}")
            known[match[2]] = form
        else:
            outputs[int(match[3])] = form
    if sorted(outputs) != list(range(adders.n_out)):
        raise ModelError(f"{name!r} writes {len(outputs)} of its {adders.n_out} outputs; the sources are incomplete.")
    return matrix([outputs[j] for j in range(adders.n_out)], adders.n_in, name)


def _term(text: str, known: dict[str, Form], name: str) -> Form:
    shift = _SHIFTED.fullmatch(text)
    if shift is not None:
        bits = int(shift[1])
        if abs(bits) > MAX_WIDTH:
            raise ModelError(f"{name!r} shifts by {bits} bits; this is not a trigger network.")
        return ZERO.plus(_term(shift[2], known, name), Fraction(2) ** bits)
    if text in known:
        return known[text]
    if text.startswith("v") or text.startswith("inp"):
        raise ModelError(f"{name!r} reads {text!r}, which nothing before it writes; the sources are incomplete.")
    constant = re.fullmatch(r"(ap_u?fixed<[^>]*>)\((.*)\)", text)
    if constant is None:
        return Form({}, Fraction(text))
    value, type_ = Fraction(constant[2]), Declarations().type(constant[1])
    if not type_.holds(*(whole_code(value, type_.fractional, name),) * 2, type_.fractional):
        raise ModelError(f"{name!r} adds {text!r}, which its type does not hold; this is not understood.")
    return Form({}, value)


def _require_held(form: Form, type_: FixedPoint, inputs: list[FixedPoint], what: str) -> None:
    """Refuse a sum that its type does not hold for every input: the adders would round or wrap."""
    low, high, finest = form.range(inputs)
    scale = Fraction(2) ** type_.fractional
    if finest > type_.fractional or low * scale < type_.min_int or high * scale > type_.max_int:
        raise ModelError(
            f"{what} is {type_}, its sum spans [{float(low):g}, {float(high):g}] in steps of 2**{-finest}; it could lose bits."
        )
