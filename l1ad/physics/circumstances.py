"""Find by what a rate may be looked at in a dataset: pile-up, run, luminosity block, and halves of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.physics import RatesConfig
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import FloatArray
from l1ad.physics.drift import Halves, halves_by, halves_by_chance
from l1ad.physics.follow import VARIABLES
from l1ad.physics.stability import Bins, lumi_groups, pileup_bins, run_groups
from l1ad.physics.variables import cut_variable
from l1ad.simulation.processes import are_processes


def bins_of(config: RatesConfig, dataset: Dataset, rows: NDArray[np.int64], weight: FloatArray) -> Iterator[Bins]:
    """Bin events by every variable that the data have more than one value of.

    Args:
        config: how many bins.
        dataset: the data.
        rows: the events.
        weight: of them, same shape.
    """
    pileup, run, lumi = (_column(dataset, name, rows) for name in ("pileup", "run", "lumi"))
    if _differ(pileup):
        yield Bins("pile-up", pileup, *pileup_bins(pileup, weight, config.pileup_bins))
    if are_processes(run):
        return
    if _differ(run):
        yield Bins("run", run, *run_groups(run, config.run_bins))
    if _differ(lumi):
        index, labels = lumi_groups(run if len(run) else np.zeros_like(lumi), lumi, weight, config.run_bins)
        yield Bins("luminosity block", lumi, index, labels)


def kinematic_bins(
    names: Sequence[str], dataset: Dataset, rows: NDArray[np.int64], weight: FloatArray, n_bins: int = 5
) -> Iterator[Bins]:
    """Bin events by MET, HT or the number of objects, in bins of about equal weight.

    Args:
        names: which, of ``follow.VARIABLES``.
        dataset: the data.
        rows: the events.
        weight: of them, same shape.
        n_bins: at most so many bins.
    """
    x_hw = np.asarray(dataset.x_hw[rows])
    for name in names:
        values = cut_variable(dataset.layout, x_hw, VARIABLES[name])
        if _differ(values):
            yield Bins(VARIABLES[name].name, values, *pileup_bins(values, weight, n_bins))


def halves_of(dataset: Dataset, rows: NDArray[np.int64], weight: FloatArray) -> Iterator[Halves]:
    """Cut events in two by time, by pile-up and by chance.

    Args:
        dataset: the data.
        rows: the events.
        weight: of them, same shape.
    """
    run, lumi, pileup = (_column(dataset, name, rows) for name in ("run", "lumi", "pileup"))
    if len(run) and not are_processes(run):
        blocks = np.stack([run, lumi if len(lumi) else np.zeros_like(run)], axis=1)
        _, order = np.unique(blocks, axis=0, return_inverse=True)
        if (halves := halves_by("time", order.reshape(-1), weight, ("the earlier half", "the later half"))) is not None:
            yield halves
    if len(pileup) and (halves := halves_by("pile-up", pileup, weight, ("low pile-up", "high pile-up"))) is not None:
        yield halves
    yield halves_by_chance(len(rows))


def _column(dataset: Dataset, name: str, rows: NDArray[np.int64]) -> NDArray[Any]:
    return np.asarray(dataset.column(name)[rows]) if name in dataset.columns else np.zeros(0)


def _differ(values: NDArray[Any]) -> bool:
    return len(np.unique(values)) > 1
