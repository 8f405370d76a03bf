"""At which rate a score is judged: a fraction of the background, in total or beyond what the menu takes."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray


class Kind(enum.Enum):
    """Which rate a threshold is for."""

    TOTAL = "total"
    PURE = "pure"


def counted(chosen: NDArray[np.bool_], taken: NDArray[np.bool_] | None, kind: Kind) -> NDArray[np.bool_]:
    """Return which of the chosen events count for a kind of rate: all of them, or those that no menu item takes.

    Args:
        chosen: shape ``(n_events,)``.
        taken: whether the menu takes each event, same shape; None where the data do not say.
        kind: which rate.

    Raises:
        InputError: a pure rate where the data do not say what the menu takes.
    """
    if kind is Kind.TOTAL:
        return chosen
    if taken is None:
        raise InputError(
            "A pure rate needs the menu's decisions, and the data have no column 'pass_l1' or 'menu'; ask for the total rate."
        )
    return chosen & ~taken


def counted_weight(weight: FloatArray, taken: NDArray[np.bool_] | None, kind: Kind) -> FloatArray:
    """Return the weight with which each event counts for a kind of rate, 0 for those that do not; arguments and errors as ``counted``."""
    return np.where(counted(np.ones(len(weight), dtype=bool), taken, kind), weight, 0.0)


@dataclass(frozen=True, slots=True)
class Target:
    """The background fraction that a threshold keeps.

    Attributes:
        fraction: largest selected fraction of the background's weight, in (0, 1).
        kind: of all that is selected, or of what no menu item takes as well; efficiencies are of the same kind.
        khz: the rate that the fraction stands for; None where a fraction was asked for.
    """

    fraction: float
    kind: Kind = Kind.TOTAL
    khz: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no fraction."""
        if not 0 < self.fraction < 1:
            raise InputError(f"A background fraction must be between 0 and 1, got {self.fraction!r}; use for example 1e-3.")

    @property
    def label(self) -> str:
        """Name it in tables and sentences, as ``1 kHz pure`` or ``background fraction 0.001``."""
        return f"background fraction {self.fraction:g}" if self.khz is None else f"{self.khz:g} kHz {self.kind.value}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"label": self.label, "fraction": self.fraction, "kind": self.kind.value, "khz": self.khz}


#: Background fractions at which efficiencies are quoted where no rate is known.
FRACTIONS = (Target(1e-3), Target(1e-4), Target(1e-5))
