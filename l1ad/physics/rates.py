"""Count trigger rates: total, pure and shared against threshold, thresholds for rates, overlaps with the menu, stability.

The weights of all background events together stand for the rate of bunch crossings. ``total`` is the rate of what the score selects,
``pure`` of what no item of the menu takes as well, ``shared`` of what one does. An event is selected when ``score >= threshold``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.physics import RatesConfig
from l1ad.core.dataset import Dataset
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray
from l1ad.core.follow import Follow
from l1ad.core.plain import Plain
from l1ad.physics.veto import Veto
from l1ad.scores.metrics import Efficiency, Scores, efficiency, threshold_for_weight
from l1ad.scores.selection import lowest
from l1ad.scores.targets import Kind, counted_weight

#: Turns of a bunch in the LHC in a second, in kHz.
REVOLUTION_KHZ = 11.245


#: Rates that thresholds are given for when no others are asked for, in kHz.
DEFAULT_TARGETS_KHZ = (0.1, 1.0, 10.0)


class TooFewEventsError(InputError):
    """Refuse a rate that the background's events do not resolve."""


@dataclass(frozen=True, slots=True)
class Rate(Plain):
    """A rate in kHz with its 68 % interval and the events behind it, as they are and in effect (n_eff)."""

    khz: float
    low_khz: float
    high_khz: float
    n_events: int
    n_effective: float
    enough: bool


@dataclass(frozen=True, slots=True, eq=False)
class RateSample:
    """The background that rates are counted on.

    Attributes:
        scores: one an event, shape ``(n_events,)``.
        weight: same shape.
        taken: whether the menu takes the event, or None where the data do not say.
        crossing_khz: rate that all weights together stand for.
    """

    scores: Scores
    weight: FloatArray
    taken: NDArray[np.bool_] | None
    crossing_khz: float

    def with_scores(self, scores: Scores) -> RateSample:
        """Return the same events with other scores."""
        return RateSample(scores, self.weight, self.taken, self.crossing_khz)

    def selected(self, chosen: NDArray[np.bool_]) -> Rate:
        """Return the rate of the chosen events."""
        return as_rate(efficiency(chosen, self.weight), self.crossing_khz)


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What one threshold gives.

    Attributes:
        name: name of the trigger bit, as ``pure_1khz``.
        kind: which rate the threshold keeps.
        target_khz: the rate asked for.
        threshold: smallest threshold that keeps it; an integer for integer scores.
        total: rate selected.
        pure: of which no menu item takes; None where the data have no menu.
        shared: of which some menu item takes.
        follow: what is taken from the score before it is compared; None for nothing.
    """

    name: str
    kind: Kind
    target_khz: float
    threshold: float
    total: Rate
    pure: Rate | None
    shared: Rate | None
    follow: Follow | None = None

    @property
    def enough(self) -> bool:
        """Whether enough events are behind the rate that was asked for."""
        return self.total.enough if self.kind is Kind.TOTAL else bool(self.pure and self.pure.enough)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"kind": self.kind.value, "enough": self.enough}


def crossing_rate_khz(config: RatesConfig) -> float:
    """Return the rate of bunch crossings in kHz."""
    return config.crossing_khz if config.crossing_khz is not None else config.bunches * REVOLUTION_KHZ


def as_rate(fraction: Efficiency, crossing_khz: float) -> Rate:
    """Turn a fraction of all weight into a rate."""
    low, high = fraction.low * crossing_khz, fraction.high * crossing_khz
    return Rate(fraction.value * crossing_khz, low, high, fraction.n_passed, fraction.n_effective, fraction.enough)


def menu_taken(dataset: Dataset, rows: NDArray[np.int64], veto: Veto | None = None) -> NDArray[np.bool_] | None:
    """Return for each event whether the L1 menu takes it; None where the data do not say.

    Args:
        dataset: the data.
        rows: the events.
        veto: the seeds that count; None for all that the data count.
    """
    if veto is not None:
        return veto.taken(dataset, rows)
    if "pass_l1" in dataset.columns:
        return np.asarray(dataset.column("pass_l1")[rows], dtype=bool)
    if "menu" in dataset.columns:
        return np.asarray(dataset.column("menu")[rows]) != 0
    return None


def threshold_for_rate(sample: RateSample, target_khz: float, kind: Kind) -> float:
    """Find the smallest threshold whose rate does not exceed a target.

    Args:
        sample: the background.
        target_khz: the rate, total or pure.
        kind: which one.

    Raises:
        InputError: a target above the bunch-crossing rate, too few events for it, or a pure rate without a menu.
    """
    if not 0 < target_khz <= sample.crossing_khz:
        raise InputError(
            f"A target rate must be above 0 and at most the bunch-crossing rate of {sample.crossing_khz:g} kHz, got {target_khz!r} kHz; "
            "change rates.target_khz."
        )
    weight = counted_weight(sample.weight, sample.taken, kind)
    allowed = target_khz / sample.crossing_khz * float(sample.weight.sum())
    threshold = threshold_for_weight(sample.scores, weight, allowed) if weight.any() else lowest(sample.scores)
    if weight.any() and not (weight[sample.scores >= threshold] > 0).any():
        raise TooFewEventsError(_too_few(sample, weight, target_khz, kind))
    return threshold


def _too_few(sample: RateSample, weight: FloatArray, target_khz: float, kind: Kind) -> str:
    highest = np.asarray(sample.scores == sample.scores[weight > 0].max()) & (weight > 0)
    least = float(weight[highest].sum()) / float(sample.weight.sum()) * sample.crossing_khz
    together = f", which {int(highest.sum())} of them share" if highest.sum() > 1 else ""
    return (
        f"There are too few events for a {kind.value} rate of {target_khz:g} kHz: the {len(sample.scores)} background events resolve "
        f"{least:.3g} kHz at the highest score{together}; ask for more than that in section 'rates', or give more background."
    )


def resolved_points(
    sample: RateSample, targets_khz: Sequence[float] | None, kind: Kind
) -> tuple[tuple[RatePoint, ...], tuple[str, ...]]:
    """Return the points of all targets.

    Args:
        sample: the background.
        targets_khz: the rates; None for those of ``DEFAULT_TARGETS_KHZ`` that the events resolve.
        kind: which rate.

    Returns:
        The points, and for defaults that are left out the reason.

    Raises:
        TooFewEventsError: a rate that was asked for is not resolved, or none of the defaults is.
        InputError: as ``threshold_for_rate``.
    """
    if targets_khz is not None:
        return tuple(rate_point(sample, target, kind) for target in targets_khz), ()
    points, reasons = [], list[str]()
    for target in DEFAULT_TARGETS_KHZ:
        try:
            points.append(rate_point(sample, target, kind))
        except TooFewEventsError as error:
            reasons.append(str(error))
    if not points:
        raise TooFewEventsError(reasons[-1])
    return tuple(points), tuple(reasons)


def rate_point(sample: RateSample, target_khz: float, kind: Kind) -> RatePoint:
    """Return threshold and rates for a target.

    Raises:
        InputError: as ``threshold_for_rate``.
    """
    threshold = threshold_for_rate(sample, target_khz, kind)
    return RatePoint(bit_name(kind, target_khz), kind, target_khz, threshold, *rates_at(sample, threshold))


def bit_name(kind: Kind, target_khz: float) -> str:
    """Name the trigger bit of a rate, as ``pure_0p1khz``: a port name."""
    return f"{kind.value}_{target_khz:g}khz".replace(".", "p").replace("+", "").replace("-", "m")


def rates_at(sample: RateSample, threshold: float) -> tuple[Rate, Rate | None, Rate | None]:
    """Return the total, pure and shared rate at a threshold; pure and shared are None where the data have no menu."""
    chosen = np.asarray(sample.scores >= threshold)
    if sample.taken is None:
        return sample.selected(chosen), None, None
    return sample.selected(chosen), sample.selected(chosen & ~sample.taken), sample.selected(chosen & sample.taken)


@dataclass(frozen=True, slots=True, eq=False)
class RateCurve:
    """Rates in kHz against threshold, shape ``(n_points,)`` each; ``pure`` is None where the data have no menu."""

    threshold: NDArray[Any]
    total: FloatArray
    pure: FloatArray | None

    @property
    def shared(self) -> FloatArray | None:
        """The rate that some menu item takes as well."""
        return None if self.pure is None else self.total - self.pure


def rate_curve(sample: RateSample) -> RateCurve:
    """Return the rates at every distinct score, ascending."""
    threshold = np.unique(sample.scores)
    total = _rate_above(sample.scores, sample.weight, threshold, sample)
    if sample.taken is None:
        return RateCurve(threshold, total, None)
    return RateCurve(threshold, total, _rate_above(sample.scores, np.where(sample.taken, 0.0, sample.weight), threshold, sample))


def _rate_above(scores: Scores, weight: FloatArray, threshold: NDArray[Any], sample: RateSample) -> FloatArray:
    order = np.argsort(scores, kind="stable")
    above = np.concatenate([np.cumsum(weight[order][::-1])[::-1], [0.0]])
    return above[np.searchsorted(scores[order], threshold, side="left")] / float(sample.weight.sum()) * sample.crossing_khz
