"""Write and read the ASCII events of ATLAS L1TopoSimulation, by the grammar of Athena's ``TopoASCIIReader``.

An event is a block a kind of object, a line an object: whole numbers of Et, η and φ on the layout's grid, then η and φ as decimal numbers.
MET is ``ex ey et``, rounded; its φ is not in the file. The hardware's own playback format is not public.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from l1ad.core.errors import InputError, LayoutError
from l1ad.core.fixed import IntArray
from l1ad.core.layout import ObjectLayout

#: Block of each kind of object.
BLOCKS = {"eg": "cluster", "electron": "cluster", "photon": "cluster", "tau": "tau", "jet": "jet", "muon": "muon", "met": "met"}
#: Whole numbers in a line of each block, and which of them are pt, eta and phi.
_NUMBERS = {"cluster": 4, "tau": 4, "jet": 4, "muon": 3, "met": 3, "info": 4}
_PT_ETA_PHI = {"cluster": (0, 2, 3), "tau": (0, 2, 3), "jet": (0, 2, 3), "muon": (0, 1, 2)}
_OPEN = ("<file>", "<begin_file>")
_CLOSE = ("</file>", "<end_file>")
_EVENT = ("<event>", "<begin_event>")


@dataclass(frozen=True, slots=True)
class TopoEvent:
    """An event: whole numbers of each object by block, in the file's order; ``info`` is run, event, luminosity block and crossing."""

    objects: dict[str, tuple[tuple[int, ...], ...]]
    info: tuple[int, ...] = (0, 0, 0, 0)


def events_of(layout: ObjectLayout, x_hw: IntArray) -> Iterator[TopoEvent]:
    """Turn hardware integers into events; objects at the end of a block whose numbers are all 0 are left out.

    Args:
        layout: the columns.
        x_hw: int64 ``(n_events, n_columns)``.

    Raises:
        LayoutError: a kind of object has no block, or two have the same.
    """
    blocks = _blocks(layout)
    columns = {kind: _columns(layout, kind) for kind in blocks}
    for number, row in enumerate(x_hw.tolist()):
        objects = {
            block: _objects(layout, kind, block, [[row[c] for c in one] for one in columns[kind]])
            for kind, block in blocks.items()
        }
        yield TopoEvent(objects, (0, number, 0, 0))


def begins(text: str) -> bool:
    """Whether a file's text begins as such a file does."""
    return text.lstrip().startswith((*_OPEN, *_EVENT))


def names(layout: ObjectLayout) -> tuple[str, ...]:
    """Names of the whole numbers that the file has of an event's objects, in the order of ``rows_of``."""
    found = []
    for kind, block in _blocks(layout).items():
        places = dict(zip(_PT_ETA_PHI.get(block, ()), ("pt", "eta", "phi"), strict=False))
        numbers = [places.get(i, f"number {i}") for i in range(_NUMBERS[block])] if block != "met" else ["ex", "ey", "et"]
        found += [f"{kind}[{rank}].{name}" for rank in range(layout.slot(kind).multiplicity) for name in numbers]
    return tuple(found)


def rows_of(layout: ObjectLayout, events: Sequence[TopoEvent], where: str) -> IntArray:
    """Put the numbers of events into rows, int64 ``(n_events, n_numbers)``; 0 for an object that is not there.

    Args:
        layout: the columns.
        events: what ``read`` gave.
        where: the file's name, for messages.

    Raises:
        InputError: an event has objects that the layout has no place for.
    """
    blocks = _blocks(layout)
    starts, n_numbers = {}, 0
    for kind, block in blocks.items():
        starts[block] = n_numbers
        n_numbers += layout.slot(kind).multiplicity * _NUMBERS[block]
    most = {block: layout.slot(kind).multiplicity for kind, block in blocks.items()}
    rows = np.zeros((len(events), n_numbers), dtype=np.int64)
    for row, event in zip(rows, events, strict=True):
        for block, objects in event.objects.items():
            if len(objects) > most.get(block, 0):
                raise InputError(
                    f"{where} has {len(objects)} objects in a block {block!r}, layout {layout.name!r} {most.get(block, 0)}; give the events of "
                    "the model's layout."
                )
            flat = [number for numbers in objects for number in numbers]
            row[starts[block] : starts[block] + len(flat)] = flat
    return rows


def _blocks(layout: ObjectLayout) -> dict[str, str]:
    kinds = [slot.kind for slot in layout.slots]
    unknown = [kind for kind in kinds if kind not in BLOCKS]
    blocks = [BLOCKS[kind] for kind in kinds if kind in BLOCKS]
    if unknown or len(set(blocks)) != len(blocks):
        raise LayoutError(
            f"L1Topo's ASCII events have one block each for {', '.join(sorted(set(BLOCKS.values())))}; layout {layout.name!r} has {kinds!r}: use one "
            "of Level-1 objects, as 'l1topo44'."
        )
    return {kind: BLOCKS[kind] for kind in kinds}


def _columns(layout: ObjectLayout, kind: str) -> list[list[int]]:
    columns = range(layout.n_columns)[layout.slot_columns(kind)]
    width = len(layout.slot(kind).features)
    return [list(columns[i : i + width]) for i in range(0, len(columns), width)]


def _objects(layout: ObjectLayout, kind: str, block: str, rows: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    while rows and not any(rows[-1]):
        rows = rows[:-1]
    features = layout.slot(kind).features
    return tuple(_object(layout, kind, block, dict(zip(features, row, strict=True))) for row in rows)


def _object(layout: ObjectLayout, kind: str, block: str, values: dict[str, int]) -> tuple[int, ...]:
    if block == "met":
        slot = layout.slot(kind)
        angle = 2 * np.pi * values.get("phi", 0) / (slot.phi_period or 1)
        return round(values["pt"] * np.cos(angle)), round(values["pt"] * np.sin(angle)), values["pt"]
    numbers = [0] * _NUMBERS[block]
    for place, feature in zip(_PT_ETA_PHI[block], ("pt", "eta", "phi"), strict=True):
        numbers[place] = values.get(feature, 0)
    if block == "jet":
        numbers[1] = numbers[0]  # the energies of both windows
    return tuple(numbers)


def write(layout: ObjectLayout, events: Iterator[TopoEvent] | Sequence[TopoEvent]) -> Iterator[str]:
    """Return the file's lines."""
    steps = {BLOCKS[slot.kind]: dict(zip(slot.features, slot.lsb, strict=True)) for slot in layout.slots if slot.kind in BLOCKS}
    yield "<file>\n"
    for event in events:
        yield "<event>\n"
        for block, objects in event.objects.items():
            lines = "".join(f"{_line(block, numbers, steps[block])}\n" for numbers in objects)
            yield f"<{block}>\n{lines}</{block}>\n"
        yield f"<info>\n{'  '.join(map(str, event.info))}\n</info>\n</event>\n"
    yield "</file>\n"


def _line(block: str, numbers: Sequence[int], steps: dict[str, float]) -> str:
    """Return one object's line: its whole numbers, then η and φ as decimal numbers."""
    text = "  ".join(map(str, numbers))
    if block == "met":
        return text
    _, eta, phi = _PT_ETA_PHI[block]
    return f"{text}  {numbers[eta] * steps.get('eta', 0):.6g}  {numbers[phi] * steps.get('phi', 0):.6g}"


def read(text: str, where: str) -> tuple[TopoEvent, ...]:
    """Read a file.

    Args:
        text: its text.
        where: its name, for messages.

    Raises:
        InputError: it is of another kind, was cut off, or has a block or line that is not understood; names the line.
    """
    lines = [line.strip() for line in text.splitlines()]
    if not lines or lines[0] not in (*_OPEN, *_EVENT):
        raise InputError(f"{where} is not an ASCII file of L1Topo: expected '<file>' first, got {lines[:1]!r}.")
    if lines[0] in _OPEN and not any(line in _CLOSE for line in lines[-3:]):
        raise InputError(f"{where} has no '</file>' at its end: it was cut off; write or copy it again.")
    found: list[TopoEvent] = []
    reader = _Lines(where, [(number, line) for number, line in enumerate(lines, 1) if line and line not in (*_OPEN, *_CLOSE)])
    while reader.more:
        found.append(reader.event())
    return tuple(found)


class _Lines:
    """Read lines one after another."""

    def __init__(self, where: str, lines: list[tuple[int, str]]) -> None:
        self.where, self.lines, self.at = where, lines, 0

    @property
    def more(self) -> bool:
        """Whether lines are left."""
        return self.at < len(self.lines)

    def next(self, wanted: str) -> tuple[int, str]:
        """Take a line.

        Raises:
            InputError: there is none.
        """
        if not self.more:
            raise InputError(f"{self.where} ends where {wanted} was expected: it was cut off; write or copy it again.")
        self.at += 1
        return self.lines[self.at - 1]

    def event(self) -> TopoEvent:
        """Read one event."""
        number, line = self.next("'<event>'")
        if line not in _EVENT:
            raise InputError(f"{self.where}, line {number}: expected '<event>', got {line[:40]!r}; the file is damaged.")
        objects: dict[str, tuple[tuple[int, ...], ...]] = {}
        while (line := self.next("'</event>'")[1]) not in ("</event>", "<end_event>"):
            block = self.block_name(line)
            objects[block] = self.block(block)
        info = objects.pop("info", ((0, 0, 0, 0),))
        return TopoEvent(objects, info[0] if info else (0, 0, 0, 0))

    def block_name(self, line: str) -> str:
        """Read a block's first line.

        Raises:
            InputError: another block than those that are understood.
        """
        found = re.fullmatch(r"<(\w+)>", line)
        if found is None or found[1] not in _NUMBERS:
            number = self.lines[self.at - 1][0]
            raise InputError(f"{self.where}, line {number}: expected one of the blocks {', '.join(_NUMBERS)}, got {line[:40]!r}.")
        return found[1]

    def block(self, block: str) -> tuple[tuple[int, ...], ...]:
        """Read a block's objects up to its end."""
        rows: list[tuple[int, ...]] = []
        while True:
            number, line = self.next(f"'</{block}>'")
            if line == f"</{block}>":
                return tuple(rows)
            words = line.split()
            count = _NUMBERS[block]
            decimals = 0 if block in ("met", "info") else 2
            if len(words) not in (count, count + decimals) or not all(re.fullmatch(r"-?\d+", word) for word in words[:count]):
                raise InputError(
                    f"{self.where}, line {number}: expected {count} whole numbers of a {block}, got {line[:60]!r}; the file was cut off or edited."
                )
            rows.append(tuple(int(word) for word in words[:count]))
