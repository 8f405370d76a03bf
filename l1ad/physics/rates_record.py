"""What ``l1ad rates`` writes and reports read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from l1ad.core.plain import Plain
from l1ad.physics.drift import Drift
from l1ad.physics.stability import Stability
from l1ad.physics.veto import Veto

RATES_FILE = "rates.json"


@dataclass(frozen=True, slots=True)
class ThresholdRecord(Plain):
    """One threshold: its name and value, the rates in kHz, the events behind it and whether they are enough."""

    name: str
    threshold: float
    total_khz: float
    pure_khz: float | None
    n_events: int
    enough: bool


@dataclass(frozen=True, slots=True)
class CaughtRecord(Plain):
    """What one trigger bit catches of one signal: total and pure efficiency."""

    signal: str
    bit: str
    efficiency: float
    pure: float | None


@dataclass(frozen=True, slots=True)
class RatesSummary(Plain):
    """What the manifest says.

    Attributes:
        score: who computed the scores.
        crossing_khz: rate that the background stands for.
        n_background: background events that count.
        left_out: why default rates are not among the thresholds.
        thresholds: of the firmware's score.
        signals: what each catches.
        veto: the menu that vetoes in pure rates; None where all of the data's does.
    """

    score: str
    crossing_khz: float
    n_background: int
    left_out: tuple[str, ...]
    thresholds: tuple[ThresholdRecord, ...]
    signals: tuple[CaughtRecord, ...]
    veto: Veto | None = None


@dataclass(frozen=True, slots=True)
class StabilityRecord(Plain):
    """What the file says, among other things, of one set of scores: whether its thresholds hold."""

    PART: ClassVar[bool] = True

    stability: tuple[Stability, ...]
    drifts: tuple[Drift, ...]


@dataclass(frozen=True, slots=True)
class RatesRecord(Plain):
    """The sets of scores in the file, the most firmware-like last."""

    PART: ClassVar[bool] = True

    sources: tuple[StabilityRecord, ...]
