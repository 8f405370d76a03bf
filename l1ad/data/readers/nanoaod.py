"""Read CMS NanoAOD with Level-1 objects, full or reduced, unpacked or re-emulated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.choices import ObjectSource
from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout
from l1ad.data.ahead import ahead
from l1ad.data.chunk import EventChunk
from l1ad.data.cms import KINDS, Collection, at_vertex, check_layout, incomplete
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.root import branch_names, flat, opened, require, steps, tree
from l1ad.data.seeds import check_seeds, seed_columns

TREE = "Events"
_NAMES = {"jet": "Jet", "eg": "EG", "tau": "Tau", "muon": "Mu", "sum": "EtSum"}
#: Prefixes of what the hardware sent and of what the emulator made.
_FAMILIES = ("L1", "L1Emul")
_HARDWARE = {"pt": "hwPt", "eta": "hwEta", "phi": "hwPhi"}
#: Branches of each column; an event's number may be made of its orbit and its crossing in it.
COLUMNS = {
    "run": ("run",),
    "lumi": ("luminosityBlock",),
    "event": ("event",),
    "weight": ("genWeight",),
    "pileup": ("Pileup_nTrueInt",),
}
_ORBIT = ("orbitNumber", "bunchCrossing")
#: Crossings in an orbit.
_CROSSINGS = 3564


class NanoAodReader:
    """Read the tree ``Events``: hardware values where they are stored, else the floats put back on their grid."""

    format = Format("nanoaod", "NanoAOD", (Signature(Container.ROOT, (TREE,), order=2),), ("axol1tl57",), named_bits=True)

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is: which collections, full or reduced."""
        with opened(path) as file:
            events = tree(file, TREE, path)
            names = branch_names(events)
            objects = tuple(_objects(names))
            if not objects:
                raise InputError(
                    f"{str(path)!r}: tree 'Events' has no Level-1 collection such as 'L1Jet_pt'; was it made with the L1 objects?"
                )
            columns = tuple(_columns(names))
            return FileDescription(path, self.format, int(events.num_entries), objects, columns, notes=(_flavour(names),))

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once."""
        check_layout(layout, "NanoAOD")
        with opened(path) as file:
            data_tree = tree(file, TREE, path)
            names = branch_names(data_tree)
            check_seeds(reading.seeds, _bits(data_tree, names) if reading.seeds else (), path)
            collections = {slot.kind: _collection(slot.kind, names, path, reading.objects) for slot in layout.slots}
            columns = _columns(names)
            wanted = {b for c in collections.values() for b in c.branches}
            wanted |= {name for stored in columns.values() for name in stored} | set(reading.seeds)
            chosen = events or range(data_tree.num_entries)
            first = chosen.start
            for data in ahead(_arrays(data_tree, wanted, chosen, size)):
                chunk = _chunk(data, collections, layout, columns, reading, first, path)
                yield chunk
                first += chunk.n_events


def _bits(data_tree: Any, names: dict[str, str]) -> list[str]:
    """Return the branches that are trigger bits: one boolean an event."""
    return [name for name, key in names.items() if data_tree[key].typename == "bool"]


def _arrays(data_tree: Any, wanted: set[str], events: range, size: int) -> Iterator[dict[str, Any]]:
    """Read branches of some events; a TTree is iterated, so that baskets across steps are unpacked once."""
    options: dict[str, Any] = {"filter_name": wanted.__contains__, "library": "ak", "how": dict}
    if hasattr(data_tree, "branches"):
        yield from data_tree.iterate(step_size=size, entry_start=events.start, entry_stop=events.stop, **options)
        return
    for first, stop in steps(events, size):
        yield data_tree.arrays(entry_start=first, entry_stop=stop, **options)


def _chunk(
    data: dict[str, Any],
    collections: dict[str, Collection],
    layout: ObjectLayout,
    columns: dict[str, tuple[str, ...]],
    reading: Reading,
    first: int,
    path: Path,
) -> EventChunk:
    where = str(path)
    flats = {branch: flat(data[branch], where, branch) for c in collections.values() for branch in c.branches}
    counts = {kind: c.counts(flats, layout.slot(kind).multiplicity, reading, where, first) for kind, c in collections.items()}
    span = slice(first, first + len(next(iter(flats.values()))[0]))
    values = {name: _column(name, data, stored, path, span) for name, stored in columns.items()}
    bits = event_columns({seed: data[seed] for seed in reading.seeds}, {seed: seed for seed in reading.seeds}, path, span)
    return EventChunk(counts, values | seed_columns(bits), first, incomplete(collections, flats, reading, where))


def _columns(names: dict[str, str]) -> dict[str, tuple[str, ...]]:
    places = COLUMNS if "event" in names else COLUMNS | {"event": _ORBIT}
    return {name: stored for name, stored in places.items() if set(stored) <= set(names)}


def _column(name: str, data: dict[str, Any], stored: tuple[str, ...], path: Path, span: slice) -> NDArray[Any]:
    """Take a column; scouting files number crossings by orbit and place in it instead of by event."""
    if stored != _ORBIT:
        return event_columns({name: data[stored[0]]}, {name: stored[0]}, path, span)[name]
    orbit, crossing = event_columns(
        {branch: data[branch] for branch in stored}, dict(zip(stored, stored, strict=True)), path, span
    ).values()
    return orbit.astype(np.int64) * _CROSSINGS + crossing.astype(np.int64)


def _collection(kind: str, names: dict[str, str], path: Path, objects: ObjectSource) -> Collection:
    stem, families = _NAMES[KINDS[kind][0]], objects.choose(*_FAMILIES)
    if stem == "EtSum" and _FAMILIES[0] in families and "L1EtSum_etSumType" not in names and (single := _single_sum(names)):
        return Collection("L1EtSum", kind, *single)
    there = [family for family in _FAMILIES if f"{family}{stem}_pt" in names or f"{family}{stem}_hwPt" in names]
    family = next((family for family in families if family in there), None)
    if family is None:
        raise InputError(
            f"{str(path)!r}: tree 'Events' has no branch '{families[0]}{stem}_pt', which {kind!r} objects come from; was it made with these "
            "objects?"
        )
    prefix = f"{family}{stem}_"
    features = ("pt", "phi") if stem == "EtSum" else FEATURES
    hardware = {f: prefix + _HARDWARE[f] for f in features if prefix + _HARDWARE[f] in names}
    floats = {f: prefix + f for f in features}
    counts, values = (
        at_vertex(stem, {f: f"{prefix}{form.get(f, f)}AtVtx" for f in ("eta", "phi")}, names) for form in (_HARDWARE, {})
    )
    if len(hardware) == len(features) and (counts or not values):
        hardware, floats = hardware | counts, {}
    else:
        floats |= values
    crossing, sum_type = prefix + "bx", prefix + "etSumType" if stem == "EtSum" else None
    require([*floats.values(), *([sum_type] if sum_type else [])], names, path, TREE)
    emulated = f"{_FAMILIES[1]}{stem}" if family == _FAMILIES[0] and _FAMILIES[1] in there else ""
    there_or_none = crossing if crossing in names else None
    return Collection(prefix[:-1], kind, {} if floats else hardware, floats, there_or_none, sum_type, emulated)


def _single_sum(names: dict[str, str]) -> tuple[dict[str, str], dict[str, str]] | None:
    """Return the branches of missing E_T where sums are columns of one row (cmssw L1ScoutingEtSumOrbitFlatTableProducer), or None."""
    forms = [
        {f: prefix + suffix for f, suffix in (("pt", ""), ("phi", "Phi"))} for prefix in ("L1EtSum_hwMissEt", "L1EtSum_missEt")
    ]
    hardware, floats = (form if set(form.values()) <= set(names) else {} for form in forms)
    return (hardware, {} if hardware else floats) if hardware or floats else None


def _objects(names: dict[str, str]) -> Iterator[ObjectColumns]:
    for family in _FAMILIES:
        for kind, stem in _NAMES.items():
            prefix = f"{family}{stem}_"
            stored = tuple(sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix)))
            if stored:
                yield ObjectColumns("met" if kind == "sum" else kind, prefix[:-1], None, stored, family == _FAMILIES[1])


def _flavour(names: dict[str, str]) -> str:
    if any(name.endswith("_hwPt") for name in names):
        return "Full flavour: hardware values are stored."
    return "Reduced flavour: floats without hardware values, with pT thresholds (e/γ 10, τ 24, jet 30, µ 3 GeV)."
