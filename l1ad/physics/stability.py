"""The dependence of a rate, and of the threshold that would keep it, on pile-up, the run and the luminosity block."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.core.plain import Plain
from l1ad.physics.needed import Span, needed_threshold
from l1ad.physics.rates import Rate, RatePoint, RateSample, as_rate
from l1ad.scores.metrics import efficiency
from l1ad.scores.targets import Kind


@dataclass(frozen=True, slots=True)
class BinnedRate(Plain):
    """The rate in one bin of pile-up or group of runs.

    Attributes:
        label: the bin's name.
        centre: weighted mean of the variable.
        rate: rate the whole machine would have if all crossings were like these.
        needed: the threshold that would keep the target rate then; None where none was asked for or the events do not resolve it.
    """

    label: str
    centre: float
    rate: Rate
    needed: Span | None = None


@dataclass(frozen=True, slots=True)
class Stability(Plain):
    """The rate of one threshold in bins of one variable.

    Attributes:
        bit: the trigger bit.
        variable: what is binned.
        rates: one for each bin.
        probability: of such a scatter around a common rate; None where it is not known.
        target_khz: the target rate.
        threshold: the threshold.
    """

    bit: str
    variable: str
    rates: tuple[BinnedRate, ...]
    probability: float | None
    target_khz: float
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """A binned variable: its name, the values and bin numbers of the events, ``(n_events,)`` each, and the bins' names."""

    variable: str
    values: NDArray[Any]
    index: NDArray[np.int64]
    labels: tuple[str, ...]


def stability_of(sample: RateSample, point: RatePoint, bins: Bins) -> Stability:
    """Count the total rate of a trigger bit in bins of a variable.

    Args:
        sample: the background.
        point: the trigger bit.
        bins: the bins.
    """
    rates = rate_in_bins(sample, point.threshold, bins.values, bins.index, bins.labels, point.target_khz)
    return Stability(point.name, bins.variable, rates, constancy(rates), point.target_khz, point.threshold)


def rate_in_bins(
    sample: RateSample,
    threshold: float,
    values: NDArray[Any],
    index: NDArray[np.int64],
    labels: Sequence[str],
    target_khz: float | None = None,
) -> tuple[BinnedRate, ...]:
    """Return the total rate in each bin that has events.

    Args:
        sample: the background.
        threshold: of the score.
        values: the binned variable, shape ``(n_events,)``.
        index: number of each event's bin, same shape.
        labels: name of each bin.
        target_khz: the total rate for which each bin's own threshold is found; None for none.
    """
    chosen = np.asarray(sample.scores >= threshold)
    rates = []
    for number, label in enumerate(labels):
        inside = (index == number) & (sample.weight > 0)
        if inside.any():
            part = efficiency(chosen[inside], sample.weight[inside])
            centre = float(np.average(values[inside], weights=sample.weight[inside]))
            own = RateSample(sample.scores[inside], sample.weight[inside], None, sample.crossing_khz)
            needed = None if target_khz is None else needed_threshold(own, target_khz, Kind.TOTAL)
            rates.append(BinnedRate(label, centre, as_rate(part, sample.crossing_khz), needed and needed[0]))
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


def lumi_groups(
    run: NDArray[Any], lumi: NDArray[Any], weight: FloatArray, n_groups: int
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Group consecutive luminosity blocks into at most so many groups of about equal weight; the groups' numbers and names.

    Args:
        run: of each event, ``(n_events,)``.
        lumi: luminosity block of the run, same shape.
        weight: same shape.
        n_groups: at most so many groups.
    """
    blocks, position = np.unique(np.stack([run, lumi], axis=1), axis=0, return_inverse=True)
    position = position.reshape(-1)
    own = np.bincount(position, weights=weight, minlength=len(blocks))
    before = np.cumsum(own) - own
    group = np.minimum((before + own / 2) / max(own.sum(), 1e-300) * n_groups, n_groups - 1).astype(np.int64)
    _, group = np.unique(np.arange(len(blocks)) if len(blocks) <= n_groups else group, return_inverse=True)
    labels = []
    for number in range(int(group.max()) + 1):
        (first_run, first), (last_run, last) = blocks[group == number][[0, -1]].tolist()
        end = f"–{last}" if first_run == last_run else f"–{last_run}:{last}"
        labels.append(f"{first_run}:{first}" + end * ((first_run, first) != (last_run, last)))
    return group[position].astype(np.int64), tuple(labels)


def constancy(rates: Sequence[BinnedRate]) -> float | None:
    """Return the probability of a scatter at least this large around a common rate (chi-squared); None with fewer than two bins.

    The error of each bin is half its interval.
    """
    from scipy.stats import chi2

    values = np.array([r.rate.khz for r in rates])
    errors = np.array([(r.rate.high_khz - r.rate.low_khz) / 2 for r in rates])
    if len(rates) < 2 or not (errors > 0).all():
        return None
    mean = np.average(values, weights=errors**-2)
    return float(chi2.sf(float((((values - mean) / errors) ** 2).sum()), len(rates) - 1))
