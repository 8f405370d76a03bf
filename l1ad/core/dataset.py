"""Events as the trigger sees them: hardware integers of a layout, with weights and labels, on disk in plain columns.

The artefact is a folder of ``.npy`` files, one per column group, that are memory-mapped: ``x_hw.npy`` ``(n_events, n_columns)`` and
per-event columns ``(n_events,)``. Any size is read in flat memory.
"""

from __future__ import annotations

import enum
import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.array_file import open_array
from l1ad.core.artefact import MANIFEST, read_manifest
from l1ad.core.errors import ArtefactError, InputError, LayoutError, nearest, one_line
from l1ad.core.fixed import IntArray
from l1ad.core.json_text import parse_json
from l1ad.core.layout import ObjectLayout, parse_layout_dict

KIND = "dataset"


class Role(enum.Enum):
    """What a sample is used for."""

    BACKGROUND = "background"
    SIGNAL = "signal"


class Split(enum.IntEnum):
    """Which part of the data an event belongs to; signals are always ``TEST``."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Name a sample: ``name`` is a key, ``label`` what plots show."""

    name: str
    role: Role
    label: str


#: Per-event columns a dataset may have beside ``x_hw``: name, dtype, and what it is.
COLUMNS: dict[str, str] = {
    "sample": "uint8",  # index into ``samples``
    "split": "uint8",  # a ``Split``
    "weight": "float64",  # event weight (enhanced-bias or cross-section), 1 where the data have none
    "run": "int64",
    "lumi": "int64",  # luminosity block of the run
    "event": "int64",
    "pileup": "float32",  # mean or actual interactions per crossing
    "pass_l1": "bool",  # taken by any unprescaled L1 item
    "pass_hlt": "bool",
    "menu": "uint64",  # bit i: taken by ``menu_items[i]``
}
#: Copied at a time: what a core's cache holds.
_COPY_BYTES = 2**20
REQUIRED = ("sample", "split", "weight")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Access to a prepared dataset.

    Attributes:
        path: the artefact's folder.
        layout: what the columns of ``x_hw`` are.
        samples: the samples, in the order of the ``sample`` column.
        menu_items: names of the L1 menu's items, by bit of the ``menu`` column.
        n_events: number of events.
        columns: names of the per-event columns that are there.
        digest: the artefact's digest.
    """

    path: Path
    layout: ObjectLayout
    samples: tuple[Sample, ...]
    menu_items: tuple[str, ...]
    n_events: int
    columns: tuple[str, ...]
    digest: str

    @classmethod
    def load(cls, path: str | Path) -> Dataset:
        """Open a dataset: its own folder, or that of the run it belongs to.

        Raises:
            ArtefactError: the folder is not a dataset.
        """
        folder = Path(path)
        return load_dataset(folder / KIND if (folder / KIND / MANIFEST).is_file() else folder)

    @property
    def x_hw(self) -> NDArray[Any]:
        """The hardware integers, memory-mapped, shape ``(n_events, n_columns)``."""
        return self._array("x_hw")

    def column(self, name: str) -> NDArray[Any]:
        """Return a per-event column, memory-mapped, shape ``(n_events,)``.

        Raises:
            InputError: this dataset does not have it.
        """
        if name not in self.columns:
            raise InputError(f"Dataset {str(self.path)!r} has no column {name!r}; {nearest(name, self.columns)}")
        return self._array(name)

    def _array(self, name: str) -> NDArray[Any]:
        try:
            return open_array(self.path / f"{name}.npy")
        except (OSError, ValueError) as error:
            raise ArtefactError(
                f"Dataset {str(self.path)!r} is damaged ({one_line(error)}); run 'l1ad prepare --force'."
            ) from None

    def sample(self, name: str) -> Sample:
        """Find a sample by name.

        Raises:
            InputError: no such sample.
        """
        for sample in self.samples:
            if sample.name == name:
                return sample
        raise InputError(f"Dataset {str(self.path)!r} has no sample {name!r}; {nearest(name, [s.name for s in self.samples])}")

    def of_role(self, role: Role) -> tuple[Sample, ...]:
        """Return the samples of one role."""
        return tuple(sample for sample in self.samples if sample.role is role)

    def rows(self, *, role: Role | None = None, sample: str | None = None, split: Split | None = None) -> IntArray:
        """Return the numbers of the events that fit all that is given, ascending.

        Args:
            role: only samples of this role.
            sample: only this sample.
            split: only this part.
        """
        keep = np.ones(self.n_events, dtype=bool)
        index = self.column("sample")
        if role is not None:
            keep &= np.isin(index, [i for i, s in enumerate(self.samples) if s.role is role])
        if sample is not None:
            keep &= index == self.samples.index(self.sample(sample))
        if split is not None:
            keep &= self.column("split") == split
        return np.flatnonzero(keep)


def load_dataset(path: str | Path) -> Dataset:
    """Open a dataset artefact.

    Raises:
        ArtefactError: the folder is not a dataset.
    """
    path = Path(path)
    manifest = read_manifest(path, KIND)
    try:
        data = parse_json((path / "dataset.json").read_text(encoding="utf-8"))
        samples = tuple(Sample(s["name"], Role(s["role"]), s["label"]) for s in data["samples"])
        layout = parse_layout_dict(data["layout"], str(path / "dataset.json"))
        return Dataset(
            path, layout, samples, tuple(data["menu_items"]), int(data["n_events"]), tuple(data["columns"]), manifest.digest
        )
    except (OSError, KeyError, ValueError, TypeError, AttributeError, LayoutError) as error:
        raise ArtefactError(
            f"Dataset {str(path)!r} is damaged ({type(error).__name__} {error}); run 'l1ad prepare --force'."
        ) from None


def check_samples(names: Sequence[str]) -> None:
    """Refuse samples that could not be told apart afterwards.

    Args:
        names: of all samples, background and signals.

    Raises:
        InputError: a name is there twice, or there are more samples than numbers in the column ``sample``.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"Two samples are called {twice!r}; background and signals need different names.")
    most = int(np.iinfo(COLUMNS["sample"]).max) + 1
    if len(names) > most:
        raise InputError(
            f"A dataset holds at most {most} samples, got {len(names)}; make one sample of several files, or two datasets."
        )


class DatasetWriter:
    """Append events to a dataset's files, in chunks of any size.

    Use it as a context manager around a draft's folder; leaving it writes the headers and ``dataset.json``.
    """

    def __init__(
        self,
        folder: Path,
        layout: ObjectLayout,
        samples: tuple[Sample, ...],
        columns: tuple[str, ...],
        menu_items: tuple[str, ...] = (),
    ) -> None:
        unknown = sorted(set(columns) - set(COLUMNS))
        missing = sorted(set(REQUIRED) - set(columns))
        if unknown or missing:
            raise InputError(f"A dataset needs columns of {tuple(COLUMNS)!r} with {REQUIRED!r} among them, got {columns!r}.")
        check_samples([sample.name for sample in samples])
        self._folder, self._layout, self._samples, self._menu_items = folder, layout, samples, menu_items
        self._columns = columns
        self._files: dict[str, BinaryIO] = {}
        self.n_events = 0

    def __enter__(self) -> DatasetWriter:
        for name in ("x_hw", *self._columns):
            file = (self._folder / f"{name}.npy").open("wb")
            self._files[name] = file
            self._header(file, name, 0)
        return self

    def _header(self, file: BinaryIO, name: str, n_events: int) -> None:
        """Write the header; NumPy reserves room in it for a first axis that grows, so it can be written again in place."""
        dtype, shape = self._form(name, n_events)
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]

    def _form(self, name: str, n_events: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
        if name == "x_hw":
            return self._layout.storage, (n_events, self._layout.n_columns)
        return np.dtype(COLUMNS[name]), (n_events,)

    def append(self, x_hw: NDArray[Any], **columns: ArrayLike) -> None:
        """Append events.

        Args:
            x_hw: hardware integers within the layout's range, shape ``(n, n_columns)``.
            **columns: one array of shape ``(n,)`` for each of the writer's columns.

        Raises:
            InputError: a column is missing, unknown or of another length.
            LayoutError: ``x_hw`` does not fit the layout.
        """
        self._layout.check(x_hw, "Events to write")
        if set(columns) != set(self._columns):
            raise InputError(f"This dataset has columns {sorted(self._columns)!r}, got {sorted(columns)!r}; give exactly those.")
        arrays = {name: np.ascontiguousarray(values, dtype=COLUMNS[name]) for name, values in columns.items()}
        for name, array in arrays.items():
            if array.shape != (len(x_hw),):
                raise InputError(f"Column {name!r} needs shape ({len(x_hw)},), got {array.shape!r}.")
        self._files["x_hw"].write(np.ascontiguousarray(x_hw, dtype=self._layout.storage).tobytes())
        for name, array in arrays.items():
            self._files[name].write(array.tobytes())
        self.n_events += len(x_hw)

    def append_files(self, folder: Path, n_events: int) -> None:
        """Append events that were checked when they were written, by copying files and not looking at the numbers again.

        Args:
            folder: one file for ``x_hw`` and each of the writer's columns, of that name: plain numbers in the dataset's types.
            n_events: how many events they hold.

        Raises:
            ArtefactError: a file is missing or has another length.
        """
        for name, target in self._files.items():
            dtype, shape = self._form(name, n_events)
            wanted = dtype.itemsize * math.prod(shape)
            source = folder / name
            size = source.stat().st_size if source.is_file() else None
            if size != wanted:
                raise ArtefactError(f"{str(source)!r} needs {wanted} bytes, got {size!r}; run 'l1ad prepare --force'.")
            with source.open("rb") as file:
                shutil.copyfileobj(file, target, _COPY_BYTES)
        self.n_events += n_events

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for name, file in self._files.items():
            if kind is None:
                self._header(file, name, self.n_events)
            file.close()
        if kind is None:
            self._write_description()

    def _write_description(self) -> None:
        samples = [asdict(sample) | {"role": sample.role.value} for sample in self._samples]
        data = {
            "layout": self._layout.to_dict(),
            "samples": samples,
            "menu_items": list(self._menu_items),
            "n_events": self.n_events,
            "columns": list(self._columns),
        }
        (self._folder / "dataset.json").write_text(json.dumps(data, indent=1), encoding="utf-8")
