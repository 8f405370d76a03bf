"""Gather produced events into samples and write them in the experiments' file formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.datasets.fortymhz import FortyMhzWriter
from l1ad.datasets.gelato import GelatoWriter
from l1ad.layout import load_layout
from l1ad.physics.simulation.detector import Objects
from l1ad.physics.simulation.hardware import cms_counts, level1_counts, software_counts
from l1ad.physics.simulation.menu import HLT_MENU, L1_MENU, MenuItem, decide
from l1ad.physics.simulation.processes import MINIMUM_BIAS, find_process
from l1ad.physics.simulation.production import Plan, Produced, collect
from l1ad.physics.simulation.weights import ZeroBias

#: Layouts whose grids the file formats have.
LEVEL1_LAYOUT, SOFTWARE_LAYOUT, CMS_LAYOUT = "l1topo44", "gelato60", "fortymhz57"


@dataclass(frozen=True, slots=True)
class SimulatedSample:
    """Hold the events of one sample, in the order they are written.

    Attributes:
        objects: what the triggers see.
        columns: per-event columns by their name in a dataset.
    """

    objects: Objects
    columns: Mapping[str, NDArray[Any]]

    @property
    def n_events(self) -> int:
        """Give the number of events."""
        return len(self.objects.l1_met)


def zero_bias(plan: Plan, folder: Path, processes: Sequence[str], menu: Sequence[MenuItem] = L1_MENU) -> SimulatedSample:
    """Join minimum bias and hard processes into one weighted zero bias, in a seeded random order; the mean weight is 1."""
    produced = {name: collect(plan, folder, name) for name in processes}
    law = ZeroBias(plan.pileup, {name: events.sigma_mb for name, events in produced.items()})
    weights = np.concatenate([law.weights(name, events.pthat_gev) for name, events in produced.items()])
    parts = [_sample(name, events, menu) for name, events in produced.items()]
    order = np.random.default_rng(plan.generator.seed).permutation(len(weights))
    joined = _joined(parts, _rounded(weights * float(len(weights))), order)
    return SimulatedSample(joined.objects, {**joined.columns, "event": np.arange(len(weights), dtype=np.int64)})


def signal(plan: Plan, folder: Path, process: str, menu: Sequence[MenuItem] = L1_MENU) -> SimulatedSample:
    """Take one process as it is, with weights of 1."""
    sample = _sample(process, collect(plan, folder, process), menu)
    return _joined([sample], np.ones(sample.n_events, dtype=np.float32), np.arange(sample.n_events))


def _sample(process: str, produced: Produced, menu: Sequence[MenuItem]) -> SimulatedSample:
    n_events = len(produced.pthat_gev)
    columns: dict[str, NDArray[Any]] = {
        "run": np.full(n_events, find_process(process).run_number, dtype=np.int64),
        "event": np.arange(n_events, dtype=np.int64),
        "pileup": produced.interactions.astype(np.float32),
        **decisions(produced.objects, menu),
    }
    return SimulatedSample(produced.objects, columns)


def decisions(objects: Objects, menu: Sequence[MenuItem]) -> dict[str, NDArray[Any]]:
    """Give the Level-1 word and whether each level's menu takes an event."""
    arrays = objects.arrays()
    word = decide(menu, arrays)
    return {"menu": word, "pass_l1": word > 0, "pass_hlt": (word > 0) & (decide(HLT_MENU, arrays) > 0)}


def _joined(parts: Sequence[SimulatedSample], weights: NDArray[np.float32], order: NDArray[np.int64]) -> SimulatedSample:
    arrays = {name: np.concatenate([getattr(part.objects, name) for part in parts])[order] for name in Objects.__slots__}
    columns = {name: np.concatenate([part.columns[name] for part in parts])[order] for name in parts[0].columns}
    return SimulatedSample(Objects(**arrays), {**columns, "weight": weights[order]})


def write_gelato(path: Path, sample: SimulatedSample, menu: Sequence[MenuItem] = L1_MENU, step_gev: float = 0.0) -> None:
    """Write a sample as a raw GELATO ntuple; ``step_gev`` makes energies coarser than the hardware's, for small files."""
    level1, software = load_layout(LEVEL1_LAYOUT), load_layout(SOFTWARE_LAYOUT)
    objects = sample.objects
    with GelatoWriter(path, level1, software, tuple(item.name for item in menu)) as writer:
        writer.append(
            level1_counts(objects, level1, step_gev),
            software_counts(objects, software, step_gev),
            _flags_as_bytes(sample.columns),
        )


def write_fortymhz(path: Path, sample: SimulatedSample, menu: Sequence[MenuItem] = L1_MENU) -> None:
    """Write a sample in the form of the 40 MHz data set."""
    layout = load_layout(CMS_LAYOUT)
    with FortyMhzWriter(path, layout, tuple(item.name for item in menu)) as writer:
        writer.append(cms_counts(sample.objects, layout), _flags_as_bytes(sample.columns))


def _rounded(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round weights to 1/512 of their power of two: far below their statistical meaning, and they compress."""
    mantissa, exponent = np.frexp(weights)
    return np.ldexp(np.rint(mantissa * 512) / 512, exponent).astype(np.float32)


def _flags_as_bytes(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Store decisions as the 0 and 1 that the public files have."""
    return {name: values.astype(np.int8) if values.dtype == bool else values for name, values in columns.items()}


def is_background(process: str) -> bool:
    """Say whether a process is part of zero bias."""
    return process == MINIMUM_BIAS or find_process(process).background
