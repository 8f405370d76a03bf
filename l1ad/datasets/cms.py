"""Know the grids of CMS Level-1 objects, and turn stored floats back into the counts they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.datasets.chunk import Counts
from l1ad.datasets.root import Jagged
from l1ad.errors import InputError
from l1ad.layout import ObjectLayout

#: Types of energy sums (cmssw DataFormats/L1Trigger/interface/EtSum.h). Sums are picked by type, never by position.
MISSING_ET = 2


@dataclass(frozen=True, slots=True)
class Grid:
    """Describe how a CMS object's floats follow from its hardware counts.

    Attributes:
        pt_gev: size of a pt count.
        pt_shift: counts above the float: muon pt is (hwPt - 1) / 2, so that 0 means no muon.
        eta: size of an η count.
        phi: size of a φ count as the floats were made; the calorimeter's is 0.0435, not 2π/144.
        phi_period: counts in a turn.
    """

    pt_gev: float
    pt_shift: int
    eta: float
    phi: float
    phi_period: int


CALORIMETER = Grid(0.5, 0, 0.0435, 0.0435, 144)
MUON = Grid(0.5, 1, 0.010875, 2 * np.pi / 576, 576)

#: CMS collections by a layout's kinds; 'electron' is what the 40 MHz layout calls e/γ.
KINDS: dict[str, tuple[str, Grid]] = {
    "jet": ("jet", CALORIMETER),
    "eg": ("eg", CALORIMETER),
    "electron": ("eg", CALORIMETER),
    "tau": ("tau", CALORIMETER),
    "muon": ("muon", MUON),
    "met": ("sum", CALORIMETER),
}


def check_layout(layout: ObjectLayout, where: str) -> None:
    """Refuse a layout that has objects CMS Level 1 has not, or another grid.

    Raises:
        InputError: names the kind.
    """
    for slot in layout.slots:
        if slot.kind not in KINDS:
            raise InputError(
                f"Layout {layout.name!r} wants objects of kind {slot.kind!r}, {where} has {tuple(KINDS)!r}; use 'axol1tl57'."
            )
        grid = KINDS[slot.kind][1]
        if slot.phi_period not in (None, grid.phi_period):
            raise InputError(
                f"Layout {layout.name!r} has {slot.phi_period} φ counts for {slot.kind!r}, {where} has {grid.phi_period}; "
                "use a layout on the CMS grid, as 'axol1tl57'."
            )


def counts_from_floats(
    pt: NDArray[Any], eta: NDArray[Any] | None, phi: NDArray[Any], grid: Grid, where: str, name: str
) -> Counts:
    """Invert the float scales exactly.

    Args:
        pt: GeV, ``(n_events, m)``; 0 is no object.
        eta: η, or None for sums.
        phi: rad.
        grid: the object's grid.
        where: the file, for messages.
        name: the collection, for messages.

    Returns:
        Counts of pt, η and φ, ``(n_events, m, 3)``.

    Raises:
        InputError: a value is not finite, negative, or farther than a tenth of a count from the grid.
    """
    there = pt > 0
    counts = np.zeros((*pt.shape, 3), dtype=np.int64)
    columns = ((0, pt, grid.pt_gev), (2, phi, grid.phi)) + (((1, eta, grid.eta),) if eta is not None else ())
    for i, values, lsb in columns:
        scaled = np.where(there, values, 0).astype(np.float64) / lsb
        with np.errstate(invalid="ignore"):
            distance = np.abs(scaled - np.rint(scaled))
        # Not finite gives NaN, which is not near anything. Emulated zeros are stored as 1e-6.
        off = ~(distance < 0.1)
        if off.any() or (pt < 0).any():
            event = int(np.argwhere(off | (pt < 0))[0][0])
            raise InputError(
                f"{where}: {name!r} is not on the hardware grid at event {event} (wanted multiples of {lsb:g}); give Level-1 objects."
            )
        counts[:, :, i] = np.rint(scaled)
    counts[:, :, 0] += grid.pt_shift * there
    counts[:, :, 2] %= grid.phi_period
    counts[counts[:, :, 0] == 0] = 0
    return counts


def counts_from_hardware(values: Mapping[str, NDArray[Any]], grid: Grid, where: str, name: str) -> Counts:
    """Stack integer values.

    Args:
        values: hardware values by feature, ``(n_events, m)``: pt, eta (not for sums), phi.
        grid: the object's grid.
        where: the file, for messages.
        name: the collection, for messages.

    Returns:
        Counts, ``(n_events, m, 3)``; φ is brought into one turn, absent objects are zero.

    Raises:
        InputError: a negative pt.
    """
    first = values["pt"]
    counts = np.zeros((*first.shape, 3), dtype=np.int64)
    for i, feature in enumerate(("pt", "eta", "phi")):
        if feature in values:
            counts[:, :, i] = values[feature]
    if first.size and first.min() < 0:
        event = int(np.argwhere(first < 0)[0][0])
        raise InputError(
            f"{where}: {name!r} has the negative pT {first[event].min()} at event {event}; remove such events from the file."
        )
    counts[:, :, 2] %= grid.phi_period
    counts *= counts[:, :, :1] > 0
    return counts


@dataclass(frozen=True, slots=True)
class Collection:
    """Name the branches of one collection: hardware values where the file has them, else floats.

    Attributes:
        name: for messages.
        kind: a layout's kind.
        hardware: branches by feature, or empty.
        floats: branches by feature, or empty.
        crossing: branch of the bunch crossing, or None when only crossing 0 is stored.
        sum_type: branch of the sum's type, for sums.
    """

    name: str
    kind: str
    hardware: Mapping[str, str]
    floats: Mapping[str, str]
    crossing: str | None = None
    sum_type: str | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """Give the branches to read."""
        used = self.hardware or self.floats
        extra = (name for name in (self.crossing, self.sum_type) if name is not None)
        return (*used.values(), *extra)

    def counts(self, flats: Mapping[str, tuple[Counts, NDArray[Any]]], places: int, where: str) -> Counts:
        """Make counts of the objects of crossing 0, for sums those of missing E_T.

        Args:
            flats: how many values each event has, and all of them, by branch.
            places: how many objects are wanted.
            where: the file, for messages.

        Raises:
            InputError: branches differ in length, an event without missing E_T, or values off the grid.
        """
        numbers = flats[self.branches[0]][0]
        for branch in self.branches:
            if not np.array_equal(flats[branch][0], numbers):
                raise InputError(
                    f"{where}: branches {self.branches[0]!r} and {branch!r} have different numbers of objects; the file is damaged."
                )
        jagged = Jagged.of(numbers, places, self._kept(flats))
        if self.sum_type is not None and not np.array_equal(jagged.event, np.arange(len(numbers))):
            raise InputError(
                f"{where}: {self.sum_type!r} must have missing E_T (type {MISSING_ET}) once in each event at bunch crossing 0."
            )
        grid = KINDS[self.kind][1]
        if self.hardware:
            return counts_from_hardware({f: jagged.fill(flats[b][1]) for f, b in self.hardware.items()}, grid, where, self.name)
        values = {feature: jagged.fill(flats[branch][1]) for feature, branch in self.floats.items()}
        return counts_from_floats(values["pt"], values.get("eta"), values["phi"], grid, where, self.name)

    def _kept(self, flats: Mapping[str, tuple[Counts, NDArray[Any]]]) -> NDArray[np.bool_] | None:
        kept = None
        if self.crossing is not None:
            kept = flats[self.crossing][1] == 0
        if self.sum_type is not None:
            missing = flats[self.sum_type][1] == MISSING_ET
            kept = missing if kept is None else kept & missing
        return kept
