"""Time a call many times: the best of short runs is what the machine can do, the median what it did beside its other work."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Timing:
    """Hold seconds of a repeated call."""

    best_s: float
    median_s: float
    repeats: int

    def rate(self, n_events: int) -> float:
        """Give events per second of the best run."""
        return n_events / self.best_s

    def median_rate(self, n_events: int) -> float:
        """Give events per second of the median run."""
        return n_events / self.median_s


def timed(call: Callable[[], object], *, seconds: float, least: int = 3) -> Timing:
    """Call again and again for a while, once before to warm up.

    Args:
        call: what is timed.
        seconds: how long in all.
        least: how often at least.
    """
    call()
    spent: list[float] = []
    while len(spent) < least or sum(spent) < seconds:
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return Timing(min(spent), median(spent), len(spent))
