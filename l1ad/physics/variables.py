"""Compute the plain variables that a trigger could cut on instead of a score, from hardware integers."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.layout import ObjectLayout

_JETS = ("jet",)
_MISSING = ("met", "etmiss")


class Cut(enum.Enum):
    """Name a variable to cut on."""

    MET = "MET"
    HT = "HT"
    LEADING_PT = "leading pT"
    MULTIPLICITY = "multiplicity"


def available_cuts(layout: ObjectLayout) -> tuple[Cut, ...]:
    """Give the cuts that a layout has the objects for."""
    kinds = {slot.kind for slot in layout.slots}
    missing = {Cut.MET: _MISSING, Cut.HT: _JETS}
    return tuple(cut for cut in Cut if cut not in missing or kinds & set(missing[cut]))


def cut_variable(layout: ObjectLayout, x_hw: NDArray[Any], cut: Cut) -> FloatArray:
    """Compute a variable for every event, in GeV (multiplicity: a count).

    Args:
        layout: the columns.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        cut: MET; HT, the scalar sum of jet pt; the largest pt of any object but MET; the number of objects but MET.

    Returns:
        float64, shape ``(n_events,)``; exact multiples of the hardware step.

    Raises:
        LayoutError: the layout does not have the objects.
    """
    match cut:
        case Cut.MET:
            return _sum(layout, x_hw, _present_kinds(layout, _MISSING, cut))
        case Cut.HT:
            return _sum(layout, x_hw, _present_kinds(layout, _JETS, cut))
        case Cut.LEADING_PT:
            return pt_gev(layout, x_hw, object_kinds(layout)).max(axis=1)
        case Cut.MULTIPLICITY:
            return multiplicity(layout, x_hw).astype(np.float64)


def object_kinds(layout: ObjectLayout) -> tuple[str, ...]:
    """Give the kinds of countable objects: all but missing energy."""
    return tuple(slot.kind for slot in layout.slots if slot.kind not in _MISSING)


def _present_kinds(layout: ObjectLayout, kinds: tuple[str, ...], cut: Cut) -> tuple[str, ...]:
    found = tuple(slot.kind for slot in layout.slots if slot.kind in kinds)
    if not found:
        raise LayoutError(f"Layout {layout.name!r} has nothing to compute {cut.value} from; leave this cut out.")
    return found


def _sum(layout: ObjectLayout, x_hw: NDArray[Any], kinds: tuple[str, ...]) -> FloatArray:
    return pt_gev(layout, x_hw, kinds).sum(axis=1)


def pt_gev(layout: ObjectLayout, x_hw: NDArray[Any], kinds: tuple[str, ...]) -> FloatArray:
    """Give the pt of every place of some kinds in GeV, shape ``(n_events, n_places)``; 0 where nothing is."""
    columns = [i for i, column in enumerate(layout.columns) if column.feature == "pt" and column.kind in kinds]
    lsb = np.array([layout.columns[i].lsb for i in columns])
    return np.asarray(x_hw)[:, columns].astype(np.float64) * lsb


def multiplicity(layout: ObjectLayout, x_hw: NDArray[Any], kind: str | None = None) -> IntArray:
    """Count the objects that are there (pt not 0), of one kind or of all but missing energy; shape ``(n_events,)``."""
    kinds = object_kinds(layout) if kind is None else (kind,)
    columns = [i for i, column in enumerate(layout.columns) if column.feature == "pt" and column.kind in kinds]
    return np.count_nonzero(np.asarray(x_hw)[:, columns], axis=1).astype(np.int64)
