"""The stable particles of many events as flat arrays."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

#: Particles below this are not counted, GeV: the trigger's towers for missing energy begin at 2.5.
_STIFF_GEV = 2.0


class ParticleKind(enum.IntEnum):
    """Kinds of particle that the detector distinguishes."""

    PHOTON = 0
    ELECTRON = 1
    PION = 2
    KAON = 3
    NEUTRAL_HADRON = 4
    MUON = 5


@dataclass(frozen=True, slots=True)
class ParticleTable:
    """The visible particles of ``n_events`` collisions, those of event ``i`` at ``offsets[i]:offsets[i + 1]``.

    Attributes:
        offsets: ``(n_events + 1,)`` int64.
        pt_gev: transverse momentum, ``(n_particles,)`` float32.
        eta: pseudorapidity, ``(n_particles,)`` float32.
        phi: azimuth at the interaction point, rad, ``(n_particles,)`` float32.
        phi_calo: azimuth where the solenoid's field has bent the particle to at the calorimeter, rad, ``(n_particles,)`` float32.
        kind: a `ParticleKind`, ``(n_particles,)`` int8.
        pthat_gev: hardness of each collision, ``(n_events,)`` float32.
    """

    offsets: Counts
    pt_gev: Floats
    eta: Floats
    phi: Floats
    phi_calo: Floats
    kind: Codes
    pthat_gev: Floats

    @property
    def n_events(self) -> int:
        """The number of collisions."""
        return len(self.offsets) - 1

    def save(self, path: Path) -> None:
        """Write the table into one file, by an atomic rename."""
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, **{name: getattr(self, name) for name in self.__slots__})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> ParticleTable:
        """Read a table that `save` wrote."""
        with np.load(path) as stored:
            return cls(**{name: stored[name] for name in cls.__slots__})


def concatenate(tables: Sequence[ParticleTable]) -> ParticleTable:
    """Join tables in order."""
    starts = np.cumsum([0] + [int(table.offsets[-1]) for table in tables])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, starts[:-1], strict=True)]
    return ParticleTable(
        np.concatenate([*offsets, starts[-1:]]).astype(np.int64),
        *(np.concatenate([getattr(table, name) for table in tables]) for name in ParticleTable.__slots__[1:]),
    )


@dataclass(frozen=True, slots=True)
class Visible:
    """Sum up each collision's stiff particles.

    Attributes:
        x: sum of their momenta along x, GeV, without muons, ``(n_collisions,)``.
        y: likewise along y.
        total: scalar sum of their transverse momenta.
        particle: the stiffest's.
        muon: the stiffest muon's.
    """

    x: Sums
    y: Sums
    total: Sums
    particle: Sums
    muon: Sums

    @classmethod
    def of(cls, table: ParticleTable) -> Visible:
        """Sum up a table's collisions."""
        n = table.n_events
        event = np.repeat(np.arange(n), np.diff(table.offsets))
        muon = table.kind == ParticleKind.MUON
        stiff = ~muon & (table.pt_gev > _STIFF_GEV)
        pt, phi = table.pt_gev[stiff].astype(np.float64), table.phi_calo[stiff]
        x, y, total = (sum_by(event[stiff], values, n) for values in (pt * np.cos(phi), pt * np.sin(phi), pt))
        muons = _greatest(event[muon], table.pt_gev[muon], n)
        return cls(x, y, total, _greatest(event[stiff], pt, n), muons)


def sum_by(index: Counts, values: Sums, n: int) -> Sums:
    """Sum values by the number of what each belongs to, ``(n,)``."""
    return np.bincount(index, values, n).astype(np.float64)


def _greatest(index: Counts, values: npt.NDArray[Any], n: int) -> Sums:
    found = np.zeros(n)
    np.maximum.at(found, index, values)
    return found
