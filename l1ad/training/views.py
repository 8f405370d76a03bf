"""Make another view of an event, for an encoder that is to give both the same: what a trigger must not depend on is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.training.mixing import hardest_first

#: Standard deviation of the factor on each momentum.
SMEAR = 0.1
#: Part of the objects that is lost; missing energy never is.
LOST = 0.1


def views(layout: ObjectLayout, x_hw: NDArray[Any], seed: int) -> IntArray:
    """Make one more view of each event.

    All of it is turned by one angle, half of the events are reflected in eta, every momentum is smeared, and some objects are lost; those of a
    kind stay sorted.

    Args:
        layout: the columns.
        x_hw: hardware integers ``(n_events, n_columns)``.
        seed: decides everything.

    Returns:
        Hardware integers in the layout's range, the same shape.
    """
    random, out = np.random.default_rng([seed, 11]), np.array(x_hw, dtype=np.int64)
    turn, side = random.random((len(out), 1)), np.where(random.random((len(out), 1)) < 0.5, -1, 1)
    for slot in layout.slots:
        columns = layout.slot_columns(slot.kind)
        objects = out[:, columns].reshape(len(out), slot.multiplicity, len(slot.features))
        out[:, columns] = _view(slot, objects, turn, side, random).reshape(len(out), -1)
    return out


def _view(slot: ObjectSlot, objects: IntArray, turn: NDArray[Any], side: NDArray[Any], random: np.random.Generator) -> IntArray:
    pt = slot.features.index("pt")
    there = objects[..., pt] > 0
    lost = (random.random(there.shape) < LOST) & (slot.kind != "met")
    factor = 1.0 + SMEAR * random.standard_normal(there.shape)
    objects[..., pt] = np.clip(np.rint(objects[..., pt] * factor), 1, slot.types[pt].max_int)
    if "eta" in slot.features:
        i = slot.features.index("eta")
        objects[..., i] = np.clip(objects[..., i] * side, slot.types[i].min_int, slot.types[i].max_int)
    if "phi" in slot.features and slot.phi_period:
        i = slot.features.index("phi")
        objects[..., i] = np.mod(objects[..., i] + np.rint(turn * slot.phi_period).astype(np.int64), slot.phi_period)
    objects[~there | lost] = 0
    return hardest_first(slot, objects)
