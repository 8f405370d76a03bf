"""Recover an exact network from a graph of alkaid: sums become matrices, what rounds, wraps or rectifies becomes an element of a layer.

Every step of such a graph is a sum of earlier values times powers of two, a cast (truncating and wrapping), a ReLU with a cast, or a choice
between two values by the sign of a third. A choice of ``a`` where ``d < 0``, else ``b``, is exact in layers too: with ``s = -floor(d / 2**n)``, 0 or 1,
and ``a`` within ``[l, h]``, ``relu(a - l - (h - l)(1 - s)) + l s`` is ``a`` where ``s`` is 1, else 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint
from l1ad.graph import smallest_type
from l1ad.importing.alkaid_file import AlkaidGraph, Operation
from l1ad.importing.forms import ZERO, Form

#: What is not imported, by its code.
_REFUSED = {
    7: "a product of two values",
    8: "a lookup table",
    9: "an operation on the bits of a value",
    10: "an operation on the bits of two values",
}
#: Terms of all sums, and bits of a factor, at most.
_MOST_TERMS, _MOST_BITS = 4_000_000, 256
_ONE, _BIT = Fraction(1), FixedPoint(False, 1, 1)


@dataclass(frozen=True, slots=True)
class Atom:
    """A value that is rounded, wraps or is rectified.

    Attributes:
        form: the sum that it is made of, of earlier atoms; None for an input.
        type: what it is cast to.
        relu: whether it is rectified first.
        level: 0 for an input, else one more than what it is made of.
        column: which input it is; -1 for none.
    """

    form: Form | None
    type: FixedPoint
    relu: bool
    level: int
    column: int = -1


@dataclass(frozen=True, slots=True)
class Recovered:
    """The atoms that the outputs need, in their order, and each output as a sum of them."""

    atoms: tuple[Atom, ...]
    outputs: tuple[Form, ...]


def recover(graph: AlkaidGraph) -> Recovered:
    """Write a graph as sums of atoms.

    Args:
        graph: what was read.

    Returns:
        Atoms and outputs.

    Raises:
        ModelError: an operation that is not imported, by name, or numbers that are no trigger network's.
    """
    if any(graph.input_shifts):
        raise ModelError("The graph moves its inputs before it reads them, which is not understood; trace it with alkaid again.")
    reader = _Reader()
    for place, operation in enumerate(graph.operations):
        reader.take(operation, place)
    outputs = [
        ZERO if place < 0 else ZERO.plus(reader.forms[place], Fraction(2) ** bits * (-1 if negated else 1))
        for place, bits, negated in graph.outputs
    ]
    return _needed(reader.atoms, outputs)


class _Reader:
    """Make a form of each operation, and atoms on the way."""

    def __init__(self) -> None:
        self.atoms: list[Atom] = []
        self.forms: list[Form] = []
        self.operations: list[Operation] = []
        self.terms = 0

    def take(self, operation: Operation, place: int) -> None:
        """Take the next operation."""
        try:
            form = self._form(operation, place)
        except IndexError:
            raise ModelError(f"The graph's operation {place} has too few values; save it with alkaid again.") from None
        self.terms += len(form.factors)
        numbers = [form.constant, *form.factors.values()]
        if self.terms > _MOST_TERMS or any(v.numerator.bit_length() + v.denominator.bit_length() > _MOST_BITS for v in numbers):
            raise ModelError(f"Operation {place} of the graph needs factors that no trigger network has; it is not imported.")
        self.forms.append(form)
        self.operations.append(operation)

    def _form(self, operation: Operation, place: int) -> Form:
        read = [self.forms[i] for i in operation.reads]
        data = operation.data
        match operation.code:
            case -1:
                return self._input(operation)
            case -2:
                return ZERO.plus(read[0], -_ONE)
            case 0 | 1:
                return read[0].plus(read[1], _power(data[0]) * (1 if operation.code == 0 else -1))
            case 11:
                return _summed((form, (1 if data[2 * i] else -1) * _power(data[2 * i + 1])) for i, form in enumerate(read))
            case 2:
                return self._cast(read[0], operation.type, relu=True)
            case 3:
                return self._cast(ZERO.plus(read[0], _power(data[0])), operation.type)
            case 4:
                return read[0].plus(Form({}, _ONE), data[0] * _power(-data[1]))
            case 5:
                return Form({}, data[0] * operation.step)
            case 6:
                return self._chosen(operation, read)
            case 9 if data[0] == 1:
                return self._any(read[0], operation.reads[0])
            case 10 if data[1] in (0, 1, 2):
                return self._bitwise(operation, read, place)
            case code:
                what = _REFUSED.get(code, f"operation code {code}")
                raise ModelError(
                    f"Operation {place} of the graph is {what}, which is not imported; leave it to what reads the network."
                )

    def _input(self, operation: Operation) -> Form:
        if operation.type is None:
            return ZERO
        return self._atom(Atom(None, operation.type, False, 0, operation.data[0]))

    def _atom(self, atom: Atom) -> Form:
        self.atoms.append(atom)
        return Form({len(self.atoms) - 1: _ONE}, Fraction(0))

    def _cast(self, form: Form, type_: FixedPoint | None, *, relu: bool = False) -> Form:
        if type_ is None:
            return ZERO
        low, high, finest = form.range(self._of(form))
        scale = Fraction(2) ** type_.fractional
        held = finest <= type_.fractional and low * scale >= type_.min_int and high * scale <= type_.max_int
        if held and (not relu or low >= 0):
            return form
        return self._atom(Atom(form, type_, relu, 1 + max((self.atoms[i].level for i in form.factors), default=0)))

    def _of(self, *forms: Form) -> dict[int, FixedPoint]:
        return {i: self.atoms[i].type for form in forms for i in form.factors}

    def _chosen(self, operation: Operation, read: list[Form]) -> Form:
        """Choose the first value where the third's highest bit is set, else the second."""
        first, second, by = read[0], ZERO.plus(read[1], _power(operation.data[0])), read[2]
        if operation.type is None:
            return ZERO
        condition = self.operations[operation.reads[2]].type
        if condition is None:
            chosen = second
        else:
            if not condition.signed:
                by = by.plus(Form({}, _ONE), -_power(condition.integer - 1))
                first, second = second, first
            chosen = self._select(by, first, second)
        return self._cast(chosen, operation.type)

    def _any(self, form: Form, place: int) -> Form:
        """Return 1 where a value is not 0: ``1 - relu(1 - relu(x) - relu(-x))`` of its code."""
        read = self.operations[place]
        if read.type is None:
            return ZERO
        code = ZERO.plus(self._cast(form, read.type), _power(read.type.fractional))
        size = _holding(Fraction(0), Fraction(2) ** read.type.width, 0)
        sides = [self._cast(ZERO.plus(code, sign), size, relu=True) for sign in (_ONE, -_ONE)]
        return _not(self._cast(_not(sides[0].plus(sides[1], _ONE)), _BIT, relu=True))

    def _bitwise(self, operation: Operation, read: list[Form], place: int) -> Form:
        """Return AND, OR or XOR of two single bits: the first is ``relu(a + b - 1)``."""
        types = [self.operations[i].type for i in operation.reads]
        if any(type_ is None for type_ in types):
            return ZERO if operation.data[1] == 0 else read[0].plus(read[1], _power(operation.data[0]))
        first, second = (type_ for type_ in types if type_ is not None)
        scale = _power(-first.fractional)
        if (
            first.signed
            or second.signed
            or first.width > 1
            or second.width > 1
            or first.fractional != second.fractional - operation.data[0]
        ):
            raise ModelError(
                f"Operation {place} of the graph is {_REFUSED[10]}, which is imported of single bits of one weight only."
            )
        both = self._cast(read[0], first).plus(ZERO.plus(self._cast(read[1], second), _power(operation.data[0])), _ONE)
        met = self._cast(both.plus(Form({}, _ONE), -scale), first, relu=True)
        return met if operation.data[1] == 0 else both.plus(met, Fraction(-operation.data[1]))

    def _select(self, by: Form, negative: Form, other: Form) -> Form:
        low, high, _ = by.range(self._of(by))
        if low >= 0 or high < 0:
            return other if low >= 0 else negative
        bits = max(_bits(-low), _bits(high))
        sign = ZERO.plus(self._cast(by, FixedPoint(True, 2, bits + 2)), -_power(-bits))
        ranges = [form.range(self._of(form)) for form in (negative, other)]
        parts = [
            self._gated(form, sides, flag)
            for form, sides, flag in zip((negative, other), ranges, (sign, _not(sign)), strict=True)
        ]
        least, most, finest = min(r[0] for r in ranges), max(r[1] for r in ranges), max(r[2] for r in ranges)
        return self._cast(parts[0].plus(parts[1], _ONE), _holding(least, most, finest))

    def _gated(self, form: Form, sides: tuple[Fraction, Fraction, int], flag: Form) -> Form:
        """Return a value where a flag is 1, else 0."""
        low, high, finest = sides
        if low == high:
            return ZERO.plus(flag, low)
        moved = form.plus(Form({}, _ONE), -low).plus(_not(flag), low - high)
        return self._cast(moved, _holding(Fraction(0), high - low, finest), relu=True).plus(flag, low)


def _not(flag: Form) -> Form:
    return Form({}, _ONE).plus(flag, -_ONE)


def _summed(terms: Iterable[tuple[Form, Fraction]]) -> Form:
    total = ZERO
    for form, times in terms:
        total = total.plus(form, times)
    return total


def _power(bits: int) -> Fraction:
    if abs(bits) > _MOST_BITS:
        raise ModelError(f"The graph moves a value by {bits} bits; this is not a trigger network.")
    return Fraction(2) ** bits


def _bits(value: Fraction) -> int:
    """Return the least ``n`` with ``value < 2**n``; at most one more."""
    return max(value.numerator.bit_length() - value.denominator.bit_length() + 1, -MAX_WIDTH)


def _holding(low: Fraction, high: Fraction, finest: int) -> FixedPoint:
    """Return the smallest type that holds a range.

    Raises:
        ModelError: that needs more than 62 bits.
    """
    scale = Fraction(2) ** finest
    found = smallest_type(int(low * scale), int(high * scale), finest)
    if found is None:
        raise ModelError("The graph chooses between values of more than 62 bits; this is not a trigger network.")
    return found


def _needed(atoms: list[Atom], outputs: list[Form]) -> Recovered:
    """Leave out what no output needs."""
    needed = {i for form in outputs for i in form.factors}
    for place in range(len(atoms) - 1, -1, -1):
        form = atoms[place].form
        if place in needed and form is not None:
            needed |= form.factors.keys()
    places = {old: new for new, old in enumerate(sorted(needed))}
    kept = [atoms[old] for old in sorted(needed)]
    return Recovered(
        tuple(atom if atom.form is None else replace(atom, form=_moved(atom.form, places)) for atom in kept),
        tuple(_moved(form, places) for form in outputs),
    )


def _moved(form: Form, places: dict[int, int]) -> Form:
    return Form({places[i]: factor for i, factor in form.factors.items()}, form.constant)
