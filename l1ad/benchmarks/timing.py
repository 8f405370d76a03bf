"""Time a call many times: the best of short runs is what the machine can do, the median what it did beside its other work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a repeated call."""

    best_s: float
    median_s: float
    repeats: int

    def rate(self, n_events: int) -> float:
        """Return events per second of the best run."""
        return n_events / self.best_s

    def median_rate(self, n_events: int) -> float:
        """Return events per second of the median run."""
        return n_events / self.median_s


def timed(call: Callable[[], object], *, seconds: float, least: int = 3) -> Timing:
    """Call again and again for a while, once before to warm up.

    Args:
        call: what is timed.
        seconds: how long in all.
        least: how often at least.
    """
    return timed_in_turns([call], seconds=seconds, least=least)[0]


def timed_in_turns(calls: Sequence[Callable[[], object]], *, seconds: float, least: int = 3) -> list[Timing]:
    """Call each of several in turn, again and again for a while; each once before to warm up.

    Args:
        calls: what is timed.
        seconds: how long in all, for each.
        least: how often at least.
    """
    for call in calls:
        call()
    spent: list[list[float]] = [[] for _ in calls]
    while len(spent[0]) < least or min(map(sum, spent)) < seconds:
        for call, taken in zip(calls, spent, strict=True):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
    return [Timing(min(taken), median(taken), len(taken)) for taken in spent]
