"""Weigh events so that minimum bias and hard processes together are one smooth zero bias."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.processes import MINIMUM_BIAS, QCD_EDGES_GEV, QCD_SLICES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ZeroBias:
    """The probability that a bunch crossing looks like an event of a given process.

    A crossing has a Poisson number of inelastic collisions with mean ``pileup``. Those harder than 20 GeV come from QCD slices. The
    hardest of a crossing has hardness x with density λ(x) exp(-Λ(x)), where Λ(x) = pileup σ(> x) / σ(inelastic); with
    probability exp(-Λ(20 GeV)) there is none. So an event of slice s weighs pileup σ_s / σ(inelastic) exp(-Λ(x)) / N_s, an
    event without hard collision exp(-Λ(20 GeV)) / N, and the sum over all is one.

    Attributes:
        pileup: mean number of inelastic collisions.
        sigma_mb: cross section of each process, mb.
    """

    pileup: float
    sigma_mb: Mapping[str, float]

    def hard_mean(self, pthat_gev: Floats) -> Floats:
        """Return Λ: the mean number of collisions in a crossing that are harder, by log-log interpolation between slice edges."""
        edges = np.array(QCD_EDGES_GEV[:-1])
        above = np.cumsum([self.sigma_mb[name] for name in QCD_SLICES][::-1])[::-1]
        inside = np.interp(np.log(pthat_gev), np.log(edges), np.log(above))
        # Beyond the last edge the spectrum falls like x^-5; Λ is below 1e-5 there.
        beyond = np.minimum(0.0, -5.0 * (np.log(pthat_gev) - np.log(edges[-1])))
        return self.pileup * np.exp(inside + beyond) / self.sigma_mb[MINIMUM_BIAS]

    def weights(self, process: str, pthat_gev: Floats, n_generated: int | None = None) -> Floats:
        """Return each event's probability, for a sample of one process.

        Args:
            process: the process's name.
            pthat_gev: hardness of each event's hard collision, ``(n_events,)``; ignored for minimum bias.
            n_generated: size of the sample that these are of; None for their own number.
        """
        n_events = len(pthat_gev) if n_generated is None else n_generated
        if process == MINIMUM_BIAS:
            return np.full(len(pthat_gev), float(np.exp(-self.hard_mean(np.array([QCD_EDGES_GEV[0]]))[0])) / n_events)
        weight = np.full(len(pthat_gev), self.pileup * self.sigma_mb[process] / self.sigma_mb[MINIMUM_BIAS] / n_events)
        return weight * np.exp(-self.hard_mean(pthat_gev)) if process in QCD_SLICES else weight
