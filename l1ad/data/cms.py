"""The grids of CMS Level-1 objects, and the way from stored floats back into the counts they came from."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout, ObjectSlot
from l1ad.data.chunk import Counts, wrap, wrap_half
from l1ad.data.formats import Reading
from l1ad.data.root import Jagged

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
#: Objects of a crossing that the Global Trigger gets at most (CMS, JINST 15 (2020) P10017); sums are one by type.
MOST = {"jet": 12, "eg": 12, "tau": 12, "muon": 8, "sum": 1}


def check_layout(layout: ObjectLayout, where: str) -> None:
    """Refuse a layout that has objects CMS Level 1 has not, or another grid.

    Raises:
        InputError: names the kind.
    """
    for slot in layout.slots:
        if slot.kind not in KINDS:
            raise InputError(
                f"Layout {layout.name!r} needs objects of kind {slot.kind!r}, {where} has {tuple(KINDS)!r}; use 'axol1tl57'."
            )
        grid = KINDS[slot.kind][1]
        if slot.phi_period not in (None, grid.phi_period):
            raise InputError(
                f"Layout {layout.name!r} has {slot.phi_period} φ counts for {slot.kind!r}, {where} has {grid.phi_period}; "
                "use a layout on the CMS grid, as 'axol1tl57'."
            )
        _check_steps(slot, grid, f"Layout {layout.name!r}", where)


def _check_steps(slot: ObjectSlot, grid: Grid, layout: str, where: str) -> None:
    """Refuse a slot whose counts mean other values than the file's, which are filled in as they are."""
    steps = {"pt": (grid.pt_gev, "GeV"), "eta": (grid.eta, ""), "phi": (2 * np.pi / grid.phi_period, "rad")}
    for feature, lsb in zip(slot.features, slot.lsb, strict=True):
        wanted, unit = steps[feature]
        if abs(lsb / wanted - 1) > _STEP_TOLERANCE:
            raise InputError(
                f"{layout} has a step of {lsb:g} for {feature} of {slot.kind!r}, {where} has counts of {wanted:g} {unit}".rstrip()
                + f"; set lsb to {wanted:g} (offsets and shifts for another step are to be converted, see docs/import.md)."
            )


#: Relative difference between a layout's step and the file's: φ is written as 0.0435 and as 2π/144.
_STEP_TOLERANCE = 0.01

#: Says where bad values are: given a feature and which of its values are bad, the file, the branch and the first such event.
Blame = Callable[[str, NDArray[np.bool_]], str]


def counts_from_floats(values: Mapping[str, NDArray[Any]], grid: Grid, blame: Blame) -> dict[str, Counts]:
    """Invert the float scales exactly.

    Args:
        values: by feature, pt in GeV, η (not for sums) and φ in rad of objects one after another, ``(n,)``; pt 0 is not an object.
        grid: the objects' grid.
        blame: for messages.

    Returns:
        Counts by feature, ``(n,)``.

    Raises:
        InputError: a value is not finite, negative, or farther than a tenth of a count from the grid.
    """
    pt = values["pt"]
    there = pt > 0
    counts = {}
    for feature in (name for name in FEATURES if name in values):
        physical = np.where(there, values[feature], 0).astype(np.float64)
        forms = list(_forms(feature, physical, grid))
        # Not finite gives NaN, which is not near anything. Emulated zeros are stored as 1e-6.
        with np.errstate(invalid="ignore"):
            near = [np.abs(form - np.rint(form)) < 0.1 for form in forms]
        off = ~np.any(near, axis=0) | (pt < 0)
        if off.any():
            step = grid.pt_gev if feature == "pt" else getattr(grid, feature)
            raise InputError(
                f"{blame(feature, off)} is not on the hardware grid (expected multiples of {step:g}); give Level-1 objects."
            )
        counts[feature] = np.rint(np.select(near, forms)).astype(np.int32)
    wrap(counts["phi"], grid.phi_period)
    counts["pt"] += (grid.pt_shift * there).astype(np.int32)
    return counts


def _forms(feature: str, physical: NDArray[np.float64], grid: Grid) -> Iterator[NDArray[np.float64]]:
    """Return what a float may be in counts; where several are near a whole number, they are near the same one, but for turns of φ.

    CMSSW stores the calorimeter's φ as hwPhi × 0.0435, less 2π from π on, and 2π is 144.44 of these counts; other writers take 144 counts
    off. Level-1 scouting has φ on the true grid of 2π/144.
    """
    if feature == "pt":
        yield physical / grid.pt_gev
    elif feature == "eta":
        yield physical / grid.eta
    else:
        turn = np.where(np.abs(physical) <= 2 * np.pi, physical, np.nan)
        yield turn / grid.phi
        yield turn % (2 * np.pi) / grid.phi
        yield turn / (2 * np.pi) * grid.phi_period


def counts_from_hardware(values: Mapping[str, NDArray[Any]], grid: Grid, blame: Blame) -> dict[str, Counts]:
    """Check integer values.

    Args:
        values: hardware values by feature of objects one after another, ``(n,)``: pt, eta (not for sums), phi.
        grid: the objects' grid.
        blame: for messages.

    Returns:
        Counts by feature, ``(n,)``.

    Raises:
        InputError: a negative pt, or values that are not integers.
    """
    for feature, column in values.items():
        if column.dtype.kind == "f" and column.size:
            everywhere = np.ones(len(column), dtype=bool)
            raise InputError(
                f"{blame(feature, everywhere)} has hardware values that are stored as floats; write them as integers."
            )
    pt = values["pt"]
    if pt.size and pt.min() < 0:
        raise InputError(f"{blame('pt', pt < 0)} has the negative pT {pt[pt < 0][0]}; remove such events from the file.")
    # Narrow values stay narrow: what is moved later is half as much. A turn added to a negative φ cannot leave 16 bits.
    dtype = np.int16 if all(np.can_cast(column.dtype, np.int16) for column in values.values()) else np.int32
    counts = {feature: column.astype(dtype) for feature, column in values.items()}
    wrap_half(counts["phi"], grid.phi_period)
    return counts


def at_vertex(stem: str, branches: Mapping[str, str], names: Container[str]) -> dict[str, str]:
    """Return the branches of muons' η and φ extrapolated to the vertex, which the Global Trigger uses, where the file has both.

    Args:
        stem: the collection's name; only muons have such coordinates.
        branches: what they would be called, by feature.
        names: the file's branches.
    """
    return dict(branches) if stem in ("muon", "Mu") and all(name in names for name in branches.values()) else {}


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
        emulated: where the file has emulated objects of this kind, if these are not, for messages.
    """

    name: str
    kind: str
    hardware: Mapping[str, str]
    floats: Mapping[str, str]
    crossing: str | None = None
    sum_type: str | None = None
    emulated: str = ""

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches to read."""
        used = self.hardware or self.floats
        extra = (name for name in (self.crossing, self.sum_type) if name is not None)
        return (*used.values(), *extra)

    def counts(
        self, flats: Mapping[str, tuple[Counts, NDArray[Any]]], places: int, reading: Reading, where: str, first: int
    ) -> Counts:
        """Make counts of the objects of crossing 0, for sums those of missing E_T.

        Args:
            flats: how many values each event has, and all of them, by branch.
            places: how many objects the layout has places for.
            reading: what is read of the file beside them.
            where: the file, for messages.
            first: number of the first event, for messages.

        Raises:
            InputError: branches differ in length, an event without missing E_T or with more objects than Level 1 sends, or values off
                the grid.
        """
        numbers = flats[self.branches[0]][0]
        for branch in self.branches[1:]:
            if not np.array_equal(flats[branch][0], numbers):
                raise InputError(
                    f"{where}: branches {self.branches[0]!r} and {branch!r} have different numbers of objects; the file is damaged."
                )
        jagged = Jagged.of(numbers, places, self._kept(flats, where), beyond_places=reading.beyond_places)
        if self.kind == "met" and not reading.mark_incomplete and not jagged.counts.all():
            raise InputError(
                f"{where}: event {first + int(jagged.counts.argmin())} has no missing E_T{self._of_type} at bunch "
                f"crossing 0; {self._instead}set data.select.incomplete to 'drop' to leave such events out."
            )
        if (most := jagged.counts.max(initial=0)) > MOST[KINDS[self.kind][0]]:
            event = first + int(jagged.counts.argmax())
            raise InputError(
                f"{where}: {self.name!r} has {most} objects of bunch crossing 0 at event {event}, Level 1 sends at most "
                f"{MOST[KINDS[self.kind][0]]}; give Level-1 objects as the hardware or its emulator made them."
            )
        return self._rectangle(jagged, flats, where, first)

    @property
    def _of_type(self) -> str:
        return f" (type {MISSING_ET} in {self.sum_type!r})" if self.sum_type else ""

    @property
    def _instead(self) -> str:
        """What else the file has, for messages."""
        return f"'data.objects: emulated' reads {self.emulated!r}, which is there too, or " if self.emulated else ""

    def lacking(self, flats: Mapping[str, tuple[Counts, NDArray[Any]]], where: str) -> NDArray[np.bool_] | None:
        """Return which events have no object of crossing 0, ``(n_events,)``, or None if all have one."""
        none = Jagged.of(flats[self.branches[0]][0], 1, self._kept(flats, where)).counts == 0
        return none if none.any() else None

    def _rectangle(self, jagged: Jagged, flats: Mapping[str, tuple[Counts, NDArray[Any]]], where: str, first: int) -> Counts:
        """Convert the objects that have a place, and put each feature into a rectangle of zeros."""
        grid, branches = KINDS[self.kind][1], self.hardware or self.floats
        picked = {feature: jagged.pick(flats[branch][1]) for feature, branch in branches.items()}

        def blame(feature: str, bad: NDArray[np.bool_]) -> str:
            return f"{where}: branch {branches[feature]!r} at event {first + jagged.event[bad][0]}"

        counts = counts_from_hardware(picked, grid, blame) if self.hardware else counts_from_floats(picked, grid, blame)
        present = (counts["pt"] > 0).astype(counts["pt"].dtype)
        out = np.zeros((jagged.n_events, jagged.places, len(FEATURES)), dtype=counts["pt"].dtype)
        for feature, column in counts.items():
            out.reshape(-1, len(FEATURES))[jagged.target, FEATURES.index(feature)] = column * present
        return out

    def _kept(self, flats: Mapping[str, tuple[Counts, NDArray[Any]]], where: str) -> NDArray[np.bool_] | None:
        kept = None
        if self.crossing is not None:
            crossing = flats[self.crossing][1]
            # Some are stored as floats; one that is not finite is in no crossing, and its object would be lost without a word.
            if crossing.dtype.kind == "f" and not np.isfinite(crossing).all():
                raise InputError(
                    f"{where}: branch {self.crossing!r} has a bunch crossing that is not finite; the file is damaged."
                )
            kept = crossing == 0
        if self.sum_type is not None:
            missing = flats[self.sum_type][1] == MISSING_ET
            kept = missing if kept is None else kept & missing
        return kept


def incomplete(
    collections: Mapping[str, Collection], flats: Mapping[str, tuple[Counts, NDArray[Any]]], reading: Reading, where: str
) -> NDArray[np.bool_] | None:
    """Return which events have no missing E_T, ``(n_events,)``, or None if all have it or nobody asked."""
    if not reading.mark_incomplete or "met" not in collections:
        return None
    return collections["met"].lacking(flats, where)
