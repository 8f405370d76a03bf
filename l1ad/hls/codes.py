"""Name C++ integers and the ranges they are proved to be in, for the statements around hls4ml's function."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.graph import Interval, signed_width


@dataclass(frozen=True, slots=True)
class Code:
    """Name a C++ integer and the range that its codes are proved to be in."""

    name: str
    range: Interval

    @property
    def width(self) -> int:
        """Bits of the narrowest signed integer that holds the range."""
        return signed_width(self.range)

    def wide(self, width: int) -> str:
        """Write the value as a signed integer of at least its own width."""
        return f"ap_int<{width}>({self.name})"

    def shifted(self, grid: int, type_: FixedPoint | None = None) -> str:
        """Write the value divided by ``2 ** grid``, to be cast to a type.

        Where a cast drops every bit of a value and one more, the headers of ``ap_fixed`` read a bit that it does not have (an
        assertion of C simulation); so it gets as many bits as are dropped.
        """
        width = self.width if type_ is None else max(self.width, grid - type_.fractional)
        return f"l1ad::shifted<{width}, {grid}>({self.wide(width)})"


@dataclass(slots=True)
class Table:
    """A lookup's codes and the type of each; None until one is read."""

    codes: IntArray | None = None
    type: FixedPoint | None = None


def identifier(node: str) -> str:
    """Return the C++ name of a node."""
    return node.replace(".", "_")


def fixed_code(name: str, type_: FixedPoint, range_: Interval) -> Code:
    """Return the code of a fixed-point variable as an integer."""
    return Code(f"l1ad::{'signed' if type_.signed else 'unsigned'}_code<{type_.width}>({name})", range_)
