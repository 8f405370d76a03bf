"""Read files derived from the 40 MHz data set: ``X_train``, ``X_val``, ``X_test`` or ``Data`` without classes, as its example code makes them.

Each is ``(n_events, 57)`` or ``(n_events, 19, 3)``: the rows of ``Particles`` with pt, η and φ, in GeV and rad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import FEATURES
from l1ad.data.hdf5 import array, spans

N_ROWS = 19
#: Data sets, in the order in which their events are counted.
NAMES = ("X_train", "X_val", "X_test", "Data")
NOTE = (
    "Derived from the 40 MHz data set: {names}, one after another; their values are taken as GeV, η and rad, so they must not "
    "be normalised. The partition is this project's own."
)


@dataclass(frozen=True, slots=True)
class Derived:
    """The data sets of an open file, one after another."""

    names: tuple[str, ...]
    data: tuple[Any, ...]

    @classmethod
    def of(cls, file: Any, path: Path) -> Derived:
        """Find them.

        Raises:
            InputError: one is not numeric or of another shape.
        """
        names = tuple(name for name in NAMES if name in file)
        return cls(names, tuple(_rows(file, name, path) for name in names))

    @property
    def n_events(self) -> int:
        """The number of events of all of them."""
        return sum(len(data) for data in self.data)

    def read(self, events: range, size: int, path: Path) -> Iterator[tuple[int, str, NDArray[Any]]]:
        """Read a range of events, at most ``size`` at once.

        Yields:
            Number of the first event, the data set's name and the rows, ``(n_events, 19, 3)``.

        Raises:
            InputError: a missing energy with η, which no such file has.
        """
        offset = 0
        for name, data in zip(self.names, self.data, strict=True):
            part = range(max(events.start - offset, 0), min(events.stop - offset, len(data)))
            for span in spans(part, size, None):
                rows = np.asarray(data[span], dtype=np.float64).reshape(-1, N_ROWS, len(FEATURES))
                _check_met(rows, offset + span.start, name, path)
                yield offset + span.start, name, rows
            offset += len(data)


def refuse_scaled(rows: NDArray[Any], name: str, path: Path) -> None:
    """Refuse events whose largest pT of all is no more than 1: the data set's least electron or muon has some GeV, its jets 15.

    Args:
        rows: the first events, pt first in the last axis, ``(n_events, 19, 3 or more)``.
        name: the data set, for messages.
        path: the file, for messages.

    Raises:
        InputError: pT was divided by its greatest value.
    """
    highest = float(rows[:, :, 0].max(initial=0.0))
    if 0 < highest <= 1:
        raise InputError(
            f"{str(path)!r}: {name!r} has no pT above {highest:g} in its first {len(rows)} events, so it was divided by its greatest value or "
            "another scale; give the values in GeV."
        )


def _rows(file: Any, name: str, path: Path) -> Any:
    if getattr(file.get(name), "ndim", 2) == 3:
        return array(file, name, path, (None, N_ROWS, len(FEATURES)))
    return array(file, name, path, (None, N_ROWS * len(FEATURES)))


def _check_met(rows: NDArray[np.float64], first: int, name: str, path: Path) -> None:
    bad = rows[:, 0, 1] != 0
    if bad.any():
        event = int(np.argmax(bad))
        raise InputError(
            f"{str(path)!r}: {name!r} has missing E_T with η {rows[event, 0, 1]:g} at event {first + event}, which must be 0; "
            "is the order of columns another one, or are they normalised?"
        )
