"""Describe what a design costs in hardware: one type for every tool, version and level of detail.

A number that a report does not give is ``None``; zero is a number (a combinational design has latency 0 and no flip-flop).
Numbers of different levels are never in one report, except that a longest path may stand beside the resources it was timed with.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from l1ad.core.errors import ReportError, nearest

#: Version of the JSON form; a reader refuses newer ones.
SPEC_VERSION = 1
#: File that holds resource reports, in the folder of a synthesis.
REPORTS_FILE = "reports.json"


class Level(enum.Enum):
    """How far a design had come when its numbers were taken; levels never share a column of a table.

    ``CSYNTH`` is an HLS estimate, ``COSIM`` a simulated latency, ``LOGIC`` is after logic synthesis, ``PLACED`` after placement,
    ``ROUTED`` after routing; ``OPEN`` is the open flow (alkaid, Yosys): its latency is an estimate, its LUTs are not Vivado's;
    ``ECP5`` is routed on that family, whatever the board has: its LUTs are LUT4s, its times those of an older family.
    """

    CSYNTH = "csynth"
    COSIM = "cosim"
    LOGIC = "logic"
    PLACED = "placed"
    ROUTED = "routed"
    OPEN = "open"
    ECP5 = "ecp5"

    @classmethod
    def parse(cls, text: str) -> Level:
        """Read a level from its name.

        Raises:
            ReportError: the name is not one of the levels.
        """
        try:
            return cls(text)
        except ValueError:
            raise ReportError(f"There is no level {text!r}; {nearest(text, [level.value for level in cls])}") from None


@dataclass(frozen=True, slots=True)
class PartTotals:
    """How much of everything a part has.

    Attributes:
        part: full or base part name, e.g. ``xcvu9p-flga2104-2-e``.
        lut: 6-input look-up tables.
        ff: flip-flops.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs; a 36 Kb tile is two.
        uram: 288 Kb UltraRAMs.
    """

    part: str
    lut: int
    ff: int
    dsp: int
    bram18: int
    uram: int


@dataclass(frozen=True, slots=True)
class LayerResources:
    """The share of one layer, module or instance.

    Attributes:
        name: instance or layer name as the tool gives it.
        lut: look-up tables; ``None`` where the report is silent, as for all below.
        ff: flip-flops.
        carry: CARRY8 or CARRY4 cells, whichever the family has.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs.
        uram: UltraRAMs.
        latency_max_cycles: longest latency of this piece in clock cycles.
    """

    name: str
    lut: int | None = None
    ff: int | None = None
    carry: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    uram: int | None = None
    latency_max_cycles: int | None = None


@dataclass(frozen=True, slots=True)
class ResourceReport:
    """What one tool said about one design at one level.

    Attributes:
        tool: tool family, e.g. ``Vitis HLS``, ``Vivado HLS``, ``Vivado``, ``Yosys``.
        level: how far the design had come.
        tool_version: as the tool writes it, e.g. ``2024.1``.
        top: top function or module.
        part: part name as the report spells it.
        clock_target_ns: target clock period.
        clock_uncertainty_ns: margin that HLS keeps off the period.
        clock_estimate_ns: estimated (HLS) or achieved (Vivado) clock period; may exceed the target.
        slack_ns: worst negative slack (WNS); negative when the timing fails.
        path_ns: delay of the longest data path, for a combinational design its whole delay.
        lut: look-up tables.
        lut_low: lower end of the interval in which the routed count is expected; only an estimate has one.
        lut_high: its upper end.
        ff: flip-flops.
        carry: CARRY8 (UltraScale+) or CARRY4 (7 series) cells.
        dsp: DSP slices.
        bram18: 18 Kb block RAMs; a 36 Kb tile counts as two.
        uram: UltraRAMs.
        latency_min_cycles: shortest latency in clock cycles.
        latency_max_cycles: longest latency in clock cycles.
        latency_ns: longest latency in ns as the tool states it (0 for a combinational design: see ``result_ns``).
        ii_min: shortest initiation interval in clock cycles.
        ii_max: longest initiation interval in clock cycles.
        available: what the report says the part has.
        breakdown: shares of the layers or instances.
        others: further numbers of the report by name, e.g. ``("clb", 4543)``.
        sources: names of the files the numbers come from.
        notes: sentences a reader must see beside the numbers.
    """

    tool: str
    level: Level
    tool_version: str | None = None
    top: str | None = None
    part: str | None = None
    clock_target_ns: float | None = None
    clock_uncertainty_ns: float | None = None
    clock_estimate_ns: float | None = None
    slack_ns: float | None = None
    path_ns: float | None = None
    lut: int | None = None
    lut_low: int | None = None
    lut_high: int | None = None
    ff: int | None = None
    carry: int | None = None
    dsp: int | None = None
    bram18: int | None = None
    uram: int | None = None
    latency_min_cycles: int | None = None
    latency_max_cycles: int | None = None
    latency_ns: float | None = None
    ii_min: int | None = None
    ii_max: int | None = None
    available: PartTotals | None = None
    breakdown: tuple[LayerResources, ...] = ()
    others: tuple[tuple[str, float], ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that no design can have."""
        for name in _COUNTS:
            _check_count(name, getattr(self, name))
        for name in _TIMES:
            _check_time(name, getattr(self, name), may_be_negative=name == "slack_ns")
        _check_order("latency", self.latency_min_cycles, self.latency_max_cycles)
        _check_order("ii", self.ii_min, self.ii_max)
        _check_order("routed LUT count", self.lut_low, self.lut_high)

    @property
    def result_ns(self) -> float | None:
        """Time from the inputs to the result in ns, also where no clock cycle passes.

        ``latency_ns`` where at least one cycle passes or nothing says how many; for a combinational design the longest path, else
        the estimated period. The longest path of a clocked design is one stage of it and never its latency.
        """
        if not self.is_combinational:
            return self.latency_ns
        return self.path_ns if self.path_ns is not None else self.latency_ns or self.clock_estimate_ns

    @property
    def is_combinational(self) -> bool | None:
        """Whether the result comes without a clock cycle; ``None`` where the numbers do not tell.

        Without latency in cycles, a design is known to be combinational when it is known to have nothing that could be clocked.
        """
        if self.latency_max_cycles is not None:
            return self.latency_max_cycles == 0
        known = None not in (self.ff, self.dsp, self.bram18)
        others = [value for name, value in self.others if name in _CLOCKED_OTHERS]
        if self.ff or any(others):
            return False
        return True if known and not (self.dsp or self.bram18 or self.uram) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values; ``from_dict`` gives the equal report back."""
        return {"spec_version": SPEC_VERSION, **dataclasses.asdict(self), "level": self.level.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ResourceReport:
        """Read what ``to_dict`` wrote.

        Args:
            values: the mapping, as it comes out of a JSON file.

        Raises:
            ReportError: an unknown or missing key, a newer version or an impossible value.
        """
        fields = dict(values)
        version = fields.pop("spec_version", None)
        if version != SPEC_VERSION:
            raise ReportError(
                f"A resource report of spec_version {SPEC_VERSION} is wanted, got {version!r}; read it with the newer l1ad"
            )
        _check_keys(cls, fields)
        fields["level"] = Level.parse(fields["level"])
        fields["available"] = _read(PartTotals, fields["available"]) if fields.get("available") is not None else None
        fields["breakdown"] = tuple(_read(LayerResources, layer) for layer in fields.get("breakdown", ()))
        fields["others"] = tuple((name, value) for name, value in fields.get("others", ()))
        for name in ("sources", "notes"):
            fields[name] = tuple(fields.get(name, ()))
        return cls(**fields)


_COUNTS = (
    *("lut", "lut_low", "lut_high", "ff", "carry", "dsp", "bram18", "uram"),
    *("latency_min_cycles", "latency_max_cycles", "ii_min", "ii_max"),
)
#: Further numbers that count memory elements.
_CLOCKED_OTHERS = ("latch", "srl", "lut_memory")
_TIMES = ("clock_target_ns", "clock_uncertainty_ns", "clock_estimate_ns", "slack_ns", "path_ns", "latency_ns")


def _check_count(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ReportError(f"A resource report's {name} must be a whole number of at least 0 or absent, got {value!r}")


def _check_time(name: str, value: object, may_be_negative: bool) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or (value < 0 and not may_be_negative):  # type: ignore[operator]
        raise ReportError(f"A resource report's {name} must be a finite time in ns or absent, got {value!r}")


def _check_order(name: str, low: int | None, high: int | None) -> None:
    if low is not None and high is not None and low > high:
        raise ReportError(f"A resource report's smallest {name} must not exceed its largest, got {low!r} > {high!r}")


def _check_keys(cls: type, fields: Mapping[str, Any]) -> None:
    valid = {field.name for field in dataclasses.fields(cls)}
    for name in fields:
        if name not in valid:
            raise ReportError(f"A {cls.__name__} has no field {name!r}; {nearest(name, valid)}")
    for field in dataclasses.fields(cls):
        if field.default is dataclasses.MISSING and field.name not in fields:
            raise ReportError(f"A {cls.__name__} needs the field {field.name!r}, got only {sorted(fields)!r}")


def _read(cls: type, values: Mapping[str, Any]) -> Any:
    _check_keys(cls, values)
    return cls(**values)
