"""Open Parquet files with errors that name file and column, and read them in batches; pyarrow reads, nothing else of it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.data.damaged import told_by_name

#: How many values each event has, and all of them.
Flat = tuple[NDArray[np.int64], NDArray[Any]]


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a Parquet file for reading.

    Raises:
        InputError: the file is cut off or damaged, also when that shows only while reading.
    """
    import pyarrow.parquet as parquet

    with told_by_name(path, "Parquet"), parquet.ParquetFile(path) as file:
        yield file


def batches(file: Any, columns: Sequence[str], events: range, size: int) -> Iterator[Any]:
    """Read columns of some events, row group by row group.

    Args:
        file: the open file.
        columns: their names.
        events: numbers of the events.
        size: events at once, at most.

    Yields:
        Record batches, one after another.
    """
    start = 0
    for group in range(file.metadata.num_row_groups):
        n_rows = file.metadata.row_group(group).num_rows
        if start < events.stop and start + n_rows > events.start:
            place = start
            for batch in file.iter_batches(size, row_groups=[group], columns=list(columns), use_threads=False):
                low, high = max(events.start - place, 0), min(events.stop - place, batch.num_rows)
                if low < high:
                    yield batch.slice(low, high - low)
                place += batch.num_rows
        start += n_rows


class Rows:
    """Take rows of batches, as many at a time as are requested."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches
        self._rest: Any = None

    def take(self, n_rows: int) -> list[Any]:
        """Return the next rows, as one or several batches; fewer where there are no more."""
        taken: list[Any] = []
        while n_rows > 0 and (batch := self._rest if self._rest is not None else next(self._batches, None)) is not None:
            taken.append(batch.slice(0, n_rows))
            self._rest = batch.slice(n_rows) if batch.num_rows > n_rows else None
            n_rows -= taken[-1].num_rows
        return taken


def flat(column: Any, where: str, name: str) -> Flat:
    """Take a column apart: how many values each event has (one, if it is not a list), and all of them.

    Raises:
        InputError: the column has nulls, or does not hold numbers or one list of numbers for each event.
    """
    import pyarrow as pa

    listed = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    values = column.flatten() if listed else column
    if column.null_count or values.null_count:
        raise InputError(f"{where}: column {name!r} has values that are not there (null); write it again without.")
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type)):
        raise InputError(f"{where}: column {name!r} must hold numbers, or a list of numbers for each event, got {column.type}.")
    numbers = np.asarray(values.to_numpy(zero_copy_only=False))
    if not listed:
        return np.ones(len(numbers), dtype=np.int64), numbers
    return np.asarray(column.value_lengths().to_numpy(zero_copy_only=False), dtype=np.int64), numbers
