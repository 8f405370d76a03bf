"""Compile the inner loops of the detector: energy in towers, noise, pile-up density, clusters.

Numba is imported with this module, so it is imported only where events are simulated. All energies are transverse, in GeV.
The grid is 98 × 64 towers of 0.1 in η (|η| < 4.9) and 2π/64 in φ; layer 0 is electromagnetic, layer 1 hadronic.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.provenance import code_digest
from l1ad.toolchain.cache import cache_folder, private_folder

P = ParamSpec("P")
R = TypeVar("R")

N_ETA, N_PHI = 98, 64
ETA_MAX, ETA_STEP, PHI_STEP = 4.9, 0.1, 2 * math.pi / 64
RING_ROWS = 7
N_RINGS = N_ETA // RING_ROWS
TRACK_ETA_MAX = 2.5
_TRACK_PT_MIN_GEV = 4.0
_DECAY_PT_MIN_GEV = 3.0

Grid = NDArray[np.float64]


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call, or take what was compiled from the same sources before; keeps its type for the checker."""
    import numba

    folder = _kept_code()
    if folder is None:
        return cast(Callable[P, R], numba.njit(function))
    numba.config.CACHE_DIR = folder
    return cast(Callable[P, R], numba.njit(cache=True)(function))


@functools.cache
def _kept_code() -> str | None:
    """Return the folder for code compiled from today's sources of the detector, None where it cannot be written or others can.

    Numba looks only at the file of the function that is called, and not at those of the functions it calls: hence a folder for each state
    of all of them.
    """
    try:
        folder = private_folder(cache_folder() / "simulation" / code_digest("l1ad.simulation.chain")[:16])
    except (OSError, InputError):
        return None
    return str(folder) if os.access(folder, os.W_OK) else None


@compiled
def seed(value: int) -> None:
    """Seed the compiled code's own generator."""
    np.random.seed(value)  # noqa: NPY002 - the generator that compiled code has


@compiled
def deposit(
    table: Any,
    first: int,
    last: int,
    sign: float,
    turn: float,
    hard: bool,
    calo: Grid,
    flow: Grid,
    tracks: Grid,
    muons: Grid,
    n: Any,
) -> None:
    """Put the particles ``first`` to ``last`` of one collision into towers, track list and muon list.

    Args:
        table: tuple of particle arrays (pt, eta, phi, phi at the calorimeter, kind).
        first: first particle.
        last: one past the last.
        sign: +1 or -1, reflects η.
        turn: rotation in φ.
        hard: whether the collision is the one the event is triggered for; pile-up tracks are removed from ``flow``.
        calo: towers of the Level-1 calorimeter, ``(2, 98, 64)``.
        flow: towers after particle flow and pile-up track removal, as the software trigger sees them, ``(2, 98, 64)``.
        tracks: room for ``(pt, eta, phi)`` of stiff tracks.
        muons: room for ``(pt, eta, phi, hard)`` of muons.
        n: numbers of tracks and muons so far, ``(2,)``.
    """
    pt, eta, phi, phi_calo, kind = table
    for i in range(first, last):
        energy, e, k = pt[i], sign * eta[i], kind[i]
        row = int((e + ETA_MAX) / ETA_STEP)
        column = math.floor((phi_calo[i] + turn) / PHI_STEP) % N_PHI
        if k == 5:
            add_muon(energy, e, phi[i] + turn, hard, muons, n)
        elif 0 <= row < N_ETA:
            charged = 1 <= k <= 3
            em, had = shares(energy, k)
            calo[0, row, column] += em
            calo[1, row, column] += had
            tracked = charged and abs(e) < TRACK_ETA_MAX
            if not tracked:
                flow[0, row, column] += em
                flow[1, row, column] += had
            elif hard:
                flow[0 if k == 1 else 1, row, column] += energy
            if tracked and energy > _TRACK_PT_MIN_GEV and n[0] < len(tracks):
                tracks[n[0], 0], tracks[n[0], 1], tracks[n[0], 2] = energy, e, phi_calo[i] + turn
                n[0] += 1
            if (k == 2 or k == 3) and energy > _DECAY_PT_MIN_GEV:
                decay_in_flight(energy, k, e, phi[i] + turn, hard, muons, n)


@compiled
def shares(energy: float, kind: int) -> tuple[float, float]:
    """Split a particle's energy between the layers; a hadron's hadronic part is seen at 80 % (non-compensation)."""
    if kind <= 1:
        return energy, 0.0
    em = 0.18
    if energy > 0.7:
        u = np.random.random()  # noqa: NPY002
        em = 0.0 if u < 0.35 else 0.8 * (u - 0.35) / 0.65
    return energy * em, energy * (1.0 - em) * 0.8


@compiled
def add_muon(pt: float, eta: float, phi: float, hard: bool, muons: Grid, n: Any) -> None:
    """Append a muon to the list if there is room."""
    if n[1] < len(muons) and pt > _DECAY_PT_MIN_GEV and abs(eta) < TRACK_ETA_MAX:
        muons[n[1], 0], muons[n[1], 1], muons[n[1], 2], muons[n[1], 3] = pt, eta, phi, 1.0 if hard else 0.0
        n[1] += 1


@compiled
def decay_in_flight(pt: float, kind: int, eta: float, phi: float, hard: bool, muons: Grid, n: Any) -> None:
    """Let a charged pion or kaon decay to a muon before the calorimeter: P = m L / (pT cτ) with L = 1.2 m, K with its 64 % branch."""
    chance = 0.0215 / pt if kind == 2 else 0.102 / pt
    if np.random.random() < chance:  # noqa: NPY002
        share = 0.57 if kind == 2 else 0.05
        add_muon(pt * (share + (1.0 - share) * np.random.random()), eta, phi, hard, muons, n)  # noqa: NPY002


@compiled
def smear(calo: Grid, flow: Grid, resolution: Any, flow_factor: float) -> None:
    """Smear each tower's energy; the flow towers follow by a part of the same fluctuation.

    Args:
        calo: towers, changed in place.
        flow: towers, changed in place.
        resolution: per layer and row stochastic (already over √cosh η), constant and noise terms, ``(2, 98, 3)``.
        flow_factor: which part of the relative fluctuation the software trigger's towers keep.
    """
    for layer in range(2):
        for row in range(N_ETA):
            stochastic, constant, noise = resolution[layer, row]
            for column in range(N_PHI):
                true = calo[layer, row, column]
                if true > 0.25:
                    sigma = math.sqrt(stochastic * stochastic * true + constant * constant * true * true + noise * noise)
                    seen = max(true + sigma * np.random.normal(), 0.0)  # noqa: NPY002
                    calo[layer, row, column] = seen
                    flow[layer, row, column] *= max(1.0 + flow_factor * (seen / true - 1.0), 0.0)


@compiled
def subtract_density(grid: Grid) -> None:
    """Subtract from each tower the truncated mean of its ring of 7 rows, as jFEX and the CMS calorimeter trigger do per event."""
    cells = RING_ROWS * N_PHI
    for ring in range(N_RINGS):
        rows = grid[ring * RING_ROWS : (ring + 1) * RING_ROWS]
        mean = np.minimum(rows, 5.0).sum() / cells
        density = np.minimum(rows, 3.0 * mean + 0.5).sum() / cells
        rows -= density


@compiled
def sum3(grid: Grid, total: Grid) -> None:
    """Sum 3 × 3 towers around each, cyclic in φ, into ``total``."""
    for row in range(N_ETA):
        for column in range(N_PHI):
            left, right = (column - 1) % N_PHI, (column + 1) % N_PHI
            total[row, column] = grid[row, left] + grid[row, column] + grid[row, right]
    above = total[0].copy()
    for row in range(N_ETA):
        here = total[row].copy()
        for column in range(N_PHI):
            below = total[row + 1, column] if row + 1 < N_ETA else 0.0
            total[row, column] = here[column] + below + (above[column] if row > 0 else 0.0)
        above = here


@compiled
def is_peak(grid: Grid, row: int, column: int, reach: int) -> bool:
    """Return whether a cell is the greatest within ``reach``; of equal cells the first in (row, column) order wins."""
    value = grid[row, column]
    for i in range(max(row - reach, 0), min(row + reach + 1, N_ETA)):
        for d in range(-reach, reach + 1):
            other = grid[i, (column + d) % N_PHI]
            if other > value or (other == value and (i < row or (i == row and d < 0))):
                return False
    return True


@compiled
def window(grid: Grid, row: int, column: int, reach: int) -> float:
    """Sum the square window of ``2 reach + 1`` towers."""
    total = 0.0
    for i in range(max(row - reach, 0), min(row + reach + 1, N_ETA)):
        for d in range(-reach, reach + 1):
            total += grid[i, (column + d) % N_PHI]
    return total


@compiled
def insert(objects: Grid, a: float, b: float, c: float) -> None:
    """Insert an object into a list that is sorted by energy, dropping the last; rows hold energy, η, φ."""
    last = len(objects) - 1
    if a <= objects[last, 0]:
        return
    i = last
    while i > 0 and objects[i - 1, 0] < a:
        objects[i] = objects[i - 1]
        i -= 1
    objects[i, 0], objects[i, 1], objects[i, 2] = a, b, c


@compiled
def centre_eta(row: int) -> float:
    """Return a row's central η."""
    return (row + 0.5) * ETA_STEP - ETA_MAX


@compiled
def wrap(phi: float) -> float:
    """Bring an angle into [-π, π)."""
    return (phi + math.pi) % (2 * math.pi) - math.pi


@compiled
def find_jets(net: Grid, seeds: Grid, scale: float, threshold: float, centroid: bool, jets: Grid) -> None:
    """Find jets: a 3 × 3 sum that is greatest within ± 3 towers seeds a circle of radius 0.4.

    Args:
        net: towers after density subtraction, both layers together.
        seeds: their 3 × 3 sums.
        scale: calibration factor.
        threshold: least calibrated energy.
        centroid: whether positions are energy-weighted; else the seed tower's centre.
        jets: sorted room for the result, ``(n, 3)``.
    """
    for row in range(1, N_ETA - 1):
        for column in range(N_PHI):
            if seeds[row, column] * scale > 0.3 * threshold and is_peak(seeds, row, column, 3):
                energy, eta, phi = cone(net, row, column)
                if energy * scale >= threshold:
                    if not centroid:
                        eta, phi = 0.0, 0.0
                    insert(jets, energy * scale, centre_eta(row) + eta, wrap((column + 0.5) * PHI_STEP + phi))


@compiled
def cone(net: Grid, row: int, column: int) -> tuple[float, float, float]:
    """Sum towers within 0.4 of a tower; give energy and the offset of the centroid of positive towers in η and φ."""
    energy, eta, phi, positive = 0.0, 0.0, 0.0, 1e-9
    for i in range(max(row - 4, 0), min(row + 5, N_ETA)):
        for d in range(-4, 5):
            if (i - row) * (i - row) + d * d <= 16:
                value = net[i, (column + d) % N_PHI]
                energy += value
                if value > 0.5:
                    positive += value
                    eta += value * (i - row)
                    phi += value * d
    return energy, ETA_STEP * eta / positive, PHI_STEP * phi / positive


@compiled
def find_egamma(em: Grid, had: Grid, threshold: float, isolation: float, hadronic: float, objects: Grid) -> None:
    """Find e/γ clusters: a peak tower and its greatest edge neighbour, isolated in 5 × 5 and with little behind it.

    Args:
        em: electromagnetic towers after density subtraction.
        had: hadronic towers after density subtraction.
        threshold: least energy.
        isolation: greatest energy around, as a fraction of the cluster, above 2 GeV.
        hadronic: greatest energy in the 3 × 3 hadronic towers behind, as a fraction of the cluster, above 1.5 GeV.
        objects: sorted room for the result, ``(n, 3)``.
    """
    for row in range(24, 74):
        for column in range(N_PHI):
            peak = em[row, column]
            if peak < 0.5 * threshold or not is_peak(em, row, column, 1):
                continue
            left, right = em[row, (column - 1) % N_PHI], em[row, (column + 1) % N_PHI]
            energy = peak + max(left, right, em[row - 1, column], em[row + 1, column], 0.0)
            if energy < threshold or window(em, row, column, 2) - energy > isolation * energy + 2.0:
                continue
            if window(had, row, column, 1) <= hadronic * energy + 1.5:
                insert(objects, energy, centre_eta(row), wrap((column + 0.5) * PHI_STEP))


@compiled
def find_taus(net: Grid, seeds: Grid, scale: float, threshold: float, isolation: float, objects: Grid) -> None:
    """Find narrow τ clusters: a 3 × 3 sum that is greatest within ± 2 towers, with little in the ring of 5 × 5 around it."""
    for row in range(24, 74):
        for column in range(N_PHI):
            core = seeds[row, column]
            if core * scale >= threshold and is_peak(seeds, row, column, 2):
                ring = window(net, row, column, 2) - core
                if ring <= isolation * core + 2.0:
                    insert(objects, core * scale, centre_eta(row), wrap((column + 0.5) * PHI_STEP))


@compiled
def missing_energy(net: Grid, cut: float) -> tuple[float, float]:
    """Return size and azimuth of the missing transverse energy from towers above the noise cut."""
    x, y = 0.0, 0.0
    for column in range(N_PHI):
        total = 0.0
        for row in range(N_ETA):
            if net[row, column] > cut:
                total += net[row, column]
        angle = (column + 0.5) * PHI_STEP
        x -= total * math.cos(angle)
        y -= total * math.sin(angle)
    return math.hypot(x, y), math.atan2(y, x)
