"""Plan the products of bytes: which inputs share a lane, and how long their sums fit 16 bits."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.fixed import IntArray
from l1ad.emulator.inputs import INT16
from l1ad.ranges import Interval

#: Inputs in a lane.
BYTES = 4


@dataclass(frozen=True, slots=True)
class Operand:
    """Name a C++ variable with four inputs in the bytes of each lane.

    Attributes:
        name: the variable.
        inputs: number of the input in each byte, lowest first; None for none.
        zeros: what was added to each, so that it is not negative.
        spans: largest value of each byte.
    """

    name: str
    inputs: tuple[int | None, ...]
    zeros: tuple[int, ...]
    spans: tuple[int, ...]


def zero_point(range_: Interval) -> int:
    """Compute what to add so that an input is an unsigned byte."""
    return 0 if range_.low >= 0 and range_.high <= 255 else -range_.low


def groups(weight: IntArray, together: int) -> list[list[int]]:
    """Choose which inputs share a lane: four products cost as much as one, so inputs go together that the same neurons read.

    Greedy: the unit that most neurons read, then each time the one that adds the fewest neurons.

    Args:
        weight: shape ``(n_in, n_out)``.
        together: how many neighbouring inputs are one unit: 1, or 2 where they arrive in pairs.

    Returns:
        Units, by number, of each lane; in the given order where no weight is 0.
    """
    size = BYTES // together
    n = -(-len(weight) // together)
    read = [_bits(weight[u * together : (u + 1) * together]) for u in range(n)]
    if len(set(read)) == 1:
        return [list(range(first, min(first + size, n))) for first in range(0, n, size)]
    left = sorted((u for u in range(n) if read[u]), key=lambda u: -read[u].bit_count())
    unread = [u for u in range(n) if not read[u]]
    found = []
    while left:
        group = [left.pop(0)]
        while left and len(group) < size:
            union = _union(read, group)
            group.append(left.pop(min(range(len(left)), key=lambda k: ((union | read[left[k]]).bit_count(), k))))
        found.append(group)
    return found + [unread[first : first + size] for first in range(0, len(unread), size)]


def _bits(rows: IntArray) -> int:
    """Mark the neurons that read any of some inputs, a bit each."""
    return sum(1 << j for j, used in enumerate((rows != 0).any(axis=0)) if used)


def _union(read: list[int], group: list[int]) -> int:
    union = 0
    for unit in group:
        union |= read[unit]
    return union


@dataclass(slots=True)
class Halves:
    """Add byte products in 16 bits for as long as both halves of every lane are proved to fit, then in the 32-bit sum.

    Attributes:
        name: the 32-bit sum.
        count: number of the 16-bit sums so far.
        reach: range of each half of the open 16-bit sum; None where none is open.
    """

    name: str
    count: int = 0
    reach: tuple[Interval, Interval] | None = None

    def adding(self, four: list[int], spans: tuple[int, ...], operand: str, at: int) -> list[str]:
        """Write four more products.

        Args:
            four: weights of the four bytes.
            spans: largest value of each byte.
            operand: the variable that holds the bytes.
            at: place of the weights in the tables.
        """
        terms = [Interval(min(0, w * span), max(0, w * span)) for w, span in zip(four, spans, strict=True)]
        new = terms[0] + terms[1], terms[2] + terms[3]
        if not all(_fits(i) for i in new):
            return [f"{self.name} = dot4({self.name}, {operand}, Q, QP, {at});"]
        lines = []
        if self.reach is not None and not all(_fits(a + b) for a, b in zip(self.reach, new, strict=True)):
            lines += self.closing()
        if self.reach is None:
            self.count += 1
            lines.append(f"halves {self._open} = open4({self.name});")
        self.reach = new if self.reach is None else (self.reach[0] + new[0], self.reach[1] + new[1])
        return [*lines, f"{self._open} = add4({self._open}, {operand}, Q, QP, {at});"]

    def closing(self) -> list[str]:
        """Write what brings an open 16-bit sum into the 32-bit one."""
        if self.reach is None:
            return []
        self.reach = None
        return [f"{self.name} = close4({self.name}, {self._open});"]

    @property
    def _open(self) -> str:
        return f"{self.name}h{self.count}"


def _fits(range_: Interval) -> bool:
    return INT16.low <= range_.low and range_.high <= INT16.high
