"""Write small ROOT files of every format with known hardware counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

from l1ad.core.layout import load_layout
from l1ad.data.cms import CALORIMETER, KINDS, MUON, Grid
from tests.event_files import Counts, random_counts

NANO = {"jet": "Jet", "eg": "EG", "muon": "Mu", "met": "EtSum"}
NTUPLE = {"jet": "jet", "eg": "eg", "muon": "muon", "met": "sum"}


def write_trees(path: Path, trees: Mapping[str, Mapping[str, Any]]) -> None:
    """Write classic trees (not RNTuples) of flat and jagged branches."""
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            arrays = {branch: ak.Array(values) for branch, values in branches.items()}
            types = {branch: str(array.type).partition(" * ")[2] for branch, array in arrays.items()}
            file.mktree(name, types)
            file[name].extend(arrays)


def cms_counts(n_events: int, seed: int) -> Counts:
    """Draw counts of the AXOL1TL layout, each kind's objects at the front as in a list."""
    counts = random_counts(load_layout("axol1tl57"), n_events, seed)
    for kind, values in counts.items():
        order = np.argsort(values[:, :, 0] == 0, axis=1, kind="stable")
        counts[kind] = np.take_along_axis(values, order[:, :, None], axis=1)
        if KINDS[kind][1] is MUON:
            counts[kind][:, :, 0][counts[kind][:, :, 0] == 1] = 2
    return counts


def jagged(values: np.ndarray[Any, Any], present: np.ndarray[Any, Any]) -> ak.Array:
    return ak.unflatten(values[present], present.sum(axis=1))


def with_other_crossings(objects: dict[str, ak.Array], crossing: str) -> dict[str, ak.Array]:
    """Put the same objects also into the crossings before and after."""
    number = ak.num(next(iter(objects.values())))
    tripled = {name: ak.concatenate([values, values, values], axis=1) for name, values in objects.items()}
    steps = [ak.unflatten(np.full(int(ak.sum(number)), step, dtype=np.int16), number) for step in (-1, 0, 1)]
    return tripled | {crossing: ak.concatenate(steps, axis=1)}


def floats(values: np.ndarray[Any, Any], grid: Grid) -> tuple[np.ndarray[Any, Any], ...]:
    """Return what CMS stores for hardware counts, as float32."""
    phi = np.where(values[:, :, 2] >= grid.phi_period / 2, values[:, :, 2] - grid.phi_period, values[:, :, 2]) * grid.phi
    pt = (values[:, :, 0] - grid.pt_shift) * grid.pt_gev
    return pt.astype(np.float32), (values[:, :, 1] * grid.eta).astype(np.float32), phi.astype(np.float32)


def write_nanoaod(path: Path, n_events: int = 30, seed: int = 1, *, reduced: bool = False) -> Counts:
    counts = cms_counts(n_events, seed)
    branches: dict[str, Any] = {"run": np.full(n_events, 7, np.uint32), "event": np.arange(n_events, dtype=np.uint64)}
    branches |= {"L1_A": np.arange(n_events) % 2 == 0, "L1_B": np.arange(n_events) % 3 == 0}
    for kind, stem in NANO.items():
        values = counts[kind]
        there, prefix = values[:, :, 0] > 0, f"L1{stem}_"
        pt, eta, phi = floats(values, MUON if kind == "muon" else CALORIMETER)
        objects = {"pt": jagged(pt, there), "phi": jagged(phi, there)}
        if kind != "met":
            objects["eta"] = jagged(eta, there)
        if not reduced:
            names = ("hwPt", "hwEta", "hwPhi")
            objects |= {
                name: jagged(values[:, :, i].astype(np.int16), there) for i, name in enumerate(names) if kind != "met" or i != 1
            }
        if kind == "met":
            objects = sums(objects, n_events, "etSumType")
        branches |= {prefix + name: array for name, array in with_other_crossings(objects, "bx").items()}
    write_trees(path, {"Events": branches})
    return counts


def sums(missing: dict[str, ak.Array], n_events: int, type_name: str) -> dict[str, ak.Array]:
    """Put other sums before and after missing E_T."""
    out = {name: ak.concatenate([values + 1, values, values + 2], axis=1) for name, values in missing.items()}
    types = np.tile(np.array([1, 2, 8], dtype=np.int32), (n_events, 1))
    return out | {type_name: ak.from_regular(ak.Array(types))}


def write_l1ntuple(path: Path, n_events: int = 30, seed: int = 1, *, emulated: bool = False) -> Counts:
    counts = cms_counts(n_events, seed)
    branches: dict[str, Any] = {}
    for kind, stem in NTUPLE.items():
        values = counts[kind]
        there = values[:, :, 0] > 0
        names = ("IEt", "IEta", "IPhi")
        objects = {
            name: jagged(values[:, :, i].astype(np.int16), there) for i, name in enumerate(names) if kind != "met" or i != 1
        }
        if kind == "met":
            objects = sums(objects, n_events, "Type")
        branches |= {stem + name: array for name, array in with_other_crossings(objects, "Bx").items()}
    event = {"run": np.full(n_events, 7, np.int32), "event": np.arange(n_events, dtype=np.uint64)}
    tree = "l1UpgradeEmuTree/L1UpgradeTree" if emulated else "l1UpgradeTree/L1UpgradeTree"
    write_trees(path, {tree: branches, "l1EventTree/L1EventTree": event})
    return counts


def write_xaod(
    path: Path, n_events: int = 30, seed: int = 1, *, form: str = "AuxDyn.", names: Mapping[str, Mapping[str, str]] | None = None
) -> tuple[Counts, Counts]:
    """Write Level-1 and software-trigger containers; returns the counts of ``l1topo44`` and ``gelato60``.

    ``names`` gives other containers to write, by level (``L1``, ``HLT``) and kind.
    """
    level1, software = (random_counts(load_layout(name), n_events, seed) for name in ("l1topo44", "gelato60"))
    branches: dict[str, Any] = {"EventInfoAux.runNumber": np.full(n_events, 7, np.uint32)}
    branches["EventInfoAux.eventNumber"] = np.arange(n_events, dtype=np.uint64)
    rng = np.random.default_rng(seed)
    for counts, kinds, level in ((level1, _LEVEL1, "L1"), (software, _SOFTWARE, "HLT")):
        for kind, container in (kinds | dict((names or {}).get(level, {}))).items():
            values = counts[kind] = _at_the_front(counts[kind])
            branches |= {f"{container}{form}{name}": array for name, array in _variables(kind, container, values, rng).items()}
    write_trees(path, {"CollectionTree": branches})
    return level1, software


_LEVEL1 = {"jet": "L1_jFexSRJetRoI", "tau": "L1_eTauRoI", "muon": "LVL1MuonRoIs", "met": "L1_jFexMETRoI"}
_SOFTWARE = {
    "jet": "HLT_AntiKt4EMTopoJets_subjesIS",
    "electron": "HLT_egamma_Electrons_GSF",
    "muon": "HLT_MuonsCB_RoI",
    "photon": "HLT_egamma_Photons",
    "met": "HLT_MET_tcpufit",
}


#: What the legacy containers call an energy.
_ENERGY = {("LVL1JetRoIs", "jet"): "et8x8", ("LVL1EmTauRoIs", "tau"): "tauClus"}


def _at_the_front(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    order = np.argsort(values[:, :, 0] == 0, axis=1, kind="stable")
    return np.take_along_axis(values, order[:, :, None], axis=1)


def _variables(kind: str, container: str, values: np.ndarray[Any, Any], rng: np.random.Generator) -> dict[str, ak.Array]:
    """Make a container's variables; changes counts that its units cannot express to those they can."""
    there = values[:, :, 0] > 0
    if kind == "met":
        return _components(container, values)
    if container == "LVL1MuonRoIs":
        number = rng.integers(1, 7, there.shape)
        values[:, :, 0] = np.where(there, 10 * np.array([0, 4, 6, 8, 10, 12, 14])[number], 0)
        energy = {"roiWord": jagged((number << 8 | 1 << 31).astype(np.uint32), there)}
    elif container.startswith("L1_jFex"):
        values[:, :, 0] = np.where(there, values[:, :, 0] // 2 * 2, 0)
        values[values[:, :, 0] == 0] = 0
        there = values[:, :, 0] > 0
        energy = {
            "tobEt": jagged((values[:, :, 0] // 2).astype(np.uint16), there),
            "tobEtScale": jagged(np.full(there.shape, 200, np.int32), there),
        }
    else:
        name = _ENERGY.get((container, kind), "et" if container.startswith("L1") else "pt")
        energy = {name: jagged((values[:, :, 0] * 100.0).astype(np.float32), there)}
    phi = np.where(values[:, :, 2] >= 64, values[:, :, 2] - 128, values[:, :, 2]) * (2 * np.pi / 128)
    return energy | {
        "eta": jagged((values[:, :, 1] * 0.025).astype(np.float32), there),
        "phi": jagged(phi.astype(np.float32), there),
    }


def _components(container: str, values: np.ndarray[Any, Any]) -> dict[str, ak.Array]:
    """Put MET along an axis, so that it stays on the grid; at Level 1 as two FPGAs of opposite sign."""
    values[:, 0, 0] = values[:, 0, 0] // 2 * 2
    values[:, 0, 2] = np.where(values[:, 0, 0] > 0, values[:, 0, 2] // 32 * 32, 0)
    quarter, size = values[:, 0, 2] // 32, values[:, 0, 0]
    x, y = np.array([1, 0, -1, 0])[quarter] * size, np.array([0, 1, 0, -1])[quarter] * size
    if container == "LVL1EnergySumRoI":
        # One sum an event, of what was deposited: missing is the opposite.
        return {name: ak.Array((part * -100.0).astype(np.float32)) for name, part in (("energyX", x), ("energyY", y))}
    if container.startswith("HLT"):
        return {name: ak.from_regular(ak.Array((part * 100.0)[:, None])) for name, part in (("ex", x), ("ey", y))}
    parts = {name: np.stack([-(part // 2) - 5, np.full(len(part), -5)], axis=1) for name, part in (("tobEx", x), ("tobEy", y))}
    parts |= {"tobEtScale": np.full((len(x), 2), 200), "fpgaNumber": np.tile([0, 1], (len(x), 1))}
    return {name: ak.from_regular(ak.Array(array.astype(np.int32))) for name, array in parts.items()}
