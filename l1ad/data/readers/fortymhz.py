"""Read and write the HDF5 form of the 40 MHz data set (arXiv:2107.02157)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout
from l1ad.data.ahead import ahead
from l1ad.data.chunk import Counts, EventChunk, check_physical, rounded, steps_of
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.fortymhz_derived import NAMES, NOTE, Derived, refuse_scaled
from l1ad.data.hdf5 import Hdf5Appender, array, binary_fraction, block, near, opened, spans

N_ROWS = 19
#: Rows and class number of each kind in ``Particles``.
ROWS: dict[str, tuple[slice, int]] = {
    "met": (slice(0, 1), 1),
    "electron": (slice(1, 5), 2),
    "muon": (slice(5, 9), 3),
    "jet": (slice(9, 19), 4),
}
#: Class number of each row.
_CLASSES = np.repeat([1, 2, 3, 4], [1, 4, 4, 10])
#: Other names layouts use for these kinds.
_ALIASES = {"eg": "electron"}
#: Per-event columns; the public files have at most ``EvtId``, the others are what this project's own files add.
COLUMNS = {
    "event": "EvtId",
    "run": "RunId",
    "weight": "EventWeight",
    "pileup": "Interactions",
    "pass_l1": "pass_L1_unprescaled",
    "pass_hlt": "pass_HLT_unprescaled",
    "menu": "L1_menu",
}
#: The published filter: leading electron or muon above 23 GeV.
FILTER_GEV = 23.0
_LOOK = 10_000


class FortyMhzReader:
    """Read ``Particles`` ``(n_events, 19, 4)``."""

    format = Format(
        "fortymhz",
        "40 MHz",
        (
            Signature(Container.HDF5, ("Particles",)),
            Signature(Container.HDF5, NAMES, order=2),
        ),
        ("fortymhz57",),
    )

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is, and whether the lepton filter was applied to it."""
        with opened(path) as file:
            if "Particles" not in file:
                return _describe_derived(file, path)
            particles = array(file, "Particles", path, (None, N_ROWS, 4))
            columns, menu = _columns(file), menu_items(file)
            look = particles[:_LOOK]
            refuse_scaled(look, "Particles", path)
            note = _filter_note(look[:, 1:9, 0])
            n_events, stored = len(particles), block(particles)
        objects = tuple(
            ObjectColumns(kind, f"Particles[:, {rows.start}:{rows.stop}]", rows.stop - rows.start, FEATURES)
            for kind, (rows, _) in ROWS.items()
        )
        return FileDescription(path, self.format, n_events, objects, columns, menu, (note,), stored)

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once; the menu column is there if the file has one."""
        kinds = {slot.kind: _source(slot.kind, layout, path) for slot in layout.slots}
        with opened(path) as file:
            if "Particles" not in file:
                yield from _derived_chunks(file, kinds, layout, size, events, path)
                return
            particles = array(file, "Particles", path, (None, N_ROWS, 4))
            names = _columns(file)
            parts = spans(events or range(len(particles)), size, block(particles))
            columns = {name: array(file, COLUMNS[name], path, (len(particles),)) for name in names}
            stored = ((span, _objects(particles, span), {name: data[span] for name, data in columns.items()}) for span in parts)
            for span, data, read in ahead(stored):
                values = event_columns(read, COLUMNS, path, span)
                for rows in near(len(data)):
                    first = span.start + rows.start
                    counts = _counts(data[rows], kinds, layout, path, first)
                    yield EventChunk(counts, {name: column[rows] for name, column in values.items()}, first)


def _objects(particles: Any, span: slice) -> NDArray[Any]:
    """Read some events' objects, ``(n_events, 19, 4)``.

    Where each object place is stored by itself, places are read one after another and stay so in memory: HDF5 then copies whole blocks instead of
    a few bytes an event.
    """
    if particles.chunks is None or particles.chunks[1] != 1:
        return np.asarray(particles[span])
    out = np.empty((N_ROWS, span.stop - span.start, *particles.shape[2:]), dtype=particles.dtype)
    for place in range(N_ROWS):
        out[place] = particles[span, place]
    return out.swapaxes(0, 1)


def _describe_derived(file: Any, path: Path) -> FileDescription:
    derived = Derived.of(file, path)
    _, name, rows = next(derived.read(range(derived.n_events), _LOOK, path), (0, "", np.zeros((0, N_ROWS, len(FEATURES)))))
    refuse_scaled(rows, name, path)
    stored = ", ".join(derived.names)
    objects = tuple(
        ObjectColumns(kind, f"{stored} (rows {rows.start} to {rows.stop - 1})", rows.stop - rows.start, FEATURES)
        for kind, (rows, _) in ROWS.items()
    )
    return FileDescription(path, FortyMhzReader.format, derived.n_events, objects, (), notes=(NOTE.format(names=stored),))


def _derived_chunks(
    file: Any, kinds: Mapping[str, str], layout: ObjectLayout, size: int, events: range | None, path: Path
) -> Iterator[EventChunk]:
    derived = Derived.of(file, path)
    for first, name, rows in derived.read(events or range(derived.n_events), size, path):
        check_physical(rows, str(path), name, first)
        yield EventChunk(_rounded(rows, kinds, layout), {}, first)


def _columns(file: Any) -> tuple[str, ...]:
    return tuple(name for name, stored in COLUMNS.items() if stored in file)


def menu_items(file: Any) -> tuple[str, ...]:
    """Return the names of the menu's items that a file of this project stores."""
    return tuple(str(item) for item in file.attrs.get("L1_menu_items", ()))


def _source(kind: str, layout: ObjectLayout, path: Path) -> str:
    source = _ALIASES.get(kind, kind)
    if source not in ROWS:
        raise InputError(
            f"Layout {layout.name!r} needs objects of kind {kind!r}, {str(path)!r} of the 40 MHz format has {tuple(ROWS)!r}; "
            "use layout 'fortymhz57'."
        )
    return source


def _counts(particles: NDArray[Any], kinds: Mapping[str, str], layout: ObjectLayout, path: Path, first: int) -> dict[str, Counts]:
    check_physical(particles, str(path), "Particles", first)
    _check_classes(particles[:, :, 3], path, first)
    return _rounded(particles, kinds, layout)


def _rounded(particles: NDArray[Any], kinds: Mapping[str, str], layout: ObjectLayout) -> dict[str, Counts]:
    """Round all objects at once: whole rows are faster than parts of them."""
    steps, periods = np.zeros((len(FEATURES), N_ROWS)), np.full(N_ROWS, np.iinfo(np.int32).max, dtype=np.int32)
    for kind, source in kinds.items():
        steps[:, ROWS[source][0]], periods[ROWS[source][0]] = steps_of(layout.slot(kind))
    counts = rounded(particles, steps, periods)
    return {kind: counts[:, ROWS[source][0]] for kind, source in kinds.items()}


def _check_classes(classes: NDArray[Any], path: Path, first: int) -> None:
    if not ((classes != 0) & (classes != _CLASSES)).any():
        return
    for kind, (rows, number) in ROWS.items():
        found = classes[:, rows]
        wrong = (found != 0) & (found != number)
        if wrong.any():
            event = int(np.argwhere(wrong)[0][0])
            raise InputError(
                f"{str(path)!r}: 'Particles' rows {rows.start} to {rows.stop - 1} must have class 0 or {number} ({kind}), got "
                f"{found[event].tolist()!r} at event {first + event}; is the order of objects another one?"
            )


def _filter_note(leptons: NDArray[Any]) -> str:
    if not len(leptons):
        return "The file has no events."
    passing = float((leptons.max(axis=1) > FILTER_GEV).mean())
    if passing == 1.0:
        return f"Filtered: every event looked at has an electron or muon above {FILTER_GEV:g} GeV."
    return f"Unfiltered: {passing:.1%} of the events looked at have an electron or muon above {FILTER_GEV:g} GeV."


class FortyMhzWriter:
    """Write hardware counts in the form of the 40 MHz data set."""

    def __init__(self, path: Path, layout: ObjectLayout, menu: tuple[str, ...] = (), level: int = 4) -> None:
        self._layout = layout
        self._file = Hdf5Appender(path, level)
        self._file.constant("Particles_Names", np.array([b"Pt", b"Eta", b"Phi", b"Class"]))
        classes = np.array([b"MET_class_1", b"Four_Ele_class_2", b"Four_Mu_class_3", b"Ten_Jet_class_4"])
        self._file.constant("Particles_Classes", classes)
        if menu:
            self._file.attribute("L1_menu_items", list(menu))

    def __enter__(self) -> FortyMhzWriter:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)

    def append(self, counts: Mapping[str, Counts], columns: Mapping[str, NDArray[Any]]) -> None:
        """Append events.

        Args:
            counts: hardware counts of the writer's layout by kind, ``(n_events, m, 3)``.
            columns: per-event columns by their name in a dataset.
        """
        n_events = len(counts["met"])
        particles = np.zeros((n_events, N_ROWS, 4))
        for kind, (rows, number) in ROWS.items():
            objects = physical(counts[kind], self._layout, kind)
            particles[:, rows, :3] = objects
            particles[:, rows, 3] = np.where(objects[:, :, 0] > 0, number, 0)
        self._file.append({"Particles": particles, **{COLUMNS[name]: values for name, values in columns.items()}})


def physical(counts: Counts, layout: ObjectLayout, kind: str) -> NDArray[np.float64]:
    """Turn counts into GeV, η and rad (in [-π, π)) near enough that rounding gives the counts back.

    Args:
        counts: ``(n_events, m, 3)``.
        layout: its slot of this kind says how large a count is.
        kind: the object.
    """
    slot = layout.slot(kind)
    values = np.zeros(counts.shape)
    for feature, lsb in zip(slot.features, slot.lsb, strict=True):
        i = FEATURES.index(feature)
        number = counts[:, :, i]
        if feature == "phi" and slot.phi_period:
            number = np.where(number >= slot.phi_period / 2, number - slot.phi_period, number)
        values[:, :, i] = binary_fraction(number * lsb, lsb)
    return values
