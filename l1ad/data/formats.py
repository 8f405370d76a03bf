"""Say what a file format and a reader of one are, and recognise a file's format."""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from l1ad.core.choices import ObjectSource
from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.data.chunk import EventChunk
from l1ad.data.foreign import refuse_foreign


class Container(enum.Enum):
    """What files of a format are written with."""

    HDF5 = "HDF5"
    ROOT = "ROOT"
    PARQUET = "Parquet"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file is recognised by.

    Attributes:
        container: what it is written with.
        names: data sets or trees, one of which it has; none where the container says enough.
        order: of two that fit a file, the one with the smaller number counts.
    """

    container: Container
    names: tuple[str, ...] = ()
    order: int = 0


@dataclass(frozen=True, slots=True)
class Format:
    """A file format, as its reader declares it.

    Attributes:
        name: what configurations call it: the name of its module in ``l1ad/data/readers``.
        title: what people call it.
        signatures: what files are recognised by.
        layouts: shipped layouts that its objects fit.
        named_bits: whether its files name trigger bits, of which ``data.menu`` chooses some.
    """

    name: str
    title: str
    signatures: tuple[Signature, ...]
    layouts: tuple[str, ...]
    named_bits: bool = False


@dataclass(frozen=True, slots=True)
class ObjectColumns:
    """Describe one kind of object in a file: where it is stored, how many places it has (None: any number), which features.

    Emulated objects are those that CMS software made of the trigger's input, beside or instead of what the hardware sent.
    """

    kind: str
    stored: str
    places: int | None
    features: tuple[str, ...]
    emulated: bool = False


@dataclass(frozen=True, slots=True)
class FileDescription:
    """What a file is.

    Attributes:
        path: the file.
        format: its format.
        n_events: how many events it has.
        objects: the kinds of objects in it.
        columns: the dataset columns it can fill.
        menu_items: names of the trigger decisions in it, by bit of the ``menu`` column.
        notes: what else a user should know, a sentence each.
        parts: further files that belong to this one, as the other objects of the Level-1 anomaly data set.
        block: events that are stored and unpacked together, or None where that differs by column.
    """

    path: Path
    format: Format
    n_events: int
    objects: tuple[ObjectColumns, ...]
    columns: tuple[str, ...]
    menu_items: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    block: int | None = None
    parts: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What of a file is read beside the objects that a layout has places for.

    Attributes:
        seeds: trigger bits of CMS files that make the menu column.
        beyond_places: whether the objects for which the layout has no place are read too, for whoever sorts or cuts them.
        mark_incomplete: whether events without missing E_T are marked in the chunk; else they are refused.
        objects: which objects of CMS files are read.
    """

    seeds: tuple[str, ...] = ()
    beyond_places: bool = False
    mark_incomplete: bool = False
    objects: ObjectSource = ObjectSource.AUTO


#: Objects as the layout has places for them.
PLAIN = Reading()


class Reader(Protocol):
    """Read one format."""

    format: Format

    def describe(self, path: Path) -> FileDescription:
        """Describe what a file is; raises InputError for one that is damaged or of another kind."""
        ...

    def chunks(
        self, path: Path, layout: ObjectLayout, size: int, reading: Reading = PLAIN, events: range | None = None
    ) -> Iterator[EventChunk]:
        """Read a file's events, or a range of them, at most ``size`` at once."""
        ...


def recognise(path: Path) -> Format:
    """Recognise a file's format from its content.

    Raises:
        InputError: no such file, a folder, damaged, or of no known format.
    """
    _check_file(path)
    with path.open("rb") as file:
        magic = file.read(8)
    if magic.startswith(b"\x89HDF"):
        from l1ad.data.hdf5 import names_in

        return _with_names(Container.HDF5, names_in(path), path)
    if magic.startswith(b"root"):
        from l1ad.data.root import trees_in

        _check_whole_root(path)
        return _with_names(Container.ROOT, trees_in(path), path)
    if magic.startswith(b"PAR1"):
        return _signed(Container.PARQUET)[0][1]
    raise InputError(
        f"{str(path)!r} is neither an HDF5, a ROOT nor a Parquet file (it begins with {magic!r}); give one of the supported formats."
    )


def _signed(container: Container) -> list[tuple[Signature, Format]]:
    """List what files of a container are recognised by, in the order that it is looked for."""
    from l1ad.data.readers import readers

    pairs = [(signature, one.format) for one in readers() for signature in one.format.signatures]
    return sorted((pair for pair in pairs if pair[0].container is container), key=lambda pair: pair[0].order)


def _with_names(container: Container, names: Collection[str], path: Path) -> Format:
    """Recognise a file by its data sets or trees."""
    signed = _signed(container)
    for signature, format_ in signed:
        if any(name in names for name in signature.names):
            return format_
    refuse_foreign(container.value, names, path)
    known = [f"{' or '.join(map(repr, signature.names))} ({format_.title})" for signature, format_ in signed]
    what = "an HDF5 file of unknown format" if container is Container.HDF5 else "a ROOT file without a known tree"
    raise InputError(f"{str(path)!r} is {what}: it has {list(names)[:8]!r}; expected {', '.join(known[:-1])} or {known[-1]}.")


def _check_whole_root(path: Path) -> None:
    """Refuse a ROOT file shorter than its header says; the part that is there may well be readable, and would pass for all of it.

    Header (ROOT's TFile): magic, version and first byte, 4 bytes each, then the end: 8 bytes from version 1 000 000 on, else 4. The
    version has a sign: uproot.update left version - 1 000 000 until 5.3.7.
    """
    with path.open("rb") as file:
        header = file.read(20)
    long = int.from_bytes(header[4:8], "big", signed=True) >= 1_000_000
    end = int.from_bytes(header[12:20] if long else header[12:16], "big")
    size = path.stat().st_size
    if size < end:
        raise InputError(
            f"{str(path)!r} cannot be read as ROOT ({size} of {end} bytes are there); it may be cut off, fetch it again."
        )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder; give a file, or a pattern such as '{path.name}/*.h5'.")
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r}; check the path in the configuration.")
    if path.stat().st_size == 0:
        raise InputError(f"{str(path)!r} is empty; download or write it again.")
