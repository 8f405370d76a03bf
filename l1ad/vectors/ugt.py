"""Write and read the test vectors of the CMS Global Trigger: a crossing a line, as CMSSW ``GtRecordDump`` and ``mp7_ugt_legacy`` have them.

A line is the crossing; 8 muons of 16 hex digits; 12 e/γ, 12 τ, 12 jets of 8; six sums (ETT HTT ETM HTM ETMHF HTMHF); 6 empty words; 256
external conditions, 512 algorithms, the highest first; the final OR. Version 1 has 8 τ, 4 or 6 sums and no empty words; it is read too.
The words are those of the input lanes: a link map says which lane and frame each comes from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError, LayoutError
from l1ad.vectors.frames import Flag, Frames, numbered_lines
from l1ad.vectors.linkmap import LinkMap

ORBIT = 3564
N_ALGORITHMS, N_EXTERNAL = 512, 256
_EMPTY = 6
_SUMS = 6
#: Kind, hex digits of a word, and how many, by the number of words in a line: version 2, then two forms of version 1.
_VERSIONS = {
    60: (("muon", 16, 8), ("eg", 8, 12), ("tau", 8, 12), ("jet", 8, 12), ("sums", 8, 6), ("empty", 8, 6)),
    50: (("muon", 16, 8), ("eg", 8, 12), ("tau", 8, 8), ("jet", 8, 12), ("sums", 8, 6)),
    48: (("muon", 16, 8), ("eg", 8, 12), ("tau", 8, 8), ("jet", 8, 12), ("sums", 8, 4)),
}


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """A file's crossings.

    Attributes:
        crossings: their numbers, int64 ``(n_events,)``.
        frames: the input lanes, a packet an event.
        external: external conditions, bool ``(n_events, 256)``.
        algorithms: algorithm bits, bool ``(n_events, 512)``.
        final_or: bool ``(n_events,)``.
    """

    crossings: NDArray[np.int64]
    frames: Frames
    external: NDArray[np.bool_]
    algorithms: NDArray[np.bool_]
    final_or: NDArray[np.bool_]


def with_bits(frames: Frames, bits: NDArray[np.bool_], first_algorithm: int) -> Crossings:
    """Put lanes and trigger bits together; crossings count from 0 and begin again after an orbit.

    Args:
        frames: the input lanes, a packet an event.
        bits: trigger bits, ``(n_events, n_triggers)``.
        first_algorithm: number of the algorithm that the first trigger bit is.

    Raises:
        LayoutError: more trigger bits than algorithms behind the first.
    """
    n_events, n_bits = bits.shape
    if first_algorithm + n_bits > N_ALGORITHMS:
        raise LayoutError(
            f"{n_bits} trigger bits from algorithm {first_algorithm} do not fit {N_ALGORITHMS}; change 'first_algorithm'."
        )
    algorithms = np.zeros((n_events, N_ALGORITHMS), dtype=bool)
    algorithms[:, first_algorithm : first_algorithm + n_bits] = bits
    external = np.zeros((n_events, N_EXTERNAL), dtype=bool)
    return Crossings(np.arange(n_events, dtype=np.int64) % ORBIT, frames, external, algorithms, algorithms.any(axis=1))


def begins(text: str) -> bool:
    """Return whether a text looks like one of these files: a crossing's number, then a muon."""
    return re.match(r"\d+ [0-9a-fA-F]{16} ", text) is not None


def write(vector: Crossings, links: LinkMap) -> str:
    """Return the file's text, of version 2."""
    words = _words(vector.frames, links)
    columns = [[f"{word:0{digits}x}" for word in words[place].tolist()] for place, digits in _columns(links, _VERSIONS[60])]
    columns = [
        [f"{crossing:04d}" for crossing in vector.crossings.tolist()],
        *columns,
        *[["0" * 8] * len(vector.crossings)] * _EMPTY,
    ]
    columns += [_hex(vector.external), _hex(vector.algorithms), ["01"[bit] for bit in vector.final_or.tolist()]]
    return "".join(" ".join(row) + "\n" for row in zip(*columns, strict=True))


def _hex(bits: NDArray[np.bool_]) -> list[str]:
    """Return bits as hex digits, the highest first."""
    return [row.tobytes().hex() for row in np.packbits(bits[:, ::-1], axis=1)]


_Place = tuple[int, int, int]


def _columns(links: LinkMap, version: Sequence[tuple[str, int, int]]) -> Iterator[tuple[_Place, int]]:
    """Return lane, first frame and frames of each word of a line, and its hex digits.

    Raises:
        LayoutError: the link map is not one of the Global Trigger.
    """
    places = links.places or {}
    missing = [kind for kind in ("muon", "eg", "tau", "jet", "met") if kind not in places]
    if missing or links.word_bits != 32:
        raise LayoutError(
            f"Vectors of the Global Trigger need a link map with 32-bit words and places for {missing or 'its objects'}; use board 'cms_ugt'."
        )
    for kind, digits, count in version:
        if kind == "empty":
            continue
        wanted = [(places["met"][0][0], frame) for frame in range(_SUMS)] if kind == "sums" else places[kind]
        for link, frame in wanted[:count]:
            yield (link, frame, digits // 8), digits


def _words(frames: Frames, links: LinkMap) -> dict[_Place, NDArray[np.uint64]]:
    """Return the word at each place, by event; lanes that are not there are 0."""
    flat = frames.words.reshape(-1, links.frames_per_event, len(frames.links))
    found: dict[_Place, NDArray[np.uint64]] = {}
    for (link, frame, count), _ in _columns(links, _VERSIONS[60]):
        found[link, frame, count] = np.zeros(len(flat), dtype=np.uint64)
        for i in range(count if link in frames.links else 0):
            found[link, frame, count] |= flat[:, frame + i, frames.links.index(link)] << np.uint64(32 * i)
    return found


def read(text: str, where: str, links: LinkMap) -> Crossings:
    """Read a file.

    Args:
        text: its text.
        where: its name, for messages.
        links: the link map.

    Raises:
        InputError: a line that has not the words of a version, or no hex digits; names the line.
    """
    rows = [(number, line.split()) for number, line in numbered_lines(text)]
    if not rows:
        raise InputError(f"{where} has no crossings; it was cut off.")
    version = _VERSIONS.get(len(rows[0][1]))
    if version is None:
        raise InputError(
            f"{where}, line {rows[0][0]}: expected 60 words (48 or 50 in version 1), got {len(rows[0][1])}; the file was cut off or is another."
        )
    digits = [digits for _, digits, count in version for _ in range(count)] + [N_EXTERNAL // 4, N_ALGORITHMS // 4, 1]
    values = [_row(words, digits, where, number) for number, words in rows]
    return _assembled(values, version, links)


def _row(words: list[str], digits: list[int], where: str, number: int) -> list[int]:
    """Read one line.

    Raises:
        InputError: a word is missing, too short or no number.
    """
    wanted = [None, *digits]
    if len(words) != len(wanted):
        raise InputError(
            f"{where}, line {number}: expected {len(wanted)} words, got {len(words)}; the file was cut off or edited."
        )
    for word, length in zip(words, wanted, strict=True):
        good = word.isdigit() if length is None else len(word) == length and set(word) <= set("0123456789abcdefABCDEF")
        if not (good and word.isascii()):
            told = "a crossing's number" if length is None else f"{length} hex digits"
            raise InputError(f"{where}, line {number}: expected {told}, got {word[:40]!r}; the file was cut off or edited.")
    return [int(words[0]), *(int(word, 16) for word in words[1:])]


def _assembled(rows: list[list[int]], version: Sequence[tuple[str, int, int]], links: LinkMap) -> Crossings:
    places = list(_columns(links, version))
    lanes = tuple(sorted({link for (link, _, _), _ in places}))
    words = np.zeros((len(rows), links.frames_per_event, len(lanes)), dtype=np.uint64)
    for column, ((link, frame, count), _) in enumerate(places, 1):
        values = np.array([row[column] for row in rows], dtype=np.uint64)
        for i in range(count):
            words[:, frame + i, lanes.index(link)] = values >> np.uint64(32 * i) & np.uint64(2**32 - 1)
    flags = np.full(words.shape, int(Flag.VALID), dtype=np.uint8)
    flags[:, 0] |= int(Flag.START)
    flags[:, -1] |= int(Flag.END)
    frames = Frames("", lanes, words.reshape(-1, len(lanes)), flags.reshape(-1, len(lanes)))
    return Crossings(
        np.array([row[0] for row in rows], dtype=np.int64),
        frames,
        _bits([row[-3] for row in rows], N_EXTERNAL),
        _bits([row[-2] for row in rows], N_ALGORITHMS),
        np.array([row[-1] for row in rows]) != 0,
    )


def _bits(values: list[int], count: int) -> NDArray[Any]:
    raw = b"".join(value.to_bytes(count // 8, "big") for value in values)
    packed = np.frombuffer(raw, dtype=np.uint8).reshape(len(values), -1)
    return np.unpackbits(packed, axis=1)[:, ::-1].astype(bool)
