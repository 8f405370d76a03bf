"""Leave out objects and events as a configuration asks, and count what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.data.chunk import Counts, EventChunk


@dataclass(frozen=True, slots=True)
class Selection:
    """The thresholds of objects in counts and the cuts on events.

    Attributes:
        thresholds: least pt count kept, by kind; objects after one that is left out move up, as behind a sorter. It is made once, in
            the data; ``Scaling.min_pt_hw`` is part of the model, on the chip, where an object below reads 0 and nothing moves up.
        sort: whether objects are ordered by falling pt.
        pileup_above: events need more interactions than this, or None.
        failing_l1: whether training events must fail Level 1.
    """

    thresholds: Mapping[str, int] = field(default_factory=dict)
    sort: bool = False
    pileup_above: float | None = None
    failing_l1: bool = False

    @classmethod
    def of(
        cls, layout: ObjectLayout, min_pt_gev: Mapping[str, float], sort: bool, pileup_above: float | None, failing_l1: bool
    ) -> Selection:
        """Turn thresholds in GeV into counts of a layout, rounded up.

        Raises:
            LayoutError: a threshold for a kind the layout has not.
        """
        lsb = {kind: layout.slot(kind).lsb[layout.slot(kind).features.index("pt")] for kind in min_pt_gev}
        thresholds = {kind: int(np.ceil(value / lsb[kind] - 1e-9)) for kind, value in min_pt_gev.items()}
        return cls(thresholds, sort, pileup_above, failing_l1)

    @property
    def moves_objects(self) -> bool:
        """Whether an object can come into a place that is not its own: then all of an event's objects are needed, not the first ones."""
        return self.sort or bool(self.thresholds)

    def objects(self, counts: Mapping[str, Counts]) -> dict[str, Counts]:
        """Leave out objects below threshold, and move up or sort the others."""
        return {kind: self._kind(kind, values) for kind, values in counts.items()}

    def _kind(self, kind: str, values: Counts) -> Counts:
        if kind not in self.thresholds and not self.sort:
            return values
        values = np.where(values[:, :, :1] >= self.thresholds.get(kind, 0), values, 0)
        rank = -values[:, :, 0] if self.sort else values[:, :, 0] == 0
        order = np.argsort(rank, axis=1, kind="stable")
        return np.take_along_axis(values, order[:, :, None], axis=1)

    def events(self, chunk: EventChunk, training: NDArray[np.bool_], where: str) -> NDArray[np.bool_]:
        """Return which events are kept.

        Args:
            chunk: the events.
            training: which of them are for training or validation, ``(n_events,)``.
            where: the file, for messages.

        Raises:
            InputError: a cut asks for a column that the file has not.
        """
        keep = np.ones(chunk.n_events, dtype=bool)
        if self.pileup_above is not None:
            keep &= _column(chunk, "pileup", "select.pileup_above", where) > self.pileup_above
        if self.failing_l1 and training.any():
            keep &= ~training | (_column(chunk, "pass_l1", "select.train_on", where) == 0)
        return keep


def _column(chunk: EventChunk, name: str, key: str, where: str) -> NDArray[Any]:
    if name not in chunk.columns:
        raise InputError(f"{where} has no column {name!r}, which data.{key} needs; leave the cut out or take files that have it.")
    return np.asarray(chunk.columns[name])
