"""Run a stage: say what decides what it writes, write it unless that is there already, and say what was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from l1ad.core.artefact import Draft, is_current, read_manifest, stage_key, writing
from l1ad.core.plain import Plain
from l1ad.core.provenance import code_digest
from l1ad.core.shown import Shown

Summary = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StageResult(Shown):
    """What a stage made.

    Attributes:
        path: the artefact.
        fresh: whether it was made now; else nothing had changed.
        summary: what the artefact's manifest says of it.
    """

    #: Whether the summary's entries stand beside path and fresh in the JSON form, and the page that is named there.
    FLAT: ClassVar[bool] = False
    PAGE: ClassVar[str | None] = None

    path: Path
    fresh: bool
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        page = {} if self.PAGE is None else {"page": str(self.path / self.PAGE)}
        summary = dict(self.summary) if self.FLAT else {"summary": dict(self.summary)}
        return {"path": str(self.path), "fresh": self.fresh, **page, **summary}

    @classmethod
    def found(cls, path: Path, fresh: bool, summary: dict[str, Any]) -> Self:
        """Return the result of an artefact that is whole; a stage whose result holds more reads it here."""
        return cls(path, fresh, summary)


Made = TypeVar("Made", bound=StageResult)


def run_stage(
    made: type[Made],
    target: Path,
    kind: str,
    write: Callable[[Draft], Summary | Plain | None],
    *,
    code: str | Sequence[str],
    inputs: Mapping[str, str],
    settings: Mapping[str, Any],
    seed: int | None = None,
    force: bool = False,
    resumable: bool = False,
) -> Made:
    """Write an artefact, unless the one that is there was made of the same inputs, settings, seed and code.

    Args:
        made: what is given back.
        target: the artefact's folder.
        kind: its kind.
        write: fills the draft's folder and gives the summary; where it raises, the target stays as it was.
        code: the stage's module, or several, whose source and imports count.
        inputs: digest of each input.
        settings: the stage's part of the configuration, plain data.
        seed: the seed, if any.
        force: write in any case.
        resumable: whether the draft continues from what an earlier attempt left.

    Raises:
        ArtefactError: the target's folder cannot be written, or the disk is full.
    """
    key = stage_key(kind, inputs, settings, seed, "".join(map(code_digest, (code,) if isinstance(code, str) else code)))
    fresh = force or not is_current(target, kind, key)
    if fresh:
        with writing(target, kind, key=key, inputs=inputs, config=settings, seed=seed, resumable=resumable) as draft:
            found = write(draft)
            draft.summary.update(found.to_dict() if isinstance(found, Plain) else found or {})
    return made.found(target, fresh, read_manifest(target, kind).summary)
