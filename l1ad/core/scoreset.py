"""Anomaly scores of a dataset, from one source, with what they were made from."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.array_file import open_array
from l1ad.core.errors import ArtefactError, InputError
from l1ad.core.fixed import FloatArray
from l1ad.core.json_text import parse_json


class Source(enum.Enum):
    """Who computed a score."""

    FLOAT = "float"
    QKERAS = "qkeras"
    CSIM = "csim"
    EMULATOR = "emulator"
    RTL = "rtl"


def decades(scores: ArrayLike) -> FloatArray:
    """Compress scores for a plot: log₁₀(1 + |score|) with the score's sign; a linear score may be negative.

    Args:
        scores: values, any shape.
    """
    values = np.asarray(scores, dtype=np.float64)
    return np.copysign(np.log10(1.0 + np.abs(values)), values)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreSet:
    """One score an event.

    Attributes:
        source: who computed it.
        values: float64 for ``FLOAT``, int64 codes for all others; shape ``(n_events,)``.
        step: value of one unit in the last place; None for ``FLOAT``.
        rows: numbers of the dataset's events the scores belong to, shape ``(n_events,)``.
        dataset_digest: digest of the dataset.
        model_digest: digest of the network (or of the float model).
    """

    source: Source
    values: NDArray[Any]
    step: float | None
    rows: NDArray[np.int64]
    dataset_digest: str
    model_digest: str

    def __post_init__(self) -> None:
        if self.values.shape != self.rows.shape or self.values.ndim != 1:
            raise InputError(f"Scores need one value for each of {self.rows.shape!r} events, got shape {self.values.shape!r}.")

    @property
    def as_float(self) -> FloatArray:
        """The scores as float64 values."""
        return self.values.astype(np.float64) * (1.0 if self.step is None else self.step)

    def require_dataset(self, digest: str) -> ScoreSet:
        """Return self if the scores belong to a dataset.

        Raises:
            InputError: they belong to another one.
        """
        if self.dataset_digest != digest:
            raise InputError(
                f"The {self.source.value} scores belong to dataset {self.dataset_digest[:12]}, not to {digest[:12]}; score this dataset first."
            )
        return self

    def save(self, folder: Path) -> None:
        """Write ``<source>.npy`` and ``<source>.json`` (the rows as ``<source>_rows.npy``)."""
        name = self.source.value
        np.save(folder / f"{name}.npy", self.values)
        np.save(folder / f"{name}_rows.npy", self.rows)
        data = {"step": self.step, "dataset_digest": self.dataset_digest, "model_digest": self.model_digest}
        (folder / f"{name}.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


def load_scores(folder: Path, source: Source) -> ScoreSet:
    """Read scores that ``ScoreSet.save`` wrote; arrays are memory-mapped.

    Raises:
        ArtefactError: there are none of this source.
    """
    name = source.value
    try:
        data = parse_json((folder / f"{name}.json").read_text(encoding="utf-8"))
        values = open_array(folder / f"{name}.npy")
        rows = open_array(folder / f"{name}_rows.npy")
        return ScoreSet(source, values, data["step"], rows, data["dataset_digest"], data["model_digest"])
    except FileNotFoundError:
        raise ArtefactError(f"There are no {name} scores in {str(folder)!r}; run the stage that makes them.") from None
    except (KeyError, ValueError, TypeError, InputError) as error:
        raise ArtefactError(
            f"The {name} scores in {str(folder)!r} are damaged ({type(error).__name__} {error}); make them again."
        ) from None
