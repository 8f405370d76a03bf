"""How well is each variable reconstructed?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Split
from l1ad.core.fixed import FloatArray
from l1ad.core.layout import ObjectLayout
from l1ad.reporting.document import Block, Figure, State, Table, Text, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.studies.result import Material, StudyResult
from l1ad.studies.trainings import Autoencoder, model_autoencoder

QUESTION = "How well is each variable reconstructed?"
UNITS = {"pt": "GeV", "eta": "", "phi": "rad"}


@dataclass(frozen=True, slots=True)
class Residual:
    """Mean and spread of reconstruction minus truth of one column in one sample.

    Attributes:
        sample: the sample's label.
        column: the column's name.
        feature: pt, eta or phi.
        n_events: events in which the object is there.
        mean: weighted mean, in GeV, units of eta or rad; None without events.
        spread: weighted standard deviation.
        truth_spread: the variable's own spread: what a constant guess would leave.
    """

    sample: str
    column: str
    feature: str
    n_events: int
    mean: float | None
    spread: float | None
    truth_spread: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def study_reconstruction(material: Material) -> StudyResult:
    """Compare reconstruction and truth of every object in order, sample by sample, where the object is there; phi differences wrapped."""
    config, dataset = material.config, material.dataset
    autoencoder, origin = model_autoencoder(material.model, config, dataset, material.work)
    found: list[Residual] = []
    for sample in dataset.samples:
        rows = dataset.rows(sample=sample.name, split=Split.TEST)
        if len(rows):
            x_hw, weight = np.asarray(dataset.x_hw[rows]), np.asarray(dataset.column("weight")[rows])
            found += residuals(autoencoder, x_hw, weight, sample.label)
    blocks: list[Block] = [
        Text(f"Reconstruction by {origin}."),
        *(_figure(found, feature) for feature in UNITS if any(r.feature == feature for r in found)),
    ]
    blocks.append(_table([r for r in found if r.sample == dataset.samples[0].label]))
    numbers = {"origin": origin, "residuals": [r.to_dict() for r in found]}
    return StudyResult("reconstruction", QUESTION, _finding(found, dataset.samples[0].label), State.NOTE, numbers, tuple(blocks))


def residuals(autoencoder: Autoencoder, x_hw: NDArray[Any], weight: FloatArray, label: str) -> list[Residual]:
    """Return mean and spread of every column of one sample that the network reads.

    Args:
        autoencoder: encoder and decoder.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.
        weight: shape ``(n_events,)``.
        label: the sample.
    """
    layout = autoencoder.encoder.layout
    truth = autoencoder.scaled(x_hw)
    delta = differences(autoencoder, truth, autoencoder.reconstruct(x_hw))
    present = autoencoder.encoder.scaling.present(layout, x_hw)
    units = physical_units(layout, autoencoder)
    return [
        _residual(label, layout, i, delta[present[:, i], i] * units[i], truth[present[:, i], i] * units[i], weight[present[:, i]])
        for i in range(layout.n_columns)
        if i not in autoencoder.encoder.scaling.left_out
    ]


def differences(autoencoder: Autoencoder, truth: FloatArray, reconstruction: FloatArray) -> FloatArray:
    """Subtract the truth from the reconstruction, phi wrapped into half a turn; scaled units, shape ``(n_events, n_columns)``."""
    layout, scaling = autoencoder.encoder.layout, autoencoder.encoder.scaling
    delta = reconstruction - truth
    for i in range(layout.n_columns):
        period = layout.phi_period(i)
        if period is not None:
            turn = period * 2.0 ** -scaling.shift[i]
            delta[:, i] -= turn * np.floor(delta[:, i] / turn + 0.5)
    return delta


def physical_units(layout: ObjectLayout, autoencoder: Autoencoder) -> FloatArray:
    """Return what one scaled unit is in GeV, eta or rad, for every column."""
    lsb = np.array([column.lsb for column in layout.columns])
    return lsb * 2.0 ** np.array(autoencoder.encoder.scaling.shift, dtype=np.float64)


def _residual(label: str, layout: ObjectLayout, i: int, delta: FloatArray, truth: FloatArray, weight: FloatArray) -> Residual:
    column = layout.columns[i]
    name, feature = column.name.removesuffix("_hw"), column.feature
    if not weight.sum() > 0:
        return Residual(label, name, feature, 0, None, None, None)
    mean, spread = _moments(delta, weight)
    return Residual(label, name, feature, len(delta), mean, spread, _moments(truth, weight)[1])


def _moments(values: FloatArray, weight: FloatArray) -> tuple[float, float]:
    mean = float(np.average(values, weights=weight))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weight)))


def _figure(found: list[Residual], feature: str) -> Figure:
    chosen = [r for r in found if r.feature == feature]
    columns = list(dict.fromkeys(r.column for r in chosen))
    series = []
    for i, sample in enumerate(dict.fromkeys(r.sample for r in chosen)):
        points = [r for r in chosen if r.sample == sample and r.mean is not None and r.spread is not None]
        x = [columns.index(r.column) + 0.1 * i for r in points]
        means, spreads = np.array([r.mean for r in points], float), np.array([r.spread for r in points], float)
        series.append(Series(sample, x, means, means - spreads, means + spreads, line="", marker="o", colour=i))
    unit = f" [{UNITS[feature]}]" if UNITS[feature] else ""
    caption = f"Reconstruction minus truth of {feature}, mean ± spread, of {', '.join(columns)} (in this order)."
    return line_plot(f"reconstruction-{feature}", caption, Axes("column", f"Δ{feature}{unit}", whole_x=True), series)


def _table(chosen: list[Residual]) -> Table:
    rows = tuple((r.column, number(r.n_events), number(r.mean), number(r.spread), number(r.truth_spread)) for r in chosen)
    columns = (*text_columns("Variable"), *number_columns("Events", "Mean difference", "Spread", "Spread of the variable itself"))
    return Table(
        f"Reconstruction minus truth, {chosen[0].sample}", columns, rows, "pT in GeV, φ in rad; where the object is there."
    )


def _finding(found: list[Residual], background: str) -> str:
    texts = []
    for feature in UNITS:
        chosen = [r for r in found if r.feature == feature and r.sample == background and r.spread is not None and r.truth_spread]
        if chosen:
            share = float(np.median([(r.spread or 0.0) / (r.truth_spread or 1.0) for r in chosen]))
            texts.append(f"{feature} to {100 * share:.0f} %")
    return f"On {background} the median spread of reconstruction minus truth, relative to the spread of the variable itself, is: {', '.join(texts)}."
