"""Read a limit such as ``lut > 5000 or latency_ns > 25`` and hold it against numbers; names and comparisons only, nothing is run."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from l1ad.core.errors import InputError, nearest

#: No limit that a person writes is longer; it bounds how deep one can be nested.
_MAX_LENGTH = 500
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A limit that was read and checked."""

    text: str
    tree: ast.expr

    def holds(self, values: Mapping[str, Any], what: str) -> bool:
        """Return whether the limit is exceeded.

        Args:
            values: a number or text for each name; None where it is not known.
            what: whose values these are, for the message.

        Raises:
            InputError: a value that decides is not known, or a text is compared with a number.
        """
        return _truth(self.tree, values, f"The condition {self.text!r}", what)


def parse_condition(text: str, names: Iterable[str]) -> Condition:
    """Read a limit.

    Args:
        text: comparisons (``< <= > >= == !=``) of names, numbers and quoted texts, joined by ``and``, ``or``, ``not`` and parentheses.
        names: the names it may use.

    Raises:
        InputError: anything else in it, or an unknown name.
    """
    if len(text) > _MAX_LENGTH:
        raise InputError(f"A condition has at most {_MAX_LENGTH} characters, got {len(text)}; write it shorter.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refusal(text, "is not a comparison") from None
    _check(tree, text, sorted(names))
    return Condition(text, tree)


def _refusal(text: str, why: str) -> InputError:
    return InputError(f"The condition {text!r} {why}; write for example 'lut > 5000 or latency_ns > 25'.")


def _check(node: ast.expr, text: str, names: list[str]) -> None:
    """Refuse everything that is not a truth value made of comparisons."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(part, text, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check(operand, text, names)
        case ast.Compare(left=left, ops=ops, comparators=rest):
            if not all(type(op) in _COMPARE for op in ops):
                raise _refusal(text, "compares with something other than < <= > >= == !=")
            for part in (left, *rest):
                _check_operand(part, text, names)
        case _:
            raise _refusal(text, f"holds {ast.unparse(node)!r}, which is not a comparison")


def _check_operand(node: ast.expr, text: str, names: list[str]) -> None:
    match node:
        case ast.Name(id=name):
            if name not in names:
                raise InputError(f"The condition {text!r} names {name!r}, which no run has; {nearest(name, names)}")
        case ast.Constant(value=bool()):
            raise _refusal(text, f"holds {ast.unparse(node)!r}, which is not a number, name or text")
        case ast.Constant(value=int() | float() | str()):
            pass
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            pass
        case _:
            raise _refusal(text, f"holds {ast.unparse(node)!r}, which is not a number, name or text")


def _truth(node: ast.expr, values: Mapping[str, Any], condition: str, what: str) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(part, values, condition, what) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_truth(part, values, condition, what) for part in parts)
        case ast.UnaryOp(operand=operand):
            return not _truth(operand, values, condition, what)
        case ast.Compare(left=left, ops=ops, comparators=rest):
            numbers = [_value(part, values, condition, what) for part in (left, *rest)]
            pairs = zip(ops, numbers, numbers[1:], strict=False)
            return all(_compare(op, a, b, condition) for op, a, b in pairs)
    raise AssertionError(f"{ast.dump(node)} was not checked")


def _compare(op: ast.cmpop, left: Any, right: Any, condition: str) -> bool:
    if isinstance(left, str) != isinstance(right, str):
        raise InputError(f"{condition} compares {left!r} with {right!r}; put texts in quotes and numbers without.")
    return _COMPARE[type(op)](left, right)


def _value(node: ast.expr, values: Mapping[str, Any], condition: str, what: str) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values, condition, what)
    name = ast.unparse(node)
    if values[name] is None:
        raise InputError(f"{condition} needs {name} of {what}, which nothing gives; remove it or run the stage that measures it.")
    return values[name]
