"""Run a stage that writes one file for other programs: a note beside it says what it was made from, and a folder keeps what a stopped run did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from l1ad.core.artefact import stage_key
from l1ad.core.errors import ArtefactError, L1adError, ToolFailedError
from l1ad.core.plain import Origin, Plain
from l1ad.core.provenance import code_digest, fingerprint
from l1ad.core.scratch import leftovers, locked, place_of, remove, working_folder
from l1ad.core.stage import StageResult, Summary

_NOTE = "note.json"
Made = TypeVar("Made", bound=StageResult)


@dataclass(frozen=True, slots=True)
class _Note(Plain):
    """What the file beside an output says.

    Attributes:
        key: digest of everything that decides the output.
        output: fingerprint of the output as it was written.
        summary: what the stage has to say.
    """

    key: str
    output: str
    summary: Mapping[str, Any]


def note_of(out: Path) -> Path:
    """Name the file beside an output that says what it was made from."""
    return out.with_name(out.name + ".json")


def run_file_stage(
    made: type[Made],
    out: Path,
    kind: str,
    write: Callable[[Path, Path], Summary],
    *,
    code: str,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    force: bool = False,
) -> Made:
    """Write a file, unless the one that is there was made of the same inputs, settings and code and is still as it was written.

    Args:
        made: what is given back.
        out: the file.
        kind: what it is.
        write: puts it in its place and gives the summary; takes the folder of what is finished, and the place. What an earlier attempt at
            the same thing left is in the folder; it stays when the run is stopped or a tool fails, and goes with a mistake that the user
            has to mend.
        code: the stage's module, whose source and imports count.
        inputs: digest of each input.
        settings: the stage's part of the configuration, plain data.
        force: write in any case.

    Raises:
        ArtefactError: another process writes this file.
    """
    place, key = place_of(out), stage_key(kind, inputs, settings, None, code_digest(code))
    known = None if force else _known(place, key)
    if known is not None:
        return made.found(out, False, known)
    with locked(place), _work_folder(place, key) as work:
        summary = dict(write(work, place))
        text = json.dumps(_Note(key, fingerprint(place), summary).to_dict(), indent=1)
        (work / _NOTE).write_text(text, encoding="utf-8")
        (work / _NOTE).replace(note_of(place))
        remove(work)
    return made.found(out, True, summary)


def _known(out: Path, key: str) -> dict[str, Any] | None:
    """Return the summary of an output that was made from the same and is still as it was written, else None."""
    place = Origin(note_of(out), "the stage")
    try:
        note = _Note.read(place.json(), place)
        return dict(note.summary) if (note.key, note.output) == (key, fingerprint(out)) else None
    except (OSError, ArtefactError):
        return None


@contextmanager
def _work_folder(out: Path, key: str) -> Iterator[Path]:
    """Make the folder of what is finished; anything that was left by another thing goes."""
    work = working_folder(out, key)
    for stale in leftovers(out):
        if stale != work:
            remove(stale)
    work.mkdir(exist_ok=True)
    try:
        yield work
    except ToolFailedError:
        raise
    except L1adError:
        remove(work)
        raise
