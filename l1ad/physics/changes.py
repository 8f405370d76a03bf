"""The effect of a new network or new data on thresholds derived earlier: their rate now, and where they would have to move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from l1ad.core.thresholds import Definition
from l1ad.physics.needed import Span, needed_threshold, rate_of_kind
from l1ad.physics.rates import Rate, RateSample
from l1ad.scores.targets import Kind


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one threshold.

    Attributes:
        name: the trigger bit.
        old: the threshold as it was.
        definition: what it was derived for, and the rate it had.
        left: rate of that kind now, if the threshold is left as it is.
        needed: the threshold that keeps the target now; None where the events do not resolve it.
        rate: rate of that kind at ``needed``.
    """

    name: str
    old: int
    definition: Definition
    left: Rate
    needed: Span | None
    rate: Rate | None

    @property
    def move(self) -> float | None:
        """Units by which the threshold has to be moved."""
        return None if self.needed is None else self.needed.threshold - self.old

    @property
    def keeps(self) -> bool:
        """Whether the target rate is within the interval of the rate that the threshold has now."""
        return self.left.low_khz <= self.definition.target_khz <= self.left.high_khz

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"move": self.move, "keeps": self.keeps}


def change_of(name: str, old: int, definition: Definition, sample: RateSample) -> Change:
    """Count what a threshold selects now, and find the one that keeps its target.

    Args:
        name: the trigger bit.
        old: the threshold as it was.
        definition: what it was derived for.
        sample: the background now.

    Raises:
        InputError: a target above the crossing rate, or a pure one where the data have no menu.
    """
    kind = Kind(definition.kind)
    left = rate_of_kind(sample, old, kind)
    found = needed_threshold(sample, definition.target_khz, kind)
    return Change(name, old, definition, left, *(found or (None, None)))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What thresholds rest on, then and now; None where it was not written down.

    Attributes:
        network: digests of the networks.
        dataset: digests of the data.
        menu: what vetoes in pure rates, in words.
    """

    network: tuple[str, str]
    dataset: tuple[str, str]
    menu: tuple[str, str]

    def differences(self) -> list[str]:
        """Return in words what has changed."""
        named = (("the network", self.network), ("the data", self.dataset))
        words = [f"{what} ({old[:12]} → {new[:12]})" for what, (old, new) in named if old != new]
        return words + ["the menu that vetoes"] * (self.menu[0] != self.menu[1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {key: {"old": old, "new": new} for key, (old, new) in asdict(self).items()}


def finding(changes: Sequence[Change], circumstances: Circumstances) -> str:
    """Return one or two sentences on what happened to the thresholds."""
    differences = circumstances.differences()
    first = f"Changed: {', '.join(differences)}." if differences else "Network, data and menu are unchanged."
    moved = [change.name for change in changes if not change.keeps]
    if not moved:
        return f"{first} Every threshold keeps its rate within the interval."
    return f"{first} The target rate is outside the interval of {', '.join(moved)} if the thresholds are left as they are."
