"""Take what training needs out of a dataset: background only, as integers, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset, Role, Split
from l1ad.core.errors import InputError
from l1ad.core.fixed import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Events for training.

    Attributes:
        x_hw: hardware integers ``(n_events, n_columns)``.
        weight: ``(n_events,)``, mean 1.
        target: the score each student is to learn, ``(n_students, n_events)`` or one for all; None where there is no teacher.
        pair: another view of each event, as ``x_hw``; None where none is needed.
    """

    x_hw: NDArray[Any]
    weight: FloatArray
    target: FloatArray | None = None
    pair: NDArray[Any] | None = None


def training_events(dataset: Dataset, split: Split, *, event_weights: bool = True) -> Events:
    """Take one part of the background.

    Args:
        dataset: the dataset.
        split: ``TRAIN`` or ``VALIDATION``.
        event_weights: whether to use the events' weights; else all count 1.

    Returns:
        The events, their weights scaled to mean 1.

    Raises:
        InputError: there is no background in this part, or a weight is negative, NaN or infinite, or all are 0.
    """
    rows = dataset.rows(role=Role.BACKGROUND, split=split)
    if not len(rows):
        raise InputError(
            f"Dataset {str(dataset.path)!r} has no background in its {split.name.lower()} part; give data.background files."
        )
    weight = np.asarray(dataset.column("weight")[rows], dtype=np.float64) if event_weights else np.ones(len(rows))
    check_weights(weight, rows)
    return Events(np.asarray(dataset.x_hw[rows]), weight / weight.mean())


def check_weights(weight: FloatArray, rows: NDArray[Any]) -> None:
    """Refuse weights that cannot weigh a loss.

    Args:
        weight: shape ``(n,)``.
        rows: the events' numbers, for the message.

    Raises:
        InputError: a weight is negative, NaN or infinite, or all are 0.
    """
    wrong = ~np.isfinite(weight) | (weight < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"Event weights must be finite and not negative, {int(wrong.sum())} of {len(weight)} are not (event {int(rows[first])} "
            f"has {float(weight[first])!r}); clean them or set training.event_weights to false."
        )
    if not weight.any():
        raise InputError("All event weights of the training background are 0; set training.event_weights to false.")
