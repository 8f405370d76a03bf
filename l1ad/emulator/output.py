"""Write scores as HDF5 or ROOT, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ArtefactError, InputError

Columns = Mapping[str, NDArray[Any]]
Append = Callable[[Columns], None]
#: Name of the ROOT tree, and of the HDF5 group's twin: the data sets are at the file's top.
TREE = "scores"
SUFFIXES = (".h5", ".hdf5", ".root")


def check_suffix(path: Path) -> None:
    """Refuse an output that is neither HDF5 nor ROOT.

    Raises:
        InputError: by its name it is something else.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(
            f"Scores are written as HDF5 or ROOT: expected a name that ends in {' or '.join(SUFFIXES)}, got {str(path)!r}."
        )


@contextmanager
def writer(path: Path, dtypes: Mapping[str, np.dtype[Any]], about: Mapping[str, str]) -> Iterator[Append]:
    """Open an output file.

    Args:
        path: the file; its suffix says which format.
        dtypes: columns and their types.
        about: what the file says of itself: HDF5 attributes, ROOT strings.

    Yields:
        A function that appends a batch: one array of shape ``(n,)`` for each column.
    """
    open_file = _root if path.suffix == ".root" else _hdf5
    with open_file(path, dtypes, about) as append:
        yield append


@contextmanager
def _hdf5(path: Path, dtypes: Mapping[str, np.dtype[Any]], about: Mapping[str, str]) -> Iterator[Append]:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs.update(about)
        for name, dtype in dtypes.items():
            file.create_dataset(name, shape=(0,), maxshape=(None,), chunks=(1 << 16,), dtype=dtype)

        def append(columns: Columns) -> None:
            for name, values in columns.items():
                stored = file[name]
                stored.resize(len(stored) + len(values), axis=0)
                stored[len(stored) - len(values) :] = values

        yield append


@contextmanager
def _root(path: Path, dtypes: Mapping[str, np.dtype[Any]], about: Mapping[str, str]) -> Iterator[Append]:
    import uproot

    with uproot.recreate(path) as file:
        for name, text in about.items():
            file[name] = text
        tree = file.mktree(TREE, dict(dtypes))
        yield lambda columns: tree.extend(dict(columns))


def require_stored(path: Path, batches: Iterable[Columns], named: Path) -> None:
    """Read an output file back and require that it holds what was appended, and nothing else.

    Args:
        path: the file, closed.
        batches: what was appended, in order.
        named: the output that the file is to become, for the message.

    Raises:
        ArtefactError: a column differs.
    """
    first = 0
    with (_read_root if path.suffix == ".root" else _read_hdf5)(path) as (n_events, read):
        for columns in batches:
            stop = first + len(next(iter(columns.values())))
            for name, values in columns.items():
                stored = read(name, first, stop) if stop <= n_events else None
                _require_equal(stored, values, f"{name} of events {first} to {stop - 1}", named)
            first = stop
        _require_equal(n_events, first, "the number of events", named)


def _require_equal(stored: Any, wanted: Any, what: str, named: Path) -> None:
    if not np.array_equal(stored, wanted):
        raise ArtefactError(
            f"{str(named)!r} was not stored as it was written: {what} cannot be read back; check the disk, and that nothing else writes "
            "there, then run the same command again."
        )


Read = Callable[[str, int, int], NDArray[Any]]


@contextmanager
def _read_hdf5(path: Path) -> Iterator[tuple[int, Read]]:
    import h5py

    with h5py.File(path, "r") as file:
        lengths = {len(column) for column in file.values()}
        n_events = lengths.pop() if len(lengths) == 1 else -1
        yield n_events, lambda name, first, stop: file[name][first:stop]


@contextmanager
def _read_root(path: Path) -> Iterator[tuple[int, Read]]:
    import uproot

    with uproot.open(path) as file:
        tree = file[TREE]
        yield int(tree.num_entries), lambda name, first, stop: tree[name].array(entry_start=first, entry_stop=stop, library="np")
