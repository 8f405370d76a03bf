"""Run the compiled detector over events: from collisions to Level-1 and software-trigger objects."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from l1ad.simulation import kernels as k
from l1ad.simulation.kernels import Grid, compiled
from l1ad.simulation.regions import sum_regions

N_TRACKS, N_MUONS = 256, 64
_SCRATCH = ("calo", "flow", "net", "seeds", "tracks", "muons")


@compiled
def run_events(
    pool: Any, offsets: Any, hard: Any, hard_offsets: Any, hard_event: Any, draws: Any, seeds: Any, settings: Any, out: Any
) -> None:
    """Simulate events one after another.

    Args:
        pool: particle arrays of the minimum-bias pool.
        offsets: where each pool collision begins.
        hard: particle arrays of the hard collisions.
        hard_offsets: where each begins.
        hard_event: number of each event's hard collision, or -1, ``(n,)``.
        draws: tuple of where each event's pile-up begins ``(n + 1,)``, pool collision, η sign and φ turn of each.
        seeds: one per event, ``(n,)``.
        settings: ``(resolution, numbers)``; see `DetectorSettings.pack`.
        out: tuple of arrays to fill, as `Objects` orders them.
    """
    calo, flow = np.zeros((2, k.N_ETA, k.N_PHI)), np.zeros((2, k.N_ETA, k.N_PHI))
    net, sums = np.zeros((k.N_ETA, k.N_PHI)), np.zeros((k.N_ETA, k.N_PHI))
    tracks, muons, n = np.zeros((N_TRACKS, 3)), np.zeros((N_MUONS, 4)), np.zeros(2, np.int64)
    starts, collision, sign, turn = draws
    for event in range(len(hard_event)):
        k.seed(seeds[event])
        calo[:], flow[:], n[:] = 0.0, 0.0, 0
        leading = -1
        if hard_event[event] >= 0:
            j = hard_event[event]
            k.deposit(hard, hard_offsets[j], hard_offsets[j + 1], 1.0, 0.0, True, calo, flow, tracks, muons, n)
        elif starts[event + 1] > starts[event]:
            # The pool is ordered by hardness: the event is triggered for its hardest collision.
            leading = starts[event] + np.argmax(collision[starts[event] : starts[event + 1]])
        for i in range(starts[event], starts[event + 1]):
            j = collision[i]
            k.deposit(pool, offsets[j], offsets[j + 1], sign[i], turn[i], i == leading, calo, flow, tracks, muons, n)
        reconstruct(event, calo, flow, net, sums, tracks[: n[0]], muons[: n[1]], settings, out)


@compiled
def reconstruct(
    event: int, calo: Grid, flow: Grid, net: Grid, sums: Grid, tracks: Grid, muons: Grid, settings: Any, out: Any
) -> None:
    """Make all objects of one event from its towers, tracks and muons."""
    resolution, s = settings
    l1_jets, l1_egammas, l1_taus, l1_muons, l1_met, hlt_jets, hlt_electrons, hlt_photons, hlt_muons, hlt_met, l1_regions = out
    k.smear(calo, flow, resolution, s[0])
    sum_regions(calo, l1_regions[event])
    for layer in range(2):
        k.subtract_density(calo[layer])
        k.subtract_density(flow[layer])
    net[:] = calo[0] + calo[1]
    k.sum3(net, sums)
    k.find_jets(net, sums, s[1], s[2], False, l1_jets[event])
    k.find_taus(net, sums, s[3], s[4], s[5], l1_taus[event])
    k.find_egamma(calo[0], calo[1], s[6], s[7], s[8], l1_egammas[event])
    l1_met[event, 0], l1_met[event, 1] = k.missing_energy(net, s[9])
    level1_muons(muons, s[10], l1_muons[event])
    net[:] = flow[0] + flow[1]
    k.sum3(net, sums)
    k.find_jets(net, sums, s[11], s[12], True, hlt_jets[event])
    software_egamma(flow, tracks, s, hlt_electrons[event], hlt_photons[event])
    software_muons(muons, s[15], hlt_muons[event])
    software_met(net, s[16], hlt_muons[event], hlt_met[event])


@compiled
def level1_muons(muons: Grid, threshold: float, found: Grid) -> None:
    """Find Level-1 muons: 70 % efficient and 18 % in pT in the barrel (|η| < 1.05), 90 % and 14 % beyond, to |η| = 2.4."""
    for i in range(len(muons)):
        pt, eta, phi = muons[i, 0], muons[i, 1], muons[i, 2]
        barrel = abs(eta) < 1.05
        if abs(eta) < 2.4 and np.random.random() < (0.7 if barrel else 0.9):  # noqa: NPY002
            curvature = (1.0 + (0.18 if barrel else 0.14) * np.random.normal()) / pt  # noqa: NPY002
            seen = 1.0 / max(abs(curvature), 1e-3)
            if seen >= threshold:
                k.insert(found, seen, eta + 0.02 * np.random.normal(), k.wrap(phi + 0.02 * np.random.normal()))  # noqa: NPY002


@compiled
def software_muons(muons: Grid, threshold: float, found: Grid) -> None:
    """Find software-trigger muons: 95 % efficient, 2.5 % in pT with 1.5 % per 100 GeV more, to |η| = 2.5."""
    for i in range(len(muons)):
        pt = muons[i, 0]
        sigma = 0.025 + 1.5e-4 * pt
        seen = pt * max(1.0 + sigma * np.random.normal(), 0.1)  # noqa: NPY002
        if np.random.random() < 0.95 and seen >= threshold:  # noqa: NPY002
            k.insert(found, seen, muons[i, 1], k.wrap(muons[i, 2]))


@compiled
def software_egamma(flow: Grid, tracks: Grid, s: Any, electrons: Grid, photons: Grid) -> None:
    """Split the software trigger's e/γ clusters into electrons (a stiff track points at them) and photons (none does)."""
    clusters = np.zeros((6, 3))
    k.find_egamma(flow[0], flow[1], min(s[13], s[14]), 0.15, 0.06, clusters)
    for i in range(len(clusters)):
        energy, eta, phi = clusters[i]
        if energy <= 0.0:
            break
        track = matching_track(tracks, energy, eta, phi)
        if track >= 0:
            if energy >= s[13] and np.random.random() < 0.92:  # noqa: NPY002
                k.insert(electrons, energy, tracks[track, 1], k.wrap(tracks[track, 2]))
        elif energy >= s[14] and np.random.random() < 0.95:  # noqa: NPY002
            k.insert(photons, energy, eta, phi)


@compiled
def matching_track(tracks: Grid, energy: float, eta: float, phi: float) -> int:
    """Return the stiffest track within 0.12 of a cluster that carries half to twice its energy, or -1."""
    best = -1
    for i in range(len(tracks)):
        near = math.hypot(tracks[i, 1] - eta, k.wrap(tracks[i, 2] - phi)) < 0.12
        if near and 0.5 * energy < tracks[i, 0] < 2.0 * energy and (best < 0 or tracks[i, 0] > tracks[best, 0]):
            best = i
    return best


@compiled
def software_met(net: Grid, cut: float, muons: Grid, found: Grid) -> None:
    """Return the software trigger's missing energy: towers above the cut, and muons."""
    size, angle = k.missing_energy(net, cut)
    x, y = size * math.cos(angle), size * math.sin(angle)
    for i in range(len(muons)):
        x -= muons[i, 0] * math.cos(muons[i, 2])
        y -= muons[i, 0] * math.sin(muons[i, 2])
    found[0], found[1] = math.hypot(x, y), math.atan2(y, x)
