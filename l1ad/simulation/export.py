"""Gather produced events into samples and write them in the experiments' file formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.data.nanoaod_writer import NanoAodWriter
from l1ad.data.readers.cicada import CicadaWriter
from l1ad.data.readers.fortymhz import FortyMhzWriter
from l1ad.data.readers.gelato import GelatoWriter
from l1ad.simulation.detector import SHAPES, Objects
from l1ad.simulation.hardware import cms_counts, level1_counts, region_counts, software_counts
from l1ad.simulation.menu import HLT_MENU, L1_MENU, MenuItem, decide, tune
from l1ad.simulation.processes import find_process
from l1ad.simulation.production import Plan, Produced, collect, cross_section, load_batch
from l1ad.simulation.weights import ZeroBias

#: Layouts whose grids the file formats have.
LEVEL1_LAYOUT, SOFTWARE_LAYOUT, CMS_LAYOUT, NANO_LAYOUT, REGION_LAYOUT = (
    "l1topo44",
    "gelato60",
    "fortymhz57",
    "axol1tl57",
    "cicada252",
)
_TUNING_EVENTS = 200_000
#: Level of gzip for files that travel.
_SMALLEST = 9
_COLLISIONS_OF_A_PROCESS = 2**40


@dataclass(frozen=True, slots=True)
class SimulatedSample:
    """The events of one sample, in the order they are written.

    Attributes:
        objects: what the triggers see.
        columns: per-event columns by their name in a dataset.
        collision: which collision each is made of; events of one are not independent, ``(n_events,)``.
    """

    objects: Objects
    columns: Mapping[str, NDArray[Any]]
    collision: NDArray[np.int64]

    @property
    def n_events(self) -> int:
        """The number of events."""
        return len(self.objects.l1_met)


def zero_bias(plan: Plan, folder: Path, processes: Sequence[str], menu: Sequence[MenuItem] = L1_MENU) -> SimulatedSample:
    """Join minimum bias and hard processes into one weighted zero bias, in a seeded random order; the mean weight is 1."""
    produced = {name: collect(plan, folder, name) for name in processes}
    law = ZeroBias(plan.pileup, {name: events.sigma_mb for name, events in produced.items()})
    weights = np.concatenate([law.weights(name, e.pthat_gev, e.n_generated) * e.factor for name, e in produced.items()])
    parts = [_sample(name, events, menu) for name, events in produced.items()]
    order = np.random.default_rng(plan.generator.seed).permutation(len(weights))
    return _joined(parts, _rounded(weights * (len(weights) / weights.sum())), order)


def stream(plan: Plan, folder: Path, menu: Sequence[MenuItem] = L1_MENU) -> Iterator[tuple[str, SimulatedSample]]:
    """Return batch after batch in a seeded random order, each with its process and weights as `zero_bias` and `signal` give them.

    Args:
        plan: what was produced.
        folder: where it is.
        menu: the Level-1 menu that decides.
    """
    tasks = plan.tasks()
    wanted = plan.events
    background = [name for name in wanted if find_process(name).background]
    law = ZeroBias(plan.pileup, {name: cross_section(plan, folder, name) for name in background}) if background else None
    total = sum(wanted[name] for name in background)
    for number in np.random.default_rng(plan.generator.seed).permutation(len(tasks)):
        task = tasks[number]
        produced = load_batch(plan, folder, task)
        sample = _sample(task.process, produced, menu)
        weights = np.ones(sample.n_events)
        if law is not None and task.process in background:
            weights = law.weights(task.process, produced.pthat_gev, wanted[task.process]) * produced.factor * total
        yield task.process, replace(sample, columns={**sample.columns, "weight": _rounded(weights)})


def signal(plan: Plan, folder: Path, process: str, menu: Sequence[MenuItem] = L1_MENU) -> SimulatedSample:
    """Take one process as it is, with weights of 1."""
    sample = _sample(process, collect(plan, folder, process), menu)
    return _joined([sample], np.ones(sample.n_events, dtype=np.float32), np.arange(sample.n_events))


def _sample(process: str, produced: Produced, menu: Sequence[MenuItem]) -> SimulatedSample:
    n_events, run = len(produced.pthat_gev), find_process(process).run_number
    columns: dict[str, NDArray[Any]] = {
        "run": np.full(n_events, run, dtype=np.int64),
        "event": produced.event,
        "pileup": produced.interactions.astype(np.float32),
        **decisions(produced.objects, menu),
    }
    return SimulatedSample(produced.objects, columns, produced.collision + run * _COLLISIONS_OF_A_PROCESS)


def decisions(objects: Objects, menu: Sequence[MenuItem]) -> dict[str, NDArray[Any]]:
    """Return the Level-1 word and whether each level's menu takes an event."""
    arrays = objects.arrays()
    word = decide(menu, arrays)
    return {"menu": word, "pass_l1": word > 0, "pass_hlt": (word > 0) & (decide(HLT_MENU, arrays) > 0)}


def _joined(parts: Sequence[SimulatedSample], weights: NDArray[np.float32], order: NDArray[np.int64]) -> SimulatedSample:
    arrays = {name: np.concatenate([getattr(part.objects, name) for part in parts])[order] for name in Objects.__slots__}
    columns = {name: np.concatenate([part.columns[name] for part in parts])[order] for name in parts[0].columns}
    collision = np.concatenate([part.collision for part in parts])[order]
    return SimulatedSample(Objects(**arrays), {**columns, "weight": weights[order]}, collision)


def write_gelato(path: Path, sample: SimulatedSample, menu: Sequence[MenuItem] = L1_MENU, step_gev: float = 0.0) -> None:
    """Write a sample as a raw GELATO ntuple; ``step_gev`` makes energies coarser than the hardware's, for small files."""
    level1, software = load_layout(LEVEL1_LAYOUT), load_layout(SOFTWARE_LAYOUT)
    objects = sample.objects
    with GelatoWriter(path, level1, software, tuple(item.name for item in menu), _SMALLEST) as writer:
        writer.append(
            level1_counts(objects, level1, step_gev),
            software_counts(objects, software, step_gev),
            _flags_as_bytes(sample.columns),
        )


def write_fortymhz(path: Path, sample: SimulatedSample, menu: Sequence[MenuItem] = L1_MENU) -> None:
    """Write a sample in the form of the 40 MHz data set."""
    layout = load_layout(CMS_LAYOUT)
    with FortyMhzWriter(path, layout, tuple(item.name for item in menu), _SMALLEST) as writer:
        writer.append(cms_counts(sample.objects, layout), _flags_as_bytes(sample.columns))


def _rounded(weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round weights to 1/512 of their power of two: far below their statistical meaning, and they compress."""
    mantissa, exponent = np.frexp(weights)
    return np.ldexp(np.rint(mantissa * 512) / 512, exponent).astype(np.float32)


def _flags_as_bytes(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Store decisions as the 0 and 1 that the public files have."""
    return {name: values.astype(np.int8) if values.dtype == bool else values for name, values in columns.items()}


class FileSet:
    """Append samples to files of several formats: ``<format>_<sample>.h5`` or ``.root`` in one folder.

    Use it as a context manager.
    """

    def __init__(self, folder: Path, formats: Sequence[str], menu: Sequence[MenuItem] = L1_MENU) -> None:
        self._folder, self._formats = folder, formats
        self._menu = tuple(item.name for item in menu)
        self._files = ExitStack()
        self._writers: dict[tuple[str, str], Writer] = {}

    def __enter__(self) -> FileSet:
        if self._formats:
            self._folder.mkdir(exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def append(self, name: str, sample: SimulatedSample) -> None:
        """Append events to the files of a sample."""
        for format_ in self._formats:
            writer = self._writers.get((format_, name)) or self._open(format_, name)
            writer(sample)

    def _open(self, format_: str, name: str) -> Writer:
        path = self._folder / f"{format_}_{name}.{'root' if format_ == 'nanoaod' else 'h5'}"
        self._writers[format_, name] = writer = self._files.enter_context(_writer(format_, path, self._menu))
        return writer


Writer = Callable[[SimulatedSample], None]


@contextmanager
def _writer(format_: str, path: Path, menu: tuple[str, ...]) -> Iterator[Writer]:
    level1, software, cms = (load_layout(name) for name in (LEVEL1_LAYOUT, SOFTWARE_LAYOUT, CMS_LAYOUT))
    match format_:
        case "gelato":
            with GelatoWriter(path, level1, software, menu) as gelato:
                yield lambda s: gelato.append(
                    level1_counts(s.objects, level1), software_counts(s.objects, software), _flags_as_bytes(s.columns)
                )
        case "fortymhz":
            with FortyMhzWriter(path, cms, menu) as fortymhz:
                yield lambda s: fortymhz.append(cms_counts(s.objects, cms), _flags_as_bytes(s.columns))
        case "cicada":
            regions = load_layout(REGION_LAYOUT)
            with CicadaWriter(path, menu) as cicada:
                yield lambda s: cicada.append(region_counts(s.objects, regions)["region"], _flags_as_bytes(s.columns))
        case _:
            nano = nanoaod_layout()
            with NanoAodWriter(path, menu) as nanoaod:
                yield lambda s: nanoaod.append(cms_counts(s.objects, nano), s.columns)


def nanoaod_layout() -> ObjectLayout:
    """Return the objects of the NanoAOD-like file: those of AXOL1TL, and taus on the same grid as e/γ."""
    layout = load_layout(NANO_LAYOUT)
    taus = replace(layout.slot("eg"), kind="tau", multiplicity=SHAPES["l1_taus"][0])
    return replace(layout, name="nanoaod", slots=(*layout.slots, taus))


def tuned_menu(plan: Plan, folder: Path, fraction: float) -> tuple[MenuItem, ...]:
    """Scale the Level-1 menu's thresholds so that it takes a fraction of the weighted zero bias; looks at 200 000 events at most."""
    arrays: dict[str, list[NDArray[np.float64]]] = {item.kind: [] for item in L1_MENU}
    weights: list[NDArray[np.float64]] = []
    for process, batch in stream(plan, folder):
        if find_process(process).background and sum(map(len, weights)) < _TUNING_EVENTS:
            weights.append(batch.columns["weight"].astype(np.float64))
            for kind, parts in arrays.items():
                parts.append(batch.objects.arrays()[kind])
    joined = {kind: np.concatenate(parts) for kind, parts in arrays.items()}
    return tune(L1_MENU, joined, np.concatenate(weights), fraction)
