"""Keep crossings with a probability that depends on what Level 1 sees, as experiments take enhanced bias: the weight is its inverse.

A trigger at 1 kHz looks at one crossing in thirty thousand. Keeping every crossing costs disk, keeping every hundredth loses the tail;
here a crossing's hardness decides: all are kept above given values of the Level-1 quantities, the soft bulk with a small probability that
is never 0, so that no corner is blind. No label is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ConfigError, nearest
from l1ad.scores.selection import effective_number

Floats = NDArray[np.float64]
Arrays = Mapping[str, Floats]

#: Kinds whose momenta make up the sums.
_KINDS = ("l1_jets", "l1_taus", "l1_egammas", "l1_muons")


def _leading(kind: str, place: int = 0) -> Callable[[Arrays], Floats]:
    return lambda arrays: arrays[kind][:, place, 0]


def _ht(arrays: Arrays) -> Floats:
    return np.asarray(arrays["l1_jets"][:, :, 0].sum(axis=1))


def _sum_pt(arrays: Arrays) -> Floats:
    return np.asarray(sum(arrays[kind][:, :, 0].sum(axis=1) for kind in _KINDS) + arrays["l1_met"][:, 0])


#: Level-1 quantities in GeV of arrays by kind, each ``(n_events,)``.
QUANTITIES: Mapping[str, Callable[[Arrays], Floats]] = {
    "jet": _leading("l1_jets"),
    "jet4": _leading("l1_jets", 3),
    "tau": _leading("l1_taus"),
    "egamma": _leading("l1_egammas"),
    "muon": _leading("l1_muons"),
    "muon2": _leading("l1_muons", 1),
    "met": lambda arrays: arrays["l1_met"][:, 0],
    "ht": _ht,
    "sum_pt": _sum_pt,
}


@dataclass(frozen=True, slots=True)
class EnhancedBias:
    """The probability with which a crossing is kept: ``min(1, max(floor, h ** power))``, ``h`` the largest quantity over its full value.

    Attributes:
        full_gev: by quantity, the value from which on every crossing is kept.
        floor: least probability, above 0.
        power: how fast the probability falls below the full values.
        known: names of the quantities that there are: those of Level 1, or of the particles.
    """

    full_gev: Mapping[str, float]
    floor: float = 0.01
    power: float = 4.0
    known: Collection[str] = tuple(QUANTITIES)

    def __post_init__(self) -> None:
        if not 0.0 < self.floor <= 1.0:
            raise ConfigError(
                f"The least probability of enhanced bias is above 0 and at most 1, got {self.floor!r}: 0 would be a blind spot."
            )
        if not self.full_gev or self.power <= 0.0 or any(value <= 0.0 for value in self.full_gev.values()):
            raise ConfigError("Enhanced bias needs at least one quantity with a full value above 0 GeV, and a power above 0.")
        for name in self.full_gev:
            if name not in self.known:
                raise ConfigError(f"Enhanced bias has no quantity {name!r}; {nearest(name, self.known)}")

    def probability(self, values: Mapping[str, NDArray[Any]]) -> Floats:
        """Compute each crossing's probability, shape ``(n_events,)``.

        Args:
            values: quantities in GeV by name, as `quantities` gives them, each ``(n_events,)``.
        """
        hardness = np.max([values[name].astype(np.float64) / full for name, full in self.full_gev.items()], axis=0)
        return np.asarray(np.clip(np.maximum(hardness, 0.0) ** self.power, self.floor, 1.0))


@dataclass(frozen=True, slots=True)
class Measured:
    """What the rates of events rest on.

    Attributes:
        weight: any unit, ``(n_events,)``.
        taken: whether the menu takes it, ``(n_events,)``.
        collision: which hard collision each is made of, ``(n_events,)``.
    """

    weight: NDArray[Any]
    taken: NDArray[np.bool_]
    collision: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[Measured]) -> Measured:
        """Join parts in order."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


def tail(values: NDArray[Any], weight: Floats, sum_of_weights: float) -> NDArray[np.int64]:
    """Find the events with the largest values that together weigh so much, at least one event; their rows, largest first.

    Args:
        values: any order, shape ``(n_events,)``.
        weight: shape ``(n_events,)``.
        sum_of_weights: how much.
    """
    order = np.argsort(-values, kind="stable")
    reached = np.searchsorted(np.cumsum(weight[order]), sum_of_weights)
    return np.asarray(order[: max(1, int(reached))])


def quantities(arrays: Arrays) -> dict[str, NDArray[np.float32]]:
    """Compute every Level-1 quantity, each ``(n_events,)`` in GeV."""
    return {name: quantity(arrays).astype(np.float32) for name, quantity in QUANTITIES.items()}


def tails(values: Mapping[str, NDArray[Any]], events: Measured, crossing_khz: float) -> dict[str, dict[str, float]]:
    """Return how well a weighted sample measures each quantity's tail.

    Args:
        values: by quantity, each ``(n_events,)``.
        events: what their rates rest on.
        crossing_khz: rate of crossings, which the sum of the weights stands for.

    Returns:
        By quantity: effective numbers of collisions above its 1 kHz threshold, of all and of those the menu leaves, and the largest share of
        one collision in the rate above its 10 kHz threshold.
    """
    khz = events.weight.astype(np.float64) * (crossing_khz / events.weight.sum(dtype=np.float64))
    left = np.flatnonzero(~events.taken)
    found = {}
    for name, quantity in values.items():
        above, at_1khz = tail(quantity, khz, 10.0), tail(quantity, khz, 1.0)
        pure = left[tail(quantity[left], khz[left], 1.0)] if len(left) else left
        found[name] = {
            "n_effective_1khz": effective_number(by_collision(khz[at_1khz], events.collision[at_1khz])),
            "n_effective_1khz_pure": effective_number(by_collision(khz[pure], events.collision[pure])),
            "largest_share_10khz": float(by_collision(khz[above], events.collision[above]).max() / khz[above].sum()),
        }
    return found


def by_collision(weight: Floats, collision: NDArray[np.int64]) -> Floats:
    """Add up the weights of each collision's crossings, which are not independent, ``(n_collisions,)``."""
    return np.bincount(np.unique(collision, return_inverse=True)[1], weight).astype(np.float64)
