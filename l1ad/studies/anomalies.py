"""What do the most anomalous events look like?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.layout import ObjectLayout
from l1ad.physics.variables import multiplicity
from l1ad.reporting.document import ABSENT, Block, Figure, State, Table, Text, number, number_columns, text_columns
from l1ad.reporting.drawing import COLOURS, Axes, draw, dress
from l1ad.scores.performance import background_of
from l1ad.studies.reconstruction import physical_units
from l1ad.studies.result import Material, StudyResult, firmware_scores
from l1ad.studies.trainings import Autoencoder, model_autoencoder

QUESTION = "What do the most anomalous events look like?"


def study_anomalies(material: Material) -> StudyResult:
    """Show the background events with the highest firmware scores, object by object, beside their reconstruction."""
    config, dataset = material.config, material.dataset
    autoencoder, origin = model_autoencoder(material.model, config, dataset, material.work)
    scores = firmware_scores(material)
    background = background_of(dataset, scores)
    order = np.lexsort((background.rows, -np.asarray(background.scores)))[: config.studies.displays]
    rows = background.rows[order]
    x_hw = np.asarray(dataset.x_hw[rows])
    truth, reconstruction = in_physical_units(autoencoder, x_hw)
    seen = autoencoder.encoder.scaling.surviving(dataset.layout, x_hw)
    blocks: list[Block] = [Text(f"Scores of the firmware; reconstruction by {origin}.")]
    events = []
    for i, row in enumerate(rows):
        score = int(background.scores[order[i]])
        blocks += [
            _table(dataset.layout, int(row), score, truth[i], reconstruction[i], seen[i]),
            _display(dataset.layout, int(row), truth[i], seen[i]),
        ]
        columns = dataset.layout.names
        events.append(
            {"event": int(row), "score": score, "x_hw": {name: int(v) for name, v in zip(columns, x_hw[i], strict=True)}}
        )
    finding = _finding(dataset.layout, np.asarray(dataset.x_hw[background.rows]), x_hw, background.weight)
    return StudyResult("anomalies", QUESTION, finding, State.NOTE, {"events": events}, tuple(blocks))


def in_physical_units(autoencoder: Autoencoder, x_hw: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return truth and reconstruction in GeV, eta and rad, shape ``(n_events, n_columns)`` each; phi as the network sees it."""
    layout, scaling = autoencoder.encoder.layout, autoencoder.encoder.scaling
    units = physical_units(layout, autoencoder)
    offset = np.array(scaling.offset, dtype=np.float64) * np.array([column.lsb for column in layout.columns])
    truth = scaling.apply_float(layout, np.asarray(x_hw, dtype=np.int64)) * units + offset
    return truth, autoencoder.reconstruct(x_hw) * units + offset


def _table(
    layout: ObjectLayout,
    row: int,
    score: int,
    truth: NDArray[np.float64],
    reconstruction: NDArray[np.float64],
    x_hw: NDArray[Any],
) -> Table:
    cells = []
    for place in np.unique(layout.object_index):
        columns = np.flatnonzero(layout.object_index == place)
        if x_hw[layout.presence_column[columns[0]]] == 0:
            continue
        by_feature = {layout.columns[i].feature: i for i in columns}
        first = layout.columns[columns[0]]
        pairs = [by_feature.get(feature) for feature in ("pt", "eta", "phi")]
        texts = [t for i in pairs for t in ((ABSENT, ABSENT) if i is None else (number(truth[i]), number(reconstruction[i])))]
        cells.append((f"{first.kind}[{first.rank}]", *(str(t) for t in texts)))
    titles = ("pT [GeV]", "reconstructed", "η", "reconstructed", "φ [rad]", "reconstructed")
    return Table(f"Event {row}, score {number(score)}", (*text_columns("Object"), *number_columns(*titles)), tuple(cells))


def _display(layout: ObjectLayout, row: int, truth: NDArray[np.float64], x_hw: NDArray[Any]) -> Figure:
    """Draw the objects in eta and phi, the area by pt; objects without eta are arrows at the edge."""

    def paint(pane: Any) -> None:
        for colour, slot in enumerate(layout.slots):
            points = [_object(layout, truth, x_hw, slot.kind, rank) for rank in range(slot.multiplicity)]
            there = np.array([p for p in points if p is not None])
            if len(there):
                pane.scatter(there[:, 0], there[:, 1], s=20 + 6 * there[:, 2], alpha=0.6, color=COLOURS[colour], label=slot.kind)
        dress(pane, Axes("η (0 where there is none)", "φ [rad]", x_range=(-5.2, 5.2)))

    return draw(f"event-{row}", f"Event {row} in η and φ; the area goes with pT.", paint, (5.2, 3.8))


def _object(
    layout: ObjectLayout, truth: NDArray[np.float64], x_hw: NDArray[Any], kind: str, rank: int
) -> tuple[float, float, float] | None:
    names = layout.names
    at = {
        feature: names.index(f"{kind}[{rank}].{feature}_hw")
        for feature in ("pt", "eta", "phi")
        if f"{kind}[{rank}].{feature}_hw" in names
    }
    if x_hw[at["pt"]] == 0:
        return None
    eta = float(truth[at["eta"]]) if "eta" in at else 0.0
    phi = float(np.angle(np.exp(1j * truth[at["phi"]]))) if "phi" in at else 0.0
    return eta, phi, float(truth[at["pt"]])


def _finding(layout: ObjectLayout, all_x: NDArray[Any], top_x: NDArray[Any], weight: NDArray[np.float64]) -> str:
    usual = float(np.average(multiplicity(layout, all_x), weights=weight))
    top = float(np.mean(multiplicity(layout, top_x)))
    columns = layout.feature_columns("pt")
    hardest = layout.columns[int(columns[np.argmax(np.mean(top_x[:, columns], axis=0))])]
    return (
        f"The {len(top_x)} most anomalous background events hold {top:.1f} objects on average, all background {usual:.1f}; "
        f"the largest mean pT among them is that of {hardest.kind}[{hardest.rank}]."
    )
