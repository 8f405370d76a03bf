"""Read and write the raw HDF5 ntuples of the ATLAS GELATO trigger's R&D."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout
from l1ad.data.chunk import Counts, EventChunk, clear_unfilled, counts_from_physical
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.hdf5 import Hdf5Appender, array, block, near, opened, spans
from l1ad.data.readers.fortymhz import menu_items, physical

_TEV = 1000.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a kind of object is: names of its data set, newest first, and the GeV of one stored unit."""

    names: tuple[str, ...]
    unit_gev: float = 1.0


#: Level-1 objects. Muon energies were divided by 1000 once too often by the step before, so they are in TeV.
LEVEL1: dict[str, Source] = {
    "jet": Source(("L1_jFexSR_jets",)),
    "tau": Source(("L1_eFex_taus",)),
    "eg": Source(("L1_egammas",)),
    "muon": Source(("L1_muons",), _TEV),
    "met": Source(("L1_MET",)),
}
#: Objects of the software trigger; the second names are those of the oldest files.
SOFTWARE: dict[str, Source] = {
    "jet": Source(("HLT_jets",)),
    "electron": Source(("HLT_electrons", "electrons")),
    "muon": Source(("HLT_muons", "muons")),
    "photon": Source(("HLT_photons", "photons")),
    "met": Source(("HLT_MET", "MET")),
}
COLUMNS = {
    "event": "event_number",
    "run": "run_number",
    "lumi": "lumiBlock",
    "weight": "EB_weights",
    "pileup": "mu",
    "pass_l1": "pass_L1_unprescaled",
    "pass_hlt": "pass_HLT_unprescaled",
    "menu": "L1_menu",
}


class GelatoReader:
    """Read the raw flavour: one data set for each kind of object."""

    format = Format(
        "gelato",
        "GELATO",
        (Signature(Container.HDF5, ("L1_jFexSR_jets", "HLT_jets"), order=1),),
        ("l1topo44", "gelato60"),
    )

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is."""
        with opened(path) as file:
            objects = tuple(_objects(file, path))
            if not objects:
                raise InputError(f"{str(path)!r} has none of the GELATO object data sets; is this the right format?")
            first = file[objects[0].stored]
            return FileDescription(path, self.format, len(first), objects, _columns(file), menu_items(file), block=block(first))

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once; the menu column is there if the file has one."""
        sources = level_sources(layout, path)
        with opened(path) as file:
            stored = {kind: _find(file, source, kind, path) for kind, source in sources.items()}
            n_events = _common_length(file, {data.name: data for data in stored.values()}, path)
            names = _columns(file)
            first = next(iter(stored.values()))
            for span in spans(events or range(n_events), size, block(first)):
                objects = {kind: data[span] for kind, data in stored.items()}
                read = {name: array(file, COLUMNS[name], path, (None,))[span] for name in names}
                columns = event_columns(read, COLUMNS, path, span)
                for rows in near(span.stop - span.start):
                    where = (path, stored, span.start + rows.start)
                    counts = {k: _counts(values[rows], layout, k, sources[k].unit_gev, where) for k, values in objects.items()}
                    yield EventChunk(counts, {name: values[rows] for name, values in columns.items()}, where[2])


def level_sources(layout: ObjectLayout, path: Path) -> dict[str, Source]:
    """Choose Level-1 or software-trigger objects by what a layout needs: Level 1 unless it has electrons or photons.

    Raises:
        InputError: neither has all of the layout's kinds.
    """
    kinds = [slot.kind for slot in layout.slots]
    for sources in (LEVEL1, SOFTWARE):
        if all(kind in sources for kind in kinds):
            return {kind: sources[kind] for kind in kinds}
    raise InputError(
        f"Layout {layout.name!r} needs {kinds!r}; GELATO files such as {str(path)!r} have {tuple(LEVEL1)!r} at Level 1 and "
        f"{tuple(SOFTWARE)!r} in the software trigger: use layout 'l1topo44', 'hlt48' or 'gelato60'."
    )


def _objects(file: Any, path: Path) -> Iterator[ObjectColumns]:
    for level, sources in (("L1", LEVEL1), ("HLT", SOFTWARE)):
        for kind, source in sources.items():
            for name in source.names:
                if name in file:
                    shape = _data_set(file, name, path).shape
                    places = 1 if len(shape) == 2 else shape[1]
                    yield ObjectColumns(f"{level} {kind}", name, places, FEATURES)


def _columns(file: Any) -> tuple[str, ...]:
    return tuple(name for name, stored in COLUMNS.items() if stored in file)


def _find(file: Any, source: Source, kind: str, path: Path) -> Any:
    name = next((name for name in source.names if name in file), None)
    if name is None:
        raise InputError(
            f"{str(path)!r} has no data set {source.names[0]!r}, which the layout's {kind!r} objects come from; "
            f"it has {sorted(file.keys())[:12]!r}."
        )
    found = _data_set(file, name, path)
    wanted = (3, 4)
    if found.shape[-1] not in wanted or (found.ndim == 2) != (kind == "met"):
        form = "(n_events, 3)" if kind == "met" else "(n_events, n_objects, 3 or 4)"
        raise InputError(
            f"{str(path)!r}: data set {name!r} must have shape {form}, got {found.shape!r}; is this the right format?"
        )
    return found


def _data_set(file: Any, name: str, path: Path) -> Any:
    """Find a data set of objects: one an event, or several."""
    return array(file, name, path, (None, None) if getattr(file.get(name), "ndim", 3) == 2 else (None, None, None))


def _common_length(file: Any, data: Mapping[str, Any], path: Path) -> int:
    lengths = {name: len(values) for name, values in data.items()}
    lengths |= {COLUMNS[name]: len(array(file, COLUMNS[name], path, (None,))) for name in _columns(file)}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{str(path)!r}: data sets differ in their number of events: {lengths!r}; write the file again.")
    return next(iter(lengths.values()))


def _counts(
    data: NDArray[Any], layout: ObjectLayout, kind: str, unit_gev: float, where: tuple[Path, Mapping[str, Any], int]
) -> Counts:
    """Convert stored objects: energy first, φ last and η before it, also where E or m is stored between."""
    objects = data[:, None, :] if data.ndim == 2 else data
    values = objects[:, :, [0, -2, -1]].astype(np.float64)
    if unit_gev != 1.0:
        values[:, :, 0] *= unit_gev
    clear_unfilled(values)
    path, stored, first = where
    return counts_from_physical(values, layout.slot(kind), str(path), stored[kind].name[1:], first)


class GelatoWriter:
    """Write hardware counts of both trigger levels in the raw GELATO form, as float32."""

    def __init__(
        self, path: Path, level1: ObjectLayout, software: ObjectLayout, menu: tuple[str, ...] = (), level: int = 4
    ) -> None:
        self._level1, self._software = level1, software
        self._file = Hdf5Appender(path, level)
        if menu:
            self._file.attribute("L1_menu_items", list(menu))

    def __enter__(self) -> GelatoWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def append(self, level1: Mapping[str, Counts], software: Mapping[str, Counts], columns: Mapping[str, NDArray[Any]]) -> None:
        """Append events.

        Args:
            level1: counts of the Level-1 layout by kind, ``(n_events, m, 3)``.
            software: counts of the software trigger's layout by kind.
            columns: per-event columns by their name in a dataset.
        """
        arrays = {LEVEL1[kind].names[0]: _stored(counts, self._level1, kind, LEVEL1[kind]) for kind, counts in level1.items()}
        arrays |= {
            SOFTWARE[kind].names[0]: _stored(counts, self._software, kind, SOFTWARE[kind]) for kind, counts in software.items()
        }
        arrays["HLT_jets"] = _with_energy(arrays["HLT_jets"])
        self._file.append(arrays | {COLUMNS[name]: values for name, values in columns.items()})


def _stored(counts: Counts, layout: ObjectLayout, kind: str, source: Source) -> NDArray[np.float32]:
    values = physical(counts, layout, kind)
    if source.unit_gev != 1.0:
        values[:, :, 0] /= source.unit_gev
    stored = values.astype(np.float32)
    return stored[:, 0, :] if kind == "met" else stored


def _with_energy(jets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Insert the energy of a massless jet, rounded to 1/8 of its power of two."""
    energy = jets[:, :, 0] * np.cosh(jets[:, :, 1])
    mantissa, exponent = np.frexp(energy)
    energy = np.ldexp(np.rint(mantissa * 8) / 8, exponent).astype(np.float32)
    return np.stack([jets[:, :, 0], energy, jets[:, :, 1], jets[:, :, 2]], axis=2)
