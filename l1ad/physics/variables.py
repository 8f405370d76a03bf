"""Compute the plain variables that a trigger could cut on instead of a score, from hardware integers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.core.layout import ObjectLayout

_JETS = ("jet",)
_MISSING = ("met", "etmiss")


class Variable(enum.Enum):
    """Name what a cut looks at."""

    MET = "MET"
    HT = "HT"
    LEADING_PT = "leading pT"
    MULTIPLICITY = "multiplicity"
    SUM_PT = "sum of pT"
    SUM_LOG_PT = "sum of log(1 + pT)"
    PT = "pT"


@dataclass(frozen=True, slots=True)
class Cut:
    """Name a cut; ``kind`` and ``place``, counted from 1, belong to ``Variable.PT``: the pT of a kind's second hardest object."""

    variable: Variable
    kind: str = ""
    place: int = 0

    @property
    def name(self) -> str:
        """Name as tables have it, e.g. ``jet 2 pT``."""
        return f"{self.kind} {self.place} pT" if self.variable is Variable.PT else self.variable.value


MET, HT, MULTIPLICITY = Cut(Variable.MET), Cut(Variable.HT), Cut(Variable.MULTIPLICITY)


def event_cuts(layout: ObjectLayout) -> tuple[Cut, ...]:
    """Return the cuts on a whole event that a layout has the objects for."""
    kinds = {slot.kind for slot in layout.slots}
    missing = {Variable.MET: _MISSING, Variable.HT: _JETS}
    whole = (v for v in Variable if v is not Variable.PT)
    return tuple(Cut(v) for v in whole if v not in missing or kinds & set(missing[v]))


def available_cuts(layout: ObjectLayout) -> tuple[Cut, ...]:
    """Return all cuts that a layout has the objects for: those on the whole event, then on the pT of each kind's places."""
    places = [(slot.kind, place + 1) for slot in layout.slots if slot.kind not in _MISSING for place in range(slot.multiplicity)]
    return event_cuts(layout) + tuple(Cut(Variable.PT, kind, place) for kind, place in places)


def cut_variable(layout: ObjectLayout, x_hw: NDArray[Any], cut: Cut) -> FloatArray:
    """Compute a variable for every event, in GeV (multiplicity: a count; sum of log(1 + pT): none).

    Args:
        layout: the columns.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        cut: MET; HT, the scalar sum of jet pt; the largest pt of any object but MET; the number of objects but MET; the sum over objects
            and MET of pt or of the natural logarithm of 1 + pt in GeV; the pt of a kind's n-th hardest object, 0 where there is none.

    Returns:
        float64, shape ``(n_events,)``.

    Raises:
        LayoutError: the layout does not have the objects.
    """
    match cut.variable:
        case Variable.MET:
            return _sum(layout, x_hw, _present_kinds(layout, _MISSING, cut))
        case Variable.HT:
            return _sum(layout, x_hw, _present_kinds(layout, _JETS, cut))
        case Variable.LEADING_PT:
            return pt_gev(layout, x_hw, object_kinds(layout)).max(axis=1)
        case Variable.MULTIPLICITY:
            return multiplicity(layout, x_hw).astype(np.float64)
        case Variable.SUM_PT:
            return _sum(layout, x_hw, _every_kind(layout))
        case Variable.SUM_LOG_PT:
            return np.log1p(pt_gev(layout, x_hw, _every_kind(layout))).sum(axis=1)
        case Variable.PT:
            return _ordered_pt(layout, x_hw, cut)


def _every_kind(layout: ObjectLayout) -> tuple[str, ...]:
    return tuple(slot.kind for slot in layout.slots)


def _ordered_pt(layout: ObjectLayout, x_hw: NDArray[Any], cut: Cut) -> FloatArray:
    pt = pt_gev(layout, x_hw, _present_kinds(layout, (cut.kind,), cut))
    if not 1 <= cut.place <= pt.shape[1]:
        raise LayoutError(
            f"Layout {layout.name!r} has {pt.shape[1]} places of kind {cut.kind!r}, got {cut.name!r}; leave this cut out."
        )
    return np.sort(pt, axis=1)[:, -cut.place]


def object_kinds(layout: ObjectLayout) -> tuple[str, ...]:
    """Return the kinds of countable objects: all but missing energy."""
    return tuple(slot.kind for slot in layout.slots if slot.kind not in _MISSING)


def _present_kinds(layout: ObjectLayout, kinds: tuple[str, ...], cut: Cut) -> tuple[str, ...]:
    found = tuple(slot.kind for slot in layout.slots if slot.kind in kinds)
    if not found:
        raise LayoutError(f"Layout {layout.name!r} has nothing to compute {cut.name} from; leave this cut out.")
    return found


def _sum(layout: ObjectLayout, x_hw: NDArray[Any], kinds: tuple[str, ...]) -> FloatArray:
    return pt_gev(layout, x_hw, kinds).sum(axis=1)


def pt_gev(layout: ObjectLayout, x_hw: NDArray[Any], kinds: tuple[str, ...]) -> FloatArray:
    """Return the pt of every place of some kinds in GeV, shape ``(n_events, n_places)``; 0 where nothing is."""
    columns = [i for i, column in enumerate(layout.columns) if column.feature == "pt" and column.kind in kinds]
    lsb = np.array([layout.columns[i].lsb for i in columns])
    return np.asarray(x_hw)[:, columns].astype(np.float64) * lsb


def multiplicity(layout: ObjectLayout, x_hw: NDArray[Any], kind: str | None = None) -> IntArray:
    """Count the objects that are there (pt not 0), of one kind or of all but missing energy; shape ``(n_events,)``."""
    kinds = object_kinds(layout) if kind is None else (kind,)
    columns = [i for i, column in enumerate(layout.columns) if column.feature == "pt" and column.kind in kinds]
    return np.count_nonzero(np.asarray(x_hw)[:, columns], axis=1).astype(np.int64)
