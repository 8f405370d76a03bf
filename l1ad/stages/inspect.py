"""Inspect a file: say what it is and draw the distributions of its objects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout, ObjectSlot, load_layout
from l1ad.core.shown import Shown
from l1ad.data.chunk import EventChunk
from l1ad.data.columns import usable
from l1ad.data.formats import FileDescription, recognise
from l1ad.data.readers import reader
from l1ad.reporting.document import Block, Page, Section, Table, Text, number_columns, text_columns

_LABELS = {"pt": "pT [GeV]", "eta": "η", "phi": "φ [rad]"}
_CHUNK = 16_384
#: Most bins of a distribution; each is a whole number of hardware counts wide, else neighbours would differ by a comb that is not physics.
_BINS = 64


@dataclass(frozen=True, slots=True)
class InspectResult(Shown):
    """What a file is.

    Attributes:
        path: the file.
        format: its format.
        n_events: how many events it has.
        objects: what is stored of each kind of object.
        columns: dataset columns that it can fill.
        menu_items: trigger decisions in it.
        notes: what else to know.
        means: objects in an event on average, by layout and kind, among the events looked at.
        page: the HTML page, or None if none was requested.
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
        """Return plain data for JSON."""
        return asdict(self)


def inspect(path: Path, *, page: Path | None = None, max_events: int = 50_000, layout: str | None = None) -> InspectResult:
    """Describe what a file is, and draw its distributions on a page.

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
        raise InputError(f"The page is written as HTML: expected a name that ends in .html, got {str(page)!r}.")
    format_ = recognise(path)
    description = reader(format_.name).describe(path)
    views = {view.name: (view, chunks) for view, chunks in _views(description, layout, max_events)}
    notes = [*description.notes, *_not_shown(description, views), *_left_out(description, [view for view, _ in views.values()])]
    if page is not None:
        _write(description, notes, views, page)
    return InspectResult(
        str(path),
        format_.name,
        description.n_events,
        [asdict(entry) for entry in description.objects],
        list(description.columns),
        list(description.menu_items),
        notes,
        {name: _means(view, chunks) for name, (view, chunks) in views.items()},
        str(page) if page else None,
    )


def _views(description: FileDescription, layout: str | None, max_events: int) -> Iterator[tuple[ObjectLayout, list[EventChunk]]]:
    """Read the first events in each layout that the file has objects for; a layout that was asked for must fit."""
    for name in (layout,) if layout else description.format.layouts:
        view = load_layout(name)
        try:
            yield view, list(_first(description, view, max_events))
        except InputError:
            if layout is not None or not _lacking(description, view):
                raise


def _lacking(description: FileDescription, view: ObjectLayout) -> list[str]:
    """Return the kinds of a layout's objects that a file does not have at the layout's trigger level."""
    level = "L1" if view.name == "l1topo44" else "HLT"
    there = {
        entry.kind.rpartition(" ")[2]
        for entry in description.objects
        if entry.kind.startswith((level, f"{level}_")) or " " not in entry.kind
    }
    return [slot.kind for slot in view.slots if slot.kind not in there]


def _not_shown(description: FileDescription, views: Collection[str]) -> Iterator[str]:
    """Return which layouts of the format have some of their objects in the file and not all, so that they cannot be drawn."""
    for name in description.format.layouts:
        view = load_layout(name)
        lacking = _lacking(description, view)
        if name not in views and lacking and len(lacking) < len(view.slots):
            yield f"Not shown in layout {name!r}: the file has none of its {', '.join(lacking)} objects."


def _left_out(description: FileDescription, views: Sequence[ObjectLayout]) -> Iterator[str]:
    """Return which objects of the file, at the layout's trigger level, each layout has no place for."""
    for view in views:
        level = "L1" if view.name != "hlt48" and view.name != "gelato60" else "HLT"
        there = {
            e.kind.rpartition(" ")[2]: e.places for e in description.objects if e.kind.startswith(level) or " " not in e.kind
        }
        places = {slot.kind: slot.multiplicity for slot in view.slots}
        missing = [kind for kind in there if kind not in places]
        beyond = [
            f"{kind} {places[kind] + 1} and on"
            for kind, n in there.items()
            if kind in places and (n is None or n > places[kind]) and kind != "met"
        ]
        if missing or beyond:
            yield f"Layout {view.name!r} leaves out: {', '.join(missing + beyond)}."


def _first(description: FileDescription, view: ObjectLayout, max_events: int) -> Iterator[EventChunk]:
    left = min(max_events, description.n_events)
    for chunk in reader(description.format.name).chunks(description.path, view, _CHUNK):
        if left <= 0:
            return
        yield chunk.first_events(left)
        left -= chunk.n_events


def _means(view: ObjectLayout, chunks: list[EventChunk]) -> dict[str, float]:
    total = sum(chunk.n_events for chunk in chunks)
    present = {slot.kind: sum(int((chunk.counts[slot.kind][:, :, 0] > 0).sum()) for chunk in chunks) for slot in view.slots}
    return {kind: number / total if total else 0.0 for kind, number in present.items()}


def _write(
    description: FileDescription, notes: Sequence[str], views: dict[str, tuple[ObjectLayout, list[EventChunk]]], page: Path
) -> None:
    from l1ad.reporting.render import write_page

    sections = [Section("The file", tuple(_about(description, notes)))]
    sections += [Section(f"Objects in layout {name}", tuple(_plots(view, chunks))) for name, (view, chunks) in views.items()]
    looked = max((sum(chunk.n_events for chunk in chunks) for _, chunks in views.values()), default=0)
    lead = f"{description.format.name}, {description.n_events} events, of which the first {looked} are drawn."
    page.parent.mkdir(parents=True, exist_ok=True)
    write_page(Page(description.path.name, lead, tuple(sections)), page.parent, page.stem)


def _about(description: FileDescription, notes: Sequence[str]) -> Iterator[Block]:
    yield from (Text(note) for note in notes)
    rows = tuple(
        (e.kind, e.stored, "any" if e.places is None else str(e.places), ", ".join(e.features)) for e in description.objects
    )
    yield Table("Objects", text_columns("kind", "stored as", "places", "what is stored"), rows)
    if description.columns:
        yield Text("Columns of each event: " + ", ".join(description.columns) + ".")
    if description.menu_items:
        yield Text("Trigger decisions: " + ", ".join(description.menu_items) + ".")


def _plots(view: ObjectLayout, chunks: list[EventChunk]) -> Iterator[Block]:
    weights = np.concatenate([_weights(chunk) for chunk in chunks]) if chunks else np.zeros(0)
    if not usable(weights).all():
        yield Text("Some of the file's weights are negative or not finite: events are drawn with weight 1.")
        weights = np.ones(len(weights))
    counts = {slot.kind: _objects(slot, chunks) for slot in view.slots}
    yield _multiplicities(counts, weights)
    for slot in view.slots:
        if (counts[slot.kind][:, :, 0] > 0).any():
            yield from _distributions(view, slot, counts[slot.kind], weights)
        else:
            yield Text(f"There is no {slot.kind} in the events looked at.")


def _objects(slot: ObjectSlot, chunks: list[EventChunk]) -> NDArray[Any]:
    return (
        np.concatenate([chunk.counts[slot.kind] for chunk in chunks]) if chunks else np.zeros((0, slot.multiplicity, 3), np.int64)
    )


def _multiplicities(counts: Mapping[str, NDArray[Any]], weights: NDArray[np.float64]) -> Table:
    """Count how many objects an event has, as the events are and by their weights."""
    rows = []
    for kind, values in counts.items():
        number = (values[:, :, 0] > 0).sum(axis=1)
        mean = number.mean() if len(number) else 0.0
        weighted = np.average(number, weights=weights) if weights.sum() > 0 else 0.0
        rows.append((kind, f"{mean:.3f}", f"{weighted:.3f}", f"{number.max(initial=0)}"))
    return Table("Objects in an event", (*text_columns("kind"), *number_columns("mean", "weighted mean", "most")), tuple(rows))


def _distributions(view: ObjectLayout, slot: ObjectSlot, counts: NDArray[Any], weights: NDArray[np.float64]) -> Iterator[Block]:
    from l1ad.reporting.drawing import Axes, histogram_plot

    there = counts[:, :, 0] > 0
    name, weighted = f"{view.name}-{slot.kind}", "weighted " if np.ptp(weights) > 0 else ""
    if slot.multiplicity > 1:
        number = there.sum(axis=1)
        axes = Axes(f"{slot.kind} objects in an event", f"{weighted}fraction of events", log_y=True, whole_x=True)
        caption = f"How many {slot.kind} objects an event has, up to the layout's {slot.multiplicity}."
        edges = np.arange(int(number.max()) + 2) - 0.5
        yield histogram_plot(f"{name}-number", caption, axes, {"": (number, weights)}, edges)
    objects = np.broadcast_to(weights[:, None], there.shape)[there]
    for feature, lsb in zip(slot.features, slot.lsb, strict=True):
        values = counts[:, :, FEATURES.index(feature)][there].astype(np.int64)
        period = slot.phi_period if feature == "phi" else None
        if period:
            values = np.where(values >= period / 2, values - period, values)
        if feature != "pt" and not values.any():
            # Missing E_T has no η; its column is there for layouts of equal width.
            continue
        edges = _edges(values, period) * lsb
        axes = Axes(f"{slot.kind} {_LABELS[feature]}", f"{weighted}fraction of objects", log_y=feature == "pt")
        caption = (
            f"{feature} of all {slot.kind} objects; a bin is {round((edges[1] - edges[0]) / lsb)} hardware counts of {lsb:g}."
        )
        yield histogram_plot(f"{name}-{feature}", caption, axes, {"": (values * lsb, objects)}, edges)


def _edges(counts: NDArray[np.int64], period: int | None) -> NDArray[np.float64]:
    """Return edges between hardware counts: equal bins of a whole number of counts that hold all values, for φ the whole turn."""
    if period:
        step = next(step for step in range(1, period + 1) if period % step == 0 and period // step <= _BINS)
        return np.arange(-(period // 2), period - period // 2 + 1, step) - 0.5
    low, high = int(counts.min()), int(counts.max())
    step = -(-(high - low + 1) // _BINS)
    n_bins = -(-(high - low + 1) // step)
    return low - 0.5 + step * np.arange(n_bins + 1)


def _weights(chunk: EventChunk) -> NDArray[np.float64]:
    return np.asarray(chunk.columns.get("weight", np.ones(chunk.n_events)), dtype=np.float64)
