"""Return the designs for which both an open-flow and a published vendor number are known, so that nobody takes one for the other."""

from __future__ import annotations

import json
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
    """

    name: str
    source: str
    part: str
    vendor: tuple[Measured, ...]
    open: tuple[Measured, ...]
    note: str

    @property
    def routed_ratio(self) -> float | None:
        """The vendor's routed LUTs over the first of this flow's, None where nothing was routed."""
        routed = next((measured.lut for measured in self.vendor if measured.level == "routed"), None)
        return None if routed is None or not self.open else routed / self.open[0].lut


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
        )
        for entry in json.loads(text)["designs"]
    )
