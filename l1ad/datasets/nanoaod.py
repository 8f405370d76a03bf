"""Read CMS NanoAOD with Level-1 objects, full or reduced, unpacked or re-emulated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.datasets.chunk import EventChunk
from l1ad.datasets.cms import KINDS, Collection, check_layout
from l1ad.datasets.formats import FileDescription, Format, ObjectColumns
from l1ad.datasets.root import branch_names, flat, opened, require, tree
from l1ad.datasets.seeds import check_seeds, seed_columns
from l1ad.errors import InputError
from l1ad.layout import FEATURES, ObjectLayout

TREE = "Events"
_NAMES = {"jet": "Jet", "eg": "EG", "tau": "Tau", "muon": "Mu", "sum": "EtSum"}
_FAMILIES = ("L1", "L1Emul")
_HARDWARE = {"pt": "hwPt", "eta": "hwEta", "phi": "hwPhi"}
COLUMNS = {"run": "run", "event": "event", "weight": "genWeight", "pileup": "Pileup_nTrueInt"}


class NanoAodReader:
    """Read the tree ``Events``: hardware values where they are stored, else the floats put back on their grid."""

    format = Format.NANOAOD

    def describe(self, path: Path) -> FileDescription:
        """Say what a file is: which collections, full or reduced."""
        with opened(path) as file:
            events = tree(file, TREE, path)
            names = branch_names(events)
            objects = tuple(_objects(names))
            if not objects:
                raise InputError(
                    f"{str(path)!r}: tree 'Events' has no Level-1 collection such as 'L1Jet_pt'; was it made with the L1 objects?"
                )
            columns = tuple(name for name, stored in COLUMNS.items() if stored in names)
            return FileDescription(path, self.format, int(events.num_entries), objects, columns, notes=(_flavour(names),))

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, seeds: tuple[str, ...] = (), events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once; ``seeds`` are trigger bits for the menu column."""
        check_layout(layout, "NanoAOD")
        with opened(path) as file:
            data_tree = tree(file, TREE, path)
            names = branch_names(data_tree)
            check_seeds(seeds, names, path)
            collections = {slot.kind: _collection(slot.kind, names, path) for slot in layout.slots}
            columns = {name: stored for name, stored in COLUMNS.items() if stored in names}
            branches = sorted({b for c in collections.values() for b in c.branches} | {*columns.values(), *seeds})
            wanted = events or range(data_tree.num_entries)
            first = wanted.start
            for data in data_tree.iterate(branches, step_size=size, entry_start=first, entry_stop=wanted.stop, library="ak"):
                yield _chunk(data, collections, layout, columns, seeds, first, path)
                first += len(data)


def _chunk(
    data: Any,
    collections: dict[str, Collection],
    layout: ObjectLayout,
    columns: dict[str, str],
    seeds: tuple[str, ...],
    first: int,
    path: Path,
) -> EventChunk:
    where = str(path)
    flats = {branch: flat(data[branch], where, branch) for c in collections.values() for branch in c.branches}
    counts = {kind: c.counts(flats, layout.slot(kind).multiplicity, where) for kind, c in collections.items()}
    values: dict[str, NDArray[Any]] = {name: np.asarray(data[stored]) for name, stored in columns.items()}
    return EventChunk(counts, values | seed_columns({seed: np.asarray(data[seed]) for seed in seeds}), first)


def _collection(kind: str, names: dict[str, str], path: Path) -> Collection:
    stem = _NAMES[KINDS[kind][0]]
    family = next((family for family in _FAMILIES if f"{family}{stem}_pt" in names or f"{family}{stem}_hwPt" in names), None)
    if family is None:
        raise InputError(
            f"{str(path)!r}: tree 'Events' has no branch 'L1{stem}_pt', which {kind!r} objects come from; was it made with these objects?"
        )
    prefix = f"{family}{stem}_"
    features = ("pt", "phi") if stem == "EtSum" else FEATURES
    hardware = {f: prefix + _HARDWARE[f] for f in features if prefix + _HARDWARE[f] in names}
    floats = {} if len(hardware) == len(features) else {f: prefix + f for f in features}
    crossing, sum_type = prefix + "bx", prefix + "etSumType" if stem == "EtSum" else None
    require([*floats.values(), *([sum_type] if sum_type else [])], names, path, TREE)
    return Collection(prefix[:-1], kind, {} if floats else hardware, floats, crossing if crossing in names else None, sum_type)


def _objects(names: dict[str, str]) -> Iterator[ObjectColumns]:
    for family in _FAMILIES:
        for kind, stem in _NAMES.items():
            prefix = f"{family}{stem}_"
            stored = tuple(sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix)))
            if stored:
                yield ObjectColumns("met" if kind == "sum" else kind, prefix[:-1], None, stored)


def _flavour(names: dict[str, str]) -> str:
    if any(name.endswith("_hwPt") for name in names):
        return "Full flavour: hardware values are stored."
    return "Reduced flavour: floats without hardware values, with pT thresholds (e/γ 10, τ 24, jet 30, µ 3 GeV)."
