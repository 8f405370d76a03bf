"""List runs: which artefacts each holds, and which were made from something that has been replaced since."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ArtefactError
from l1ad.core.shown import Shown
from l1ad.reporting.runs import artefacts_in, stale_artefacts


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Describe one run.

    Attributes:
        name: the run's folder.
        artefacts: names of its artefacts.
        stale: what is stale, and why.
    """

    name: str
    artefacts: tuple[str, ...]
    stale: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"run": self.name, "artefacts": list(self.artefacts), "stale": list(self.stale)}


@dataclass(frozen=True, slots=True)
class RunsResult(Shown):
    """The runs of a folder, by name."""

    path: Path
    runs: tuple[RunStatus, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"path": str(self.path), "runs": [run.to_dict() for run in self.runs]}


def runs(folder: Path) -> RunsResult:
    """List the runs in a folder.

    An artefact is stale if an artefact it was made from has been replaced since. A changed configuration or changed code is not looked
    at here: the stage itself finds those.

    Args:
        folder: the folder that holds run folders, as ``runs``.

    Raises:
        ArtefactError: no such folder, no run in it, or a manifest that is damaged.
    """
    if not folder.is_dir():
        raise ArtefactError(f"There is no folder {str(folder)!r}; give the one that a configuration's key 'runs' names.")
    found = {entry.name: artefacts_in(entry) for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")}
    listed = tuple(RunStatus(name, tuple(made), stale_artefacts(made)) for name, made in found.items() if made)
    if not listed:
        raise ArtefactError(f"There is no run in {str(folder)!r}; 'l1ad run CONFIG' makes one.")
    return RunsResult(folder, listed)
