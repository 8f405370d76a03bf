"""Compare what a threshold selects with what the menu's items take, on background and on signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FloatArray
from l1ad.physics.rates import Rate, RateSample
from l1ad.scores.metrics import Efficiency, Scores, efficiency


@dataclass(frozen=True, slots=True)
class Overlap:
    """What one menu item shares with one threshold.

    Attributes:
        item: the menu item.
        item_rate: its own rate.
        of_score: fraction of the score's rate that the item takes as well; None where the score selects nothing.
        of_item: fraction of the item's rate that the score takes as well; None where the item takes nothing.
    """

    item: str
    item_rate: Rate
    of_score: float | None
    of_item: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def overlaps(sample: RateSample, threshold: float, menu: NDArray[np.uint64], items: Sequence[str]) -> tuple[Overlap, ...]:
    """Compare a threshold with every item of the menu.

    Args:
        sample: the background.
        threshold: of the score.
        menu: bit i says whether ``items[i]`` takes the event, shape ``(n_events,)``.
        items: the items' names.
    """
    chosen = np.asarray(sample.scores >= threshold)
    score_weight = float(sample.weight[chosen].sum())
    found = []
    for bit, item in enumerate(items):
        passed = (menu >> np.uint64(bit)) & np.uint64(1) == 1
        both = float(sample.weight[chosen & passed].sum())
        own = float(sample.weight[passed].sum())
        shares = both / score_weight if score_weight else None, both / own if own else None
        found.append(Overlap(item, sample.selected(passed), *shares))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class SignalEfficiency:
    """What one threshold catches of one signal.

    Attributes:
        signal: the sample's key.
        label: what plots show.
        total: fraction selected.
        pure: fraction selected that the menu does not take; None where the data have no menu.
        menu: fraction that the menu takes.
        either: fraction that the menu or the score takes.
    """

    signal: str
    label: str
    total: Efficiency
    pure: Efficiency | None
    menu: Efficiency | None
    either: Efficiency | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


def signal_efficiency(
    name: str, label: str, scores: Scores, weight: FloatArray, taken: NDArray[np.bool_] | None, threshold: float
) -> SignalEfficiency:
    """Count what a threshold catches of a signal.

    Args:
        name: the sample's key.
        label: what plots show.
        scores: shape ``(n_events,)``.
        weight: same shape.
        taken: whether the menu takes each event, same shape, or None.
        threshold: of the score.
    """
    chosen = np.asarray(scores >= threshold)
    total = efficiency(chosen, weight)
    if taken is None:
        return SignalEfficiency(name, label, total, None, None, None)
    parts = (efficiency(mask, weight) for mask in (chosen & ~taken, taken, chosen | taken))
    return SignalEfficiency(name, label, total, *parts)
