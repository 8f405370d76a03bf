"""Which column stands in which bits of which frame of which link: the board's data, resolved for a layout and a network."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import field
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from l1ad.core.board import board_names
from l1ad.core.errors import ConfigError, InputError, LayoutError, nearest, one_line
from l1ad.core.fixed import IntArray
from l1ad.core.identifier import shortened
from l1ad.core.layout import ObjectLayout
from l1ad.core.yaml_text import parse_yaml

_STRICT = ConfigDict(extra="forbid", strict=True)
#: Two integers of a YAML list.
_Pair = tuple[int, int]
_FORM = "see l1ad/links for the form"


@dataclass(frozen=True, slots=True, config=_STRICT)
class OutputPlace:
    """The place of the answer: its link, and the frame and lowest bit of the score and of the trigger bits."""

    link: Annotated[int, Field(ge=0)]
    score: _Pair
    triggers: _Pair


@dataclass(frozen=True, slots=True, config=_STRICT)
class LinkMap:
    """The link map of a board as its YAML file has it.

    Attributes:
        public: what of it is public: ``inputs`` or ``none``.
        source: where it is from.
        word_bits: bits of a frame's word.
        frames_per_event: frames from one event to the next.
        frames_per_file: frames that a buffer holds.
        latency_frames: frames from an event's first input to the first frame of its answer.
        output: where the answer is.
        places: ``[link, frame]`` of the first word of each object, by kind and rank; or
        fill_links: number of links that objects fill in the layout's order.
        fields: ``[lowest bit, bits]`` of each feature in the object's word, by kind; a kind left out is packed from bit 0.
        absent: features that the words do not have, by kind; they must be 0.
        first_algorithm: number of the algorithm of a Global Trigger's menu that the first trigger bit is.
    """

    public: Literal["inputs", "none"]
    source: str
    word_bits: Annotated[int, Field(ge=1, le=64)]
    frames_per_event: Annotated[int, Field(ge=1)]
    frames_per_file: Annotated[int, Field(ge=1)]
    latency_frames: Annotated[int, Field(ge=0)]
    output: OutputPlace
    places: dict[str, list[_Pair]] | None = None
    fill_links: Annotated[int, Field(ge=1)] | None = None
    fields: dict[str, dict[str, _Pair]] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    first_algorithm: Annotated[int, Field(ge=0)] | None = None

    @property
    def events_per_file(self) -> int:
        """Number of events whose inputs and answers fit a buffer."""
        return (self.frames_per_file - self.latency_frames) // self.frames_per_event


@dataclass(frozen=True, slots=True)
class Piece:
    """The place of some bits of a value: ``bits`` of it from ``shift`` stand in a frame of a link from bit ``low``."""

    value: int
    shift: int
    link: int
    frame: int
    low: int
    bits: int


def load_link_map(board: str, override: Path | None = None) -> LinkMap:
    """Read a board's link map.

    Args:
        board: a shipped board's name, or a path that ends in ``.yaml``: its link map is beside it, as ``NAME.links.yaml``.
        override: another file to read.

    Raises:
        ConfigError: no such file, or of another form; names the key.
    """
    if override is None and board in board_names():
        text = (resources.files("l1ad") / "links" / f"{board}.yaml").read_text(encoding="utf-8")
        return _parsed(text, f"links/{board}.yaml")
    path = override or Path(board).with_suffix(".links.yaml")
    try:
        return _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"Cannot read the link map {str(path)!r}: {reason}; write it beside the board or name it with --links, {_FORM}."
        ) from None


@functools.cache
def _adapter() -> TypeAdapter[LinkMap]:
    return TypeAdapter(LinkMap)


def _parsed(text: str, where: str) -> LinkMap:
    try:
        found = _adapter().validate_json(json.dumps(parse_yaml(text), default=str))
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {' '.join(str(error).split())}; {_FORM}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "its top"
        raise ConfigError(
            f"{where} is wrong at {one_line(key)}: {first['msg']}, got {shortened(first['input'])}; {_FORM}."
        ) from None
    if (found.places is None) == (found.fill_links is None):
        raise ConfigError(f"{where} needs either 'places' or 'fill_links', got both or none; {_FORM}.")
    if found.events_per_file < 1:
        raise ConfigError(
            f"{where}: {found.frames_per_file} frames a file hold no event after {found.latency_frames}; make frames_per_file larger."
        )
    return found


def input_pieces(links: LinkMap, layout: ObjectLayout) -> tuple[Piece, ...]:
    """Resolve the inputs: ``value`` of a piece is the column.

    Raises:
        LayoutError: an object or feature has no place, a column does not fit its field, or two share bits.
    """
    return _separate(tuple(_input_pieces(links, layout)), links, [f"column {name!r}" for name in layout.names])


def _input_pieces(links: LinkMap, layout: ObjectLayout) -> Iterator[Piece]:
    objects = layout.object_index
    for place, members in groupby(range(layout.n_columns), key=lambda i: int(objects[i])):
        columns = list(members)
        described = layout.columns[columns[0]]
        link, frame = _place(links, described.kind, described.rank, place)
        for column, low in _lows(links, layout, columns):
            yield from _split(links, column, layout.columns[column].type.width, link, frame, low)


def _place(links: LinkMap, kind: str, rank: int, place: int) -> tuple[int, int]:
    if links.places is None:
        return divmod(place, links.frames_per_event)
    if kind not in links.places:
        raise LayoutError(f"The link map leaves out the object {kind!r}: {nearest(kind, links.places)} Add it to 'places'.")
    if rank >= len(links.places[kind]):
        raise LayoutError(
            f"The link map has {len(links.places[kind])} places for {kind!r}, the layout has more; add {kind}[{rank}] to 'places'."
        )
    return links.places[kind][rank]


def _lows(links: LinkMap, layout: ObjectLayout, columns: list[int]) -> Iterator[tuple[int, int]]:
    """Return the lowest bit of each column of an object that the word has."""
    low = 0
    for column in columns:
        described = layout.columns[column]
        width, kind, feature = described.type.width, described.kind, described.feature
        if kind not in links.fields:
            yield column, low
            low += width
        elif feature not in links.absent.get(kind, ()):
            yield column, _field(links.fields[kind], kind, feature, width)


def _field(fields: dict[str, tuple[int, int]], kind: str, feature: str, width: int) -> int:
    if feature not in fields:
        raise LayoutError(
            f"The link map leaves out {feature!r} of {kind!r}: {nearest(feature, fields)} Add it to 'fields' or 'absent'."
        )
    low, bits = fields[feature]
    if bits < width:
        raise LayoutError(
            f"The link map gives {feature!r} of {kind!r} {bits} bits, the layout {width}; choose the layout of this board."
        )
    return low


def absent_columns(links: LinkMap, layout: ObjectLayout) -> tuple[int, ...]:
    """Return the columns that the words do not have."""
    return tuple(i for i, c in enumerate(layout.columns) if c.feature in links.absent.get(c.kind, ()))


def require_absent(layout: ObjectLayout, absent: Sequence[int], x_hw: IntArray, first_event: int = 0) -> None:
    """Refuse values that the board's words have no bits for.

    Args:
        layout: the columns.
        absent: those that the words do not have.
        x_hw: the events, int64 ``(n_events, n_columns)``.
        first_event: number of the first.

    Raises:
        InputError: one of them is not 0.
    """
    for column in absent:
        wrong = np.flatnonzero(x_hw[:, column])
        if len(wrong):
            raise InputError(
                f"Event {first_event + wrong[0]} has {layout.names[column]} = {x_hw[wrong[0], column]}, which the board's words do not "
                "carry and the chip reads as 0; prepare events of the board's own objects."
            )


def output_pieces(links: LinkMap, score_bits: int, n_triggers: int) -> tuple[Piece, ...]:
    """Resolve the answer: value 0 is the score, value ``1 + i`` the i-th trigger bit.

    Raises:
        LayoutError: it does not fit the event's frames, or the trigger bits lie over the score.
    """
    place = links.output
    found = list(_split(links, 0, score_bits, place.link, *place.score))
    for i in range(n_triggers):
        found += _split(links, 1 + i, 1, place.link, place.triggers[0], place.triggers[1] + i)
    return _separate(tuple(found), links, ["the score", *(f"trigger bit {i}" for i in range(n_triggers))])


def _split(links: LinkMap, value: int, width: int, link: int, frame: int, low: int) -> Iterator[Piece]:
    """Cut a value where one frame's word ends and the next begins."""
    shift = 0
    while shift < width:
        step, at = divmod(low + shift, links.word_bits)
        bits = min(width - shift, links.word_bits - at)
        yield Piece(value, shift, link, frame + step, at, bits)
        shift += bits


def _separate(pieces: tuple[Piece, ...], links: LinkMap, names: list[str]) -> tuple[Piece, ...]:
    """Refuse places outside the event or the links, and two values in one bit."""
    used: dict[tuple[int, int, int], int] = {}
    for piece in pieces:
        if not 0 <= piece.frame < links.frames_per_event or piece.low < 0 or piece.link < 0:
            raise LayoutError(
                f"The link map puts {names[piece.value]} in frame {piece.frame}, an event has {links.frames_per_event}; move it."
            )
        if links.fill_links is not None and piece.link >= links.fill_links:
            raise LayoutError(
                f"The link map has no place for {names[piece.value]}: {links.fill_links} links are full; raise 'fill_links'."
            )
        for bit in range(piece.low, piece.low + piece.bits):
            other = used.setdefault((piece.link, piece.frame, bit), piece.value)
            if other != piece.value:
                raise LayoutError(
                    f"The link map puts {names[other]} and {names[piece.value]} both in bit {bit} of frame {piece.frame} of link {piece.link}; move one."
                )
    return pieces


def plain(links: LinkMap) -> dict[str, Any]:
    """Return plain data: what a result depends on."""
    data: dict[str, Any] = _adapter().dump_python(links, mode="json")
    return data
