"""Share out events by a hash of what they are, so that the same event falls into the same part in every file, order and chunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.dataset import Split

Keys = NDArray[np.uint64]

_EVENTS_AT_ONCE = 1_000_000


def event_keys(run: NDArray[np.int64], event: NDArray[np.int64]) -> Keys:
    """Hash (run, event) pairs to 64 bits, ``(n_events,)``."""
    return _mix(_mix(run.astype(np.uint64)) ^ event.astype(np.uint64))


def assign(keys: Keys, seed: int, train: float, validation: float) -> NDArray[np.uint8]:
    """Assign each event to a part.

    Args:
        keys: hashes from `event_keys`, ``(n_events,)``.
        seed: another seed, another partition.
        train: fraction for training.
        validation: fraction for validation; the rest is for testing.

    Returns:
        `Split` values, ``(n_events,)`` uint8.
    """
    uniform = _mix(keys ^ _mix(np.array([seed], dtype=np.uint64))) / 2.0**64
    part = np.full(len(keys), Split.TEST, dtype=np.uint8)
    part[uniform < train + validation] = Split.VALIDATION
    part[uniform < train] = Split.TRAIN
    return part


def _mix(x: Keys) -> Keys:
    """Finalise as SplitMix64 does (Steele, Lea, Flood, OOPSLA 2014): a bijection of 64-bit words; wraps by intention."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def count_duplicates(folder: Path, n_events: int) -> int:
    """Count events whose (run, event) another event has as well.

    Args:
        folder: where ``run.npy`` and ``event.npy`` are.
        n_events: how many events they hold.

    Returns:
        How many events are further copies. Memory stays flat: keys are looked at in as many parts as there are millions.
    """
    parts = max(n_events // _EVENTS_AT_ONCE, 1)
    return sum(_duplicates_in_part(folder, n_events, part, parts) for part in range(parts))


def _duplicates_in_part(folder: Path, n_events: int, part: int, parts: int) -> int:
    run, event = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("run", "event"))
    chosen = []
    for first in range(0, n_events, _EVENTS_AT_ONCE):
        rows = slice(first, first + _EVENTS_AT_ONCE)
        keys = event_keys(run[rows], event[rows])
        chosen.append(keys[keys % np.uint64(parts) == part])
    keys = np.concatenate(chosen) if chosen else np.zeros(0, np.uint64)
    return len(keys) - len(np.unique(keys))
