"""Make small seeded datasets, score sets and runs, shared by the tests of reports, rates and studies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.artefact import writing
from l1ad.core.dataset import Dataset, DatasetWriter, Role, Sample, load_dataset
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.scoreset import ScoreSet, Source

ZERO_BIAS = Sample("zero_bias", Role.BACKGROUND, "Zero bias")
MENU = ("L1_MU20", "L1_XE60", "L1_J100")


def write_artefact(path: Path, kind: str, files: Mapping[str, str], **summary: Any) -> Path:
    """Write an artefact of text files."""
    with writing(path, kind, key=f"key of {path.name}", inputs={}, config={}) as draft:
        for name, text in files.items():
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / name).write_text(text, encoding="utf-8")
        draft.summary.update(summary)
    return path


def make_dataset(
    path: Path,
    n_background: int = 400,
    n_signal: int = 100,
    seed: int = 1,
    layout: ObjectLayout | str = "l1topo44",
    signals: tuple[str, ...] = ("ttbar", "a_4l"),
    x_hw: np.ndarray | None = None,
    **columns: np.ndarray,
) -> Dataset:
    """Write a dataset of falling pt spectra; signals are harder and hold more objects.

    Args:
        path: the artefact's folder.
        n_background: background events, first in the file.
        n_signal: events of each signal, after them.
        seed: decides everything.
        layout: a layout or the name of a shipped one.
        signals: names of the signals.
        x_hw: hardware integers to take instead.
        **columns: per-event columns to take instead of the made ones.
    """
    chosen = load_layout(layout) if isinstance(layout, str) else layout
    samples = (ZERO_BIAS, *(Sample(name, Role.SIGNAL, name) for name in signals))
    n_events = n_background + n_signal * len(signals)
    rng = np.random.default_rng(seed)
    index = np.r_[np.zeros(n_background, int), np.repeat(np.arange(1, len(samples)), n_signal)]
    made = _made_columns(rng, index, n_background) | columns
    x = make_x(chosen, rng, index) if x_hw is None else x_hw
    with (
        writing(path, "dataset", key=f"key {seed} {n_events}", inputs={}, config={}) as draft,
        DatasetWriter(draft.path, chosen, samples, tuple(made), MENU) as writer,
    ):
        writer.append(x.astype(chosen.storage), **made)
    return load_dataset(path)


def _made_columns(rng: np.random.Generator, index: np.ndarray, n_background: int) -> dict[str, np.ndarray]:
    n_events = len(index)
    menu = rng.integers(0, 2, (n_events, 3)) & (rng.random((n_events, 1)) < 0.3)
    bits = (menu << np.arange(3)).sum(axis=1)
    split = np.r_[rng.permutation(np.arange(n_background) % 10 // 4), np.full(n_events - n_background, 2)]
    return {
        "sample": index,
        "split": np.minimum(split, 2),
        "weight": np.where(index == 0, rng.integers(1, 5, n_events) / 2, 1.0),
        "run": 300 + np.arange(n_events) % 4,
        "event": np.arange(n_events),
        "pileup": rng.uniform(20, 80, n_events),
        "pass_l1": bits > 0,
        "pass_hlt": rng.random(n_events) < 0.1,
        "menu": bits,
    }


def make_x(layout: ObjectLayout, rng: np.random.Generator, index: np.ndarray) -> np.ndarray:
    """Make hardware integers: pt falls within a kind, absent objects are zero."""
    columns = []
    harder = 1.0 + 1.5 * (index > 0)
    for slot in layout.slots:
        pt_bits = dict(zip(slot.features, slot.types, strict=True))["pt"].max_int
        share = 0.25 + 0.3 * (index > 0)
        present = np.sort(rng.random((len(index), slot.multiplicity)) < share[:, None], axis=1)[:, ::-1]
        pt = np.sort(rng.exponential(pt_bits / 60, present.shape) * harder[:, None], axis=1)[:, ::-1]
        pt = np.clip(pt, 1, pt_bits).astype(np.int64) * present
        for place in range(slot.multiplicity):
            for feature, type_ in zip(slot.features, slot.types, strict=True):
                other = rng.integers(type_.min_int, type_.max_int, len(index), endpoint=True)
                if feature == "phi":
                    other = rng.integers(0, slot.phi_period, len(index))
                columns.append(pt[:, place] if feature == "pt" else other * present[:, place])
    return np.stack(columns, axis=1)


def make_scores(
    dataset: Dataset, values: np.ndarray, source: Source = Source.CSIM, step: float | None = 0.25, rows: np.ndarray | None = None
) -> ScoreSet:
    """Wrap values as the scores of a dataset."""
    chosen = np.arange(dataset.n_events) if rows is None else rows
    return ScoreSet(source, values, None if source is Source.FLOAT else step, chosen, dataset.digest, "0" * 64)


def pt_sum(dataset: Dataset) -> np.ndarray:
    """Return the sum of all hardware pt: a score that works."""
    return np.asarray(dataset.x_hw)[:, dataset.layout.feature_columns("pt")].astype(np.int64).sum(axis=1)


def dump(data: Any) -> str:
    """Write JSON."""
    return json.dumps(data)
