"""Put simulated objects on the hardware's grids: Level-1 energy counts with their saturation, direction counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import LayoutError
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.simulation.detector import Objects

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

#: Energy step and greatest value in GeV that each ATLAS Level-1 source sends: jFEX jets 11 bits of 200 MeV, eFEX taus 12 bits of
#: 100 MeV, missing energy 200 MeV.
ATLAS_STEPS_GEV = {"jet": (0.2, 409.4), "tau": (0.1, 409.5), "eg": (0.1, 409.5), "met": (0.2, 3276.6)}
#: RPC and TGC thresholds in GeV: the barrel's and the end-caps' muons carry the greatest one they passed.
RPC_THRESHOLDS_GEV = (4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
TGC_THRESHOLDS_GEV = (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 18.0, 20.0)


def counts_for(objects: Objects, layout: ObjectLayout) -> dict[str, Counts]:
    """Return the counts of a layout: software objects if it has photons, ATLAS Level 1 if it has taus, regions, or CMS Level 1.

    Raises:
        LayoutError: it has objects that the simulation does not make together.
    """
    kinds = {slot.kind for slot in layout.slots}
    for wanted, make in (
        ({"jet", "electron", "muon", "photon", "met"}, software_counts),
        ({"jet", "tau", "muon", "met"}, level1_counts),
        ({"jet", "electron", "eg", "muon", "met"}, cms_counts),
        ({"region"}, region_counts),
    ):
        if kinds <= wanted and ("photon" in kinds) == ("photon" in wanted):
            return make(objects, layout)
    raise LayoutError(
        f"Layout {layout.name!r} has objects {sorted(kinds)!r}, which the simulation does not make together; use a shipped layout."
    )


def level1_counts(objects: Objects, layout: ObjectLayout, step_gev: float = 0.0) -> dict[str, Counts]:
    """Return ATLAS-like Level-1 objects as hardware counts of a layout with jets, taus, muons and MET.

    Args:
        objects: what the simulation gave.
        layout: the requested columns.
        step_gev: coarser step of calorimeter energies than the hardware's, for small files.

    Returns:
        By kind ``(n_events, multiplicity, 3)`` of energy, η and φ counts; absent objects are zero.
    """
    arrays = {
        "jet": objects.l1_jets,
        "tau": objects.l1_taus,
        "eg": objects.l1_egammas,
        "met": _with_eta(objects.l1_met),
    }
    arrays = {
        kind: _stepped(values, max(ATLAS_STEPS_GEV[kind][0], step_gev), ATLAS_STEPS_GEV[kind][1])
        for kind, values in arrays.items()
    }
    arrays["muon"] = _thresholded(objects.l1_muons)
    return {slot.kind: to_counts(arrays[slot.kind], slot) for slot in layout.slots}


def software_counts(objects: Objects, layout: ObjectLayout, step_gev: float = 0.0) -> dict[str, Counts]:
    """Return software-trigger objects as counts of a layout with jets, electrons, muons, photons and MET, as `level1_counts` does."""
    arrays = {
        "jet": objects.hlt_jets,
        "electron": objects.hlt_electrons,
        "muon": objects.hlt_muons,
        "photon": objects.hlt_photons,
        "met": _with_eta(objects.hlt_met),
    }
    if step_gev:
        arrays = {kind: _stepped(values, step_gev, np.inf) for kind, values in arrays.items()}
    return {slot.kind: to_counts(arrays[slot.kind], slot) for slot in layout.slots}


def cms_counts(objects: Objects, layout: ObjectLayout) -> dict[str, Counts]:
    """Return Level-1 objects as counts of a CMS-like layout with e/γ as electrons or ``eg``, taus, muons, jets and MET."""
    arrays = {
        "jet": objects.l1_jets,
        "electron": objects.l1_egammas,
        "eg": objects.l1_egammas,
        "tau": objects.l1_taus,
        "muon": objects.l1_muons,
        "met": _with_eta(objects.l1_met),
    }
    return {slot.kind: to_counts(arrays[slot.kind], slot) for slot in layout.slots}


def region_counts(objects: Objects, layout: ObjectLayout) -> dict[str, Counts]:
    """Return the calorimeter regions' energies as counts, φ first as in layout `cicada252`."""
    energy = objects.l1_regions.reshape(len(objects.l1_regions), -1, 1)
    return {
        slot.kind: to_counts(np.concatenate([energy, np.zeros((*energy.shape[:2], 2))], axis=2), slot) for slot in layout.slots
    }


def to_counts(objects: Floats, slot: ObjectSlot) -> Counts:
    """Truncate energies and round directions to a slot's counts; energies saturate at the hardware's greatest count.

    Args:
        objects: ``(n_events, m, 3)`` of GeV, η, rad, sorted by energy.
        slot: the slot, which takes the first ``multiplicity`` of them.
    """
    by_feature = {"pt": 0, "eta": 1, "phi": 2}
    objects = objects[:, : slot.multiplicity]
    counts = np.zeros((len(objects), slot.multiplicity, 3), dtype=np.int64)
    for feature, type_, lsb in zip(slot.features, slot.types, slot.lsb, strict=True):
        values = objects[:, :, by_feature[feature]]
        # The small constant keeps a value that lies on the grid there: 0.6 / 0.1 is just below 6.
        whole = np.floor(values / lsb + 1e-6) if feature == "pt" else np.rint(values / lsb)
        whole = np.mod(whole, slot.phi_period) if feature == "phi" and slot.phi_period else whole
        counts[:, : objects.shape[1], by_feature[feature]] = np.clip(whole, type_.min_int, type_.max_int)
    counts[counts[:, :, 0] == 0] = 0
    return counts


def _stepped(objects: Floats, step_gev: float, greatest_gev: float) -> Floats:
    out = objects.copy()
    out[:, :, 0] = np.minimum(np.floor(objects[:, :, 0] / step_gev + 1e-9) * step_gev, greatest_gev)
    return out


def _thresholded(muons: Floats) -> Floats:
    out = muons.copy()
    barrel = np.abs(muons[:, :, 1]) < 1.05
    for mask, thresholds in ((barrel, RPC_THRESHOLDS_GEV), (~barrel, TGC_THRESHOLDS_GEV)):
        passed = np.searchsorted(thresholds, muons[:, :, 0], side="right")
        out[:, :, 0] = np.where(mask, np.array((0.0, *thresholds))[passed], out[:, :, 0])
    # Thresholds make ties and put barrel below end-cap muons: the sorted order is by threshold, as MUCTPI sends it.
    order = np.argsort(-out[:, :, 0], axis=1, kind="stable")
    return np.take_along_axis(out, order[:, :, None], axis=1)


def _with_eta(met: Floats) -> Floats:
    return np.stack([met[:, :1], np.zeros_like(met[:, :1]), met[:, 1:]], axis=2)
