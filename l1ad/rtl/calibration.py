"""Return the designs for which both an open-flow and a published vendor number are known, so that nobody takes one for the other."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Measured:
    """One tool's numbers of one design.

    Attributes:
        tool: the tool and its version.
        architecture: how the function was built.
        lut: look-up tables.
        delay_ns: longest path, or estimated period.
        level: how far a vendor's tool had come; ``open`` for this flow.
        logic_cells: Yosys' estimate of the places the LUTs take, where it made one.
    """

    tool: str
    architecture: str
    lut: int
    delay_ns: float | None
    level: str = "open"
    logic_cells: int | None = None


@dataclass(frozen=True, slots=True)
class CalibrationDesign:
    """A design's numbers from both sides.

    Attributes:
        name: the design.
        source: where it and its numbers are from.
        part: for which part.
        vendor: the vendor's numbers.
        open: this flow's.
        note: what must be said with them.
        calibrates: whether both numbers are of one architecture, so that their ratio says how far the open number is off.
    """

    name: str
    source: str
    part: str
    vendor: tuple[Measured, ...]
    open: tuple[Measured, ...]
    note: str
    calibrates: bool = False

    @property
    def routed_lut(self) -> int | None:
        """The vendor's LUTs after routing, None where nothing was routed."""
        return next((measured.lut for measured in self.vendor if measured.level == "routed"), None)

    @property
    def routed_ratio(self) -> float | None:
        """The vendor's routed LUTs over the first of the open numbers, None where nothing was routed."""
        return None if self.routed_lut is None or not self.open else self.routed_lut / self.open[0].lut


@dataclass(frozen=True, slots=True)
class RoutedInterval:
    """Where the LUT count after routing is expected.

    Attributes:
        low: its lower end.
        high: its upper end.
        smallest: routed LUTs of the smallest design that calibrates; below it the interval is extrapolated.
        ratios: smallest and largest ratio of routed to estimated LUTs.
        designs: number of designs that calibrate.
    """

    low: int
    high: int
    smallest: int
    ratios: tuple[float, float]
    designs: int

    @property
    def coverage(self) -> float:
        """Probability that the range of ``designs`` ratios has the next one in it: ``(n - 1) / (n + 1)``.

        That is exact for any distribution as long as the next design is drawn as they were (order statistics: Wilks, Ann. Math. Stat. 12, 91).
        """
        return (self.designs - 1) / (self.designs + 1)

    @property
    def sentence(self) -> str:
        """Say what the interval is worth."""
        beyond = (
            f"; they have {self.smallest} LUT or more, so for smaller designs it is extrapolated"
            if self.high < self.smallest
            else ""
        )
        return (
            f"Routed on UltraScale+, {self.low} to {self.high} LUT are expected: the range of routed / estimated LUTs of {self.designs} public "
            f"adder-graph designs ({self.ratios[0]:.2f} to {self.ratios[1]:.2f}), applied to both alkaid's and Yosys' count; it has the next "
            f"design of their kind in it with {100 * self.coverage:.0f} %{beyond}."
        )


def routed_interval(counts: Sequence[float]) -> RoutedInterval:
    """Return where the routed LUT count of a design is expected.

    Args:
        counts: what open tools count for it; the interval spans what each of them would give.
    """
    known = [design for design in load_calibration() if design.calibrates]
    ratios = sorted(design.routed_ratio for design in known if design.routed_ratio is not None)
    smallest = min(design.routed_lut for design in known if design.routed_lut is not None)
    low, high = math.floor(ratios[0] * min(counts)), math.ceil(ratios[-1] * max(counts))
    return RoutedInterval(low, high, smallest, (ratios[0], ratios[-1]), len(ratios))


def load_calibration() -> tuple[CalibrationDesign, ...]:
    """Read the table that is shipped."""
    text = (resources.files("l1ad") / "rtl" / "calibration.json").read_text(encoding="utf-8")
    return tuple(
        CalibrationDesign(
            entry["name"],
            entry["source"],
            entry["part"],
            tuple(Measured(**measured) for measured in entry["vendor"]),
            tuple(Measured(**measured) for measured in entry["open"]),
            entry["note"],
            entry["calibrates"],
        )
        for entry in json.loads(text)["designs"]
    )
