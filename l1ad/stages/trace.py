"""Trace one event through every implementation: the first node, neuron and bit at which one diverges from the specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.artefact import is_artefact
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.network import Network
from l1ad.core.shown import Shown
from l1ad.core.trained import load_trained
from l1ad.firmware.target import absent_inputs
from l1ad.scores.events import comparison_events
from l1ad.scores.implementations import REFERENCE, find_implementations
from l1ad.scores.partings import Parting, nodes_of, partings
from l1ad.vectors.source import open_events


@dataclass(frozen=True, slots=True)
class TraceResult(Shown):
    """One event's way through the network.

    Attributes:
        path: the model.
        event: its number, as ``l1ad verify`` counts.
        x_hw: its hardware integers by column.
        scores: integer score by implementation.
        nodes: the specification's codes by node.
        partings: where implementations diverge from it; empty when all agree.
        skipped: by name, why an implementation was not traced.
    """

    path: Path
    event: int
    x_hw: Mapping[str, int]
    scores: Mapping[str, int]
    nodes: Mapping[str, tuple[int, ...]]
    partings: tuple[Parting, ...]
    skipped: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self) | {"path": str(self.path)}


def trace(config: Config, *, event: int, played: Path | None = None) -> TraceResult:
    """Trace an event of ``l1ad verify``, or of what was played into a board.

    Args:
        config: the configuration.
        event: the event's number in the comparison, or in the file.
        played: dataset folder or ``.npy`` file that the event is from, as for ``l1ad vectors``; None takes the comparison's events.

    Returns:
        Its codes at every node, and where implementations part.

    Raises:
        ArtefactError: there is no model, or a project was made from another one.
        InputError: a negative number, or one beyond the file's events.
    """
    if event < 0:
        raise InputError(f"Events are numbered from 0, got {event!r}; take a number that 'l1ad verify' shows.")
    model = load_trained(config.run / "model")
    x_hw = _event(config, model.network, event) if played is None else _played(model.network, played, event)
    found = find_implementations(model.network, config.project, config.run / "synth_open", csim_events=1, rtl_events=1)
    traced = {i.name: nodes_of(i, x_hw) for i in found.implementations}
    return TraceResult(
        model.path,
        event,
        dict(zip(model.network.layout.names, x_hw[0].tolist(), strict=True)),
        {name: int(nodes["score"].item()) for name, nodes in traced.items()},
        {name: tuple(codes.ravel().tolist()) for name, codes in traced[REFERENCE].items()},
        partings(model.network, traced),
        found.skipped,
    )


def _event(config: Config, network: Network, event: int) -> NDArray[Any]:
    """Return an event of the comparison, shape ``(1, n_columns)``."""
    path = config.run / "dataset"
    dataset = load_dataset(path) if is_artefact(path, "dataset") else None
    return comparison_events(network, dataset, event, event + 1, absent_inputs(config, network.layout))


def _played(network: Network, played: Path, event: int) -> NDArray[Any]:
    """Return an event of a file, shape ``(1, n_columns)``."""
    _, x_hw = open_events(played, network.layout, None)
    if event >= len(x_hw):
        raise InputError(f"{str(played)!r} has {len(x_hw)} events, numbered from 0; got {event}.")
    return np.asarray(x_hw[event : event + 1])
