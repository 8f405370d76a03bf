"""The decisions of a small Level-1 menu: single and multiple objects above thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MenuItem:
    """A menu item: ``count`` objects of a kind at or above a threshold in GeV."""

    name: str
    kind: str
    threshold_gev: float
    count: int = 1


#: Unprescaled items at Level 1 (kinds are fields of `Objects`); thresholds chosen for about 100 kHz in all at pile-up 50.
L1_MENU = (
    MenuItem("L1_J100", "l1_jets", 100.0),
    MenuItem("L1_2J75", "l1_jets", 75.0, 2),
    MenuItem("L1_4J45", "l1_jets", 45.0, 4),
    MenuItem("L1_EM28", "l1_egammas", 28.0),
    MenuItem("L1_2EM15", "l1_egammas", 15.0, 2),
    MenuItem("L1_TAU80", "l1_taus", 80.0),
    MenuItem("L1_2TAU50", "l1_taus", 50.0, 2),
    MenuItem("L1_MU14", "l1_muons", 14.0),
    MenuItem("L1_2MU6", "l1_muons", 6.0, 2),
    MenuItem("L1_XE70", "l1_met", 70.0),
)
#: Unprescaled items of the software trigger; an event must have passed Level 1 as well.
HLT_MENU = (
    MenuItem("HLT_j400", "hlt_jets", 400.0),
    MenuItem("HLT_4j115", "hlt_jets", 115.0, 4),
    MenuItem("HLT_e26", "hlt_electrons", 26.0),
    MenuItem("HLT_2e17", "hlt_electrons", 17.0, 2),
    MenuItem("HLT_g140", "hlt_photons", 140.0),
    MenuItem("HLT_mu24", "hlt_muons", 24.0),
    MenuItem("HLT_2mu14", "hlt_muons", 14.0, 2),
    MenuItem("HLT_xe110", "hlt_met", 110.0),
)


def energies(arrays: Mapping[str, Floats], kind: str) -> Floats:
    """Return the energies of a kind's objects, sorted downwards, ``(n_events, n)``."""
    array = arrays[kind]
    return array[:, :1] if array.ndim == 2 else array[:, :, 0]


def decide(menu: Sequence[MenuItem], arrays: Mapping[str, Floats]) -> NDArray[np.uint64]:
    """Return the menu's decision word for each event: bit i is item i.

    Args:
        menu: at most 64 items.
        arrays: object arrays by kind, sorted by energy.

    Returns:
        Words, ``(n_events,)``.
    """
    words = np.zeros(len(next(iter(arrays.values()))), dtype=np.uint64)
    for bit, item in enumerate(menu):
        passed = energies(arrays, item.kind)[:, item.count - 1] >= item.threshold_gev
        words |= passed.astype(np.uint64) << np.uint64(bit)
    return words


def tune(menu: Sequence[MenuItem], arrays: Mapping[str, Floats], weights: Floats, fraction: float) -> tuple[MenuItem, ...]:
    """Scale all thresholds by one factor so that the menu takes at most a weighted fraction of events.

    Args:
        menu: the items to scale.
        arrays: object arrays by kind.
        weights: event weights, ``(n_events,)``.
        fraction: greatest fraction of the weight that may pass.

    Returns:
        The menu with thresholds rounded to 0.5 GeV.
    """
    low, high = 0.0, 20.0
    for _ in range(30):
        middle = 0.5 * (low + high)
        passed = decide(_scaled(menu, middle), arrays) > 0
        if weights[passed].sum() > fraction * weights.sum():
            low = middle
        else:
            high = middle
    return _scaled(menu, high, step=0.5)


def _scaled(menu: Sequence[MenuItem], factor: float, step: float = 0.0) -> tuple[MenuItem, ...]:
    def threshold(item: MenuItem) -> float:
        value = item.threshold_gev * factor
        return float(np.ceil(value / step) * step) if step else value

    return tuple(replace(item, threshold_gev=threshold(item)) for item in menu)
