"""Produce events in batches on several processes; a batch that is on disk is not made again."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.detector import DetectorSettings, Draws, Objects, Pool, detect, draw_pileup
from l1ad.simulation.enhanced_bias import EnhancedBias, quantities
from l1ad.simulation.generator import GeneratorSettings, batch_seed, generate
from l1ad.simulation.particles import ParticleTable, Visible, concatenate
from l1ad.simulation.preselection import chosen, leading, particle_quantities
from l1ad.simulation.processes import MINIMUM_BIAS, QCD_EDGES_GEV, find_process
from l1ad.toolchain import worker_processes
from l1ad.toolchain.progress import progress

Floats = NDArray[np.float64]

#: Collisions added to a hard one without multiparton interactions, for its underlying event.
_UNDERLYING = 2
#: Crossings of minimum bias drawn for each of a batch where a preselection decides which are detected.
_DRAWN = 16
#: Event numbers of one hard collision: a power of two, so that a block of them can share a part of a dataset.
COLLISION_BLOCK = 64


@dataclass(frozen=True, slots=True)
class Plan:
    """What to produce.

    Attributes:
        events: number of crossings of each process.
        pileup: mean number of inelastic collisions in a crossing.
        pool: number of minimum-bias collisions to draw pile-up from.
        generator: how collisions are generated.
        detector: how they are seen.
        batch: crossings in a batch, times those that share a collision.
        enhanced: which crossings of the background are kept; None for all.
        preselection: which of them are detected at all, by their particles; None for all.
        shared: by process, crossings that one hard collision is laid into, each with its own pile-up; 1 where it is not named.
        pool_serves: crossings that draw from one pool before the next one takes over; None for one pool for all.
    """

    events: Mapping[str, int]
    pileup: float = 50.0
    pool: int = 16_000
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    batch: int = 2_000
    enhanced: EnhancedBias | None = None
    preselection: EnhancedBias | None = None
    shared: Mapping[str, int] = field(default_factory=dict)
    pool_serves: int | None = None

    def tasks(self) -> list[Task]:
        """Split the events into batches."""
        return [
            Task(name, number, min(self.batch_of(name), wanted - number * self.batch_of(name)))
            for name, wanted in self.events.items()
            for number in range(-(-wanted // self.batch_of(name)))
        ]

    def batch_of(self, process: str) -> int:
        """Return the crossings in a batch of a process: more where a collision serves several, or where few are detected."""
        if process == MINIMUM_BIAS:
            return self.batch * (_DRAWN if self.preselection is not None else 1)
        return self.batch * self.shared.get(process, 1)

    @property
    def n_pools(self) -> int:
        """Number of pools that follow one another."""
        return 1 if self.pool_serves is None else max(1, -(-sum(self.events.values()) // self.pool_serves))

    def pool_of(self, task: Task) -> int:
        """Number of the pool that a batch draws from: batches are counted through all processes."""
        if self.pool_serves is None:
            return 0
        before = 0
        for name, wanted in self.events.items():
            if name == task.process:
                return (before + task.batch * self.batch_of(name)) // self.pool_serves
            before += wanted
        return 0

    def pool_tasks(self, pool: int | None = None) -> list[Task]:
        """Split a pool (None: all) into batches; each starts Pythia, which takes seconds for minimum bias, so they are large."""
        size = max(self.pool // 4, 1)
        numbers = range(-(-self.pool // size))
        return [
            Task(MINIMUM_BIAS, len(numbers) * one + number, min(size, self.pool - number * size))
            for one in (range(self.n_pools) if pool is None else (pool,))
            for number in numbers
        ]


@dataclass(frozen=True, slots=True)
class Task:
    """Name one batch of a process."""

    process: str
    batch: int
    n_events: int

    @property
    def file(self) -> str:
        """The name of the file its result goes to."""
        return f"{self.process}-{self.batch:04d}-{self.n_events}.npz"


@dataclass(frozen=True, slots=True)
class Produced:
    """The events of one process.

    Attributes:
        objects: what the triggers see.
        pthat_gev: hardness of the hard collision, 0 without, ``(n_events,)``.
        interactions: number of inelastic collisions in the crossing, ``(n_events,)``.
        sigma_mb: the process's cross section.
        factor: what each event's weight is multiplied by because others like it were not kept, ``(n_events,)``.
        n_generated: events before some were not kept.
        event: number of each, ``(n_events,)``; those of one hard collision are in one block of `COLLISION_BLOCK`.
        collision: number of the hard collision, or of the pool's collision with the largest sum where there is none, ``(n_events,)``.
    """

    objects: Objects
    pthat_gev: Floats
    interactions: NDArray[np.int64]
    sigma_mb: float
    factor: Floats
    n_generated: int
    event: NDArray[np.int64]
    collision: NDArray[np.int64]


def produce(plan: Plan, folder: Path, processes: int = 2) -> None:
    """Make every batch of a plan that is not in the folder yet.

    Args:
        plan: what to produce.
        folder: where batches go; give the same folder and plan to resume.
        processes: how many run at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [task for task in plan.pool_tasks() if not (folder / f"pool-{task.file}").exists()]
    _run(_make_pool, [(plan, task, folder) for task in waiting], processes, "pile-up pool")
    waiting = [task for task in plan.tasks() if not (folder / task.file).exists()]
    _run(_make_batch, [(plan, task, folder) for task in waiting], processes, "events")


def _run(function: Callable[[Plan, Task, Path], Task], work: list[tuple[Plan, Task, Path]], processes: int, what: str) -> None:
    if not work:
        return
    with (
        worker_processes(min(processes, len(work))) as pool,
        progress(total=sum(task.n_events for _, task, _ in work), desc=what, unit="event") as bar,
    ):
        for done in as_completed([pool.submit(function, *arguments) for arguments in work]):
            bar.update(done.result().n_events)


def _make_pool(plan: Plan, task: Task, folder: Path) -> Task:
    generated = generate(find_process(MINIMUM_BIAS), task.n_events, plan.generator, task.batch)
    np.save(folder / f"sigma-{task.batch}.npy", generated.sigma_mb)
    generated.particles.save(folder / f"pool-{task.file}")
    return task


def _make_batch(plan: Plan, task: Task, folder: Path) -> Task:
    produced = simulate_batch(plan, task, _load_pool(plan, folder, plan.pool_of(task)))
    partial = folder / f"{task.file}.partial.npz"
    np.savez(
        partial,
        **{name: array.astype(np.float32) for name, array in produced.objects.arrays().items()},
        pthat_gev=produced.pthat_gev,
        interactions=produced.interactions,
        sigma_mb=produced.sigma_mb,
        factor=produced.factor,
        n_generated=produced.n_generated,
        event=produced.event,
        collision=produced.collision,
    )
    partial.replace(folder / task.file)
    return task


def _load_pool(plan: Plan, folder: Path, pool: int) -> Pool:
    return _sorted_pool(tuple(folder / f"pool-{task.file}" for task in plan.pool_tasks(pool)))


@functools.lru_cache(maxsize=1)
def _sorted_pool(files: tuple[Path, ...]) -> Pool:
    """Read a pool once in a process: many batches in a row draw from the same."""
    return Pool.sort(concatenate([ParticleTable.load(file) for file in files]))


def make_pool(plan: Plan) -> Pool:
    """Generate a plan's pile-up pool in this process, in one batch and without files."""
    return Pool.sort(generate(find_process(MINIMUM_BIAS), plan.pool, plan.generator).particles)


def simulate_batch(plan: Plan, task: Task, pool: Pool) -> Produced:
    """Generate and detect one batch; the result depends on plan, task and pool only."""
    process, n = find_process(task.process), task.n_events
    digest = hashlib.sha256(f"detector/{batch_seed(plan.generator, process, task.batch)}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    shared = plan.shared.get(process.name, 1)
    event = task.batch * plan.batch_of(process.name) + np.arange(n)
    if process.name == MINIMUM_BIAS:
        draws = draw_pileup(pool, plan.pileup, np.full(n, QCD_EDGES_GEV[0]), np.zeros(n, np.int64), rng)
        hard, number, pthat, sigma = None, np.full(n, -1), np.zeros(n), float("nan")
        event = event * COLLISION_BLOCK
    else:
        generated = generate(process, -(-n // shared), plan.generator, task.batch)
        hard, sigma, number = generated.particles, generated.sigma_mb, np.arange(n) // shared
        pthat = hard.pthat_gev.astype(np.float64)[number]
        limit = pthat if process.pthat_gev else np.full(n, np.inf)
        extra = np.full(n, 0 if plan.generator.multiparton else _UNDERLYING)
        draws = draw_pileup(pool, plan.pileup, limit, extra, rng)
        event = event // shared * COLLISION_BLOCK + event % shared
    seeds = rng.integers(0, 2**31, n)
    crossings = _Crossings(draws, hard, number, seeds, pthat, event, plan.pool_of(task) * plan.pool)
    return _detected(plan, crossings, pool, sigma, rng, thin=process.background)


@dataclass(frozen=True, slots=True)
class _Crossings:
    """The crossings of a batch before the detector, each array of shape ``(n_events,)``; collisions of earlier pools count first."""

    draws: Draws
    hard: ParticleTable | None
    number: NDArray[np.int64]
    seeds: NDArray[np.int64]
    pthat_gev: Floats
    event: NDArray[np.int64]
    first_of_pool: int


def _detected(plan: Plan, crossings: _Crossings, pool: Pool, sigma: float, rng: np.random.Generator, *, thin: bool) -> Produced:
    """Detect a batch's crossings, those of them that are chosen, and keep what Level 1 makes worth keeping."""
    n = len(crossings.number)
    keep, factor = np.ones(n, dtype=bool), np.ones(n)
    if thin and plan.preselection is not None:
        hard = None if crossings.hard is None else Visible.of(crossings.hard)
        values = particle_quantities(pool.visible, crossings.draws, hard, crossings.number)
        keep, factor = _thinned(plan.preselection.probability(values), rng)
    draws = chosen(crossings.draws, keep)
    objects = detect(pool, draws, crossings.hard, crossings.number[keep], crossings.seeds[keep], plan.detector)
    hard_too = (crossings.hard is not None) * (1 - _UNDERLYING * (not plan.generator.multiparton))
    event = crossings.event[keep]
    collision = event // COLLISION_BLOCK if crossings.hard is not None else leading(pool.visible, draws) + crossings.first_of_pool
    produced = Produced(objects, crossings.pthat_gev[keep], draws.numbers + hard_too, sigma, factor[keep], n, event, collision)
    return _kept(produced, plan.enhanced, rng) if thin and plan.enhanced is not None else produced


def _thinned(probability: Floats, rng: np.random.Generator) -> tuple[NDArray[np.bool_], Floats]:
    """Return which events stay, and one over the probability of each."""
    return rng.random(len(probability)) < probability, 1.0 / probability


def _kept(produced: Produced, enhanced: EnhancedBias, rng: np.random.Generator) -> Produced:
    """Keep each event with its probability."""
    arrays = produced.objects.arrays()
    keep, factor = _thinned(enhanced.probability(quantities(arrays)), rng)
    return replace(
        produced,
        objects=Objects(**{name: array[keep] for name, array in arrays.items()}),
        pthat_gev=produced.pthat_gev[keep],
        interactions=produced.interactions[keep],
        factor=(produced.factor * factor)[keep],
        event=produced.event[keep],
        collision=produced.collision[keep],
    )


def load_batch(plan: Plan, folder: Path, task: Task) -> Produced:
    """Read one batch that `produce` made."""
    with np.load(folder / task.file) as stored:
        objects = Objects(**{name: stored[name].astype(np.float64) for name in Objects.__slots__})
        return Produced(
            objects,
            stored["pthat_gev"],
            stored["interactions"],
            float(stored["sigma_mb"]),
            stored["factor"],
            int(stored["n_generated"]),
            stored["event"],
            stored["collision"],
        )


def collect(plan: Plan, folder: Path, process: str) -> Produced:
    """Read all batches of a process that `produce` made."""
    parts = [load_batch(plan, folder, task) for task in plan.tasks() if task.process == process]
    arrays = {name: np.concatenate([getattr(part.objects, name) for part in parts]) for name in Objects.__slots__}
    return Produced(
        Objects(**arrays),
        np.concatenate([part.pthat_gev for part in parts]),
        np.concatenate([part.interactions for part in parts]),
        cross_section(plan, folder, process),
        np.concatenate([part.factor for part in parts]),
        sum(part.n_generated for part in parts),
        np.concatenate([part.event for part in parts]),
        np.concatenate([part.collision for part in parts]),
    )


def cross_section(plan: Plan, folder: Path, process: str) -> float:
    """Return a process's cross section in mb, averaged over its batches."""
    if process == MINIMUM_BIAS:
        return float(np.mean([np.load(folder / f"sigma-{task.batch}.npy") for task in plan.pool_tasks()]))
    tasks = [task for task in plan.tasks() if task.process == process]
    sigmas = []
    for task in tasks:
        with np.load(folder / task.file) as stored:
            sigmas.append(float(stored["sigma_mb"]))
    return float(np.average(sigmas, weights=[task.n_events for task in tasks]))
