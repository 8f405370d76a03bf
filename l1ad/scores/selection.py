"""Count what a threshold selects: weighted efficiency with its interval, and the threshold for a given rate.

An event is selected when ``score >= threshold``. Scores may be integers (firmware codes) or float64; every rule is exact on ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray

#: One standard deviation of a Gaussian, two-sided.
ONE_SIGMA = 0.6826894921370859
#: Fewer effective events than this behind a number (an error above 32 %) and it means nothing.
MIN_EVENTS = 10.0
#: Weight sums are compared with this relative slack, so that rounding in a sum never decides over an event.
SLACK = 1e-9

Scores = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Efficiency:
    """A weighted fraction with its interval.

    Attributes:
        value: selected weight over all weight.
        low: lower end of the interval.
        high: upper end of the interval.
        n_passed: events selected, unweighted.
        n_total: events, unweighted.
        n_effective: effective number of selected events, ``(sum w)^2 / sum w^2`` over them; ``n_passed`` for equal weights.
        method: ``clopper-pearson`` for equal weights, else ``korn-graubard``.
    """

    value: float
    low: float
    high: float
    n_passed: int
    n_total: int
    n_effective: float
    method: str

    @property
    def enough(self) -> bool:
        """Whether enough events are selected for the value to mean something."""
        return self.n_effective >= MIN_EVENTS

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def efficiency(passed: ArrayLike, weight: ArrayLike | None = None, level: float = ONE_SIGMA) -> Efficiency:
    """Return the selected fraction with its interval.

    Equal weights get the interval of Clopper & Pearson (Biometrika 26 (1934) 404); others the same with the effective number of events
    that has the fraction's variance (Korn & Graubard, Survey Methodology 24 (1998) 193): ``n = f (1 - f) / v`` and ``k = n f``, with
    ``v = sum w^2 (x - f)^2 / (sum w)^2``. Where all or no events are selected, ``n = (sum w)^2 / sum w^2``.

    Args:
        passed: whether each event is selected, bool, shape ``(n_events,)``.
        weight: event weights of at least 0, shape ``(n_events,)``; None for equal ones.
        level: probability content of the interval.

    Raises:
        InputError: no event, weights that do not fit or have no positive sum.
    """
    selected = np.asarray(passed, dtype=bool)
    w = checked_weight(weight, len(selected), "selection")
    value = min(float(w[selected].sum()) / float(w.sum()), 1.0)
    equal = bool(np.all(w == w[0]))
    n = float(len(w)) if equal else _effective_total(selected, w, value)
    k = float(np.count_nonzero(selected)) if equal else n * value
    low, high = _beta_interval(k, n, level)
    method = "clopper-pearson" if equal else "korn-graubard"
    return Efficiency(value, low, high, int(np.count_nonzero(selected)), len(w), effective_number(w[selected]), method)


def mean_efficiency(efficiencies: Sequence[Efficiency]) -> tuple[float, float, float]:
    """Return the mean over signals with its interval: the signals' own, added in quadrature on either side."""
    value = float(np.mean([e.value for e in efficiencies]))
    below, above = (
        float(np.sqrt(sum(d * d for d in distances))) / len(efficiencies)
        for distances in ([e.value - e.low for e in efficiencies], [e.high - e.value for e in efficiencies])
    )
    return value, max(0.0, value - below), min(1.0, value + above)


def _effective_total(selected: NDArray[np.bool_], w: FloatArray, value: float) -> float:
    variance = float(np.square(w * (selected - value)).sum()) / float(w.sum()) ** 2
    return value * (1.0 - value) / variance if 0.0 < value < 1.0 and variance > 0 else effective_number(w)


def _beta_interval(k: float, n: float, level: float) -> tuple[float, float]:
    from scipy.stats import beta

    tail = (1.0 - level) / 2.0
    low = 0.0 if k <= 0 else float(beta.ppf(tail, k, n - k + 1.0))
    high = 1.0 if k >= n else float(beta.ppf(1.0 - tail, k + 1.0, n - k))
    return low, high


def effective_number(weight: FloatArray) -> float:
    """Return ``(sum w)^2 / sum w^2``, the number of equal-weight events of the same relative error; 0 for none."""
    squares = float(np.square(weight).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def threshold_for_weight(scores: Scores, weight: ArrayLike | None, target: float) -> float:
    """Find the smallest threshold that selects at most a given weight.

    For integer scores it is an integer: one above the highest score that must not be selected. For float64 scores it is the next
    representable number above that score. Events of weight 0 do not count. When everything may be selected it is the lowest score.

    Args:
        scores: scores, shape ``(n_events,)``.
        weight: weights of at least 0, or None for 1 each.
        target: largest sum of weights that may be selected, at least 0.

    Returns:
        The threshold; a whole number if the scores are integers.

    Raises:
        InputError: no events, a negative target, NaN scores or weights that do not fit.
    """
    values, w = checked_scores(scores, weight, "scored")
    if not target >= 0:
        raise InputError(f"A threshold needs a target of at least 0, got {target!r}; ask for a positive rate.")
    values, w = values[w > 0], w[w > 0]
    order = np.argsort(values, kind="stable")[::-1]
    selected = np.cumsum(w[order])
    too_many = np.flatnonzero(selected > target * (1.0 + SLACK))
    if not len(too_many):
        return lowest(values)
    return _next_above(values[order[too_many[0]]])


def lowest(scores: Scores) -> float:
    """Return the threshold that selects everything; a whole number if the scores are integers."""
    return float(scores.min()) if scores.dtype.kind == "f" else int(scores.min())


def _next_above(score: Any) -> float:
    if isinstance(score, np.integer):
        return int(score) + 1
    return float(np.nextafter(score, np.inf))


def threshold_for_fraction(scores: Scores, weight: ArrayLike | None, fraction: float) -> float:
    """Find the smallest threshold that selects at most a fraction of all weight; see ``threshold_for_weight``."""
    total = float(checked_weight(weight, len(scores), "scored").sum())
    return threshold_for_weight(scores, weight, fraction * total)


def checked_scores(scores: Scores, weight: ArrayLike | None, what: str) -> tuple[Scores, FloatArray]:
    """Refuse scores and weights that no metric can use.

    Args:
        scores: integers or float64, shape ``(n_events,)``.
        weight: weights, or None for 1 each.
        what: names the sample in the message.

    Returns:
        The scores as int64 or float64, and the weights as float64.

    Raises:
        InputError: no events, another shape, NaN scores, weights that do not fit or have no positive sum.
    """
    values = np.asarray(scores)
    if values.ndim != 1 or not len(values):
        raise InputError(f"Metrics need at least one {what} event, got scores of shape {values.shape!r}; give more events.")
    if values.dtype.kind not in "iu":
        values = values.astype(np.float64, copy=False)
        if np.isnan(values).any():
            raise InputError(f"{int(np.isnan(values).sum())} {what} scores are not a number; score these events again.")
    return values, checked_weight(weight, len(values), what)


def checked_weight(weight: ArrayLike | None, n_events: int, what: str) -> FloatArray:
    """Return weights as float64, 1 each for None.

    Raises:
        InputError: no events, another length, a negative or not finite weight, or no positive sum.
    """
    if n_events == 0:
        raise InputError(f"Metrics need at least one {what} event, got none; give more events.")
    if weight is None:
        return np.ones(n_events)
    w = np.asarray(weight, dtype=np.float64)
    if w.shape != (n_events,):
        raise InputError(f"Weights must fit the {n_events} {what} events, got shape {w.shape!r}; give one weight an event.")
    if not np.isfinite(w).all() or w.min() < 0 or w.sum() <= 0:
        raise InputError(
            f"Weights of the {what} events must be finite, at least 0 and not all 0, got {w.min()!r} to {w.max()!r}."
        )
    return w


def weighted_quantile(values: NDArray[Any], weight: FloatArray, fraction: float) -> Any:
    """Return the smallest value at or below which at least a fraction of the weight lies.

    Args:
        values: shape ``(n,)``, at least one.
        weight: not negative, shape ``(n,)``; all 0 counts as all equal.
        fraction: between 0 and 1.
    """
    order = np.argsort(values, kind="stable")
    used = weight if weight.sum() > 0 else np.ones(len(values))
    below = np.cumsum(used[order])
    return values[order][min(int(np.searchsorted(below, fraction * below[-1])), len(values) - 1)]
