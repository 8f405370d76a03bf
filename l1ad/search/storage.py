"""Keep a scan's trials: an Optuna study in a journal file, which survives a kill at any time, and a folder for what each trial made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l1ad.config.scan import OBJECTIVES
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.scratch import remove
from l1ad.search.space import Space

JOURNAL = "study.journal"
#: Name of the study in the journal, and of what says whose scan it is.
_STUDY, _ABOUT = "l1ad scan", "l1ad"


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial.

    Attributes:
        number: its number, from 0.
        parameters: the point of the space, by key.
        shrink: further sparsities that its network was pruned to.
        found: what was measured, by name: the objectives and what is shown beside them; empty where the trial failed.
        reason: why it failed; None where it did not.
    """

    number: int
    parameters: Mapping[str, Any]
    shrink: tuple[float, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """The objectives, in the order of ``OBJECTIVES``."""
        return tuple(float(self.found[name]) for name in OBJECTIVES)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        one = {"number": self.number, "parameters": dict(self.parameters), "shrink": list(self.shrink)}
        return one | ({"failed": self.reason} if self.reason is not None else dict(self.found))


class Storage:
    """The trials of one scan; one process writes at a time."""

    def __init__(self, folder: Path, study: Any, space: Space) -> None:
        self.folder, self.study, self._space = folder, study, space

    @classmethod
    def open(cls, folder: Path, space: Space, about: Mapping[str, str], *, fresh: bool = False) -> Storage:
        """Open the trials of a scan, or begin them.

        Args:
            folder: where they are.
            space: what is proposed from.
            about: what decides a trial, by name a digest.
            fresh: whether what is there is removed first.

        Raises:
            InputError: the trials there are of another scan or dataset.
            ArtefactError: the journal is damaged.
        """
        if fresh and (folder / JOURNAL).exists():
            remove(folder)
        (folder / "trials").mkdir(parents=True, exist_ok=True)
        study = _study(folder / JOURNAL, create=True)
        known = study.user_attrs.get(_ABOUT)
        if known is None:
            study.set_user_attr(_ABOUT, dict(about))
        else:
            _require_same(folder, known, about)
        return cls(folder, study, space)

    @classmethod
    def read(cls, folder: Path, space: Space, about: Mapping[str, str]) -> Storage:
        """Open the trials of a scan that has been run; arguments and errors as for ``open``.

        Raises:
            InputError: there are none.
        """
        if not (folder / JOURNAL).is_file():
            raise InputError(f"There are no trials at {str(folder)!r}; run 'l1ad scan' first.")
        return cls.open(folder, space, about)

    def trials(self) -> tuple[Trial, ...]:
        """Return every finished trial, in the order of their numbers."""
        found = {trial.user_attrs["number"]: _trial(trial) for trial in self.study.get_trials(deepcopy=False)}
        return tuple(found[number] for number in sorted(found))

    def add(self, trial: Trial) -> None:
        """Add a finished trial; one that failed with its reason."""
        import optuna

        attributes = {"number": trial.number, "shrink": list(trial.shrink), "found": dict(trial.found), "reason": trial.reason}
        failed = trial.reason is not None
        self.study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE,
                params=dict(trial.parameters),
                distributions=self._space.distributions(),
                values=None if failed else list(trial.values),
                user_attrs=attributes,
            )
        )

    def place(self, number: int) -> Path:
        """Folder of what a trial makes."""
        return self.folder / "trials" / f"{number:05d}"


def _study(journal: Path, *, create: bool) -> Any:
    """Open the study; a last line that was cut off when the process was killed does not count."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _cut_off(journal)
    lock = JournalFileOpenLock(str(journal))
    journal.with_name(f"{journal.name}.lock").unlink(
        missing_ok=True
    )  # of a process that was killed; the stage's own lock is held
    directions = ["maximize" if more else "minimize" for more in OBJECTIVES.values()]
    try:
        storage = JournalStorage(JournalFileBackend(str(journal), lock))
        return optuna.create_study(storage=storage, study_name=_STUDY, directions=directions, load_if_exists=create)
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise ArtefactError(
            f"{str(journal)!r} is damaged or no journal of a scan ({type(error).__name__}); run the scan with --force, or give another scan.storage."
        ) from None


def _cut_off(journal: Path) -> None:
    if not journal.is_file():
        return
    content = journal.read_bytes()
    if content and not content.endswith(b"\n"):
        with journal.open("rb+") as file:
            file.truncate(content.rfind(b"\n") + 1)


def _require_same(folder: Path, known: Any, about: Mapping[str, str]) -> None:
    known = known if isinstance(known, dict) else {}
    other = [name for name in about if known.get(name) != about[name]]
    if other:
        raise InputError(
            f"The trials at {str(folder)!r} are of another {other[0]} (digest {str(known.get(other[0]))[:12]}, this one's is "
            f"{about[other[0]][:12]}); give scan.storage another folder, or begin again with --force."
        )


def _trial(trial: Any) -> Trial:
    known = trial.user_attrs
    return Trial(known["number"], dict(trial.params), tuple(known["shrink"]), known["found"], known["reason"])


def write_json(path: Path, data: Any) -> None:
    """Write JSON in one step: whoever is killed leaves the old file or the new one."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
