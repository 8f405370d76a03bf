"""Lower a score: the steps that ``l1ad.core.formulas`` is written in, as operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from l1ad.core.fixed import MAX_WIDTH, FixedPoint, Overflow
from l1ad.core.formulas import Formula, Score
from l1ad.graph.builder import Builder
from l1ad.graph.operations import Add, Curve, Fold, Gate, Gather, Lookup, Maximum, Multiply, Subtract, Sum

#: Name of the node that says which column's object is there.
PRESENT = "present"


@dataclass(frozen=True, slots=True)
class ScoreTypes:
    """The type of each step of a score; None where the numbers stay as they are: a float network and training have no types."""

    square: FixedPoint | None = None
    total: FixedPoint | None = None
    difference: FixedPoint | None = None
    table: FixedPoint | None = None
    address: FixedPoint | None = None


#: A full turn of an element in units of ``2 ** -fractional``; None for what is not an angle.
Turns = Callable[[int, int], int | None]
#: A score in real numbers.
UNTYPED = ScoreTypes()


def lower_score(
    build: Builder,
    kind: Score,
    read: tuple[str, ...],
    types: ScoreTypes = UNTYPED,
    columns: tuple[int, ...] = (),
    turn: Turns | None = None,
) -> str:
    """Add the score's nodes.

    Args:
        build: the graph so far; with the node ``present`` for a masked score.
        kind: which score.
        read: the nodes that the score reads: what is compared and its reconstruction, or the one node of the outputs.
        types: the type of each step.
        columns: the elements that take part in a comparison.
        turn: gives, for an element and fractional bits, a full turn on that grid, None for what is not an angle; None folds nothing.

    Returns:
        The node of the score, one element.

    Raises:
        ModelError: a step has no place for what it gets.
    """
    terms = kind.formula.terms(_GraphSteps(build, kind.formula, types, columns, turn), *read)
    return build.cast("score", types.total, build.let("score.sum", Sum(), terms))


def lower_difference(
    build: Builder, first: str, second: str, type_: FixedPoint | None, columns: tuple[int, ...], turn: Turns | None
) -> str:
    """Add the difference of two nodes.

    Args:
        build: the graph so far.
        first: the node that is compared.
        second: its reconstruction.
        type_: the type of the difference; None keeps it.
        columns: the elements that take part.
        turn: as for ``lower_score``.

    Returns:
        The node of the difference, an element for each of ``columns``.
    """
    pick = Gather(tuple((0, column) for column in columns))
    exact = build.let(
        "difference.exact", Subtract(), build.let("difference.x", pick, first), build.let("difference.y", pick, second)
    )
    turns = tuple(turn(c, f) or 0 for c, f in zip(columns, build.grids[exact], strict=True)) if turn else ()
    if any(turns):
        exact = build.let("difference.folded", Fold(turns), exact)
    return build.cast("difference", type_, exact)


@dataclass(frozen=True, slots=True)
class _GraphSteps:
    """Write a score's steps into a graph."""

    build: Builder
    formula: Formula
    types: ScoreTypes
    columns: tuple[int, ...]
    turn: Turns | None

    def term(self, node: str) -> str:
        return self.build.cast("square", self.types.square, node)

    def square(self, node: str) -> str:
        return self.term(self.build.let("square.exact", Multiply(), node, node))

    def difference(self, first: str, second: str) -> str:
        return lower_difference(self.build, first, second, self.types.difference, self.columns, self.turn)

    def where_present(self, node: str) -> str:
        present = self.build.let("difference.present", Gather(tuple((0, column) for column in self.columns)), PRESENT)
        return self.build.let("difference.kept", Gate(), node, present)

    def halves(self, node: str) -> tuple[str, str]:
        n = self.build.size(node) // 2
        first = self.build.let("mean", Gather(tuple((0, i) for i in range(n))), node)
        return first, self.build.let("log_variance", Gather(tuple((0, i) for i in range(n, 2 * n))), node)

    def table(self, node: str) -> str:
        assert self.formula.curve is not None  # a score that looks up has a curve
        if self.types.table is None or self.types.address is None:
            return self.build.let("table", Curve(self.formula.curve), node)
        lookup = _lookup(self.formula, self.types.address, self.types.table)
        return self.build.cast("table", self.types.table, self.build.let("table.entry", lookup, node))

    def largest(self, node: str) -> str:
        level = [self._picked(node, i) for i in range(self.build.size(node))]
        while len(level) > 1:
            pairs = [
                self.build.let(f"{a}.or.{b.rpartition('.')[2]}", Maximum(), a, b)
                for a, b in zip(level[::2], level[1::2], strict=False)
            ]
            level = pairs + (level[-1:] if len(level) % 2 else [])
        return level[0]

    def _picked(self, node: str, i: int) -> str:
        return self.build.let(f"largest.{i}", Gather(((0, i),)), node)

    def added(self, first: str, second: str) -> str:
        return self.build.let("terms", Add(), first, second)

    def multiplied(self, first: str, second: str) -> str:
        return self.build.let("terms", Multiply(), first, second)


def _lookup(formula: Formula, address: FixedPoint, table: FixedPoint) -> Lookup:
    """Make the table of a curve: entries before overflow, so that the cast that follows shows whether the type holds them."""
    wide = FixedPoint(True, MAX_WIDTH, MAX_WIDTH - table.fractional, table.rounding, Overflow.SAT)
    return Lookup(wide.to_int(formula.table(address)), table.fractional, address.min_int)
