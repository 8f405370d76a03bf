"""Training curves, as the model artefact holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.plain import Origin, Plain

HISTORY_FILE = "history.json"
#: Per epoch a value for each seed.
Epochs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Curves(Plain):
    """The curves of one phase of a training.

    Attributes:
        loss: of the training events.
        validation: of the events that choose between trainings.
    """

    loss: Epochs
    validation: Epochs


@dataclass(frozen=True, slots=True)
class History(Plain):
    """The curves of a training.

    Attributes:
        seeds: the seeds, in the order of the values.
        float: of the floating-point networks.
        qat: of the quantised ones; None where none was trained.
    """

    seeds: tuple[int, ...]
    float: Curves
    qat: Curves | None = None

    @property
    def phases(self) -> dict[str, Curves]:
        """The curves by phase, in order."""
        return {"float": self.float} | ({} if self.qat is None else {"qat": self.qat})

    def save(self, folder: Path) -> None:
        """Write it into a model artefact."""
        (folder / HISTORY_FILE).write_text(json.dumps(self.to_dict(), indent=1), encoding="utf-8")


def load_history(folder: Path) -> History:
    """Read a model artefact's curves.

    Raises:
        ArtefactError: there are none, or they are damaged.
    """
    place = Origin(folder / HISTORY_FILE, "'l1ad train'")
    return History.read(place.json(), place)
