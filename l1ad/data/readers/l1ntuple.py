"""Read CMS L1Ntuples: unpacked or re-emulated Level-1 objects, event numbers, and decisions of the Global Trigger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.choices import ObjectSource
from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.data.chunk import EventChunk
from l1ad.data.cms import KINDS, Collection, at_vertex, check_layout, incomplete
from l1ad.data.columns import event_columns
from l1ad.data.formats import PLAIN, Container, FileDescription, Format, ObjectColumns, Reading, Signature
from l1ad.data.readers import cicada
from l1ad.data.root import branch_names, flat, opened, require, steps, tree
from l1ad.data.seeds import check_seeds, seed_columns

#: Objects: what the hardware sent, else what the emulator made.
TREES = ("l1UpgradeTree/L1UpgradeTree", "l1UpgradeEmuTree/L1UpgradeTree")
EVENT_TREE = "l1EventTree/L1EventTree"
DECISION_TREES = ("l1uGTTree/L1uGTTree", "l1uGTEmuTree/L1uGTTree")
_STEMS = {"jet": "jet", "eg": "eg", "tau": "tau", "muon": "muon", "sum": "sum"}
_COLUMNS = {"run": "run", "lumi": "lumi", "event": "event", "pileup": "nPV_True"}
#: Events looked at together for a pile-up that is not 0.
_LOOK = 1 << 18
_ALIAS = re.compile(r"(?:L1uGT\.)?(m_algoDecision\w+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class _Trees:
    """The trees of a file that belong together, entry by entry, and the names of all that have objects."""

    objects: Any
    name: str
    all: tuple[str, ...]
    events: Any | None
    decisions: Any | None


class L1NtupleReader:
    """Read integer branches of bunch crossing 0; sums are picked by type."""

    format = Format("l1ntuple", "CMS L1Ntuple", (Signature(Container.ROOT, TREES),), ("axol1tl57",), named_bits=True)

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is, and whether its objects are unpacked or emulated."""
        with opened(path) as file:
            trees = _trees(file, path, ObjectSource.AUTO)
            columns = tuple(_columns(trees.events))
            objects = tuple(entry for name in trees.all for entry in _objects(branch_names(tree(file, name, path)), name))
            if cicada.has_regions(file):
                objects += (cicada.described(cicada.TREE),)
            seeds = f"{len(_aliases(trees.decisions))} trigger bits can be named in data.menu."
            return FileDescription(
                path, self.format, int(trees.objects.num_entries), objects, columns, notes=(_note(trees.all), seeds)
            )

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, about ``size`` at once; CICADA's regions where the layout has nothing else."""
        if {slot.kind for slot in layout.slots} == {cicada.KIND}:
            cicada.check_layout(layout)
            yield from cicada.root_chunks(path, size, events)
            return
        check_layout(layout, "an L1Ntuple")
        with opened(path) as file:
            trees = _trees(file, path, reading.objects)
            names = branch_names(trees.objects)
            aliases = _aliases(trees.decisions)
            check_seeds(reading.seeds, aliases, path)
            collections = {slot.kind: _collection(slot.kind, names, path, trees) for slot in layout.slots}
            branches = sorted({branch for c in collections.values() for branch in c.branches})
            stored = _columns(trees.events)
            for first, stop in steps(events or range(trees.objects.num_entries), size):
                data = {b: trees.objects[names[b]].array(entry_start=first, entry_stop=stop) for b in branches}
                flats = {branch: flat(values, str(path), branch) for branch, values in data.items()}
                counts = {
                    kind: c.counts(flats, layout.slot(kind).multiplicity, reading, str(path), first)
                    for kind, c in collections.items()
                }
                bits = _bits(trees.decisions, {seed: aliases[seed] for seed in reading.seeds}, first, stop, path)
                columns = _event_columns(trees.events, stored, first, stop, path) | seed_columns(bits)
                yield EventChunk(counts, columns, first, incomplete(collections, flats, reading, str(path)))


def _note(trees: tuple[str, ...]) -> str:
    if len(trees) == 2:
        return "Objects as the hardware sent them, and as the emulator made them: data.objects chooses."
    return "Objects as the hardware sent them." if trees[0] == TREES[0] else "Objects as the emulator made them."


def _trees(file: Any, path: Path, objects: ObjectSource) -> _Trees:
    names = {name.rpartition(";")[0] for name in file.keys(recursive=True)}
    wanted = objects.choose(*TREES)
    chosen = next((name for name in wanted if name in names), None)
    if chosen is None:
        raise InputError(f"{str(path)!r} has no tree {' or '.join(map(repr, wanted))}; is it an L1Ntuple with these objects?")
    decisions = DECISION_TREES if chosen == TREES[0] or objects is ObjectSource.AUTO else DECISION_TREES[::-1]
    decision = next((name for name in decisions if name in names), None)
    trees = _Trees(
        tree(file, chosen, path),
        chosen,
        tuple(name for name in TREES if name in names),
        tree(file, EVENT_TREE, path) if EVENT_TREE in names else None,
        tree(file, decision, path) if decision else None,
    )
    for other in (trees.events, trees.decisions):
        if other is not None and other.num_entries != trees.objects.num_entries:
            raise InputError(
                f"{str(path)!r}: trees {chosen!r} and {other.name!r} have {trees.objects.num_entries} and {other.num_entries} events; "
                "the file is damaged."
            )
    return trees


def _collection(kind: str, names: dict[str, str], path: Path, trees: _Trees) -> Collection:
    stem = _STEMS[KINDS[kind][0]]
    features = {"pt": "IEt", "phi": "IPhi"} if stem == "sum" else {"pt": "IEt", "eta": "IEta", "phi": "IPhi"}
    hardware = {feature: stem + suffix for feature, suffix in features.items()}
    hardware |= at_vertex(stem, {feature: f"{name}AtVtx" for feature, name in hardware.items() if feature != "pt"}, names)
    sum_type = "sumType" if stem == "sum" else None
    crossing = stem + "Bx"
    require([*hardware.values(), crossing, *([sum_type] if sum_type else [])], names, path, trees.name)
    emulated = TREES[1] if trees.name == TREES[0] and TREES[1] in trees.all else ""
    return Collection(stem, kind, hardware, {}, crossing, sum_type, emulated)


def _objects(names: dict[str, str], tree_name: str) -> Iterator[ObjectColumns]:
    for kind, stem in _STEMS.items():
        stored = tuple(
            sorted(
                name.removeprefix(stem) for name in names if name.startswith(stem) and name[len(stem) : len(stem) + 1].isupper()
            )
        )
        if stored:
            place = f"{tree_name.partition('/')[0]}: {stem}"
            yield ObjectColumns("met" if kind == "sum" else kind, place, None, stored, tree_name == TREES[1])


def _columns(events: Any | None) -> dict[str, str]:
    """Return the columns that a file can fill, with their branches; recorded data have a true pile-up of 0 throughout, which is none."""
    names = branch_names(events) if events is not None else {}
    there = {name: stored for name, stored in _COLUMNS.items() if stored in names}
    if "pileup" in there and not _any(events, names[there["pileup"]]):
        del there["pileup"]
    return there


def _any(events: Any, branch: str) -> bool:
    """Return whether a branch of numbers has one that is not 0; the first few tell, but for those that have none."""
    for first, stop in steps(range(events.num_entries), _LOOK):
        try:
            if np.asarray(events[branch].array(entry_start=first, entry_stop=stop)).any():
                return True
        # No numbers, one an event: whoever reads them says so.
        except (ValueError, TypeError):
            return True
    return False


def _event_columns(events: Any | None, there: dict[str, str], first: int, stop: int, path: Path) -> dict[str, NDArray[Any]]:
    if events is None:
        return {}
    names = branch_names(events)
    read = {name: events[names[stored]].array(entry_start=first, entry_stop=stop) for name, stored in there.items()}
    return event_columns(read, there, path, slice(first, stop))


def _aliases(decisions: Any | None) -> dict[str, tuple[str, int]]:
    """Return branch and bit of each seed; the file stores them as aliases, e.g. 'L1uGT.m_algoDecisionInitial[440]'."""
    if decisions is None:
        return {}
    found = {name: _ALIAS.fullmatch(str(text).strip()) for name, text in (decisions.aliases or {}).items()}
    return {name: (match[1], int(match[2])) for name, match in found.items() if match}


def _bits(decisions: Any | None, seeds: dict[str, tuple[str, int]], first: int, stop: int, path: Path) -> dict[str, NDArray[Any]]:
    if decisions is None or not seeds:
        return {}
    names = branch_names(decisions)
    require({branch for branch, _ in seeds.values()}, names, path, "L1uGTTree")
    bits = {}
    for seed, (branch, bit) in seeds.items():
        counts, content = flat(decisions[names[branch]].array(entry_start=first, entry_stop=stop), str(path), branch)
        if (counts <= bit).any():
            raise InputError(
                f"{str(path)!r}: branch {branch!r} has fewer than {bit + 1} bits, which {seed!r} needs; the file is damaged."
            )
        bits[seed] = content[np.cumsum(counts) - counts + bit]
    return bits
