"""Read the calorimeter regions that CICADA takes, HDF5 of its own converter or the L1CaloSummaryTree of an L1Ntuple, and write such HDF5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout
from l1ad.data.chunk import Counts, EventChunk
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.hdf5 import Hdf5Appender, array, block, spans
from l1ad.data.hdf5 import opened as opened_hdf5
from l1ad.data.readers.fortymhz import COLUMNS, menu_items
from l1ad.data.root import branch_names, opened, steps, tree

#: Steps of φ and η, in the order of the columns.
SHAPE = (18, 14)
DATA, TREE, BRANCH = "CaloRegions", "l1CaloSummaryEmuTree/L1CaloSummaryTree", "modelInput"
EVENT_TREE = "l1EventTree/L1EventTree"
KIND = "region"
#: Columns of CICADA's own files; weights, decisions and the menu are what this project's own files add, called as in its other files.
_HDF5_COLUMNS = COLUMNS | {"run": "run", "lumi": "lumi", "event": "event", "pileup": "npv"}
_ROOT_COLUMNS = {"run": "run", "lumi": "lumi", "event": "event"}
_NOTE = "Energies of 18 x 14 calorimeter regions in counts of 0.5 GeV, φ first."


class CicadaReader:
    """Read ``CaloRegions`` ``(n_events, 18, 14)``, or the branch ``modelInput`` of the same shape."""

    format = Format(
        "cicada",
        "CICADA",
        (
            Signature(Container.HDF5, (DATA,), order=2),
            Signature(Container.ROOT, (TREE,), order=1),
        ),
        ("cicada252",),
    )

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is."""
        if _is_hdf5(path):
            with opened_hdf5(path) as file:
                data = array(file, DATA, path, (None, *SHAPE))
                columns = tuple(name for name, stored in _HDF5_COLUMNS.items() if stored in file)
                return FileDescription(
                    path, self.format, len(data), (described(DATA),), columns, menu_items(file), (_NOTE,), block(data)
                )
        with opened(path) as root:
            summary = tree(root, TREE, path)
            return FileDescription(
                path, self.format, int(summary.num_entries), (described(TREE),), tuple(_stored(root)), notes=(_NOTE,)
            )

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once."""
        check_layout(layout)
        yield from _hdf5_chunks(path, size, events) if _is_hdf5(path) else root_chunks(path, size, events)


def described(place: str) -> ObjectColumns:
    """Describe the regions of a file."""
    return ObjectColumns(KIND, place, SHAPE[0] * SHAPE[1], ("pt",))


def has_regions(file: Any) -> bool:
    """Return whether an open L1Ntuple has CICADA's input."""
    found = file.get(TREE)
    return found is not None and BRANCH in branch_names(found)


def check_layout(layout: ObjectLayout) -> None:
    """Refuse a layout that needs anything but the regions' energies.

    Raises:
        InputError: names the layout to use.
    """
    slots = [(slot.kind, slot.multiplicity, slot.features) for slot in layout.slots]
    if slots != [(KIND, SHAPE[0] * SHAPE[1], ("pt",))]:
        raise InputError(
            f"Layout {layout.name!r} needs {[slot.kind for slot in layout.slots]!r}, the file has regions; use 'cicada252'."
        )


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x89HDF"


def _hdf5_chunks(path: Path, size: int, events: range | None) -> Iterator[EventChunk]:
    with opened_hdf5(path) as file:
        data = array(file, DATA, path, (None, *SHAPE))
        columns = {name: array(file, stored, path, (len(data),)) for name, stored in _HDF5_COLUMNS.items() if stored in file}
        for span in spans(events or range(len(data)), size, block(data)):
            values = event_columns({name: one[span] for name, one in columns.items()}, _HDF5_COLUMNS, path, span)
            yield EventChunk({KIND: _regions(data[span], path, DATA, span.start)}, values, span.start)


def root_chunks(path: Path, size: int, events: range | None) -> Iterator[EventChunk]:
    """Read regions of an L1Ntuple.

    Raises:
        InputError: no such tree or branch, or values that are not regions.
    """
    with opened(path) as file:
        summary = tree(file, TREE, path)
        names = branch_names(summary)
        if BRANCH not in names:
            raise InputError(f"{str(path)!r}: tree {TREE!r} has no branch {BRANCH!r}; was the file made with CICADA's input?")
        stored = _stored(file)
        numbers = tree(file, EVENT_TREE, path) if stored else None
        for first, stop in steps(events or range(summary.num_entries), size):
            read = summary[names[BRANCH]].array(library="np", entry_start=first, entry_stop=stop)
            columns = {}
            if numbers is not None:
                own = branch_names(numbers)
                values = {name: numbers[own[place]].array(entry_start=first, entry_stop=stop) for name, place in stored.items()}
                columns = event_columns(values, stored, path, slice(first, stop))
            yield EventChunk({KIND: _regions(read, path, BRANCH, first)}, columns, first)


def _stored(file: Any) -> dict[str, str]:
    """Return the columns that the event tree fills, where there is one."""
    found = file.get(EVENT_TREE)
    names = {} if found is None else branch_names(found)
    return {name: place for name, place in _ROOT_COLUMNS.items() if place in names}


def _regions(data: NDArray[Any], path: Path, name: str, first: int) -> Counts:
    """Check energies, and give each region as an object that has pt only."""
    if data.dtype.kind not in "iufb" or data.shape[1:] != SHAPE:
        raise InputError(
            f"{str(path)!r}: {name!r} must hold numbers of shape {SHAPE!r} for each event, got {data.dtype} of {data.shape[1:]!r}."
        )
    flat = data.reshape(len(data), -1)
    with np.errstate(invalid="ignore"):
        bad = ~((flat >= 0) & (flat == np.rint(flat))).all(axis=1)
    if bad.any():
        event = int(np.argmax(bad))
        raise InputError(
            f"{str(path)!r}: {name!r} has an energy that is not a count (whole and from 0) at event {first + event}; give the regions as the "
            "hardware sums them, before any scaling."
        )
    out = np.zeros((*flat.shape, len(FEATURES)), dtype=np.int32)
    out[:, :, FEATURES.index("pt")] = np.minimum(
        flat, np.float64(np.iinfo(np.int32).max)
    )  # whole, and exact in float64 where it is not cut
    return out


class CicadaWriter:
    """Write regions in the form of CICADA's HDF5, with weights and the menu beside them; use it as a context manager."""

    def __init__(self, path: Path, menu: tuple[str, ...] = (), level: int = 4) -> None:
        self._file = Hdf5Appender(path, level)
        if menu:
            self._file.attribute("L1_menu_items", list(menu))

    def __enter__(self) -> CicadaWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def append(self, counts: Counts, columns: Mapping[str, NDArray[Any]]) -> None:
        """Append events.

        Args:
            counts: of the regions, ``(n_events, 252, 3)``, of which the first is the energy.
            columns: per-event columns by their name in a dataset.
        """
        regions = counts[:, :, FEATURES.index("pt")].reshape(-1, *SHAPE).astype(np.uint16)
        self._file.append({DATA: regions, **{_HDF5_COLUMNS[name]: values for name, values in columns.items()}})
