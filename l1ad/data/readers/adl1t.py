"""Read the public Level-1 anomaly data set of CMS in Parquet: a folder for each object, or one row for each event.

Columns are the integer branches of L1Ntuples at bunch crossing 0 (github.com/bb511/adl1t_datamaker, docs/README.md). In the first form
``jets/NAME.parquet`` has ``jetIEt``, ``MET/NAME.parquet`` has ``Et`` and ``phi``, and the files of one NAME belong together; in the second
one file has them as ``jets_jetIEt`` and ``MET_Et``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.data.chunk import EventChunk
from l1ad.data.cms import KINDS, Collection, check_layout, incomplete
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.parquet import Flat, Rows, batches, flat, opened
from l1ad.data.seeds import check_seeds, seed_columns

#: Folder of each kind of object, and what its branches begin with.
_FOLDERS = {
    "jet": ("jets", "jet"),
    "eg": ("egammas", "eg"),
    "tau": ("taus", "tau"),
    "muon": ("muons", "muon"),
    "sum": ("MET", ""),
}
_SUMS = ("ET", "HT", "MET", "MHT", "FET", "FHT")
_EVENT, _SEEDS = "event_info", "seeds"
#: Columns; the first that is there is taken. ``nPV_True`` of recorded data comes from the machine's luminosity.
COLUMNS = {"run": ("run",), "lumi": ("lumi",), "event": ("event",), "pileup": ("nPV_true", "nPV_True"), "pass_l1": ("L1bit",)}


@dataclass(frozen=True, slots=True)
class _Place:
    """A column's file, and its name there."""

    file: Path
    column: str


class Adl1tReader:
    """Read integer columns; objects are those of bunch crossing 0 already."""

    format = Format("adl1t", "Level-1 anomaly data set", (Signature(Container.PARQUET),), ("axol1tl57",), named_bits=True)

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is, with the files that belong to it."""
        places, n_events = _places(path)
        objects = tuple(_objects(places))
        if not objects:
            raise InputError(
                f"{str(path)!r} is a Parquet file without Level-1 objects: expected 'jets_jetIEt' and others, or 'jets/{path.name}' beside it "
                f"with 'jetIEt'; it has {sorted(_schema(path))[:8]!r}."
            )
        columns = tuple(name for name, stored in COLUMNS.items() if _first(places, stored) is not None)
        files = tuple(sorted({place.file for place in places.values()} - {path}))
        note = "Integers of the hardware at bunch crossing 0; muons at the muon system, not at the vertex."
        return FileDescription(path, self.format, n_events, objects, columns, notes=(note,), parts=files)

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, at most ``size`` at once."""
        check_layout(layout, "the Level-1 anomaly data set")
        places, n_events = _places(path)
        check_seeds(reading.seeds, [name for name in places if name.startswith("L1_")], path)
        collections = {slot.kind: _collection(slot.kind, places, path) for slot in layout.slots}
        stored = {name: found for name, some in COLUMNS.items() if (found := _first(places, some)) is not None}
        wanted = {b for c in collections.values() for b in c.branches} | {*stored.values(), *reading.seeds}
        for first, flats in _read(path, {name: places[name] for name in wanted}, events or range(n_events), size):
            counts = {k: c.counts(flats, layout.slot(k).multiplicity, reading, str(path), first) for k, c in collections.items()}
            span = slice(first, first + len(next(iter(flats.values()))[0]))
            one = {name: _single(flats[place], path, place) for name, place in stored.items()}
            bits = event_columns(
                {s: _single(flats[s], path, s) for s in reading.seeds}, {s: s for s in reading.seeds}, path, span
            )
            values = event_columns(one, stored, path, span) | seed_columns(bits)
            yield EventChunk(counts, values, first, incomplete(collections, flats, reading, str(path)))


def _schema(path: Path) -> list[str]:
    with opened(path) as file:
        return list(file.schema_arrow.names)


def _places(path: Path) -> tuple[dict[str, _Place], int]:
    """Find every column, by the name that it has in the form of one row for each event, and count the events.

    Raises:
        InputError: files of one name have other numbers of events.
    """
    names = _schema(path)
    with opened(path) as file:
        n_events = int(file.metadata.num_rows)
    if any(name.partition("_")[0] in (*_SUMS, *(folder for folder, _ in _FOLDERS.values())) for name in names):
        return {name: _Place(path, name) for name in names}, n_events
    places: dict[str, _Place] = {}
    for folder in (*(folder for folder, _ in _FOLDERS.values()), *_SUMS, _EVENT, _SEEDS):
        part = path.parent.parent / folder / path.name
        if part.is_file():
            with opened(part) as file:
                if file.metadata.num_rows != n_events:
                    raise InputError(
                        f"{str(path)!r} has {n_events} events and {str(part)!r} {file.metadata.num_rows}; they are not of the same data."
                    )
                prefix = "" if folder in (_EVENT, _SEEDS) else f"{folder}_"
                places |= {f"{prefix}{name}": _Place(part, name) for name in file.schema_arrow.names}
    return places, n_events


def _objects(places: Mapping[str, _Place]) -> Iterator[ObjectColumns]:
    for kind, (folder, _) in _FOLDERS.items():
        stored = tuple(sorted(name.partition("_")[2] for name in places if name.startswith(f"{folder}_")))
        if stored:
            yield ObjectColumns("met" if kind == "sum" else kind, folder, None, stored)
    for folder in _SUMS:
        stored = tuple(sorted(name.partition("_")[2] for name in places if name.startswith(f"{folder}_")))
        if stored and folder != "MET":
            yield ObjectColumns(folder, folder, 1, stored)


def _first(places: Mapping[str, _Place], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in places), None)


def _collection(kind: str, places: Mapping[str, _Place], path: Path) -> Collection:
    folder, stem = _FOLDERS[KINDS[kind][0]]
    suffixes = {"pt": "Et", "phi": "phi"} if not stem else {"pt": "IEt", "eta": "IEta", "phi": "IPhi"}
    hardware = {feature: f"{folder}_{stem}{suffix}" for feature, suffix in suffixes.items()}
    missing = next((name for name in hardware.values() if name not in places), None)
    if missing is not None:
        raise InputError(
            f"{str(path)!r} has no column {missing.partition('_')[2]!r} of {folder!r}, which {kind!r} objects come from; was the file written "
            "with it, and are the folders of all objects there?"
        )
    return Collection(folder, kind, hardware, {})


def _read(path: Path, places: Mapping[str, _Place], events: range, size: int) -> Iterator[tuple[int, dict[str, Flat]]]:
    """Read columns of one or several files in step, whatever their row groups are."""
    by_file: dict[Path, dict[str, str]] = {}
    for name, place in places.items():
        by_file.setdefault(place.file, {})[place.column] = name
    with ExitStack() as stack:
        streams = {
            part: Rows(batches(stack.enter_context(opened(part)), tuple(columns), events, size))
            for part, columns in by_file.items()
        }
        for first in range(events.start, events.stop, size):
            flats: dict[str, Flat] = {}
            for part, columns in by_file.items():
                read = streams[part].take(min(size, events.stop - first))
                for column, name in columns.items():
                    pieces = [flat(batch.column(column), str(part), column) for batch in read]
                    flats[name] = (np.concatenate([n for n, _ in pieces]), np.concatenate([v for _, v in pieces]))
            yield first, flats


def _single(values: Flat, path: Path, name: str) -> NDArray[Any]:
    """Take one value of each event; the folders store them as lists of one."""
    if not (values[0] == 1).all():
        event = int(np.argmax(values[0] != 1))
        raise InputError(
            f"{str(path)!r}: column {name!r} must have one value for each event, got {values[0][event]} at event {event}."
        )
    return values[1]
