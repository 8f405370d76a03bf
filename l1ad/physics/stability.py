"""Look how a rate depends on pile-up and on the run."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.physics.rates import Rate, RateSample, as_rate
from l1ad.scores.metrics import efficiency


@dataclass(frozen=True, slots=True)
class BinnedRate:
    """Hold the rate in one bin of pile-up or group of runs.

    Attributes:
        label: the bin's name.
        centre: weighted mean of the variable.
        rate: rate the whole machine would have if all crossings were like these.
    """

    label: str
    centre: float
    rate: Rate

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return asdict(self)


def rate_in_bins(
    sample: RateSample, threshold: float, values: NDArray[Any], index: NDArray[np.int64], labels: Sequence[str]
) -> tuple[BinnedRate, ...]:
    """Give the total rate in each bin that has events.

    Args:
        sample: the background.
        threshold: of the score.
        values: the binned variable, shape ``(n_events,)``.
        index: number of each event's bin, same shape.
        labels: name of each bin.
    """
    chosen = np.asarray(sample.scores >= threshold)
    rates = []
    for number, label in enumerate(labels):
        inside = (index == number) & (sample.weight > 0)
        if inside.any():
            part = efficiency(chosen[inside], sample.weight[inside])
            centre = float(np.average(values[inside], weights=sample.weight[inside]))
            rates.append(BinnedRate(label, centre, as_rate(part, sample.crossing_khz)))
    return tuple(rates)


def pileup_bins(pileup: NDArray[Any], weight: FloatArray, n_bins: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Bin events by pile-up, with about equal weight in each bin; the bins' numbers and names."""
    order = np.argsort(pileup, kind="stable")
    reached = np.cumsum(weight[order]) / float(weight.sum())
    cuts = [float(pileup[order][np.searchsorted(reached, k / n_bins)]) for k in range(1, n_bins)]
    inner = np.unique(cuts)
    edges = [float(pileup.min()), *inner.tolist(), float(pileup.max())]
    labels = tuple(f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges))
    return np.searchsorted(inner, pileup, side="right").astype(np.int64), labels


def run_groups(run: NDArray[Any], n_groups: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Group consecutive runs into at most so many groups; the groups' numbers and names."""
    runs, position = np.unique(run, return_inverse=True)
    groups = min(n_groups, len(runs))
    of_run = np.arange(len(runs)) * groups // len(runs)
    labels = []
    for number in range(groups):
        members = runs[of_run == number]
        labels.append(str(members[0]) if len(members) == 1 else f"{members[0]}–{members[-1]}")
    return of_run[position].astype(np.int64), tuple(labels)


def constancy(rates: Sequence[BinnedRate]) -> float | None:
    """Give the probability of a scatter at least this large around a common rate (chi-squared); None with fewer than two bins.

    The error of each bin is half its interval.
    """
    from scipy.stats import chi2

    values = np.array([r.rate.khz for r in rates])
    errors = np.array([(r.rate.high_khz - r.rate.low_khz) / 2 for r in rates])
    if len(rates) < 2 or not (errors > 0).all():
        return None
    mean = np.average(values, weights=errors**-2)
    return float(chi2.sf(float((((values - mean) / errors) ** 2).sum()), len(rates) - 1))
