"""Read the merged flavour of GELATO files: one row of numbers an event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout, ObjectSlot, load_layout
from l1ad.data.chunk import Counts, EventChunk, check_physical, clear_unfilled, counts_from_physical, wrap_half
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.hdf5 import array, block, opened, spans

#: Data sets and the layout each has. ``L1_data`` holds hardware counts, ``HLT_data`` GeV, η and rad.
LEVEL1, SOFTWARE = "L1_data", "HLT_data"
LAYOUTS = {LEVEL1: "l1topo44", SOFTWARE: "hlt48"}
#: Columns; the second names are those of ``load_and_match.py``.
COLUMNS = {
    "event": ("event_numbers",),
    "run": ("run_numbers",),
    "lumi": ("LBs",),
    "weight": ("weights", "EB_weights"),
    "pileup": ("mus", "pileups"),
    "pass_l1": ("pass_L1_unprescaled", "passL1"),
    "pass_hlt": ("pass_HLT_unprescaled", "passHLT"),
}
_MET_NOTE = (
    "The public programs that write L1_data disagree on MET: 0.1 GeV a count in gelato-pipeline, 0.025 GeV in AD_trigger_training; "
    "its counts are taken as they are."
)


class GelatoMergedReader:
    """Read ``L1_data`` ``(n_events, 44)`` or ``HLT_data`` ``(n_events, 48)`` or ``(n_events, 16, 3)``."""

    format = Format("gelato_merged", "GELATO merged", (Signature(Container.HDF5, (LEVEL1, SOFTWARE)),), ("l1topo44", "hlt48"))

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is."""
        with opened(path) as file:
            there = [name for name in LAYOUTS if name in file]
            objects = tuple(
                ObjectColumns(f"{name} {slot.kind}", name, slot.multiplicity, slot.features)
                for name in there
                for slot in load_layout(LAYOUTS[name]).slots
            )
            rows = _rows(file, there[0], path)
            columns = tuple(_columns(file))
            return FileDescription(path, self.format, len(rows), objects, columns, notes=(_MET_NOTE,), block=block(rows))

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once."""
        with opened(path) as file:
            name = _data_set(layout, path)
            rows, stored = _rows(file, name, path), load_layout(LAYOUTS[name])
            columns = {column: array(file, data, path, (len(rows),)) for column, data in _columns(file).items()}
            for span in spans(events or range(len(rows)), size, block(rows)):
                values = rows[span].reshape(-1, stored.n_columns).astype(np.float64)
                counts = {s.kind: _counts(values, stored, layout.slot(s.kind), name, path, span.start) for s in layout.slots}
                read = {column: data[span] for column, data in columns.items()}
                yield EventChunk(counts, event_columns(read, _columns(file), path, span), span.start)


def _rows(file: Any, name: str, path: Path) -> Any:
    width = load_layout(LAYOUTS[name]).n_columns
    if name in file and getattr(file[name], "ndim", 2) == 3:
        return array(file, name, path, (None, width // 3, 3))
    return array(file, name, path, (None, width))


def _columns(file: Any) -> dict[str, str]:
    found = {column: next((name for name in names if name in file), None) for column, names in COLUMNS.items()}
    return {column: name for column, name in found.items() if name is not None}


def _data_set(layout: ObjectLayout, path: Path) -> str:
    """Choose the data set whose objects a layout's are."""
    for name, stored in LAYOUTS.items():
        slots = {slot.kind: slot.multiplicity for slot in load_layout(stored).slots}
        if all(slots.get(slot.kind, 0) >= slot.multiplicity for slot in layout.slots):
            return name
    raise InputError(
        f"Layout {layout.name!r} has objects that merged GELATO files such as {str(path)!r} have not, or more of them; "
        "use layout 'l1topo44' or 'hlt48'."
    )


def _refuse_scaled(phi: NDArray[np.float64], name: str, path: Path, first: int) -> None:
    """Refuse a φ that is not whole: the public writer multiplies energies and η and leaves them so, but rounds φ to counts."""
    fraction = phi != np.rint(phi)
    if fraction.any():
        event = int(np.argwhere(fraction)[0][0])
        raise InputError(
            f"{str(path)!r}: {name!r} must hold φ in whole counts, got {phi[fraction][0]:g} at event {first + event}; was it scaled already?"
        )


def _counts(values: NDArray[np.float64], stored: ObjectLayout, slot: ObjectSlot, name: str, path: Path, first: int) -> Counts:
    there = stored.slot(slot.kind)
    block = values[:, stored.slot_columns(slot.kind)].reshape(len(values), there.multiplicity, len(there.features))
    objects = np.zeros((len(values), there.multiplicity, 3))
    for i, feature in enumerate(there.features):
        objects[:, :, FEATURES.index(feature)] = block[:, :, i]
    clear_unfilled(objects)
    if name == SOFTWARE:
        return counts_from_physical(objects, slot, str(path), name, first)
    check_physical(objects, str(path), name, first)
    _refuse_scaled(objects[:, :, 2], name, path, first)
    counts = np.rint(objects).astype(np.int64)
    if slot.phi_period:
        wrap_half(counts[:, :, 2], slot.phi_period)
    counts *= counts[:, :, :1] > 0
    return counts
