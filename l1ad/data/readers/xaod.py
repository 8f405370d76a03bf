"""Read ATLAS xAOD and DAOD files: regions of interest of Level 1 and objects of the software trigger, from their auxiliary stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES, ObjectLayout, ObjectSlot
from l1ad.data import formats
from l1ad.data.chunk import Counts, EventChunk, counts_from_physical
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.muon_roi import muon_pt_gev
from l1ad.data.readers.gelato import LEVEL1, level_sources
from l1ad.data.root import Jagged, branch_names, flat, opened, steps, tree
from l1ad.data.xaod_containers import HLT, NOT_READ, ROIS, Container

TREE = "CollectionTree"
_MEV = 1000.0


_EVENT = {
    "run": ("EventInfo", "runNumber"),
    "lumi": ("EventInfo", "lumiBlock"),
    "event": ("EventInfo", "eventNumber"),
    "pileup": ("EventInfo", "actualInteractionsPerCrossing"),
}


class XaodReader:
    """Read the tree ``CollectionTree``, whose auxiliary stores are split into branches, static or dynamic."""

    format = Format("xaod", "ATLAS xAOD", (Signature(formats.Container.ROOT, (TREE,), order=2),), ("l1topo44", "gelato60"))

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is: which trigger containers it has."""
        with opened(path) as file:
            data = tree(file, TREE, path)
            names = branch_names(data)
            objects = tuple(
                ObjectColumns(f"{level} {kind}", there[0].name, None, there[0].variables)
                for level, group in (("L1", ROIS), ("HLT", HLT))
                for kind, containers in group.items()
                if (there := _present(names, containers)) and _whole(names, there[0])
            )
            columns = tuple(column for column, (container, variable) in _EVENT.items() if _branch(names, container, variable))
            if not objects:
                _refuse_unsplit(
                    names, [container for group in (ROIS, HLT) for some in group.values() for container in some], path
                )
                raise InputError(
                    f"{str(path)!r}: tree {TREE!r} has no trigger container such as 'L1_jFexSRJetRoI'; use a format that keeps them."
                )
            return FileDescription(path, self.format, int(data.num_entries), objects, columns, notes=tuple(_notes(names)))

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once."""
        containers = _containers(layout, path)
        with opened(path) as file:
            data = tree(file, TREE, path)
            names = branch_names(data)
            branches = {kind: _branches(names, some, path) for kind, some in containers.items()}
            columns = {column: branch for column, place in _EVENT.items() if (branch := _branch(names, *place))}
            for first, stop in steps(events or range(data.num_entries), size):
                flats = {kind: _read(data, found, first, stop, path) for kind, found in branches.items()}
                counts = {
                    kind: _counts(flats[kind], found, layout.slot(kind), reading, path, first) for kind, found in branches.items()
                }
                read = {column: data[branch].array(entry_start=first, entry_stop=stop) for column, branch in columns.items()}
                values = event_columns(read, columns, path, slice(first, stop))
                yield EventChunk(counts, values, first, _incomplete(flats, branches, reading, path, first))


def _containers(layout: ObjectLayout, path: Path) -> dict[str, tuple[Container, ...]]:
    sources = level_sources(layout, path)
    level1 = all(LEVEL1.get(kind) is source for kind, source in sources.items())
    return {kind: (ROIS if level1 else HLT)[kind] for kind in sources}


def _branch(names: Mapping[str, str], container: str, variable: str) -> str | None:
    """Find a variable in any of the forms a file may have: dynamic (``.`` or, from RNTuple, ``:``) or static and split."""
    for name in (f"{container}AuxDyn.{variable}", f"{container}AuxDyn:{variable}", f"{container}Aux.{variable}"):
        if name in names:
            return names[name]
    return None


def _present(names: Mapping[str, str], containers: Sequence[Container]) -> list[Container]:
    """Return the containers of which a file has anything, in their order."""
    return [c for c in containers if any(_branch(names, c.name, variable) for variable in c.variables)]


def _whole(names: Mapping[str, str], container: Container) -> bool:
    return all(_branch(names, container.name, variable) for variable in container.variables)


def _branches(names: Mapping[str, str], containers: Sequence[Container], path: Path) -> dict[str, str]:
    """Return the branches of the first container that is there; one that is there in part is refused, not passed over."""
    chosen = next(iter(_present(names, containers)), containers[0])
    found = {variable: _branch(names, chosen.name, variable) for variable in chosen.variables}
    missing = [variable for variable, branch in found.items() if branch is None]
    if missing:
        _refuse_unsplit(names, containers, path)
        others = "".join(f" or {other.name!r}" for other in containers if other is not chosen)
        raise InputError(
            f"{str(path)!r}: tree {TREE!r} has no branch '{chosen.name}Aux(Dyn).{missing[0]}'; "
            f"use a format that keeps this container{others}."
        )
    found |= {variable: _branch(names, chosen.name, variable) for variable in chosen.optional}
    return {variable: branch for variable, branch in found.items() if branch is not None}


def _notes(names: Mapping[str, str]) -> Iterator[str]:
    """Describe what else a file has: containers that come after those which are read, and those that cannot be."""
    for group in (ROIS, HLT):
        for kind, containers in group.items():
            first, *others = [container.name for container in _present(names, containers)] or [""]
            if others:
                yield f"For {kind} objects {first!r} is read; {', '.join(map(repr, others))} is there too and is not."
    for name, reason in NOT_READ.items():
        if any(stored.startswith(f"{name}Aux") for stored in names):
            yield f"{name!r} is there and is not read: {reason}."


def _refuse_unsplit(names: Mapping[str, str], containers: Sequence[Container], path: Path) -> None:
    for container in containers:
        store = f"{container.name}Aux."
        if store in names and not any(name.startswith(store) and name != store for name in names):
            raise InputError(
                f"{str(path)!r}: the store {store!r} is written in one piece, which only ATLAS software can read; "
                "make a DAOD (split or dynamic variables) or an ntuple from it."
            )


def _read(data: Any, branches: Mapping[str, str], first: int, stop: int, path: Path) -> dict[str, tuple[Counts, NDArray[Any]]]:
    """Read a container's variables: how many values each event has, and all of them, finite and alike in number."""
    flats = {
        variable: flat(data[branch].array(entry_start=first, entry_stop=stop), str(path), branch)
        for variable, branch in branches.items()
    }
    (leading, (numbers, _)), *_ = flats.items()
    for variable, (counts, values) in flats.items():
        if not np.array_equal(counts, numbers):
            raise InputError(
                f"{str(path)!r}: branches {branches[leading]!r} and {branches[variable]!r} differ in length; the file is damaged."
            )
        _check_values(values, counts, branches[variable], first, path)
    return flats


def _check_values(values: NDArray[Any], counts: Counts, branch: str, first: int, path: Path) -> None:
    if values.dtype.kind != "f":
        return
    if branch.endswith("roiWord"):
        raise InputError(f"{str(path)!r}: branch {branch!r} must hold words of bits, got {values.dtype}; write it as integers.")
    bad = ~np.isfinite(values)
    if bad.any():
        event = first + int(np.repeat(np.arange(len(counts)), counts)[bad][0])
        raise InputError(
            f"{str(path)!r}: branch {branch!r} has {values[bad][0]} at event {event}; remove such events from the file."
        )


def _counts(
    flats: Mapping[str, tuple[Counts, NDArray[Any]]],
    branches: Mapping[str, str],
    slot: ObjectSlot,
    reading: Reading,
    path: Path,
    first: int,
) -> Counts:
    values = {variable: content.astype(np.float64) for variable, (_, content) in flats.items()}
    leading = next(iter(flats))
    numbers = flats[leading][0]
    if slot.kind == "met":
        objects = _met(values, numbers)
    else:
        jagged = Jagged.of(numbers, slot.multiplicity, beyond_places=reading.beyond_places)
        energy = _energy(values, flats)
        _refuse_unknown(energy, numbers, str(path), branches[leading], first)
        objects = np.stack([jagged.fill(column) for column in (energy, values["eta"], values["phi"])], axis=2)
    return counts_from_physical(objects, slot, str(path), branches[leading], first)


def _incomplete(
    flats: Mapping[str, Mapping[str, tuple[Counts, NDArray[Any]]]],
    branches: Mapping[str, Mapping[str, str]],
    reading: Reading,
    path: Path,
    first: int,
) -> NDArray[np.bool_] | None:
    """Mark or refuse events without the words that Level-1 missing E_T is made of; the software trigger makes its own on demand."""
    if "tobEx" not in flats.get("met", {}):
        return None
    none = flats["met"]["tobEx"][0] == 0
    if none.any() and not reading.mark_incomplete:
        raise InputError(
            f"{str(path)!r}: event {first + int(np.argmax(none))} has no missing E_T (branch {branches['met']['tobEx']!r} is empty); set "
            "data.select.incomplete to 'drop' to leave such events out."
        )
    return none if none.any() else None


def _energy(values: Mapping[str, NDArray[np.float64]], flats: Mapping[str, tuple[Counts, NDArray[Any]]]) -> NDArray[np.float64]:
    """Return energies in GeV: counts times their scale, a muon's threshold from its word, or floats."""
    if "tobEt" in values:
        return values["tobEt"] * values["tobEtScale"] / _MEV
    if "roiWord" in values:
        return muon_pt_gev(flats["roiWord"][1].astype(np.uint32), values.get("thrValue"))
    return next(iter(values.values())) / _MEV


def _refuse_unknown(energy: NDArray[np.float64], numbers: Counts, where: str, branch: str, first: int) -> None:
    unknown = np.isnan(energy)
    if unknown.any():
        event = first + int(np.repeat(np.arange(len(numbers)), numbers)[unknown][0])
        raise InputError(
            f"{where}: {branch!r} has a muon word of Run 2 (bit 31 is not set) at event {event}, whose threshold only the run's menu or "
            "'thrValue' beside it gives; use a format that keeps 'thrValue'."
        )


def _met(values: Mapping[str, NDArray[np.float64]], numbers: Counts) -> NDArray[np.float64]:
    """Add up the components: of the FPGAs with their hemisphere's sign, or of the one row of the others.

    The legacy sum is of what was deposited: missing is the opposite (athena xAODTrigger EnergySumRoI: exMiss = -energyX).
    """
    event = np.repeat(np.arange(len(numbers)), numbers)
    if "tobEx" in values:
        sign = np.where(values["fpgaNumber"] == 0, -1.0, 1.0) * values["tobEtScale"]
        x, y = values["tobEx"] * sign, values["tobEy"] * sign
    elif "energyX" in values:
        x, y = -values["energyX"], -values["energyY"]
    else:
        x, y = values["ex"], values["ey"]
    total_x, total_y = (np.bincount(event, weights=component, minlength=len(numbers)) / _MEV for component in (x, y))
    objects = np.zeros((len(numbers), 1, len(FEATURES)))
    objects[:, 0, 0], objects[:, 0, 2] = np.hypot(total_x, total_y), np.arctan2(total_y, total_x)
    return objects
