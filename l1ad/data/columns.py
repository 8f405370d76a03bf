"""Check the per-event columns of a file: one finite number an event."""

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
        InputError: not one number an event, a value that is not finite, or a negative weight.
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
    bad = ~np.isfinite(numbers) if numbers.dtype.kind == "f" else np.zeros(0, dtype=bool)
    if name == "weight":
        bad = ~np.isfinite(numbers) | (numbers < 0)
    if bad.any():
        event = int(np.argmax(bad))
        wanted = "weights must be finite and not negative" if name == "weight" else "remove such events from the file"
        raise InputError(f"{str(path)!r}: {stored!r} has {numbers[event]} at event {span.start + event}; {wanted}.")
    return numbers
