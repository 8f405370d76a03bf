"""Open HDF5 files with errors that name the file and the data set, read them in chunks and append to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.hdf5_heaps import file_heap_fault

#: Events per stored block; each block holds one object place, so that a run of absent objects costs next to nothing.
BLOCK = 32_768
#: Events whose objects fit a second-level cache: 2 MB as float64.
_NEAR_EVENTS = 2_048
#: Size that HDF5 gives an external file that may grow (H5F_UNLIMITED, as h5py reads it).
_UNLIMITED = 2**63


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading.

    Raises:
        InputError: the file is missing, cut off or damaged, also when that shows only while reading.
    """
    import h5py

    try:
        if fault := file_heap_fault(path):
            raise ValueError(fault)
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{str(path)!r} cannot be read as HDF5 ({reason}); it may be cut off, fetch it again.") from None


def names_in(path: Path) -> list[str]:
    """List the data sets and groups at the top of a file."""
    with opened(path) as file:
        return sorted(file.keys())


def array(file: Any, name: str, path: Path, shape: tuple[int | None, ...]) -> Any:
    """Find a numeric data set of a given form.

    Args:
        file: the open file.
        name: the data set's name.
        path: the file's path, for messages.
        shape: expected size of each axis, None for any.

    Raises:
        InputError: missing, not numeric, or of another shape.
    """
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{str(path)!r} {_instead_of_data(file, name)}")
    if found.dtype.kind not in "fiub":
        raise InputError(
            f"{str(path)!r}: data set {name!r} must hold numbers, got dtype {found.dtype}; write it again as floats."
        )
    fits = len(found.shape) == len(shape) and all(want in (None, got) for want, got in zip(shape, found.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise InputError(
            f"{str(path)!r}: data set {name!r} must have shape ({wanted}{',' * (len(shape) == 1)}), got {found.shape!r}; is this the right format?"
        )
    _refuse_unfilled(found, name, path)
    return found


def _instead_of_data(file: Any, name: str) -> str:
    """Describe what is there in the place of a data set."""
    import h5py

    link = file.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        return f"has {name!r} as a link to {link.path!r} in {link.filename!r}, which is not there; fetch that file too."
    if isinstance(link, h5py.SoftLink):
        return f"has {name!r} as a link to {link.path!r}, which is not in it; write the file again."
    if isinstance(file.get(name), h5py.Group):
        return f"has {name!r} as a group with {sorted(file[name].keys())[:8]!r}, expected a data set; is this the right format?"
    return f"has no data set {name!r}; it has {sorted(file.keys())[:12]!r}."


def _refuse_unfilled(data: Any, name: str, path: Path) -> None:
    """Refuse a data set whose values are not there: HDF5 gives zeros for those, without a word."""
    if data.is_virtual:
        for source in data.virtual_sources():
            _check_source(source, name, path)
    for file, offset, size in data.external or ():
        raw = Path(str(file))
        there = raw.stat().st_size if raw.is_file() else 0
        if size < _UNLIMITED and there < offset + size:
            raise InputError(
                f"{str(path)!r}: data set {name!r} has its values in {str(raw)!r}, which {_lacks(raw)}; fetch that file."
            )
    if data.size and data.chunks is None and not data.is_virtual and not data.external and data.id.get_storage_size() == 0:
        raise InputError(f"{str(path)!r}: data set {name!r} was never filled, all of it would be zeros; write the file again.")


def _lacks(raw: Path) -> str:
    return "is cut off" if raw.is_file() else "is not there"


def _check_source(source: Any, name: str, path: Path) -> None:
    """Refuse a virtual data set's source that is not there, or that lacks the data set."""
    import h5py

    file, data = str(source.file_name), str(source.dset_name)
    # '%b' stands for numbers of files that may still grow; HDF5 itself looks which are there.
    if file == "." or "%" in file:
        return
    there = path.parent / file
    if not there.is_file():
        raise InputError(f"{str(path)!r}: data set {name!r} is made of {file!r}, which is not there; fetch that file too.")
    with h5py.File(there, "r") as other:
        if data not in other:
            raise InputError(
                f"{str(path)!r}: data set {name!r} is made of {data!r} in {file!r}, which has no such data set; write it again."
            )


def block(data: Any) -> int | None:
    """Return how many events of a data set are stored together, or None where they are stored in one piece."""
    return int(data.chunks[0]) if data.chunks else None


def spans(events: range, size: int, block: int | None) -> Iterator[slice]:
    """Split events into slices of about ``size`` that end where stored blocks do, so that none is unpacked twice."""
    step = size if not block else max(size // block, 1) * block
    first = events.start
    while first < events.stop:
        stop = min((first // step + 1) * step, events.stop)
        yield slice(first, stop)
        first = stop


def near(n_events: int) -> Iterator[slice]:
    """Split events that were read into slices small enough that all that is done with one happens in the processor's cache."""
    for first in range(0, n_events, _NEAR_EVENTS):
        yield slice(first, min(first + _NEAR_EVENTS, n_events))


class Hdf5Appender:
    """Append events to the data sets of a new file.

    Each data set is compressed with gzip (of the given level) and shuffle in blocks of one object place. Events wait until they fill a
    block, so that none is unpacked and packed again; leaving the context writes the rest.
    """

    def __init__(self, path: Path, level: int = 4) -> None:
        import h5py

        self._level = level
        self._file = h5py.File(path, "w")
        self._waiting: dict[str, list[NDArray[Any]]] = {}
        self._n_waiting = 0

    def __enter__(self) -> Hdf5Appender:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._write(self._n_waiting)

    def append(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Append arrays of equal length to the data sets of their names, which the first call decides; each call gives all of them."""
        for name, values in arrays.items():
            self._waiting.setdefault(name, []).append(values)
        self._n_waiting += len(next(iter(arrays.values()), ()))
        if self._n_waiting >= BLOCK:
            self._write(self._n_waiting // BLOCK * BLOCK)

    def _write(self, n_events: int) -> None:
        """Write the first of the events that wait."""
        for name, parts in self._waiting.items():
            values = np.concatenate(parts)
            if name not in self._file:
                self._make(name, values)
            data = self._file[name]
            start = len(data)
            data.resize(start + n_events, axis=0)
            data[start:] = values[:n_events]
            self._waiting[name] = [values[n_events:]]
        self._n_waiting -= n_events

    def _make(self, name: str, values: NDArray[Any]) -> None:
        block = (BLOCK, 1, values.shape[2]) if values.ndim == 3 else (BLOCK, *values.shape[1:])
        self._file.create_dataset(
            name,
            shape=(0, *values.shape[1:]),
            maxshape=(None, *values.shape[1:]),
            dtype=values.dtype,
            chunks=block,
            compression="gzip",
            compression_opts=self._level,
            shuffle=True,
            track_times=False,
        )

    def constant(self, name: str, values: NDArray[Any]) -> None:
        """Store a small array as it is."""
        self._file.create_dataset(name, data=values, track_times=False)

    def attribute(self, name: str, value: object) -> None:
        """Store an attribute of the file."""
        self._file.attrs[name] = value


def binary_fraction(values: NDArray[np.float64], lsb: float) -> NDArray[np.float64]:
    """Round values to a power of two of at most 0.8 hardware steps.

    Few significant bits compress well, and rounding to the hardware step recovers the count: the error is at most 0.4 steps.
    """
    step = 2.0 ** np.floor(np.log2(0.8 * lsb))
    return np.rint(values / step) * step
