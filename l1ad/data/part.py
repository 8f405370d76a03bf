"""Prepare a piece of a file into a part of a dataset; parts are independent, so they can be made in any order and place."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.choices import OutOfRange
from l1ad.core.dataset import COLUMNS, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.data.chunk import EventChunk, RangeTally, fit
from l1ad.data.columns import check_weights
from l1ad.data.formats import PLAIN, Reading
from l1ad.data.readers import reader
from l1ad.data.select import Selection
from l1ad.data.split import assign, part_keys

CHUNK_EVENTS = 65_536
#: How the folder of a part that is being written ends.
PARTIAL = ".partial"
_SUMMARY = "part.json"


@dataclass(frozen=True, slots=True)
class Job:
    """How a piece of a file is prepared.

    Attributes:
        path: the file.
        format: its format.
        events: numbers of the events in the file.
        first_event: how many events of the sample are in files before it.
        sample: number of its sample.
        role: background events are shared out, signals are for testing.
        layout: the requested columns.
        columns: the dataset's per-event columns.
        policy: what happens to values out of range.
        selection: which objects and events are kept.
        by_run: whether events are told apart by run and number; else by number alone, as where some files have no run.
        weights: whether events have the weights of the file, or 1 each.
        reading: what is read of the file beside the layout's objects.
        seed: seed of the partition.
        train: fraction for training.
        validation: fraction for validation.
        block: consecutive event numbers that fall into one part together.
    """

    path: Path
    format: str
    events: range
    first_event: int
    sample: int
    role: Role
    layout: ObjectLayout
    columns: tuple[str, ...]
    policy: OutOfRange = OutOfRange.REFUSE
    selection: Selection = field(default_factory=Selection)
    by_run: bool = True
    weights: bool = True
    reading: Reading = PLAIN
    seed: int = 1
    train: float = 0.5
    validation: float = 0.1
    block: int = 1


@dataclass(frozen=True, slots=True)
class PartSummary:
    """What a part holds.

    Attributes:
        n_events: events kept.
        events: by name of their `Split`.
        deselected: events left out by the selection.
        incomplete: events left out because they lack missing E_T.
        out_of_range: values outside their type, by column.
        occupied: whether any event read has an object.
    """

    n_events: int
    events: Mapping[str, int]
    deselected: int
    incomplete: int
    out_of_range: Mapping[str, int]
    occupied: bool


def prepare_part(job: Job, folder: Path) -> PartSummary:
    """Prepare a piece into a folder, or find it there from an earlier run.

    Args:
        job: what to do.
        folder: the part's folder; it appears whole, by a rename.

    Returns:
        What the part holds.

    Raises:
        InputError: the file is damaged or holds impossible values.
    """
    if (folder / _SUMMARY).is_file():
        return PartSummary(**json.loads((folder / _SUMMARY).read_text(encoding="utf-8")))
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: a worker that was given up for dead may still be writing the same part.
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=PARTIAL, dir=folder.parent))
    summary = _write(job, partial)
    text = json.dumps({name: getattr(summary, name) for name in PartSummary.__slots__})
    (partial / _SUMMARY).write_text(text, encoding="utf-8")
    _settle(partial, folder)
    return summary


def _settle(partial: Path, folder: Path) -> None:
    """Move a part into its place; what another worker has put there in the meantime is the same."""
    try:
        partial.rename(folder)
    except OSError:
        if not (folder / _SUMMARY).is_file():
            raise
        shutil.rmtree(partial, ignore_errors=True)


def _write(job: Job, folder: Path) -> PartSummary:
    """Write a part: a file of plain numbers for each column. They are checked here, and not again when they become a dataset."""
    tally, deselected, incomplete, n_events = RangeTally(), 0, 0, 0
    occupied = False
    events = {part.name.lower(): 0 for part in Split}
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("wb")) for name in ("x_hw", *job.columns)}
        for chunk in _chunks(job):
            x_hw = fit(chunk, job.layout, job.policy, tally, str(job.path))
            occupied = occupied or bool(x_hw.any())
            values = _columns(chunk, job)
            keep = job.selection.events(chunk, values["split"] != Split.TEST, str(job.path))
            whole = ~np.isnan(values["weight"]) if chunk.incomplete is None else ~(chunk.incomplete | np.isnan(values["weight"]))
            incomplete += int(np.count_nonzero(~whole))
            deselected += int(np.count_nonzero(whole & ~keep))
            if not (keep := keep & whole).all():
                x_hw, values = x_hw[keep], {name: array[keep] for name, array in values.items()}
            n_events += len(x_hw)
            files["x_hw"].write(x_hw.data)
            for name in job.columns:
                files[name].write(np.ascontiguousarray(values[name], dtype=COLUMNS[name]).data)
            for part, number in enumerate(np.bincount(values["split"], minlength=len(Split))):
                events[Split(part).name.lower()] += int(number)
    return PartSummary(n_events, events, deselected, incomplete, tally.outside, occupied)


def _chunks(job: Job) -> Iterator[EventChunk]:
    left = len(job.events)
    for chunk in reader(job.format).chunks(job.path, job.layout, CHUNK_EVENTS, job.reading, job.events):
        left -= chunk.n_events
        yield replace(chunk, counts=job.selection.objects(chunk.counts))
    if left > 0:
        raise InputError(f"{str(job.path)!r} ended {left} events before its announced end; it may be cut off, fetch it again.")


def _columns(chunk: EventChunk, job: Job) -> dict[str, NDArray[Any]]:
    n_events = chunk.n_events
    values = {name: chunk.columns[name] for name in job.columns if name in chunk.columns}
    if "weight" in values and job.weights:
        weights = values["weight"]
        check_weights(
            np.nan_to_num(weights, posinf=np.inf, neginf=-np.inf) if job.reading.mark_incomplete else weights,
            job.path,
            chunk.first,
        )
    else:
        values["weight"] = np.ones(n_events)
    values["sample"] = np.full(n_events, job.sample, dtype=np.uint8)
    values["split"] = np.full(n_events, Split.TEST, dtype=np.uint8)
    if job.role is Role.BACKGROUND:
        values["split"] = assign(_keys(chunk, job), job.seed, job.train, job.validation)
    return values


def _keys(chunk: EventChunk, job: Job) -> NDArray[np.uint64]:
    if "event" in chunk.columns:
        number = _integers(chunk, "event", job.path)
        run = _integers(chunk, "run", job.path) if job.by_run and "run" in chunk.columns else np.zeros_like(number)
        return part_keys(run, number, job.block)
    number = job.first_event + chunk.first + np.arange(chunk.n_events)
    return part_keys(np.full(chunk.n_events, job.sample), number, job.block)


def _integers(chunk: EventChunk, name: str, path: Path) -> NDArray[np.int64]:
    values = np.asarray(chunk.columns[name])
    if values.dtype.kind == "f" and not (values == np.rint(values)).all():
        raise InputError(
            f"{str(path)!r}: {name} numbers must be whole, got a fraction or NaN near event {chunk.first}; write them again."
        )
    return values.astype(np.int64)
