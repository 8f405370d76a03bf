"""Write Level-1 objects as a NanoAOD-like tree, with hardware values and the floats that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.data.chunk import Counts
from l1ad.data.cms import CALORIMETER, MISSING_ET, MUON, Grid
from l1ad.data.readers.nanoaod import TREE

#: Collections by a layout's kinds.
_STEMS = {
    "jet": ("L1Jet", CALORIMETER),
    "eg": ("L1EG", CALORIMETER),
    "tau": ("L1Tau", CALORIMETER),
    "muon": ("L1Mu", MUON),
    "met": ("L1EtSum", CALORIMETER),
}


class NanoAodWriter:
    """Append events to the tree ``Events`` of a new file; use it as a context manager."""

    def __init__(self, path: Path, menu: tuple[str, ...] = ()) -> None:
        import uproot

        self._file = uproot.recreate(path)
        self._menu = menu
        self._tree: Any = None

    def __enter__(self) -> NanoAodWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, counts: Mapping[str, Counts], columns: Mapping[str, NDArray[Any]]) -> None:
        """Append events.

        Args:
            counts: hardware counts on the CMS grids by kind (jet, eg, tau, muon, met), ``(n_events, m, 3)``; the same kinds each time.
            columns: per-event columns by their name in a dataset.
        """
        branches = self._event_branches(columns)
        for kind, values in counts.items():
            branches |= _collection(kind, values)
        if self._tree is None:
            types = {name: str(array.type).partition(" * ")[2] for name, array in branches.items()}
            self._tree = self._file.mktree(TREE, types)
        self._tree.extend(branches)

    def _event_branches(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        import awkward as ak

        arrays = {
            "run": columns["run"].astype(np.uint32),
            "event": columns["event"].astype(np.uint64),
            "genWeight": columns["weight"].astype(np.float32),
            "Pileup_nTrueInt": columns["pileup"].astype(np.float32),
        }
        word = columns["menu"].astype(np.uint64)
        arrays |= {name: (word >> np.uint64(bit)) & np.uint64(1) == 1 for bit, name in enumerate(self._menu)}
        return {name: ak.Array(array) for name, array in arrays.items()}


def _collection(kind: str, values: Counts) -> dict[str, Any]:
    import awkward as ak

    stem, grid = _STEMS[kind]
    there = np.ones(values.shape[:2], dtype=bool) if kind == "met" else values[:, :, 0] > 0
    number = there.sum(axis=1)
    arrays = _features(values, grid)
    if kind == "met":
        arrays = {name: array for name, array in arrays.items() if "eta" not in name.lower()}
        arrays["etSumType"] = np.full(there.shape, MISSING_ET, dtype=np.int32)
    arrays["bx"] = np.zeros(there.shape, dtype=np.int16)
    return {f"{stem}_{name}": ak.unflatten(array[there], number) for name, array in arrays.items()}


def _features(values: Counts, grid: Grid) -> dict[str, NDArray[Any]]:
    pt, eta, phi = (values[:, :, i] for i in range(3))
    signed_phi = np.where(phi >= grid.phi_period / 2, phi - grid.phi_period, phi)
    return {
        "pt": (np.maximum(pt - grid.pt_shift, 0) * grid.pt_gev).astype(np.float32),
        "eta": (eta * grid.eta).astype(np.float32),
        "phi": (signed_phi * grid.phi).astype(np.float32),
        "hwPt": pt.astype(np.int16),
        "hwEta": eta.astype(np.int16),
        "hwPhi": phi.astype(np.int16),
    }
