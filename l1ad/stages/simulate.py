"""Simulate events: Pythia 8, pile-up and a parametrised detector make a dataset, and files of the experiments' formats on demand."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.config.simulation import SimulationConfig
from l1ad.core.artefact import Draft
from l1ad.core.dataset import KIND, DatasetWriter, Role, Sample, Split
from l1ad.core.errors import ConfigError
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.stage import StageResult, run_stage
from l1ad.data.split import assign, part_keys
from l1ad.simulation.enhanced_bias import EnhancedBias, Measured, quantities, tails
from l1ad.simulation.export import FileSet, SimulatedSample, stream, tuned_menu
from l1ad.simulation.generator import GeneratorSettings
from l1ad.simulation.hardware import counts_for
from l1ad.simulation.menu import L1_MENU, MenuItem
from l1ad.simulation.preselection import PARTICLE_QUANTITIES
from l1ad.simulation.processes import MINIMUM_BIAS, find_process
from l1ad.simulation.production import COLLISION_BLOCK, Plan, produce
from l1ad.toolchain.progress import progress

COLUMNS = ("sample", "split", "weight", "run", "event", "pileup", "pass_l1", "pass_hlt", "menu")
BACKGROUND = "zero_bias"


@dataclass(frozen=True, slots=True)
class SimulateResult(StageResult):
    """What was simulated: events by sample, the menu and its rate; files of other formats are in the dataset's folder ``files``."""


def simulate(config: Config, *, force: bool = False) -> SimulateResult:
    """Simulate a configuration's events into its dataset.

    Stopped at any time and run again, it goes on after the last whole batch and ends with the same events.

    Args:
        config: the configuration.
        force: do it again even if nothing has changed.

    Returns:
        What was made.

    Raises:
        ConfigError: there is no such process.
        LayoutError: no such layout, or the simulation does not make its objects.
        ToolFailedError: Pythia failed.
    """
    layout = load_layout(config.layout_source)
    settings = {"layout": layout.to_dict(), "simulation": config.simulation.plain(), "split": config.data.split.plain()}
    del settings["simulation"]["processes"]
    target = config.run / "dataset"
    plan = _plan(config.simulation)

    def write(draft: Draft) -> None:
        work = draft.path / "work"
        produce(plan, work, config.simulation.processes or os.cpu_count() or 1)
        _write(draft, plan, work, layout, config)
        shutil.rmtree(work)

    code, seed = "l1ad.stages.simulate", config.simulation.seed
    return run_stage(
        SimulateResult, target, KIND, write, code=code, inputs={}, settings=settings, seed=seed, force=force, resumable=True
    )


def _plan(simulation: SimulationConfig) -> Plan:
    events = {**simulation.background, **simulation.signals}
    for name in events:
        find_process(name)
    for name in simulation.shared:
        if name not in events or name == MINIMUM_BIAS:
            raise ConfigError(
                f"simulation.shared names {name!r}; it shares the hard collisions of a simulated process: {', '.join(sorted(set(events) - {MINIMUM_BIAS}))}."
            )
    generator = GeneratorSettings(simulation.energy_tev, simulation.seed, simulation.multiparton, simulation.tau_spin)
    enhanced, early = simulation.enhanced_bias, simulation.preselection
    return Plan(
        events=events,
        pileup=simulation.pileup,
        pool=simulation.pool,
        generator=generator,
        batch=simulation.batch,
        enhanced=None if enhanced is None else EnhancedBias(enhanced.full_gev, enhanced.floor, enhanced.power),
        preselection=None if early is None else EnhancedBias(early.full_gev, early.floor, early.power, PARTICLE_QUANTITIES),
        shared=simulation.shared,
        pool_serves=simulation.pool_serves,
    )


def _write(draft: Draft, plan: Plan, work: Path, layout: ObjectLayout, config: Config) -> None:
    simulation = config.simulation
    menu: tuple[MenuItem, ...] = L1_MENU
    if simulation.menu_khz is not None and simulation.background:
        menu = tuned_menu(plan, work, simulation.menu_khz / simulation.crossing_khz)
    samples = _samples(simulation)
    names = [sample.name for sample in samples]
    events = dict.fromkeys(names, 0)
    taken = np.zeros(2)
    measured: list[tuple[dict[str, NDArray[Any]], Measured]] = []
    with ExitStack() as stack:
        writer = stack.enter_context(DatasetWriter(draft.path, layout, samples, COLUMNS, tuple(item.name for item in menu)))
        files = stack.enter_context(FileSet(draft.path / "files", simulation.formats, menu))
        for process, batch in _batches(plan, work, menu):
            name = BACKGROUND if find_process(process).background else process
            writer.append(_rows(batch, layout), **_columns(batch, names.index(name), config))
            files.append(name, batch)
            events[name] += batch.n_events
            if name == BACKGROUND:
                weight = batch.columns["weight"]
                taken += weight.sum(), weight[batch.columns["pass_l1"]].sum()
                measured.append((quantities(batch.objects.arrays()), Measured(weight, batch.columns["pass_l1"], batch.collision)))
    draft.summary |= {
        "n_events": sum(events.values()),
        "layout": layout.name,
        "events": events,
        "menu": {item.name: item.threshold_gev for item in menu},
        "menu_khz": float(taken[1] / taken[0] * simulation.crossing_khz) if taken[0] else None,
        "formats": list(simulation.formats),
        "crossings": sum(plan.events[name] for name in simulation.background),
        "uses_of_a_pool_collision": plan.pileup * (plan.pool_serves or sum(plan.events.values())) / plan.pool,
        "tails": _tails(measured, simulation.crossing_khz) if measured else None,
    }


def _tails(batches: list[tuple[dict[str, NDArray[Any]], Measured]], crossing_khz: float) -> dict[str, dict[str, float]]:
    """Return how well the zero bias measures the tails of the Level-1 quantities."""
    values = {name: np.concatenate([found[name] for found, _ in batches]) for name in batches[0][0]}
    return tails(values, Measured.joined([found for _, found in batches]), crossing_khz)


def _samples(simulation: SimulationConfig) -> tuple[Sample, ...]:
    background = (Sample(BACKGROUND, Role.BACKGROUND, "Zero bias"),) if simulation.background else ()
    return (*background, *(Sample(name, Role.SIGNAL, find_process(name).description) for name in simulation.signals))


def _batches(plan: Plan, work: Path, menu: tuple[MenuItem, ...]) -> Iterator[tuple[str, SimulatedSample]]:
    with progress(total=sum(plan.events.values()), desc="write", unit="event") as bar:
        for process, batch in stream(plan, work, menu):
            yield process, batch
            bar.update(batch.n_events)


def _rows(batch: SimulatedSample, layout: ObjectLayout) -> NDArray[Any]:
    counts = counts_for(batch.objects, layout)
    features = {"pt": 0, "eta": 1, "phi": 2}
    parts = [counts[slot.kind][:, :, [features[f] for f in slot.features]].reshape(batch.n_events, -1) for slot in layout.slots]
    return np.concatenate(parts, axis=1).astype(layout.storage)


def _columns(batch: SimulatedSample, index: int, config: Config) -> dict[str, NDArray[Any]]:
    split = np.full(batch.n_events, Split.TEST, dtype=np.uint8)
    if index == 0 and config.simulation.background:
        keys = part_keys(batch.columns["run"], batch.columns["event"], COLLISION_BLOCK)
        split = assign(keys, config.data.seed, config.data.split.train, config.data.split.validation)
    return {**batch.columns, "sample": np.full(batch.n_events, index, dtype=np.uint8), "split": split}
