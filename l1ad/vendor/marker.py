"""Remember which steps are done, and with what: a step whose inputs have not changed is not run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from l1ad.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Marker:
    """What is remembered of a finished step.

    Attributes:
        step: its name.
        digest: of everything that its result depends on.
        tool: the executable's name.
        tool_version: as the tool states it.
        seconds: how long it took.
        outputs: report files, relative to the work folder.
    """

    step: str
    digest: str
    tool: str
    tool_version: str | None
    seconds: float
    outputs: tuple[str, ...]


def digest(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of several parts, each with its length, so that moving a boundary changes it."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def read_marker(path: Path) -> Marker | None:
    """Read a marker; ``None`` where there is none or it is not one, then the step is simply run again."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Marker(**{**values, "outputs": tuple(values["outputs"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_marker(path: Path, marker: Marker) -> None:
    """Write a marker in one go, so that a killed run leaves none.

    Raises:
        InputError: it cannot be written.
    """
    write_text(path.with_suffix(".tmp"), json.dumps(asdict(marker), indent=1))
    path.with_suffix(".tmp").replace(path)


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    Raises:
        InputError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot make the folder {path}: {error.strerror or error}; choose another one") from error


def write_text(path: Path, text: str) -> None:
    """Write a text file and the folders above it.

    Raises:
        InputError: the disk is full, or the folder is not ours.
    """
    make_folder(path.parent)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}; make room or choose another folder") from error
