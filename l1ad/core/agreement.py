"""Compare two implementations' integers, event by event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from l1ad.core.errors import MismatchError
from l1ad.core.fixed import IntArray
from l1ad.core.plain import Origin, Plain

N_SHOWN = 5
#: File of an artefact that holds comparisons.
AGREEMENT_FILE = "agreement.json"


@dataclass(frozen=True, slots=True)
class Agreement(Plain):
    """How far two sources of integer scores agree.

    Attributes:
        left: name of the first source.
        right: name of the second.
        n_events: events compared.
        n_different: events whose integers differ.
        max_ulp: largest absolute difference in units in the last place.
        first: the first differing events: ``(event, left, right)``.
        parted_at: first node at which the two part, where it was looked for.
    """

    DERIVED: ClassVar[tuple[str, ...]] = ("exact",)

    left: str
    right: str
    n_events: int
    n_different: int
    max_ulp: int
    first: tuple[tuple[int, int, int], ...] = ()
    parted_at: str | None = None

    @property
    def exact(self) -> bool:
        """Whether every event agrees; no event at all is not agreement."""
        return self.n_events > 0 and self.n_different == 0

    def require(self) -> Agreement:
        """Return self if exact.

        Raises:
            MismatchError: there are differing events, or nothing was compared.
        """
        if self.n_events == 0:
            raise MismatchError(f"{self.left} and {self.right} were compared on no events; give at least one.")
        if self.n_different:
            shown = "; ".join(f"event {event}: {left} against {right}" for event, left, right in self.first)
            where = f"; they diverge at {self.parted_at}" if self.parted_at else ""
            raise MismatchError(
                f"{self.left} and {self.right} must be equal as integers; {self.n_different} of {self.n_events} events differ, "
                f"by up to {self.max_ulp} units in the last place ({shown}){where}. Run 'l1ad trace' on one of them."
            )
        return self


def read_agreements(place: Origin) -> tuple[Agreement, ...]:
    """Read a file of comparisons: a list of them, or a single one.

    Raises:
        ArtefactError: the file is not there, damaged, or holds something else.
    """
    found = place.json()
    return tuple(Agreement.read(one, place) for one in (found if isinstance(found, list) else [found]))


def compare(left: str, right: str, left_codes: IntArray, right_codes: IntArray, *, first_event: int = 0) -> Agreement:
    """Compare two arrays of integers.

    Args:
        left: name of the first source.
        right: name of the second.
        left_codes: integers, shape ``(n_events,)`` or ``(n_events, n)``.
        right_codes: integers of the same shape.
        first_event: number of the first row, for the report.

    Returns:
        The agreement, not yet required.

    Raises:
        MismatchError: the shapes differ.
    """
    a, b = np.asarray(left_codes, dtype=np.int64), np.asarray(right_codes, dtype=np.int64)
    if a.shape != b.shape:
        raise MismatchError(f"{left} and {right} must give the same shape, got {a.shape!r} and {b.shape!r}.")
    width = a.size // max(len(a), 1)
    a, b = a.reshape(len(a), width), b.reshape(len(b), width)
    difference = np.abs(a - b)
    rows = np.flatnonzero(difference.any(axis=1))
    shown = []
    for row in rows[:N_SHOWN]:
        column = int(np.argmax(difference[row] != 0))
        shown.append((first_event + int(row), int(a[row, column]), int(b[row, column])))
    return Agreement(left, right, len(a), len(rows), int(difference.max(initial=0)), tuple(shown))


def merge(parts: list[Agreement]) -> Agreement:
    """Add up agreements of the same two sources over consecutive batches.

    Args:
        parts: at least one agreement.
    """
    first = tuple(entry for part in parts for entry in part.first)[:N_SHOWN]
    return Agreement(
        parts[0].left,
        parts[0].right,
        sum(part.n_events for part in parts),
        sum(part.n_different for part in parts),
        max(part.max_ulp for part in parts),
        first,
        next((part.parted_at for part in parts if part.parted_at), None),
    )
