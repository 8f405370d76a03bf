"""Generate proton collisions with Pythia 8 and keep of each what a detector can see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from l1ad.core.errors import ConfigError, ToolFailedError
from l1ad.simulation.particles import ParticleKind, ParticleTable
from l1ad.simulation.processes import MINIMUM_BIAS, Process

# Solenoid of ATLAS: 2 T, calorimeter face at 1.4 m. A track of pT[GeV] bends by asin(0.15 B R / pT) until there.
_BEND_GEV = 0.15 * 2.0 * 1.4
_ETA_MAX = 4.9
_PT_MIN_GEV = 0.1


@dataclass(frozen=True, slots=True)
class GeneratorSettings:
    """How collisions are generated.

    Attributes:
        energy_tev: centre-of-mass energy.
        seed: seed of the whole simulation.
        multiparton: whether hard processes get Pythia's multiparton interactions; without, the underlying event is
            two further minimum-bias collisions at the overlay, four times as fast.
        tau_spin: whether τ decays keep their spin correlations (an order of magnitude slower for Z).
    """

    energy_tev: float = 13.6
    seed: int = 1
    multiparton: bool = False
    tau_spin: bool = False


@dataclass(frozen=True, slots=True)
class Generated:
    """A batch of collisions and what Pythia says of the process's cross section."""

    particles: ParticleTable
    sigma_mb: float


def batch_seed(settings: GeneratorSettings, process: Process, batch: int) -> int:
    """Derive Pythia's seed for one batch, in its allowed range 1 to 900 000 000."""
    text = f"{settings.seed}/{process.name}/{batch}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little") % 900_000_000 + 1


def generate(process: Process, n_events: int, settings: GeneratorSettings, batch: int = 0) -> Generated:
    """Generate collisions of one process.

    Args:
        process: what to generate.
        n_events: how many.
        settings: beam energy, seed and physics switches.
        batch: number of the batch; each has its own seed, so that batches can run in any order and process.

    Returns:
        The particles of ``n_events`` collisions and the cross section in mb.

    Raises:
        ConfigError: Pythia does not know a setting or refuses the set of them.
        ToolFailedError: Pythia gave fewer events than requested.
    """
    pythia = _initialise(process, settings, batch)
    events = pythia.nextBatch(n_events)
    if len(events) != n_events:
        raise ToolFailedError(f"Pythia gave {len(events)} of {n_events} events of {process.name!r}; try another seed.")
    return Generated(_reduce(events), float(pythia.infoPython().sigmaGen()))


def _initialise(process: Process, settings: GeneratorSettings, batch: int) -> Any:
    import pythia8mc

    pythia = pythia8mc.Pythia("", False)
    for statement in _statements(process, settings, batch):
        if not pythia.readString(statement):
            raise ConfigError(
                f"Pythia does not understand {statement!r} of process {process.name!r}; see its manual for the setting."
            )
    if not pythia.init():
        raise ConfigError(f"Pythia refuses the settings of process {process.name!r}; check masses and decay channels.")
    return pythia


def _statements(process: Process, settings: GeneratorSettings, batch: int) -> tuple[str, ...]:
    multiparton = settings.multiparton or process.name == MINIMUM_BIAS
    return (
        "Print:quiet = on",
        f"Beams:eCM = {settings.energy_tev * 1000:g}",
        "Random:setSeed = on",
        f"Random:seed = {batch_seed(settings, process, batch)}",
        f"TauDecays:mode = {1 if settings.tau_spin else 0}",
        f"PartonLevel:MPI = {'on' if multiparton else 'off'}",
        *process.settings,
    )


def _reduce(events: Any) -> ParticleTable:
    import awkward as ak

    status, identity = ak.to_numpy(ak.flatten(events.prt.status)), ak.to_numpy(ak.flatten(events.prt.id))
    momentum = [ak.to_numpy(ak.flatten(events.prt.p[axis])) for axis in ("px", "py", "pz")]
    pt = np.hypot(momentum[0], momentum[1])
    kind = _kind(np.abs(identity))
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.arcsinh(momentum[2] / pt)
    keep = (status > 0) & (kind >= 0) & (pt > _PT_MIN_GEV) & (np.abs(eta) < _ETA_MAX)
    event = np.repeat(np.arange(len(events)), ak.to_numpy(ak.num(events.prt.status)))
    phi = np.arctan2(momentum[1], momentum[0])
    charge = np.where(np.isin(kind, (ParticleKind.ELECTRON, ParticleKind.PION, ParticleKind.KAON)), np.sign(identity), 0)
    charge = np.where(kind == ParticleKind.ELECTRON, -charge, charge)
    reaches, phi_calo = _bend(pt, phi, charge)
    keep &= reaches
    counts = np.bincount(event[keep], minlength=len(events))
    return ParticleTable(
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        pt_gev=pt[keep].astype(np.float32),
        eta=eta[keep].astype(np.float32),
        phi=phi[keep].astype(np.float32),
        phi_calo=phi_calo[keep].astype(np.float32),
        kind=kind[keep].astype(np.int8),
        pthat_gev=np.sqrt(ak.to_numpy(events.info.pT2Hat)).astype(np.float32),
    )


def _kind(identity: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    kind = np.full(identity.shape, -1, dtype=np.int64)
    kind[identity > 100] = ParticleKind.NEUTRAL_HADRON
    kind[np.isin(identity, (211, 2212, 3112, 3222, 3312, 3334))] = ParticleKind.PION
    kind[identity == 321] = ParticleKind.KAON
    kind[identity == 22] = ParticleKind.PHOTON
    kind[identity == 11] = ParticleKind.ELECTRON
    kind[identity == 13] = ParticleKind.MUON
    return kind


def _bend(
    pt: npt.NDArray[Any], phi: npt.NDArray[Any], charge: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[Any]]:
    reaches = (charge == 0) | (pt > _BEND_GEV)
    angle = np.arcsin(np.minimum(_BEND_GEV / np.maximum(pt, _BEND_GEV), 1.0))
    bent = phi - charge * angle
    return reaches, np.mod(bent + np.pi, 2 * np.pi) - np.pi
