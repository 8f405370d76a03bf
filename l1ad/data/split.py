"""Share out events by a hash of what they are, so that the same event falls into the same part in every file, order and chunk."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Split

Keys = NDArray[np.uint64]

#: Keys of one share on average; a share is sorted in memory.
_KEYS_AT_ONCE = 262_144


def event_keys(run: NDArray[np.int64], event: NDArray[np.int64]) -> Keys:
    """Hash (run, event) pairs to 64 bits, ``(n_events,)``."""
    return _mix(_mix(run.astype(np.uint64)) ^ event.astype(np.uint64))


def part_keys(run: NDArray[np.int64], event: NDArray[np.int64], block: int) -> Keys:
    """Hash what events are parted by: blocks of so many consecutive numbers of a run stay together, ``(n_events,)``."""
    return event_keys(run, event // block)


def assign(keys: Keys, seed: int, train: float, validation: float) -> NDArray[np.uint8]:
    """Assign each event to a part.

    Args:
        keys: hashes from `part_keys`, ``(n_events,)``.
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


def row_keys(event: NDArray[np.int64], x_hw: NDArray[Any]) -> Keys:
    """Hash numbers and objects to 64 bits, ``(n_events,)``: a number without a run stands for another event in another file.

    Rows are multiplied by odd words and added up modulo 2⁶⁴ (multiply-shift hashing of vectors: Dietzfelbinger, STACS 1996).
    """
    odd = _mix(np.arange(x_hw.shape[1], dtype=np.uint64)) | np.uint64(1)
    row = np.zeros(len(x_hw), dtype=np.uint64)
    for column, factor in zip(x_hw.T, odd, strict=True):
        row += column.astype(np.uint64) * factor
    return _mix(_mix(row) ^ event.astype(np.uint64))


def count_duplicates(folder: Path, scratch: Path, n_events: int, *, by_run: bool = True) -> int:
    """Count events of which there is another copy: of the same run and number or, without runs, of the same number and objects.

    Keys are shared out to files by their value and each file is looked at by itself: memory does not grow with the number of events,
    and every column is read once.

    Args:
        folder: where ``run.npy`` and ``event.npy`` are, or ``event.npy`` and ``x_hw.npy``.
        scratch: folder for those files, which must not exist yet.
        n_events: how many events there are.
        by_run: whether there are runs.

    Returns:
        How many events are further copies.
    """
    shares = -(-n_events // _KEYS_AT_ONCE)
    bounds = np.array([2**64 * i // shares for i in range(1, shares)], dtype=np.uint64)
    scratch.mkdir()
    names, hashed = (("run", "event"), event_keys) if by_run else (("event", "x_hw"), row_keys)
    for columns in zip(*(read_blocks(folder / f"{name}.npy") for name in names), strict=True):
        keys = np.sort(hashed(*columns))
        for number, share in enumerate(np.split(keys, np.searchsorted(keys, bounds))):
            with (scratch / str(number)).open("ab") as file:
                share.tofile(file)
    return sum(_copies(path) for path in scratch.iterdir())


def _copies(path: Path) -> int:
    keys = np.fromfile(path, dtype=np.uint64)
    keys.sort()
    return int(np.count_nonzero(keys[1:] == keys[:-1]))


def read_blocks(path: Path, size: int = 65_536) -> Iterator[NDArray[Any]]:
    """Read an ``.npy`` file in blocks of rows without mapping it, so that what was read does not stay in memory.

    Args:
        path: the file, of format version 1.
        size: rows in a block.
    """
    with path.open("rb") as file:
        np.lib.format.read_magic(file)  # type: ignore[no-untyped-call]
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)  # type: ignore[no-untyped-call]
        for first in range(0, shape[0], size):
            rows = min(size, shape[0] - first)
            yield np.fromfile(file, dtype, rows * math.prod(shape[1:])).reshape(rows, *shape[1:])
