"""Hold a chunk of events as integer counts of each kind of object, and fit it into a layout's columns."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.errors import InputError
from l1ad.layout import FEATURES, ObjectLayout, ObjectSlot

Counts = NDArray[np.int64]


class OutOfRange(enum.Enum):
    """Say what happens to a count that its hardware type cannot hold."""

    REFUSE = "refuse"
    CLIP = "clip"
    WRAP = "wrap"


@dataclass(frozen=True, slots=True)
class EventChunk:
    """Hold some events of a file.

    Attributes:
        counts: by object kind, hardware counts of pt, η and φ, ``(n_events, m, 3)``; absent objects are zero.
        columns: per-event columns by their name in a dataset, ``(n_events,)``.
        first: number of the first event in its file.
    """

    counts: Mapping[str, Counts]
    columns: Mapping[str, NDArray[Any]]
    first: int = 0

    @property
    def n_events(self) -> int:
        """Give the number of events."""
        return len(next(iter(self.counts.values())))

    def first_events(self, n_events: int) -> EventChunk:
        """Give the first events only."""
        return EventChunk(
            {kind: counts[:n_events] for kind, counts in self.counts.items()},
            {name: values[:n_events] for name, values in self.columns.items()},
            self.first,
        )


@dataclass(slots=True)
class RangeTally:
    """Count, by column, the values that were outside their hardware type."""

    outside: dict[str, int] = field(default_factory=dict)

    def add(self, column: str, number: int) -> None:
        """Add to one column's count."""
        if number:
            self.outside[column] = self.outside.get(column, 0) + number


def fit(chunk: EventChunk, layout: ObjectLayout, policy: OutOfRange, tally: RangeTally, where: str) -> NDArray[Any]:
    """Put a chunk's objects into a layout's columns.

    Args:
        chunk: the events; of each kind the first objects are taken, in the order they have.
        layout: the columns wanted.
        policy: what happens to counts outside a column's type.
        tally: counts them.
        where: the file, for messages.

    Returns:
        Hardware integers, ``(n_events, n_columns)``, of the layout's storage type.

    Raises:
        InputError: the file has no such object, or fewer places for it than the layout, or counts outside and the policy refuses.
    """
    parts = [_slot(chunk, slot, policy, tally, where) for slot in layout.slots]
    return np.concatenate(parts, axis=1).astype(layout.storage, copy=False)


def _slot(chunk: EventChunk, slot: ObjectSlot, policy: OutOfRange, tally: RangeTally, where: str) -> Counts:
    counts = chunk.counts[slot.kind]
    if counts.shape[1] < slot.multiplicity:
        raise InputError(
            f"{where}: the layout wants {slot.multiplicity} objects of kind {slot.kind!r}, the file has room for "
            f"{counts.shape[1]}; choose a layout with at most that many."
        )
    counts = counts[:, : slot.multiplicity, [FEATURES.index(feature) for feature in slot.features]]
    for i, feature in enumerate(slot.features):
        low, high = slot.types[i].min_int, slot.types[i].max_int
        values = counts[:, :, i]
        if values.size and (values.min() < low or values.max() > high):
            _report(values, low, high, (slot.kind, feature), policy, tally, where)
            counts[:, :, i] = np.clip(values, low, high) if policy is OutOfRange.CLIP else (values - low) % (high - low + 1) + low
    return counts.reshape(len(counts), -1)


def _report(
    values: Counts, low: int, high: int, column: tuple[str, str], policy: OutOfRange, tally: RangeTally, where: str
) -> None:
    outside = int(np.count_nonzero((values < low) | (values > high)))
    if policy is OutOfRange.REFUSE:
        raise InputError(
            f"{where}: {outside} values of {column[0]} {column[1]} are outside the hardware range [{low}, {high}] "
            f"(they span [{values.min()}, {values.max()}]); set data.out_of_range to 'clip' or 'wrap' if that is what the hardware does."
        )
    tally.add(f"{column[0]}.{column[1]}", outside)


def counts_from_physical(objects: NDArray[Any], slot: ObjectSlot, where: str, name: str) -> Counts:
    """Round physical values to a slot's counts.

    Args:
        objects: GeV, η and rad in the last axis, ``(n_events, m, 3)``; pt 0 is an absent object.
        slot: gives the size of a count and the counts in a turn.
        where: the file, for messages.
        name: the data set in it, for messages.

    Returns:
        Counts of pt, η and φ, ``(n_events, m, 3)``; features the slot does not have stay 0, and so does an absent object.

    Raises:
        InputError: NaN, infinity or a negative pt.
    """
    check_physical(objects, where, name)
    counts = np.zeros(objects.shape, dtype=np.int64)
    for feature, lsb in zip(slot.features, slot.lsb, strict=True):
        i = FEATURES.index(feature)
        scaled = np.multiply(objects[:, :, i], 1.0 / lsb, dtype=np.float64)
        np.rint(scaled, out=scaled)
        counts[:, :, i] = scaled
        if feature == "phi" and slot.phi_period:
            counts[:, :, i] %= slot.phi_period
    counts *= counts[:, :, :1] > 0
    return counts


def check_physical(objects: NDArray[Any], where: str, name: str) -> None:
    """Refuse NaN, infinity and negative transverse momenta.

    Raises:
        InputError: with file, data set, event and value.
    """
    # One sum finds NaN and infinity at the cost of one pass; the slow search runs only to name the event.
    if not np.isfinite(objects.sum()):
        bad = np.argwhere(~np.isfinite(objects))
        if len(bad):
            raise InputError(
                f"{where}: {name!r} has {objects[tuple(bad[0])]} at event {bad[0][0]}; remove such events from the file."
            )
    pt = objects[:, :, 0]
    if pt.size and pt.min() < 0:
        event = int(np.argwhere(pt < 0)[0][0])
        raise InputError(
            f"{where}: {name!r} has the negative pT {pt[event].min():g} at event {event}; remove such events from the file."
        )
