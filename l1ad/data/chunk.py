"""A chunk of events as integer counts of each kind of object, and fit it into a layout's columns."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.choices import OutOfRange
from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout, ObjectSlot

#: Hardware counts, of 16 to 64 bits, signed.
Counts = NDArray[Any]
_INT32 = np.iinfo(np.int32)
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class EventChunk:
    """Some events of a file.

    Attributes:
        counts: by object kind, hardware counts of pt, η and φ, ``(n_events, m, 3)``; absent objects are zero.
        columns: per-event columns by their name in a dataset, ``(n_events,)``.
        first: number of the first event in its file.
        incomplete: which events lack missing E_T, ``(n_events,)``, or None where all have it.
    """

    counts: Mapping[str, Counts]
    columns: Mapping[str, NDArray[Any]]
    first: int = 0
    incomplete: NDArray[np.bool_] | None = None

    @property
    def n_events(self) -> int:
        """The number of events."""
        return len(next(iter(self.counts.values())))

    def first_events(self, n_events: int) -> EventChunk:
        """Return the first events only."""
        return EventChunk(
            {kind: counts[:n_events] for kind, counts in self.counts.items()},
            {name: values[:n_events] for name, values in self.columns.items()},
            self.first,
            None if self.incomplete is None else self.incomplete[:n_events],
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
        layout: the requested columns.
        policy: what happens to counts outside a column's type.
        tally: counts them.
        where: the file, for messages.

    Returns:
        Hardware integers, ``(n_events, n_columns)``, of the layout's storage type.

    Raises:
        InputError: the file has no such object, or fewer places for it than the layout, or counts outside and the policy refuses.
    """
    kinds = [chunk.counts[slot.kind].dtype for slot in layout.slots]
    x_hw = np.empty((chunk.n_events, layout.n_columns), dtype=np.result_type(layout.storage, *kinds))
    columns = 0
    for slot in layout.slots:
        width = slot.multiplicity * len(slot.features)
        _put(chunk, slot, x_hw[:, columns : columns + width].reshape(-1, slot.multiplicity, len(slot.features)), where)
        columns += width
    if chunk.n_events:
        _hold(x_hw, layout, policy, tally, where)
    return x_hw.astype(layout.storage, copy=False)


def _put(chunk: EventChunk, slot: ObjectSlot, place: Counts, where: str) -> None:
    counts = chunk.counts[slot.kind]
    if counts.shape[1] < slot.multiplicity:
        raise InputError(
            f"{where}: the layout needs {slot.multiplicity} objects of kind {slot.kind!r}, the file has room for "
            f"{counts.shape[1]}; choose a layout with at most that many."
        )
    if slot.features == FEATURES and counts.flags.c_contiguous:
        # Whole objects lie together: one copy of long runs instead of three of scattered numbers.
        place[...] = counts[:, : slot.multiplicity]
        return
    for i, feature in enumerate(slot.features):
        place[:, :, i] = counts[:, : slot.multiplicity, FEATURES.index(feature)]


def _hold(x_hw: Counts, layout: ObjectLayout, policy: OutOfRange, tally: RangeTally, where: str) -> None:
    """Bring counts into their columns' ranges, in place; one look at all columns at once finds those that are outside."""
    low, high = _bounds(layout)
    lowest, highest = _extremes(x_hw)
    outside = (lowest < low) | (highest > high)
    if not outside.any():
        return
    groups = {(layout.columns[i].kind, layout.columns[i].feature) for i in np.flatnonzero(outside)}
    for kind, feature in sorted(groups):
        places = layout.feature_columns(feature, kind)
        values, least, most = x_hw[:, places].astype(np.int64), int(low[places[0]]), int(high[places[0]])
        _report(values, least, most, (kind, feature), policy, tally, where)
        held = np.clip(values, least, most) if policy is OutOfRange.CLIP else (values - least) % (most - least + 1) + least
        x_hw[:, places] = held


def _extremes(x_hw: Counts) -> tuple[Counts, Counts]:
    """Return the least and greatest count of every column; rows are taken many at once, because short ones are compared slowly."""
    whole = len(x_hw) // _ROWS_AT_ONCE * _ROWS_AT_ONCE
    wide, rest = x_hw[:whole].reshape(-1, _ROWS_AT_ONCE * x_hw.shape[1]), x_hw[whole:]
    if not whole:
        return rest.min(axis=0), rest.max(axis=0)
    narrow = (-1, x_hw.shape[1])
    least, most = wide.min(axis=0).reshape(narrow), wide.max(axis=0).reshape(narrow)
    return np.vstack([least, rest]).min(axis=0), np.vstack([most, rest]).max(axis=0)


@functools.lru_cache(maxsize=8)
def _bounds(layout: ObjectLayout) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the least and greatest count of every column; φ ends with its turn, which can be before its type does."""
    columns = layout.columns
    highest = {(slot.kind, "phi"): slot.phi_period - 1 for slot in layout.slots if slot.phi_period}
    high = [min(column.type.max_int, highest.get((column.kind, column.feature), column.type.max_int)) for column in columns]
    return np.array([column.type.min_int for column in columns]), np.array(high)


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


def counts_from_physical(objects: NDArray[Any], slot: ObjectSlot, where: str, name: str, first: int = 0) -> Counts:
    """Round physical values to a slot's counts.

    Args:
        objects: GeV, η and rad in the last axis, ``(n_events, m, 3)``; pt 0 is an absent object.
        slot: gives the size of a count and the counts in a turn.
        where: the file, for messages.
        name: the data set in it, for messages.
        first: number of the first event, for messages.

    Returns:
        Counts of pt, η and φ, ``(n_events, m, 3)``; features the slot does not have stay 0, and so does an absent object.

    Raises:
        InputError: NaN, infinity or a negative pt.
    """
    check_physical(objects, where, name, first)
    return rounded(objects, *steps_of(slot))


def steps_of(slot: ObjectSlot) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return what `rounded` needs for a slot: counts in a unit of each feature ``(3, 1)`` and φ counts in a turn ``(1,)``."""
    lsb = dict(zip(slot.features, slot.lsb, strict=True))
    steps = [[1.0 / lsb[feature]] if feature in lsb else [0.0] for feature in FEATURES]
    return np.array(steps), np.array([slot.phi_period or _INT32.max], dtype=np.int32)


def rounded(objects: NDArray[Any], steps: NDArray[np.float64], periods: NDArray[np.int32]) -> Counts:
    """Round finite physical values to counts; φ of a turn below or above 0 is brought into it, objects without pt are cleared.

    Args:
        objects: GeV, η and rad first in the last axis, ``(n_events, m, 3 or more)``.
        steps: counts in a unit of each feature, ``(3, m or 1)``.
        periods: φ counts in a turn, ``(m or 1,)``.

    Returns:
        Counts in 32 bits, ``(n_events, m, 3)``: a view of features one after another, which is the faster order to compute in.
    """
    shape = objects.shape[:2]
    # Places one after another in memory, where the objects have them so.
    by_place = objects.strides[0] < objects.strides[1]
    counts = np.empty((len(FEATURES), *(shape[::-1] if by_place else shape)), dtype=np.int32)
    counts = counts.swapaxes(1, 2) if by_place else counts
    for i in range(len(FEATURES)):
        scaled = np.multiply(objects[:, :, i], steps[i], dtype=np.float64)
        np.rint(scaled, out=scaled)
        # What is within 32 bits need not be clipped; NaN is neither.
        if not (scaled.min(initial=0) >= _INT32.min and scaled.max(initial=0) <= _INT32.max):
            np.clip(scaled, _INT32.min, _INT32.max, out=scaled)
        counts[i] = scaled
    wrap(counts[2], periods)
    counts *= (counts[0] > 0).astype(np.int32)
    return np.moveaxis(counts, 0, 2)


def wrap(phi: Counts, periods: NDArray[np.int32] | int) -> None:
    """Bring φ counts from a turn below or above 0 into the turn, in place; those farther off stay, for `fit` to deal with."""
    phi += (phi < 0).astype(phi.dtype) * np.asarray(periods, dtype=phi.dtype)
    if phi.size and (phi.max(axis=0) >= periods).any():
        phi *= phi != periods


def wrap_half(phi: Counts, period: int) -> None:
    """Add a turn to stored counts that are negative by at most half of one, in place: the one convention beside 0 to a turn.

    Others, as a count above a turn or one that was stored in too few bits, stay for `fit` to deal with.
    """
    phi += ((phi < 0) & (phi >= -(period // 2))).astype(phi.dtype) * np.asarray(period, dtype=phi.dtype)


def clear_unfilled(objects: NDArray[np.float64]) -> None:
    """Make absent, in place, objects whose pt is NaN, and those without pt whose η or φ is: so GELATO's files mark what is not there.

    Args:
        objects: pt, η and φ in the last axis, ``(n_events, m, 3)``; an object that has pt keeps its NaN.
    """
    if not np.isfinite(objects.sum()):
        objects[np.isnan(objects[:, :, 0]) | (objects[:, :, 0] == 0)] = 0.0


def check_physical(objects: NDArray[Any], where: str, name: str, first: int = 0) -> None:
    """Refuse NaN, infinity and negative transverse momenta.

    Raises:
        InputError: with file, data set, event and value.
    """
    # One sum finds NaN and infinity at the cost of one pass; the slow search runs only to name the event.
    if not np.isfinite(objects.sum()):
        bad = np.argwhere(~np.isfinite(objects))
        if len(bad):
            raise InputError(
                f"{where}: {name!r} has {objects[tuple(bad[0])]} at event {first + bad[0][0]}; remove such events from the file."
            )
    pt = objects[:, :, 0]
    if pt.size and pt.min() < 0:
        event = int(np.argwhere(pt < 0)[0][0])
        raise InputError(
            f"{where}: {name!r} has the negative pT {pt[event].min():g} at event {first + event}; remove such events from the file."
        )
