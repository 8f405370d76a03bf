"""Produce events in batches on several processes; a batch that is on disk is not made again."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.detector import DetectorSettings, Objects, Pool, detect, draw_pileup
from l1ad.simulation.enhanced_bias import EnhancedBias
from l1ad.simulation.generator import GeneratorSettings, batch_seed, generate
from l1ad.simulation.particles import ParticleTable, concatenate
from l1ad.simulation.processes import MINIMUM_BIAS, QCD_EDGES_GEV, find_process
from l1ad.toolchain import worker_processes

Floats = NDArray[np.float64]

#: Collisions added to a hard one without multiparton interactions, for its underlying event.
_UNDERLYING = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what to produce.

    Attributes:
        events: number of events of each process.
        pileup: mean number of inelastic collisions in a crossing.
        pool: number of minimum-bias collisions to draw pile-up from.
        generator: how collisions are generated.
        detector: how they are seen.
        batch: events in a batch of a hard process.
        enhanced: which crossings of the background are kept; None for all.
        pool_serves: crossings that draw from one pool before the next one takes over; None for one pool for all.
    """

    events: Mapping[str, int]
    pileup: float = 50.0
    pool: int = 16_000
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    batch: int = 2_000
    enhanced: EnhancedBias | None = None
    pool_serves: int | None = None

    def tasks(self) -> list[Task]:
        """Part the events into batches."""
        return [
            Task(name, number, min(self.batch, wanted - number * self.batch))
            for name, wanted in self.events.items()
            for number in range(-(-wanted // self.batch))
        ]

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
                return (before + task.batch * self.batch) // self.pool_serves
            before += wanted
        return 0

    def pool_tasks(self, pool: int | None = None) -> list[Task]:
        """Part a pool (None: all) into batches; each starts Pythia, which takes seconds for minimum bias, so they are large."""
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
        """Give the name of the file its result goes to."""
        return f"{self.process}-{self.batch:04d}-{self.n_events}.npz"


@dataclass(frozen=True, slots=True)
class Produced:
    """Hold the events of one process.

    Attributes:
        objects: what the triggers see.
        pthat_gev: hardness of the hard collision, 0 without, ``(n_events,)``.
        interactions: number of inelastic collisions in the crossing, ``(n_events,)``.
        sigma_mb: the process's cross section.
        factor: what each event's weight is multiplied by because others like it were not kept, ``(n_events,)``.
        n_generated: events before some were not kept.
    """

    objects: Objects
    pthat_gev: Floats
    interactions: NDArray[np.int64]
    sigma_mb: float
    factor: Floats
    n_generated: int


def produce(plan: Plan, folder: Path, processes: int = 2, progress: bool = True) -> None:
    """Make every batch of a plan that is not in the folder yet.

    Args:
        plan: what to produce.
        folder: where batches go; give the same folder and plan to resume.
        processes: how many run at once.
        progress: whether a bar is shown on stderr.
    """
    folder.mkdir(parents=True, exist_ok=True)
    waiting = [task for task in plan.pool_tasks() if not (folder / f"pool-{task.file}").exists()]
    _run(_make_pool, [(plan, task, folder) for task in waiting], processes, "pile-up pool", progress)
    waiting = [task for task in plan.tasks() if not (folder / task.file).exists()]
    _run(_make_batch, [(plan, task, folder) for task in waiting], processes, "events", progress)


def _run(
    function: Callable[[Plan, Task, Path], Task], work: list[tuple[Plan, Task, Path]], processes: int, what: str, progress: bool
) -> None:
    from tqdm import tqdm

    if not work:
        return
    with (
        worker_processes(min(processes, len(work))) as pool,
        tqdm(total=sum(task.n_events for _, task, _ in work), desc=what, unit="event", disable=not progress) as bar,
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
    if process.name == MINIMUM_BIAS:
        draws = draw_pileup(pool, plan.pileup, np.full(n, QCD_EDGES_GEV[0]), np.zeros(n, np.int64), rng)
        hard, number, pthat, sigma = None, np.full(n, -1), np.zeros(n), float("nan")
    else:
        generated = generate(process, n, plan.generator, task.batch)
        hard, sigma, number = generated.particles, generated.sigma_mb, np.arange(n)
        pthat = hard.pthat_gev.astype(np.float64)
        limit = pthat if process.pthat_gev else np.full(n, np.inf)
        extra = np.full(n, 0 if plan.generator.multiparton else _UNDERLYING)
        draws = draw_pileup(pool, plan.pileup, limit, extra, rng)
    seeds = rng.integers(0, 2**31, n)
    interactions = draws.numbers + (process.name != MINIMUM_BIAS) * (1 - _UNDERLYING * (not plan.generator.multiparton))
    objects = detect(pool, draws, hard, number, seeds, plan.detector)
    everything = Produced(objects, pthat, interactions, sigma, np.ones(n), n)
    return _kept(everything, plan.enhanced, rng) if plan.enhanced is not None and process.background else everything


def _kept(produced: Produced, enhanced: EnhancedBias, rng: np.random.Generator) -> Produced:
    """Keep each event with its probability."""
    probability = enhanced.probability(produced.objects.arrays())
    keep = rng.random(len(probability)) < probability
    return Produced(
        Objects(**{name: array[keep] for name, array in produced.objects.arrays().items()}),
        produced.pthat_gev[keep],
        produced.interactions[keep],
        produced.sigma_mb,
        1.0 / probability[keep],
        produced.n_generated,
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
    )


def cross_section(plan: Plan, folder: Path, process: str) -> float:
    """Give a process's cross section in mb, averaged over its batches."""
    if process == MINIMUM_BIAS:
        return float(np.mean([np.load(folder / f"sigma-{task.batch}.npy") for task in plan.pool_tasks()]))
    tasks = [task for task in plan.tasks() if task.process == process]
    sigmas = []
    for task in tasks:
        with np.load(folder / task.file) as stored:
            sigmas.append(float(stored["sigma_mb"]))
    return float(np.average(sigmas, weights=[task.n_events for task in tasks]))
