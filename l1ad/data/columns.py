"""Check the per-event columns of a file: one finite number an event, and weights that a sum can be made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError


def event_columns(read: Mapping[str, Any], stored: Mapping[str, str], path: Path, span: slice) -> dict[str, NDArray[Any]]:
    """Check what was read of the per-event columns.

    Args:
        read: values by the column's name in a dataset.
        stored: the columns' names in the file.
        path: the file, for messages.
        span: which events were read.

    Returns:
        The values, ``(n_events,)`` each.

    Raises:
        InputError: not one number an event, or a value that is not finite; weights are for `check_weights`, where they are used.
    """
    return {name: _checked(values, name, stored[name], path, span) for name, values in read.items()}


def _checked(values: Any, name: str, stored: str, path: Path, span: slice) -> NDArray[Any]:
    try:
        numbers = np.asarray(values)
    # Lists of different lengths make no array.
    except ValueError:
        numbers = np.empty((0, 0))
    if numbers.shape != (span.stop - span.start,) or numbers.dtype.kind not in "iufb":
        raise InputError(
            f"{str(path)!r}: {stored!r} must hold one number for each of {span.stop - span.start} events, got {numbers.dtype} of shape "
            f"{numbers.shape!r}; is this the right format?"
        )
    bad = ~np.isfinite(numbers) if numbers.dtype.kind == "f" and name != "weight" else np.zeros(0, dtype=bool)
    if bad.any():
        event = int(np.argmax(bad))
        raise InputError(
            f"{str(path)!r}: {stored!r} has {numbers[event]} at event {span.start + event}; remove such events from the file."
        )
    return numbers


def usable(weights: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which weights are finite and not negative, ``(n_events,)``."""
    return np.isfinite(weights) & (weights >= 0)


def check_weights(weights: NDArray[Any], path: Path, first: int) -> None:
    """Refuse weights that are negative, as those of generators beyond leading order, or not finite.

    Args:
        weights: of some events of a file, ``(n_events,)``.
        path: the file, for messages.
        first: number of the first event, for messages.

    Raises:
        InputError: names the event and the key that leaves weights out.
    """
    bad = ~usable(weights)
    if bad.any():
        event = int(np.argmax(bad))
        drop = ", or set data.select.incomplete to 'drop' to leave out events without weight" if np.isnan(weights[event]) else ""
        raise InputError(
            f"{str(path)!r} has the weight {weights[event]:g} at event {first + event}; weights must be finite and not negative: give the "
            f"sample (or 'data') 'weights: none' to count each of its events once{drop}."
        )
