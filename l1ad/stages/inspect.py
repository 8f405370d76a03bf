"""Inspect a file: say what it is and draw the distributions of its objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.datasets.chunk import EventChunk
from l1ad.datasets.formats import FileDescription, Format, recognise
from l1ad.datasets.readers import reader
from l1ad.errors import InputError
from l1ad.layout import FEATURES, ObjectLayout, load_layout
from l1ad.reporting.document import Block, Page, Section, Table, Text, number_columns, text_columns

#: Layouts that a format's objects fit, each drawn if the file has them.
_LAYOUTS = {
    Format.FORTYMHZ: ("fortymhz57",),
    Format.GELATO: ("l1topo44", "gelato60"),
    Format.GELATO_MERGED: ("l1topo44", "hlt48"),
    Format.L1NTUPLE: ("axol1tl57",),
    Format.NANOAOD: ("axol1tl57",),
    Format.XAOD: ("l1topo44", "gelato60"),
}
_UNITS = {"pt": "p_T [GeV]", "eta": "η", "phi": "φ [rad]"}
_CHUNK = 16_384


@dataclass(frozen=True, slots=True)
class InspectResult:
    """Say what a file is.

    Attributes:
        path: the file.
        format: its format.
        n_events: how many events it has.
        objects: what is stored of each kind of object.
        columns: dataset columns that it can fill.
        menu_items: trigger decisions in it.
        notes: what else to know.
        means: objects in an event on average, by layout and kind, among the events looked at.
        page: the HTML page, or None if none was wanted.
    """

    path: str
    format: str
    n_events: int
    objects: list[dict[str, Any]]
    columns: list[str]
    menu_items: list[str]
    notes: list[str]
    means: dict[str, dict[str, float]]
    page: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return asdict(self)


def inspect(path: Path, *, page: Path | None = None, max_events: int = 50_000, layout: str | None = None) -> InspectResult:
    """Say what a file is, and draw its distributions on a page.

    Args:
        path: the file.
        page: where the HTML page goes; ``.md``, ``.tex`` and the plots go beside it. None for no page.
        max_events: how many events are looked at, from the first.
        layout: layout to see the objects in; None for those that belong to the format.

    Returns:
        What it is.

    Raises:
        InputError: no such file, damaged, of no known format, a page that is not called ``.html``, or without objects of the layout.
    """
    if page is not None and page.suffix != ".html":
        raise InputError(f"The page is written as HTML: wanted a name that ends in .html, got {str(page)!r}.")
    format_ = recognise(path)
    description = reader(format_).describe(path)
    views = {view.name: (view, chunks) for view, chunks in _views(description, layout, max_events)}
    if page is not None:
        _write(description, views, page)
    return InspectResult(
        str(path),
        format_.value,
        description.n_events,
        [asdict(entry) for entry in description.objects],
        list(description.columns),
        list(description.menu_items),
        list(description.notes),
        {name: _means(view, chunks) for name, (view, chunks) in views.items()},
        str(page) if page else None,
    )


def _views(description: FileDescription, layout: str | None, max_events: int) -> Iterator[tuple[ObjectLayout, list[EventChunk]]]:
    """Read the first events in each layout that the file has objects for; a layout that was asked for must fit."""
    for name in (layout,) if layout else _LAYOUTS[description.format]:
        view = load_layout(name)
        try:
            yield view, list(_first(description, view, max_events))
        except InputError:
            if layout is not None or not _lacks(description, view):
                raise


def _lacks(description: FileDescription, view: ObjectLayout) -> bool:
    """Say whether a file has not all kinds of a layout's objects, as one with a single trigger level."""
    level = "L1" if view.name == "l1topo44" else "HLT"
    there = {
        entry.kind.rpartition(" ")[2]
        for entry in description.objects
        if entry.kind.startswith((level, f"{level}_")) or " " not in entry.kind
    }
    return any(slot.kind not in there for slot in view.slots)


def _first(description: FileDescription, view: ObjectLayout, max_events: int) -> Iterator[EventChunk]:
    left = min(max_events, description.n_events)
    for chunk in reader(description.format).chunks(description.path, view, _CHUNK):
        if left <= 0:
            return
        yield chunk.first_events(left)
        left -= chunk.n_events


def _means(view: ObjectLayout, chunks: list[EventChunk]) -> dict[str, float]:
    total = sum(chunk.n_events for chunk in chunks)
    present = {slot.kind: sum(int((chunk.counts[slot.kind][:, :, 0] > 0).sum()) for chunk in chunks) for slot in view.slots}
    return {kind: number / total if total else 0.0 for kind, number in present.items()}


def _write(description: FileDescription, views: dict[str, tuple[ObjectLayout, list[EventChunk]]], page: Path) -> None:
    from l1ad.reporting.render import write_page

    sections = [Section("The file", tuple(_about(description)))]
    sections += [Section(f"Objects in layout {name}", tuple(_plots(view, chunks))) for name, (view, chunks) in views.items()]
    lead = f"{description.format.value}, {description.n_events} events."
    page.parent.mkdir(parents=True, exist_ok=True)
    write_page(Page(description.path.name, lead, tuple(sections)), page.parent, page.stem)


def _about(description: FileDescription) -> Iterator[Block]:
    yield from (Text(note) for note in description.notes)
    rows = tuple(
        (e.kind, e.stored, "any" if e.places is None else str(e.places), ", ".join(e.features)) for e in description.objects
    )
    yield Table("Objects", text_columns("kind", "stored as", "places", "what is stored"), rows)
    if description.columns:
        yield Text("Columns of each event: " + ", ".join(description.columns) + ".")
    if description.menu_items:
        yield Text("Trigger decisions: " + ", ".join(description.menu_items) + ".")


def _plots(view: ObjectLayout, chunks: list[EventChunk]) -> Iterator[Block]:
    from l1ad.reporting.drawing import Axes, histogram_plot

    means = _means(view, chunks)
    rows = tuple((kind, f"{mean:.3f}") for kind, mean in means.items())
    yield Table("Objects in an event", (*text_columns("kind"), *number_columns("mean")), rows)
    weights = np.concatenate([_weights(chunk) for chunk in chunks]) if chunks else np.zeros(0)
    for slot in view.slots:
        counts = np.concatenate([chunk.counts[slot.kind] for chunk in chunks]) if chunks else np.zeros((0, slot.multiplicity, 3))
        there = counts[:, :, 0] > 0
        if not there.any():
            yield Text(f"There is no {slot.kind} in the events looked at.")
            continue
        number = there.sum(axis=1)
        name = f"{view.name}-{slot.kind}"
        axes = Axes(f"{slot.kind}s in an event", "fraction", log_y=True, whole_x=True)
        yield histogram_plot(
            f"{name}-number", f"How many {slot.kind} objects an event has.", axes, {"": (number, weights)}, 1 + int(number.max())
        )
        objects = np.broadcast_to(weights[:, None], there.shape)[there]
        for feature, lsb in zip(slot.features, slot.lsb, strict=True):
            values = _physical(counts[:, :, FEATURES.index(feature)][there], lsb, slot.phi_period if feature == "phi" else None)
            axes = Axes(f"{slot.kind} {_UNITS[feature]}", "fraction", log_y=feature == "pt")
            yield histogram_plot(f"{name}-{feature}", f"{feature} of all {slot.kind} objects.", axes, {"": (values, objects)})


def _weights(chunk: EventChunk) -> NDArray[np.float64]:
    return np.asarray(chunk.columns.get("weight", np.ones(chunk.n_events)), dtype=np.float64)


def _physical(counts: NDArray[Any], lsb: float, period: int | None) -> NDArray[np.float64]:
    signed = np.where(counts >= period / 2, counts - period, counts) if period else counts
    return np.asarray(signed * lsb, dtype=np.float64)
