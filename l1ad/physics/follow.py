"""Derive what a threshold has to follow so that its rate does not: MET, HT and the number of objects, as integers for the chip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray
from l1ad.core.follow import Follow
from l1ad.core.layout import ObjectLayout
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.quantile import fit_quantile
from l1ad.physics.variables import HT, MET, MULTIPLICITY, Cut, event_cuts, object_kinds
from l1ad.scores.metrics import effective_number
from l1ad.scores.performance import ScoredSample, background_of
from l1ad.spec.reference import followed

#: What can be followed, by the name in the configuration.
VARIABLES: dict[str, Cut] = {"met": MET, "ht": HT, "multiplicity": MULTIPLICITY}
#: Events that must be above the function where its slopes are fitted, and the largest part of all that may be.
_ABOVE, _MOST = 300, 0.05
#: Events from which on those that are not for testing are enough for the fit.
_ENOUGH = 2_000
#: Error that rounding of a weight may make, in spreads of score and variable, and the largest shift.
_ROUNDING, _SHIFTS = 0.01, 16


def follow_of(dataset: Dataset, scores: ScoreSet, names: Sequence[str], fraction: float) -> Follow:
    """Fit the linear function of an event's counts that a fraction of the background exceeds, and round it for the chip.

    The slopes are fitted on background that is not for testing where that is enough, and not farther out than some hundred events.

    Args:
        dataset: the data.
        scores: integer scores of them.
        names: what is followed, of ``VARIABLES``.
        fraction: background fraction of the threshold.

    Raises:
        InputError: the layout has no such objects.
    """
    for name in names:
        if VARIABLES[name] not in event_cuts(dataset.layout):
            raise InputError(
                f"rates.follow names {name!r}, which layout {dataset.layout.name!r} has no objects for; leave it out."
            )
    sample = _for_fitting(dataset, scores)
    terms = [_terms(dataset.layout, name) for name in names]
    x_hw = np.asarray(dataset.x_hw[sample.rows])
    values = np.stack([_values(dataset.layout, x_hw, term) for term in terms], axis=1)
    score = sample.scores.astype(np.float64)
    part = min(max(fraction, _ABOVE / max(effective_number(sample.weight), 1.0)), _MOST)
    slopes = fit_quantile(score, values, sample.weight, part).slopes
    return _rounded(terms, slopes, values.std(axis=0), float(score.std()))


def flattened(dataset: Dataset, follow: Follow, sample: ScoredSample) -> NDArray[np.int64]:
    """Return what is compared with a threshold that follows, for the events of a sample."""
    return followed(dataset.layout, follow, np.asarray(sample.scores), np.asarray(dataset.x_hw[sample.rows]))


def _for_fitting(dataset: Dataset, scores: ScoreSet) -> ScoredSample:
    every = background_of(dataset, scores, None)
    other = np.asarray(dataset.column("split")[every.rows]) != Split.TEST
    if np.count_nonzero(other) < _ENOUGH:
        return every
    return ScoredSample(every.name, every.label, every.rows[other], every.scores[other], every.weight[other])


def _terms(layout: ObjectLayout, name: str) -> tuple[str, tuple[str, ...]]:
    """Return what of which kinds of objects makes a variable: ``pt`` or ``count``."""
    there = tuple(slot.kind for slot in layout.slots)
    if name == "multiplicity":
        return "count", object_kinds(layout)
    kinds = ("jet",) if name == "ht" else ("met", "etmiss")
    return "pt", tuple(kind for kind in there if kind in kinds)


def _values(layout: ObjectLayout, x_hw: NDArray[Any], term: tuple[str, tuple[str, ...]]) -> FloatArray:
    columns = np.concatenate([layout.feature_columns("pt", kind) for kind in term[1]])
    counts = x_hw[:, columns]
    return (np.count_nonzero(counts, axis=1) if term[0] == "count" else counts.sum(axis=1, dtype=np.int64)).astype(np.float64)


def _rounded(terms: Sequence[tuple[str, tuple[str, ...]]], slopes: FloatArray, spread: FloatArray, unit: float) -> Follow:
    """Round the slopes with as few bits below the score's unit as their error allows."""
    for shift in range(_SHIFTS + 1):
        weights = np.rint(slopes * 2.0**shift)
        if (np.abs(weights * 2.0**-shift - slopes) * spread <= _ROUNDING * unit).all():
            break
    found: dict[str, dict[str, int]] = {"pt": {}, "count": {}}
    for (what, kinds), weight in zip(terms, weights.astype(np.int64).tolist(), strict=True):
        found[what] |= dict.fromkeys(kinds, weight)
    return Follow.from_dict({"shift": shift, **found})
