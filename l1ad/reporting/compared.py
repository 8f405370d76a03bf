"""What the study ``met`` writes and pages show: a score and simple cuts, each at an equal rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from l1ad.core.plain import Plain
from l1ad.scores.targets import Kind

#: File of a study's numbers.
STUDY_FILE = "study.json"


@dataclass(frozen=True, slots=True)
class SelectionRecord(Plain):
    """One way to select.

    Attributes:
        name: ``score`` or the cut's name.
        threshold: smallest value selected.
        khz: the rate reached, of the kind that is equal.
        low_khz: lower end of its 68 % interval.
        high_khz: upper end.
        total_khz: the total rate with it.
        n_background: background events behind the rate.
        n_effective: effective number of these.
        efficiencies: by signal, plain data.
        medians: median of the variable, by signal and for ``background``.
        mean: mean efficiency over signals with its interval.
    """

    name: str
    threshold: float
    khz: float
    low_khz: float
    high_khz: float
    total_khz: float
    n_background: int
    n_effective: float
    efficiencies: Mapping[str, Any]
    medians: Mapping[str, float]
    mean: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class RateRecord(Plain):
    """All selections at one rate.

    Attributes:
        kind: the rate that is equal, and the efficiency that is compared.
        rate_khz: the rate.
        selections: the score's, then the cuts'.
        beaten: by cut, the signals on which the score's efficiency is higher.
        gain: by cut and signal, what the score adds after it, plain data.
        together: the same of all cuts at once, plain data; None without any.
        left_out: cuts that cannot reach the rate, with the reason.
        above_every_cut: signals on which the score is above every cut; None without any.
        clearly_above: those of them where the intervals do not meet.
    """

    kind: Kind
    rate_khz: float
    selections: tuple[SelectionRecord, ...]
    beaten: Mapping[str, tuple[str, ...]]
    gain: Mapping[str, Any]
    together: Mapping[str, Any] | None
    left_out: Mapping[str, str]
    above_every_cut: tuple[str, ...] | None = None
    clearly_above: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class MetRecord(Plain):
    """The comparisons of the study ``met``, among whatever else is in its file.

    Attributes:
        total: at equal total rates.
        pure: at equal pure rates; empty where the data have no menu.
    """

    PART: ClassVar[bool] = True

    total: tuple[RateRecord, ...]
    pure: tuple[RateRecord, ...] = ()
