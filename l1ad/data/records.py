"""Score a piece of a file or of a dataset into a file of records; pieces are independent, so they can be made in any order and place."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from l1ad.core.choices import ObjectSource, OutOfRange
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network
from l1ad.data.chunk import RangeTally, fit
from l1ad.data.formats import Reading, recognise
from l1ad.data.readers import reader
from l1ad.emulator.kernel import Emulator

#: Events read at a time from a file, and from a dataset, whose memory-mapped rows cost nothing to read.
FILE_EVENTS = 65_536
DATASET_EVENTS = 1 << 19
#: What is kept of each event until all files are done; bit i of ``bits``: threshold i is passed.
RECORD = np.dtype([("file", "<u4"), ("entry", "<i8"), ("run", "<i8"), ("event", "<i8"), ("score_hw", "<i8"), ("bits", "<u8")])


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What is scored.

    Attributes:
        network: the network's file; workers keep the emulator they have built for it.
        path: a file of any format, or the folder of a dataset.
        number: number of the input.
        events: numbers of the events in it.
        policy: what happens to values outside the hardware range.
        threads: threads of the emulator; 0 takes all cores.
        objects: which objects of CMS files are read.
    """

    network: Path
    path: Path
    number: int
    events: range
    policy: OutOfRange
    threads: int = 0
    objects: ObjectSource = ObjectSource.AUTO


def score_piece(job: ScoreJob, target: Path) -> dict[str, int]:
    """Score a piece into a file of records, or find it there from an earlier run.

    Args:
        job: what to do.
        target: the records' file; it appears whole, by a rename, after the ``.json`` beside it.

    Returns:
        How many values were outside their hardware range, by column.

    Raises:
        InputError: the input is damaged, of another layout, or holds impossible values.
    """
    counted = target.with_suffix(".json")
    if target.is_file():
        return dict(json.loads(counted.read_text(encoding="utf-8")))
    tally = RangeTally()
    with _whole(target) as file:
        for records in _records(job, tally):
            file.write(records.tobytes())
        with _whole(counted) as note:
            note.write(json.dumps(tally.outside).encode())
    return tally.outside


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when the body has ended; two workers may write the same one."""
    handle, name = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".writing", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)


@functools.lru_cache(maxsize=1)
def _emulator(network: Path, threads: int) -> Emulator:
    return Emulator(Network.load(network), threads=threads)


def _records(job: ScoreJob, tally: RangeTally) -> Iterator[NDArray[Any]]:
    emulator, entry = _emulator(job.network, job.threads), job.events.start
    layout = emulator.network.layout
    for x_hw, run, event in _dataset_events(job, layout) if job.path.is_dir() else _file_events(job, layout, tally):
        records = np.empty(len(x_hw), dtype=RECORD)
        records["file"] = job.number
        records["entry"] = entry + np.arange(len(x_hw))
        records["run"], records["event"] = run, event
        records["score_hw"] = emulator.scores(x_hw)
        passed = emulator.bits(records["score_hw"], x_hw).astype(np.uint64)
        records["bits"] = (passed << np.arange(passed.shape[1], dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
        entry += len(x_hw)
        yield records


def _dataset_events(job: ScoreJob, layout: ObjectLayout) -> Iterator[tuple[NDArray[Any], Any, Any]]:
    dataset = load_dataset(job.path)
    if dataset.layout != layout:
        raise InputError(
            f"Dataset {str(job.path)!r} has layout {dataset.layout.name!r}, the emulator was built for {layout.name!r}; "
            "prepare the data with that layout."
        )
    columns = {name: dataset.column(name) if name in dataset.columns else None for name in ("run", "event")}
    for start in range(job.events.start, job.events.stop, DATASET_EVENTS):
        part = slice(start, min(start + DATASET_EVENTS, job.events.stop))
        run, event = (-1 if values is None else values[part] for values in columns.values())
        yield dataset.x_hw[part], run, event


def _file_events(job: ScoreJob, layout: ObjectLayout, tally: RangeTally) -> Iterator[tuple[NDArray[Any], Any, Any]]:
    source, reading = reader(recognise(job.path).name), Reading(objects=job.objects)
    for chunk in source.chunks(job.path, layout, FILE_EVENTS, reading, job.events):
        x_hw = fit(chunk, layout, job.policy, tally, str(job.path))
        yield x_hw, chunk.columns.get("run", -1), chunk.columns.get("event", -1)
