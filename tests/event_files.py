"""Write small files of every format with known hardware counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.data.readers.fortymhz import FortyMhzWriter
from l1ad.data.readers.gelato import GelatoWriter

Counts = dict[str, NDArray[np.int64]]


def random_counts(layout: ObjectLayout, n_events: int, seed: int) -> Counts:
    """Draw counts over each type's whole range, MET always there, others present in 15 % of the places."""
    rng = np.random.default_rng(seed)
    counts = {}
    for slot in layout.slots:
        values = np.zeros((n_events, slot.multiplicity, 3), dtype=np.int64)
        for feature, type_ in zip(slot.features, slot.types, strict=True):
            i = ("pt", "eta", "phi").index(feature)
            high = min(type_.max_int, slot.phi_period - 1) if feature == "phi" and slot.phi_period else type_.max_int
            values[:, :, i] = rng.integers(1 if feature == "pt" else type_.min_int, high + 1, values.shape[:2])
        if slot.kind == "met":
            values[:, :, 1] = 0
        else:
            values *= (rng.random(values.shape[:2]) < 0.15)[:, :, None]
        counts[slot.kind] = values
    return counts


def event_columns(n_events: int, seed: int = 3) -> dict[str, NDArray[np.generic]]:
    rng = np.random.default_rng(seed)
    word = rng.integers(0, 4, n_events).astype(np.uint64)
    return {
        "run": np.full(n_events, 7, dtype=np.int64),
        "event": np.arange(n_events, dtype=np.int64),
        "weight": rng.random(n_events).astype(np.float32),
        "pileup": rng.integers(30, 70, n_events).astype(np.float32),
        "menu": word,
        "pass_l1": (word > 0).astype(np.int8),
        "pass_hlt": (word > 2).astype(np.int8),
    }


def write_fortymhz(path: Path, n_events: int = 50, seed: int = 1) -> Counts:
    layout = load_layout("fortymhz57")
    counts = random_counts(layout, n_events, seed)
    with FortyMhzWriter(path, layout, ("A", "B")) as writer:
        writer.append(counts, event_columns(n_events))
    return counts


def write_gelato(path: Path, n_events: int = 50, seed: int = 2) -> tuple[Counts, Counts]:
    level1, software = load_layout("l1topo44"), load_layout("gelato60")
    counts = random_counts(level1, n_events, seed), random_counts(software, n_events, seed + 1)
    with GelatoWriter(path, level1, software, ("A", "B")) as writer:
        writer.append(*counts, event_columns(n_events))
    return counts
