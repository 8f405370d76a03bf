"""Find the threshold that keeps a rate, with the interval that follows from the rate's."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.plain import Plain
from l1ad.physics.rates import Rate, RateSample, TooFewEventsError, rates_at, threshold_for_rate
from l1ad.scores.targets import Kind


@dataclass(frozen=True, slots=True)
class Span(Plain):
    """A threshold and the thresholds at the ends of its 68 % interval; an end that the events do not resolve is None."""

    threshold: float
    low: float | None
    high: float | None


def needed_threshold(sample: RateSample, target_khz: float, kind: Kind) -> tuple[Span, Rate] | None:
    """Find the threshold that keeps a rate, and the rate at it; None where the events do not resolve it.

    The threshold's interval is where the target is crossed if all rates are as much too high or low as the rate at the threshold may be.

    Args:
        sample: the background.
        target_khz: the rate.
        kind: which rate.

    Raises:
        InputError: a target above the crossing rate, or a pure one where the data have no menu.
    """
    threshold = _threshold_or_none(sample, target_khz, kind)
    if threshold is None:
        return None
    rate = rate_of_kind(sample, threshold, kind)
    low, high = (
        _threshold_or_none(sample, min(target_khz * rate.khz / end, sample.crossing_khz), kind)
        if min(end, rate.khz) > 0
        else None
        for end in (rate.low_khz, rate.high_khz)
    )
    return Span(threshold, low, high), rate


def _threshold_or_none(sample: RateSample, target_khz: float, kind: Kind) -> float | None:
    try:
        return threshold_for_rate(sample, target_khz, kind)
    except TooFewEventsError:
        return None


def rate_of_kind(sample: RateSample, threshold: float, kind: Kind) -> Rate:
    """Return the total or the pure rate at a threshold; the total one where the data have no menu."""
    total, pure, _ = rates_at(sample, threshold)
    return total if kind is Kind.TOTAL or pure is None else pure
