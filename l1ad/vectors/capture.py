"""Compare a capture of a board's buffer with what it must hold, word by word, and say what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from l1ad.core.errors import InputError
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.spec import reference
from l1ad.vectors import topo
from l1ad.vectors.alignment import Reader, agreeing, find_offset
from l1ad.vectors.answers import answer_widths, answers, input_widths
from l1ad.vectors.causes import Cause, bit_cause, causes, first_parting
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import LinkMap, OutputPlace, Piece, input_pieces, output_pieces
from l1ad.vectors.ugt import Crossings

#: Share of the events that a cause explains for which no other kind is looked for; a shift loses an event at an end.
_MOST = 0.9
#: A file of events, read as frames that each hold one.
_EVENT_A_FRAME = LinkMap("none", "a file of events", 64, 1, 1, 0, OutputPlace(0, (0, 0), (0, 0)), fill_links=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a capture says.

    Attributes:
        n_events: events that it should hold.
        n_found: those of them that it holds.
        n_different: those of them that differ.
        offset: frame at which the first event begins; None where no offset fits, then it was read at the nominal one.
        nominal: frame that the link map says.
        first: the first event that differs: number, name of the value, expected and found.
        causes: what explains the difference, in words.
        parting: input or node at which the first differing event parts, where a cause says so.
        unusable: whether the capture is cut off, not aligned to frames or of another network, and says nothing against this firmware.
        traced: what the simulations at hand say of the first differing event, where no cause explains it.
    """

    n_events: int
    n_found: int
    n_different: int
    offset: int | None
    nominal: int
    first: tuple[int, str, int, int] | None
    causes: tuple[str, ...]
    parting: str | None
    unusable: bool = False
    traced: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every event is there, where it should be, and equal."""
        return self.offset == self.nominal and self.n_found == self.n_events and not self.n_different

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"exact": self.exact}

    def sentence(self, where: str) -> str:
        """Return in one sentence what differs and why."""
        parts = [f"{where} holds {self.n_found} of {self.n_events} events, {self.n_different} of them differ"]
        if self.offset != self.nominal:
            parts.append(
                "no frame offset fits" if self.offset is None else f"the first begins at frame {self.offset}, not {self.nominal}"
            )
        if self.first is not None:
            event, name, wanted, got = self.first
            parts.append(f"first event {event}: expected {name} {wanted}, got {got}")
        parts += [f"cause: {cause}" for cause in self.causes] or ["none of the usual causes explains it"]
        if self.parting is not None:
            parts.append(f"it diverges at {self.parting}")
        return "; ".join((*parts, *self.traced)) + "."


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What is compared: a capture of one side of a board, and what must be in it.

    Attributes:
        network: the network, with the thresholds, that should be on the board.
        links: the board's link map.
        frames: the capture.
        x_hw: the events of this buffer, int64 ``(n_events, n_columns)``.
        side: ``output`` for answers, ``input`` for what was played, ``events`` for ASCII events of L1Topo.
        others: networks that may be on the board instead, by name.
    """

    network: Network
    links: LinkMap
    frames: Frames
    x_hw: IntArray
    side: str = "output"
    others: Mapping[str, Network] = field(default_factory=dict)

    @property
    def reader(self) -> Reader:
        """How the capture is read; the score identifies an answer, all columns or numbers an input."""
        if self.side == "events":
            n = len(self.names)
            return Reader(self.links, tuple(Piece(i, 0, i, 0, 0, 64) for i in range(n)), ((64, True),) * n, n)
        if self.side == "input":
            widths = input_widths(self.network)
            return Reader(self.links, input_pieces(self.links, self.network.layout), tuple(widths), len(widths))
        widths = answer_widths(self.network)
        return Reader(self.links, output_pieces(self.links, widths[0][0], len(widths) - 1), tuple(widths), 1)

    @property
    def nominal(self) -> int:
        """Frame at which the first event begins by the link map."""
        return self.links.latency_frames if self.side == "output" else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the values."""
        if self.side == "events":
            return topo.names(self.network.layout)
        if self.side == "input":
            return self.network.layout.names
        return ("score", *(f"trigger bit {threshold.name!r}" for threshold in self.network.thresholds))

    def values(self, network: Network, x_hw: IntArray) -> IntArray:
        """Values that a network gives for inputs, int64 ``(n_events, n_values)``."""
        if self.side == "events":
            return topo.rows_of(network.layout, tuple(topo.events_of(network.layout, x_hw)), "The events")
        return answers(network, x_hw) if self.side == "output" else x_hw


def examine(case: Case, first_event: int = 0) -> Finding:
    """Compare a capture with the specification.

    Args:
        case: what is compared.
        first_event: number of the buffer's first event.

    Raises:
        InputError: a link is missing, or the capture holds no whole event.
    """
    end = case.nominal + case.links.frames_per_event
    if case.frames.n_frames < end:
        raise InputError(f"The capture has {case.frames.n_frames} frames, the first event alone ends at {end}; capture more.")
    wanted, reader = case.values(case.network, case.x_hw), case.reader
    offset = find_offset(reader, case.frames, wanted, case.nominal)
    first, got = reader.at(case.frames, case.nominal if offset is None else offset, len(wanted))
    wanted = wanted[first : first + len(got)]
    rows = np.flatnonzero((got != wanted).any(axis=1))
    found = _explain(case, offset) if (got != wanted)[:, : reader.n_keys].any() else ()
    told = (
        *(() if case.frames.words.any() else ("every word is 0: the link is off, or nothing was played",)),
        *_shift(offset, case),
        *(one.told(case) for one in found),
        *_few(len(got), offset, case),
        *(_bits(case, got, case.x_hw[first : first + len(got)]) if offset is not None else ()),
    )
    parting = _parting(case, found[0].cause) if found else None
    begin = _first(rows, wanted, got, case.names, first + first_event)
    foreign = bool(found) and all(one.cause.foreign for one in found)
    unusable = foreign or (not len(rows) and bool(_few(len(got), offset, case)))
    return Finding(len(case.x_hw), len(got), len(rows), offset, case.nominal, begin, told, parting, unusable)


def examine_events(network: Network, x_hw: IntArray, text: str, where: str) -> Finding:
    """Compare a file of L1Topo's ASCII events with what was played, number by number.

    Args:
        network: the network whose layout the events have.
        x_hw: the events, int64 ``(n_events, n_columns)``.
        text: the file's text.
        where: its name, for messages.

    Raises:
        InputError: the file is damaged, or has objects that the layout has no place for.
    """
    rows = topo.rows_of(network.layout, topo.read(text, where), where)
    frames = Frames(where, tuple(range(rows.shape[1])), rows.view(np.uint64), np.zeros(rows.shape, dtype=np.uint8))
    return examine(Case(network, _EVENT_A_FRAME, frames, x_hw, "events"))


def examine_crossings(case: Case, crossings: Crossings, first_event: int = 0) -> Finding:
    """Compare a file of the Global Trigger: its inputs, then its algorithm bits with those that its own inputs give.

    Args:
        case: what is compared, of the side ``input``.
        crossings: the file; its lanes are the case's frames.
        first_event: number of the first event.
    """
    finding = examine(case, first_event)
    if finding.offset is None or finding.n_different or case.links.first_algorithm is None:
        return finding
    first, x_hw = case.reader.at(case.frames, finding.offset, len(case.x_hw))
    skipped = max(0, finding.offset // case.links.frames_per_event)
    columns = slice(case.links.first_algorithm, case.links.first_algorithm + len(case.network.thresholds))
    bits = crossings.algorithms[skipped : skipped + len(x_hw), columns]
    wanted, outputs = answers(case.network, x_hw), replace(case, side="output")
    got = np.column_stack([wanted[:, 0], bits.astype(np.int64)])
    rows = np.flatnonzero((got != wanted).any(axis=1))
    begin = _first(rows, wanted, got, outputs.names, first + first_event)
    unusable = finding.unusable and not len(rows)
    told = (*finding.causes, *_bits(outputs, got, x_hw))
    return replace(finding, n_different=len(rows), first=begin, causes=told, unusable=unusable)


def _first(
    rows: IntArray, wanted: IntArray, got: IntArray, names: tuple[str, ...], number: int
) -> tuple[int, str, int, int] | None:
    if not len(rows):
        return None
    row = int(rows[0])
    column = int(np.flatnonzero(got[row] != wanted[row])[0])
    return number + row, names[column], int(wanted[row, column]), int(got[row, column])


def _shift(offset: int | None, case: Case) -> tuple[str, ...]:
    """Return in words by how much everything is late or early."""
    if offset is None or offset == case.nominal:
        return ()
    frames, way = abs(offset - case.nominal), "late" if offset > case.nominal else "early"
    crossings, rest = divmod(frames, case.links.frames_per_event)
    return (f"{_count(frames, 'frame') if rest else _count(crossings, 'crossing')} {way}",)


def _count(number: int, what: str) -> str:
    return f"one {what}" if number == 1 else f"{number} {what}s"


def _few(found: int, offset: int | None, case: Case) -> tuple[str, ...]:
    if found == len(case.x_hw) or offset != case.nominal:
        return ()
    return (f"the capture ends after {found} of {len(case.x_hw)} events: it was cut off, or stopped early",)


def _bits(case: Case, got: IntArray, x_hw: IntArray) -> tuple[str, ...]:
    """Explain for each trigger bit why it does not follow the captured score."""
    if case.side != "output":
        return ()
    told = []
    for i, t in enumerate(case.network.thresholds):
        compared = got[:, 0] if t.follow is None else reference.followed(case.network.layout, t.follow, got[:, 0], x_hw)
        told.append(bit_cause(t.name, t.value, compared, got[:, 1 + i]))
    return tuple(one for one in told if one is not None)


@dataclass(frozen=True, slots=True)
class _Explanation:
    """How many of the events a cause explains, and at which frame the first then begins."""

    cause: Cause
    n_explained: int
    at: int

    def told(self, case: Case) -> str:
        """Return it in words."""
        events = f"explains {self.n_explained} of {len(case.x_hw)} events"
        return f"{self.cause.name} ({'; '.join((events, *_shift(self.at, case)))})"


def _explain(case: Case, offset: int | None) -> tuple[_Explanation, ...]:
    """Return the causes that explain most events, all as good, if more than the specification does.

    What may have happened to the captured words is looked at only where nothing simpler explains nearly all.
    """
    reader = case.reader
    base = agreeing(reader, case.frames, case.values(case.network, case.x_hw), case.nominal if offset is None else offset)
    best, found = base, list[_Explanation]()
    links = None if case.side == "events" else case.links
    for cause in causes(case.network, case.x_hw, links, case.others if case.side == "output" else {}):
        if cause.mend is not None and best > _MOST * len(case.x_hw):
            break
        one = _explained(case, reader, cause, offset)
        if one.n_explained > best:
            best, found = one.n_explained, []
        if one.n_explained == best > base:
            found.append(one)
    return tuple(found)


def _explained(case: Case, reader: Reader, cause: Cause, offset: int | None) -> _Explanation:
    values = case.values(cause.network, cause.x_hw)[:, : reader.n_keys]
    frames = case.frames if cause.mend is None else cause.mend(case.frames)
    at = find_offset(reader, frames, values, case.nominal)
    at = at if at is not None else case.nominal if offset is None else offset
    return _Explanation(cause, agreeing(reader, frames, values, at), at)


def _parting(case: Case, cause: Cause) -> str | None:
    """Name the node at which the first event that a cause changes parts."""
    if case.side != "output" or cause.mend is not None:
        return None
    changed = np.flatnonzero(answers(case.network, case.x_hw)[:, 0] != answers(cause.network, cause.x_hw)[:, 0])
    return first_parting(case.network, case.x_hw, cause, int(changed[0])) if len(changed) else None
