"""Open ROOT files with errors that name file, tree and branch, and read their trees in chunks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.data.damaged import told_by_name

Counts = NDArray[np.int64]


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a ROOT file for reading, or take it as it was left open: reading the descriptions of hundreds of branches takes long.

    Raises:
        InputError: the file is missing, cut off or damaged, also when that shows only while reading.
    """
    with told_by_name(path, "ROOT"), _LAST.taken(path) as file:
        yield file


class _LastFile:
    """Keep the file that was used last open, for whoever needs the same one next; one user has it at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: tuple[tuple[Any, ...], Any] | None = None

    @contextmanager
    def taken(self, path: Path) -> Iterator[Any]:
        """Return the open file; it is kept if nothing went wrong with it."""
        import uproot

        status = path.stat()
        identity = (path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        file = self._swap(None, identity) or uproot.open(path)
        try:
            yield file
        except BaseException:
            file.close()
            raise
        self._swap((identity, file), None)

    def _swap(self, new: tuple[tuple[Any, ...], Any] | None, wanted: tuple[Any, ...] | None) -> Any:
        """Put a file in the place of the one kept; return that one if it is the requested file, else close it."""
        with self._lock:
            old, self._kept = self._kept, new
        if old is None or old[0] == wanted:
            return old and old[1]
        old[1].close()
        return None


_LAST = _LastFile()


def trees_in(path: Path) -> list[str]:
    """List everything that is stored in a file, by its whole name."""
    with opened(path) as file:
        return [name.rpartition(";")[0] for name in file.keys(recursive=True)]


def tree(file: Any, name: str, path: Path) -> Any:
    """Find a tree, or the RNTuple that newer files have in its place.

    Raises:
        InputError: there is none of that name, or it is something else.
    """
    import uproot

    found = file.get(name)
    if not isinstance(found, uproot.TTree | uproot.behaviors.RNTuple.RNTuple):
        raise InputError(f"{str(path)!r} has no tree {name!r}; it has {file.keys(recursive=True)[:8]!r}.")
    return found


def steps(events: range, size: int) -> Iterator[tuple[int, int]]:
    """Split events into ``(first, stop)`` of at most ``size`` events each."""
    for first in range(events.start, events.stop, size):
        yield first, min(first + size, events.stop)


def require(branches: Iterable[str], there: Iterable[str], path: Path, tree_name: str) -> None:
    """Refuse a tree that lacks a branch.

    Raises:
        InputError: names file, tree and branch.
    """
    have = set(there)
    missing = [branch for branch in branches if branch not in have]
    if missing:
        raise InputError(
            f"{str(path)!r}: tree {tree_name!r} has no branch {missing[0]!r}; was the file made with these objects switched on?"
        )


@dataclass(frozen=True, slots=True)
class Jagged:
    """Places of the values of a jagged branch in a rectangle of ``(n_events, places)``; absent ones are zero.

    Attributes:
        n_events: rows.
        places: columns.
        used: which stored values have a place, or None for all.
        counts: kept values of each event, also those without a place, ``(n_events,)``.
        event: row of each used value.
        target: place of each used value in the flat rectangle.
    """

    n_events: int
    places: int
    used: NDArray[np.bool_] | None
    counts: Counts
    event: Counts
    target: Counts

    @classmethod
    def of(cls, counts: Counts, places: int, kept: NDArray[np.bool_] | None = None, *, beyond_places: bool = False) -> Jagged:
        """Lay out values from how many each event has.

        Args:
            counts: stored values of each event, ``(n_events,)``.
            places: how many places there are; values beyond the last are left out.
            kept: which of all values to use.
            beyond_places: whether there are as many places as the fullest event needs, if those are more.
        """
        n_events, number = len(counts), np.arange(len(counts))
        event = np.repeat(number, counts)
        if kept is not None and kept.all():
            kept = None
        if kept is not None:
            event = event[kept]
            counts = np.bincount(event, minlength=n_events)
        if beyond_places:
            places = max(places, int(counts.max(initial=0)))
        starts = np.cumsum(counts) - counts
        if not counts.size or counts.max() <= places:
            return cls(n_events, places, kept, counts, event, np.arange(len(event)) + (number * places - starts)[event])
        rank = np.arange(len(event)) - starts[event]
        within = rank < places
        used = within if kept is None else kept.copy()
        if kept is not None:
            used[kept] = within
        event = event[within]
        return cls(n_events, places, used, counts, event, event * places + rank[within])

    def pick(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return those of a branch's flat values that have a place."""
        return values if self.used is None else values[self.used]

    def put(self, picked: NDArray[Any], rectangle: NDArray[Any]) -> None:
        """Put picked values into a contiguous rectangle of zeros."""
        rectangle.reshape(-1)[self.target] = picked

    def fill(self, values: NDArray[Any]) -> NDArray[Any]:
        """Put a branch's flat values into a new rectangle."""
        out = np.zeros((self.n_events, self.places), dtype=values.dtype)
        self.put(self.pick(values), out)
        return out


def flat(values: Any, where: str, name: str) -> tuple[Counts, NDArray[Any]]:
    """Take a branch apart: how many values each event has (one, if it is not a list), and all of them.

    Raises:
        InputError: the branch does not hold numbers, or one list of numbers for each event.
    """
    import awkward as ak

    try:
        if values.ndim == 1:
            content = ak.to_numpy(values, allow_missing=False)
            counts = np.ones(len(content), dtype=np.int64)
        else:
            counts, content = _list_parts(values.layout)
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where}: branch {name!r} must hold a list of numbers for each event ({type(error).__name__})."
        ) from None
    if content.dtype.kind not in "iufb" or content.ndim != 1:
        raise InputError(f"{where}: branch {name!r} must hold a list of numbers for each event, got {content.dtype}.")
    return counts, content


def _list_parts(layout: Any) -> tuple[Counts, NDArray[Any]]:
    """Take a layout of lists apart; the form that uproot gives needs no conversion, only two views."""
    import awkward as ak

    if not (isinstance(layout, ak.contents.ListOffsetArray) and isinstance(layout.content, ak.contents.NumpyArray)):
        layout = layout.to_ListOffsetArray64(start_at_zero=True)
    offsets = np.asarray(layout.offsets.data)
    content = layout.content
    plain = isinstance(content, ak.contents.NumpyArray)
    numbers = np.asarray(content.data) if plain else ak.to_numpy(content, allow_missing=False)
    return (offsets[1:] - offsets[:-1]).astype(np.int64, copy=False), numbers[offsets[0] : offsets[-1]]


def branch_names(tree: Any) -> dict[str, str]:
    """Return a tree's branches by their own name, without that of the object they are part of."""
    return {key.rpartition("/")[2]: key for key in tree.keys(recursive=True)}
