"""Fit a quantile of the score as a linear function of an event's variables: quantile regression with a smoothed loss.

R. Koenker, G. Bassett, Econometrica 46 (1978) 33; the smooth loss ``tau u + h log(1 + exp(-u / h))`` is S. Zheng's, Int. J. Mach. Learn. Cybern.
2 (2011) 191, with h towards 0. It takes a million events in seconds, where a linear programme takes hours. For a threshold that does not
follow MET, HT or multiplicity see DecADe, arXiv:2508.10224.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray

#: Widths of the smoothed corner, in units of the score's spread: the last is far below the distance of events that decide.
_WIDTHS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


@dataclass(frozen=True, slots=True, eq=False)
class QuantileFit:
    """``constant + values @ slopes``, the score that a fraction of the events exceeds, whatever the values."""

    constant: float
    slopes: FloatArray

    def at(self, values: FloatArray) -> FloatArray:
        """Return the function for each event, ``(n_events,)``."""
        return self.constant + values @ self.slopes


def fit_quantile(score: FloatArray, values: FloatArray, weight: FloatArray, fraction: float) -> QuantileFit:
    """Fit the score that a fraction of the weight exceeds, as a linear function.

    Args:
        score: of the events, ``(n_events,)``.
        values: what the function depends on, ``(n_events, n_values)``.
        weight: of the events, 0 or above, ``(n_events,)``.
        fraction: of the weight above the function.

    Raises:
        InputError: no weight, or a fraction outside 0 to 1.
    """
    if not (0 < fraction < 1 and weight.sum() > 0):
        raise InputError(
            f"A quantile needs a fraction between 0 and 1 and events with weight, got {fraction!r} of {weight.sum():g}."
        )
    w = weight / weight.sum()
    centre, spread = w @ values, np.sqrt(w @ (values - w @ values) ** 2)
    spread = np.where(spread > 0, spread, 1.0)
    unit = float(np.sqrt(w @ (score - w @ score) ** 2)) or 1.0
    matrix = np.column_stack([np.ones(len(score)), (values - centre) / spread])
    found = np.zeros(matrix.shape[1])
    found[0] = np.quantile(score, 1.0 - fraction) / unit
    for width in _WIDTHS:
        found = _minimum(score / unit, matrix, w, 1.0 - fraction, width, found)
    slopes = found[1:] * unit / spread
    return QuantileFit(float(found[0] * unit - centre @ slopes), slopes)


def _minimum(y: FloatArray, matrix: FloatArray, w: FloatArray, tau: float, width: float, start: FloatArray) -> FloatArray:
    """Find the least smoothed loss from a start, by Newton's steps in a trust region."""
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(beta: FloatArray) -> float:
        u = y - matrix @ beta
        return float(w @ (tau * u + width * np.logaddexp(0.0, -u / width)))

    def gradient(beta: FloatArray) -> FloatArray:
        return -(w * (tau - expit((matrix @ beta - y) / width))) @ matrix

    def curvature(beta: FloatArray) -> FloatArray:
        p = expit((matrix @ beta - y) / width)
        return (matrix * (w * p * (1.0 - p) / width)[:, np.newaxis]).T @ matrix

    options = {"gtol": 1e-9, "maxiter": 100}
    return np.asarray(minimize(loss, start, jac=gradient, hess=curvature, method="trust-exact", options=options).x)
