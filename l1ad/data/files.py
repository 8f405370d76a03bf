"""Find the files that a configuration names, and check that they belong together."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from l1ad.core.choices import ObjectSource
from l1ad.core.errors import InputError
from l1ad.data.formats import FileDescription, Format

#: How the address of a file on another machine begins: root://, https://, davs://, s3:// …
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def resolve(patterns: Iterable[str], folder: Path) -> tuple[Path, ...]:
    """Expand paths and patterns to files, each pattern's matches in name order.

    Args:
        patterns: paths or glob patterns (``**`` for folders of any depth), relative to ``folder`` unless absolute.
        folder: the configuration's folder.

    Raises:
        InputError: nothing there, a file named twice, or the address of another machine.
    """
    found: list[Path] = []
    for pattern in patterns:
        if _ADDRESS.match(pattern):
            raise InputError(
                f"{pattern!r} is an address, and only local files are read; copy the file here first (as with xrdcp or curl) or mount its store."
            )
        full = str(folder / Path(pattern).expanduser())
        # Path.glob does not take absolute patterns.
        matches = sorted(map(Path, glob.glob(full, recursive=True))) if glob.has_magic(pattern) else [Path(full)]  # noqa: PTH207
        if not matches:
            raise InputError(f"Nothing matches {pattern!r} in {str(folder)!r}; check the pattern in the configuration.")
        found += [match.resolve() for match in matches]
    twice = sorted({str(path) for path in found if found.count(path) > 1})
    if twice:
        raise InputError(f"{twice[0]!r} is named twice; its events would count twice, so name each file once.")
    return tuple(found)


def common_format(formats: Mapping[Path, Format], wanted: str, sample: str) -> Format:
    """Return the one format that all files of a sample have.

    Args:
        formats: the files, and what `recognise` said of each.
        wanted: the format the configuration asks for; ``auto`` takes any.
        sample: the sample's name, for messages.

    Raises:
        InputError: they differ.
    """
    for path, found in formats.items():
        first_path, first = next(iter(formats.items()))
        if wanted not in ("auto", found.name):
            raise InputError(
                f"{str(path)!r} has format {found.name!r}, the configuration says {wanted!r}; set data.format to 'auto'."
            )
        if found != first:
            raise InputError(
                f"Sample {sample!r} mixes formats: {str(first_path)!r} is {first.name!r}, {str(path)!r} is {found.name!r}; "
                "make one sample of each."
            )
    return next(iter(formats.values()))


def same_sources(first: FileDescription, other: FileDescription, sample: str, objects: ObjectSource = ObjectSource.AUTO) -> None:
    """Require that two files hold Level-1 objects in the same places, so that all events of a sample come from the same algorithms.

    Raises:
        InputError: objects of a kind are read from one container in one file and from another in the other.
    """
    here, there = _level1_places(first, objects), _level1_places(other, objects)
    for kind, stored in here.items():
        if there.get(kind, stored) != stored:
            raise InputError(
                f"Sample {sample!r} mixes sources: {kind!r} objects are {stored!r} in {str(first.path)!r} and {there[kind]!r} in "
                f"{str(other.path)!r}; make one sample of each."
            )


def same_weights(first: FileDescription, other: FileDescription, what: str) -> None:
    """Require that two files have weights, or that neither has: beside weights of a cross-section, a 1 means next to nothing.

    Args:
        first: a file.
        other: another.
        what: what they belong to, for messages.

    Raises:
        InputError: only one has them.
    """
    without = next((file for file in (first, other) if "weight" not in file.columns), None)
    if without is not None and "weight" in (*first.columns, *other.columns):
        weighted = other if without is first else first
        raise InputError(
            f"{what} mixes weights: {str(weighted.path)!r} has event weights, {str(without.path)!r} has none; take files of one kind, or "
            "give 'weights: none' to count every event once."
        )


def _level1_places(description: FileDescription, objects: ObjectSource) -> dict[str, str]:
    """Return where objects of each kind are read from: the first place that exists; few layouts use those of the software trigger."""
    places = [entry for entry in description.objects if not entry.kind.startswith("HLT ")]
    if objects is not ObjectSource.AUTO:
        places = [entry for entry in places if entry.emulated is (objects is ObjectSource.EMULATED)]
    return {entry.kind: entry.stored for entry in reversed(places)}


def check_objects(description: FileDescription, objects: ObjectSource) -> None:
    """Refuse a file that does not have the objects asked for.

    Raises:
        InputError: no emulated objects, or none that the hardware sent.
    """
    kinds = {entry.emulated for entry in description.objects}
    if objects is not ObjectSource.AUTO and (objects is ObjectSource.EMULATED) not in kinds:
        there = "emulated" if True in kinds else "unpacked"
        raise InputError(
            f"{str(description.path)!r} has no {objects.value} objects, which data.objects asks for; set it to 'auto' or {there!r}."
        )
