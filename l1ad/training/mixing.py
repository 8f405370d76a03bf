"""Make rare events out of background: overlay several and scale their momenta, in hardware integers.

A student that learns a teacher's score must see the tail, where triggers cut and background is scarce. Signals are never used:
every object of a mixed event comes from background.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout, ObjectSlot

#: Most events that are overlaid.
MOST = 4
#: Largest factor on the momenta of a mixed event; half of them are scaled.
LARGEST_FACTOR = 4.0


def mixed_events(layout: ObjectLayout, x_hw: NDArray[Any], n_events: int, seed: int) -> IntArray:
    """Make mixed events.

    Each starts from a background event; up to three more are laid over it. In half of the results each of these has some kind of object
    in it, in the others all have the same kind, so that several rare objects meet. Half get their momenta scaled by a common factor.

    Args:
        layout: the columns.
        x_hw: background, hardware integers ``(n, n_columns)``.
        n_events: how many to make.
        seed: decides everything.

    Returns:
        Hardware integers in the layout's range, ``(n_events, n_columns)``.
    """
    random = np.random.default_rng([seed, 7])
    pools = [rows for slot in layout.slots if len(rows := _events_with(layout, slot, x_hw))]
    mixed = np.asarray(x_hw[random.integers(0, len(x_hw), n_events)], dtype=np.int64)
    n_overlaid = random.integers(0, MOST, n_events)
    alike = random.random(n_events) < 0.5
    own = random.integers(0, max(len(pools), 1), n_events)
    for turn in range(1, MOST):
        chosen = np.flatnonzero(n_overlaid >= turn)
        kinds = np.where(alike[chosen], own[chosen], random.integers(0, max(len(pools), 1), len(chosen)))
        for kind, rows in enumerate(pools):
            here = chosen[kinds == kind]
            mixed[here] = overlaid(layout, mixed[here], x_hw[rows[random.integers(0, len(rows), len(here))]])
    factor = np.where(random.random(n_events) < 0.5, 1.0, np.exp(random.uniform(0.0, np.log(LARGEST_FACTOR), n_events)))
    return _scaled(layout, mixed, factor)


def _events_with(layout: ObjectLayout, slot: ObjectSlot, x_hw: NDArray[Any]) -> IntArray:
    column = layout.slot_columns(slot.kind).start + slot.features.index("pt")
    return np.flatnonzero(x_hw[:, column] != 0)


def overlaid(layout: ObjectLayout, first: NDArray[Any], second: NDArray[Any]) -> IntArray:
    """Lay events over one another: of each kind the hardest objects stay, missing energies are added as vectors, regions of a calorimeter as numbers.

    Args:
        layout: the columns.
        first: hardware integers ``(n, n_columns)``.
        second: the same shape.

    Returns:
        The same shape, int64.
    """
    out = np.zeros(first.shape, dtype=np.int64)
    for slot in layout.slots:
        columns = layout.slot_columns(slot.kind)
        shape = (len(first), slot.multiplicity, len(slot.features))
        a = np.asarray(first[:, columns], dtype=np.int64).reshape(shape)
        b = np.asarray(second[:, columns], dtype=np.int64).reshape(shape)
        out[:, columns] = _joined(slot, a, b).reshape(len(first), -1)
    return out


def _joined(slot: ObjectSlot, a: IntArray, b: IntArray) -> IntArray:
    if slot.features == ("pt",) and slot.multiplicity > 1:  # without a direction the place is the direction
        return np.minimum(a + b, slot.types[0].max_int)
    return _vector_sum(slot, a, b) if slot.kind == "met" and "phi" in slot.features else _hardest(slot, a, b)


def _hardest(slot: ObjectSlot, a: IntArray, b: IntArray) -> IntArray:
    return hardest_first(slot, np.concatenate([a, b], axis=1))[:, : slot.multiplicity]


def hardest_first(slot: ObjectSlot, objects: IntArray) -> IntArray:
    """Sort the objects of each event by pt, ``(n_events, n_objects, n_features)``; equal ones stay in order."""
    order = np.argsort(-objects[..., slot.features.index("pt")], axis=1, kind="stable")
    return np.take_along_axis(objects, order[..., np.newaxis], axis=1)


def _vector_sum(slot: ObjectSlot, a: IntArray, b: IntArray) -> IntArray:
    pt, phi = slot.features.index("pt"), slot.features.index("phi")
    turn = 2.0 * np.pi / (slot.phi_period or 1)
    total = sum(v[..., pt] * np.exp(1j * turn * v[..., phi]) for v in (a, b))
    out = a.copy()
    out[..., pt] = np.minimum(np.rint(np.abs(total)), slot.types[pt].max_int)
    out[..., phi] = np.mod(np.rint(np.angle(total) / turn), slot.phi_period or 1)
    return out


def _scaled(layout: ObjectLayout, x_hw: IntArray, factor: NDArray[np.float64]) -> IntArray:
    columns = layout.feature_columns("pt")
    top = np.array([layout.columns[i].type.max_int for i in columns])
    x_hw[:, columns] = np.minimum(np.rint(x_hw[:, columns] * factor[:, np.newaxis]), top)
    return x_hw
