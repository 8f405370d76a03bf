"""Measure how strongly two quantities go together, with weights and intervals."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from l1ad.core.fixed import FloatArray
from l1ad.scores.metrics import effective_number


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation coefficient with its 68 % interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return plain data for JSON."""
        return asdict(self)


def pearson(x: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> Correlation | None:
    """Return the weighted linear correlation; None where a quantity does not vary. The interval is Fisher's, with effective numbers."""
    a, b, w = _arrays(x, y, weight)
    value = _coefficient(a, b, w)
    return None if value is None else _fisher(value, effective_number(w), 1.0)


def spearman(x: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> Correlation | None:
    """Return the weighted rank correlation; None where a quantity does not vary.

    The rank of a value is the weight below it plus half the weight at it. The interval is Fisher's with the variance of Bonett & Wright
    (Psychometrika 65 (2000) 23), ``(1 + rho^2 / 2) / (n - 3)``.
    """
    a, b, w = _arrays(x, y, weight)
    value = _coefficient(_ranks(a, w), _ranks(b, w), w)
    return None if value is None else _fisher(value, effective_number(w), 1.0 + value * value / 2.0)


def mutual_information(x: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None, bins: int = 20) -> float:
    """Return the mutual information in bits, of both quantities binned by quantiles, less the bias of Miller & Madow.

    The bias of a table of independent quantities is ``(rows - 1) (columns - 1) / (2 n ln 2)``; what is left is at least 0.
    """
    a, b, w = _arrays(x, y, weight)
    i, j = _quantile_bins(a, w, bins), _quantile_bins(b, w, bins)
    table = np.zeros((i.max() + 1, j.max() + 1))
    np.add.at(table, (i, j), w / w.sum())
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    independent = np.outer(table.sum(axis=1), table.sum(axis=0))
    filled = table > 0
    plain = float((table[filled] * np.log2(table[filled] / independent[filled])).sum())
    bias = (table.shape[0] - 1) * (table.shape[1] - 1) / (2.0 * effective_number(w) * np.log(2.0))
    return max(0.0, plain - bias)


def _arrays(x: ArrayLike, y: ArrayLike, weight: ArrayLike | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    return a, b, np.ones(len(a)) if weight is None else np.asarray(weight, dtype=np.float64)


def _coefficient(a: FloatArray, b: FloatArray, w: FloatArray) -> float | None:
    if len(a) < 2 or not w.sum() > 0:
        return None
    da, db = a - np.average(a, weights=w), b - np.average(b, weights=w)
    scale = float(np.sqrt((w * da * da).sum() * (w * db * db).sum()))
    return float(np.clip((w * da * db).sum() / scale, -1.0, 1.0)) if scale > 0 else None


def _fisher(value: float, n: float, spread: float) -> Correlation:
    if n <= 3:
        return Correlation(value, -1.0, 1.0)
    if abs(value) == 1.0:
        return Correlation(value, value, value)
    centre, half = np.arctanh(value), np.sqrt(spread / (n - 3.0))
    return Correlation(value, float(np.tanh(centre - half)), float(np.tanh(centre + half)))


def _ranks(values: FloatArray, w: FloatArray) -> FloatArray:
    distinct, position = np.unique(values, return_inverse=True)
    at = np.bincount(position, weights=w, minlength=len(distinct))
    return (np.cumsum(at) - at / 2.0)[position]


def _quantile_bins(values: FloatArray, w: FloatArray, bins: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Bin by weight quantiles; equal values share a bin, and few distinct values are their own bins."""
    distinct, position = np.unique(values, return_inverse=True)
    if len(distinct) <= bins:
        return position.astype(np.int64)
    at = np.bincount(position, weights=w, minlength=len(distinct))
    middle = (np.cumsum(at) - at / 2.0) / w.sum()
    return np.minimum((middle * bins).astype(np.int64), bins - 1)[position]
