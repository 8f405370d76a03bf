"""Turn collisions into trigger objects: pile-up drawn from a pool, a parametrised detector, Level-1 and software objects."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.simulation.particles import Counts, ParticleTable, Visible

Floats = NDArray[np.float64]

#: Object lists and their room: how many, how many numbers each (energy or pT in GeV, η, φ in rad; MET without η); energies of calorimeter
#: regions by φ and η, see `l1ad.simulation.regions`.
SHAPES: dict[str, tuple[int, ...]] = {
    "l1_jets": (10, 3),
    "l1_egammas": (4, 3),
    "l1_taus": (6, 3),
    "l1_muons": (4, 3),
    "l1_met": (2,),
    "hlt_jets": (10, 3),
    "hlt_electrons": (3, 3),
    "hlt_photons": (3, 3),
    "hlt_muons": (3, 3),
    "hlt_met": (2,),
    "l1_regions": (18, 14),
}


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The detector's numbers; docs/simulation.md says where each comes from.

    Energies in GeV and transverse. A scale factor brings the mean response of its object to one.
    """

    flow_fluctuation: float = 0.5
    l1_jet_scale: float = 1.15
    l1_jet_min_gev: float = 20.0
    l1_tau_scale: float = 1.1
    l1_tau_min_gev: float = 15.0
    l1_tau_isolation: float = 0.2
    l1_egamma_min_gev: float = 8.0
    l1_egamma_isolation: float = 0.25
    l1_egamma_hadronic: float = 0.15
    l1_met_tower_gev: float = 2.5
    l1_muon_min_gev: float = 4.0
    hlt_jet_scale: float = 1.05
    hlt_jet_min_gev: float = 20.0
    hlt_electron_min_gev: float = 10.0
    hlt_photon_min_gev: float = 12.0
    hlt_muon_min_gev: float = 5.0
    hlt_met_tower_gev: float = 1.5

    def pack(self) -> tuple[Floats, Floats]:
        """Return the tower resolutions ``(2, 98, 3)`` and the numbers above in order, as the compiled code takes them."""
        return _resolution(), np.array([getattr(self, f.name) for f in fields(self)])


def _resolution() -> Floats:
    """Tabulate σ/E = a/√E ⊕ b ⊕ c/E by layer and row: ATLAS barrel and end-cap design values, forward calorimeter beyond 3.2."""
    eta = np.abs((np.arange(98) + 0.5) * 0.1 - 4.9)
    forward = eta > 3.2
    em = np.stack([np.where(forward, 0.285, 0.10), np.where(forward, 0.035, 0.007), np.full(98, 0.1)], axis=1)
    had = np.stack([np.where(forward, 0.94, 0.55), np.where(forward, 0.075, 0.05), np.full(98, 0.2)], axis=1)
    table = np.stack([em, had])
    # E = ET cosh η: the stochastic term of σ(ET) is a √(ET / cosh η), the noise c / cosh η.
    table[:, :, 0] /= np.sqrt(np.cosh(eta))
    table[:, :, 2] /= np.cosh(eta)
    return table


@dataclass(frozen=True, slots=True)
class Pool:
    """Minimum-bias collisions ordered by hardness, and what is visible of each."""

    particles: ParticleTable
    visible: Visible

    @classmethod
    def sort(cls, table: ParticleTable) -> Pool:
        """Order a table's collisions by hardness."""
        order = np.argsort(table.pthat_gev, kind="stable")
        counts = np.diff(table.offsets)[order]
        rows = np.repeat(table.offsets[:-1][order] - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(
            counts.sum()
        )
        pt, eta, phi, phi_calo = (getattr(table, name)[rows] for name in ("pt_gev", "eta", "phi", "phi_calo"))
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        particles = ParticleTable(offsets, pt, eta, phi, phi_calo, table.kind[rows], table.pthat_gev[order])
        return cls(particles, Visible.of(particles))


@dataclass(frozen=True, slots=True)
class Draws:
    """The pile-up of each event: those of event ``i`` are at ``starts[i]:starts[i + 1]``."""

    starts: Counts
    collision: Counts
    sign: Floats
    turn: Floats

    @property
    def numbers(self) -> Counts:
        """The number of collisions of each event, ``(n_events,)``."""
        return np.diff(self.starts)


def draw_pileup(pool: Pool, mean: float, limit_gev: Floats, extra: Counts, rng: np.random.Generator) -> Draws:
    """Draw the pile-up of events from the pool.

    The number is Poisson; a collision harder than an event's limit is not drawn, and the mean is less by as much.

    Args:
        pool: minimum-bias collisions ordered by hardness.
        mean: mean number of inelastic collisions in a crossing.
        limit_gev: greatest hardness allowed, ``(n_events,)``.
        extra: collisions to add to each event's number, ``(n_events,)``.
        rng: generator.
    """
    allowed = np.maximum(np.searchsorted(pool.particles.pthat_gev, limit_gev), 1)
    numbers = rng.poisson(mean * allowed / pool.particles.n_events) + extra
    total = int(numbers.sum())
    return Draws(
        starts=np.concatenate([[0], np.cumsum(numbers)]).astype(np.int64),
        collision=(rng.random(total) * np.repeat(allowed, numbers)).astype(np.int64),
        sign=rng.choice([-1.0, 1.0], total),
        turn=rng.random(total) * 2 * np.pi,
    )


@dataclass(frozen=True, slots=True)
class Objects:
    """The trigger objects of ``n`` events; an absent object is all zero. See `SHAPES` for each array's form."""

    l1_jets: Floats
    l1_egammas: Floats
    l1_taus: Floats
    l1_muons: Floats
    l1_met: Floats
    hlt_jets: Floats
    hlt_electrons: Floats
    hlt_photons: Floats
    hlt_muons: Floats
    hlt_met: Floats
    l1_regions: Floats

    @classmethod
    def empty(cls, n_events: int) -> Objects:
        """Make room for events without any object."""
        return cls(**{name: np.zeros((n_events, *shape)) for name, shape in SHAPES.items()})

    def arrays(self) -> dict[str, Floats]:
        """Return every array by name."""
        return {name: getattr(self, name) for name in SHAPES}


def detect(
    pool: Pool, draws: Draws, hard: ParticleTable | None, hard_event: Counts, seeds: Counts, settings: DetectorSettings
) -> Objects:
    """Simulate the detector for a chunk of events.

    Args:
        pool: where the pile-up comes from.
        draws: each event's pile-up.
        hard: hard collisions, or None when no event has one.
        hard_event: which hard collision each event has, -1 for none, ``(n_events,)``.
        seeds: a seed for each event, ``(n_events,)``.
        settings: the detector's numbers.
    """
    from l1ad.simulation.chain import run_events

    objects = Objects.empty(len(hard_event))
    table = pool.particles if hard is None else hard
    pile_up = (draws.starts, draws.collision, draws.sign, draws.turn)
    out = tuple(objects.arrays().values())
    run_events(
        _columns(pool.particles),
        pool.particles.offsets,
        _columns(table),
        table.offsets,
        hard_event,
        pile_up,
        seeds,
        settings.pack(),
        out,
    )
    return objects


def _columns(table: ParticleTable) -> tuple[Any, ...]:
    return table.pt_gev, table.eta, table.phi, table.phi_calo, table.kind
