"""Write scores as HDF5 or ROOT, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError

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
            f"Scores are written as HDF5 or ROOT: wanted a name that ends in {' or '.join(SUFFIXES)}, got {str(path)!r}."
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
