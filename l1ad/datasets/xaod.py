"""Read ATLAS xAOD and DAOD files: regions of interest of Level 1 and objects of the software trigger, from their auxiliary stores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.datasets.chunk import Counts, EventChunk, counts_from_physical
from l1ad.datasets.formats import FileDescription, Format, ObjectColumns
from l1ad.datasets.gelato import LEVEL1, level_sources
from l1ad.datasets.muon_roi import muon_pt_gev
from l1ad.datasets.root import Jagged, branch_names, flat, opened, steps, tree
from l1ad.errors import InputError
from l1ad.layout import FEATURES, ObjectLayout

TREE = "CollectionTree"
_MEV = 1000.0


@dataclass(frozen=True, slots=True)
class Container:
    """Name a container and what of it is read: auxiliary variables, in the order its conversion takes them."""

    name: str
    variables: tuple[str, ...]


#: Level-1 containers by kind. jFEX stores counts and MeV of a count, eFEX floats in MeV.
ROIS = {
    "jet": Container("L1_jFexSRJetRoI", ("tobEt", "tobEtScale", "eta", "phi")),
    "tau": Container("L1_eTauRoI", ("et", "eta", "phi")),
    "eg": Container("L1_eEMRoI", ("et", "eta", "phi")),
    "muon": Container("LVL1MuonRoIs", ("roiWord", "eta", "phi")),
    "met": Container("L1_jFexMETRoI", ("tobEx", "tobEy", "tobEtScale", "fpgaNumber")),
}
#: Software-trigger containers by kind; momenta in MeV.
HLT = {
    "jet": Container("HLT_AntiKt4EMTopoJets_subjesIS", ("pt", "eta", "phi")),
    "electron": Container("HLT_egamma_Electrons_GSF", ("pt", "eta", "phi")),
    "muon": Container("HLT_MuonsCB_RoI", ("pt", "eta", "phi")),
    "photon": Container("HLT_egamma_Photons", ("pt", "eta", "phi")),
    "met": Container("HLT_MET_tcpufit", ("ex", "ey")),
}
_EVENT = {
    "run": ("EventInfo", "runNumber"),
    "event": ("EventInfo", "eventNumber"),
    "pileup": ("EventInfo", "actualInteractionsPerCrossing"),
}


class XaodReader:
    """Read the tree ``CollectionTree``, whose auxiliary stores are split into branches, static or dynamic."""

    format = Format.XAOD

    def describe(self, path: Path) -> FileDescription:
        """Say what a file is: which trigger containers it has."""
        with opened(path) as file:
            data = tree(file, TREE, path)
            names = branch_names(data)
            objects = tuple(
                ObjectColumns(f"{level} {kind}", container.name, None, container.variables)
                for level, group in (("L1", ROIS), ("HLT", HLT))
                for kind, container in group.items()
                if all(_branch(names, container.name, variable) for variable in container.variables)
            )
            columns = tuple(column for column, (container, variable) in _EVENT.items() if _branch(names, container, variable))
            if not objects:
                _refuse_unsplit(names, (*ROIS.values(), *HLT.values()), path)
                raise InputError(
                    f"{str(path)!r}: tree {TREE!r} has no trigger container such as 'L1_jFexSRJetRoI'; use a format that keeps them."
                )
            return FileDescription(path, self.format, int(data.num_entries), objects, columns)

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, seeds: tuple[str, ...] = (), events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once."""
        containers = _containers(layout, path)
        with opened(path) as file:
            data = tree(file, TREE, path)
            names = branch_names(data)
            branches = {kind: _branches(names, container, path) for kind, container in containers.items()}
            columns = {column: branch for column, place in _EVENT.items() if (branch := _branch(names, *place))}
            for first, stop in steps(events or range(data.num_entries), size):
                counts = {
                    kind: _counts(_read(data, found, first, stop, path), containers[kind], layout, kind, path)
                    for kind, found in branches.items()
                }
                event = {
                    column: np.asarray(data[branch].array(entry_start=first, entry_stop=stop))
                    for column, branch in columns.items()
                }
                yield EventChunk(counts, event, first)


def _containers(layout: ObjectLayout, path: Path) -> dict[str, Container]:
    sources = level_sources(layout, path)
    level1 = all(LEVEL1.get(kind) is source for kind, source in sources.items())
    return {kind: (ROIS if level1 else HLT)[kind] for kind in sources}


def _branch(names: Mapping[str, str], container: str, variable: str) -> str | None:
    """Find a variable in any of the forms a file may have: dynamic (``.`` or, from RNTuple, ``:``) or static and split."""
    for name in (f"{container}AuxDyn.{variable}", f"{container}AuxDyn:{variable}", f"{container}Aux.{variable}"):
        if name in names:
            return names[name]
    return None


def _branches(names: Mapping[str, str], container: Container, path: Path) -> dict[str, str]:
    found = {variable: _branch(names, container.name, variable) for variable in container.variables}
    missing = [variable for variable, branch in found.items() if branch is None]
    if missing:
        _refuse_unsplit(names, (container,), path)
        raise InputError(
            f"{str(path)!r}: tree {TREE!r} has no branch '{container.name}Aux(Dyn).{missing[0]}'; use a format that keeps this container."
        )
    return {variable: branch for variable, branch in found.items() if branch is not None}


def _refuse_unsplit(names: Mapping[str, str], containers: tuple[Container, ...], path: Path) -> None:
    for container in containers:
        store = f"{container.name}Aux."
        if store in names and not any(name.startswith(store) and name != store for name in names):
            raise InputError(
                f"{str(path)!r}: the store {store!r} is written in one piece, which only ATLAS software can read; "
                "make a DAOD (split or dynamic variables) or an ntuple from it."
            )


def _read(data: Any, branches: Mapping[str, str], first: int, stop: int, path: Path) -> dict[str, tuple[Counts, NDArray[Any]]]:
    return {
        variable: flat(data[branch].array(entry_start=first, entry_stop=stop), str(path), branch)
        for variable, branch in branches.items()
    }


def _counts(
    flats: Mapping[str, tuple[Counts, NDArray[Any]]], container: Container, layout: ObjectLayout, kind: str, path: Path
) -> Counts:
    numbers = flats[container.variables[0]][0]
    for variable, (counts, _) in flats.items():
        if not np.array_equal(counts, numbers):
            raise InputError(
                f"{str(path)!r}: variables {container.variables[0]!r} and {variable!r} of {container.name!r} differ in length; the file is damaged."
            )
    values = {variable: content.astype(np.float64) for variable, (_, content) in flats.items()}
    if kind == "met":
        objects = _met(values, numbers)
    else:
        jagged = Jagged.of(numbers, layout.slot(kind).multiplicity)
        objects = np.stack([jagged.fill(column) for column in (_energy(values, flats), values["eta"], values["phi"])], axis=2)
    return counts_from_physical(objects, layout.slot(kind), str(path), container.name)


def _energy(values: Mapping[str, NDArray[np.float64]], flats: Mapping[str, tuple[Counts, NDArray[Any]]]) -> NDArray[np.float64]:
    """Give energies in GeV: counts times their scale, floats, or a muon's threshold from its word."""
    if "tobEt" in values:
        return values["tobEt"] * values["tobEtScale"] / _MEV
    if "roiWord" in values:
        return muon_pt_gev(flats["roiWord"][1].astype(np.uint32))
    return values["et" if "et" in values else "pt"] / _MEV


def _met(values: Mapping[str, NDArray[np.float64]], numbers: Counts) -> NDArray[np.float64]:
    """Add up the components: of the FPGAs with their hemisphere's sign at Level 1, of the one row in the software trigger."""
    event = np.repeat(np.arange(len(numbers)), numbers)
    if "tobEx" in values:
        sign = np.where(values["fpgaNumber"] == 0, -1.0, 1.0) * values["tobEtScale"]
        x, y = values["tobEx"] * sign, values["tobEy"] * sign
    else:
        x, y = values["ex"], values["ey"]
    total_x, total_y = (np.bincount(event, weights=component, minlength=len(numbers)) / _MEV for component in (x, y))
    objects = np.zeros((len(numbers), 1, len(FEATURES)))
    objects[:, 0, 0], objects[:, 0, 2] = np.hypot(total_x, total_y), np.arctan2(total_y, total_x)
    return objects
