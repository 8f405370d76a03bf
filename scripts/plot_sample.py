"""Draw what a trigger physicist looks at first in the shipped sample: rates, multiplicities, spectra, turn-ons.

python scripts/plot_sample.py [--sample data/sample] [--out docs/simulation]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from l1ad.core.layout import load_layout
from l1ad.data.readers.gelato import GelatoReader
from l1ad.reporting.document import Figure
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.reporting.render import INK

Floats = NDArray[np.float64]

#: Rate of bunch crossings: 2 544 filled bunches.
CROSSING_KHZ = 11.245 * 2544
SAMPLES = {"background": "zero bias", "ztautau": "Z→ττ", "ttbar": "tt̄", "hh_bbtautau": "HH→bb̄ττ", "a_4l": "A→4ℓ"}
KINDS = {"jet": "jet", "tau": "τ", "muon": "µ", "met": "MET"}


@dataclass(frozen=True)
class Events:
    """Energies in GeV by kind, falling, and weights that add up to one."""

    level1: dict[str, Floats]
    software_jet: Floats
    weights: Floats


def load(path: Path) -> Events:
    """Read both trigger levels of a file."""
    level1, software = load_layout("l1topo44"), load_layout("gelato60")
    first, second = (list(GelatoReader().chunks(path, layout, 32_768)) for layout in (level1, software))
    energies = {kind: np.concatenate([chunk.counts[kind][:, :, 0] for chunk in first]) * 0.1 for kind in KINDS}
    software_jet = np.concatenate([chunk.counts["jet"][:, 0, 0] for chunk in second]) * 0.1
    weights = np.concatenate([chunk.columns["weight"] for chunk in first]).astype(np.float64)
    return Events(energies, software_jet, weights / weights.sum())


def rates(background: Events) -> Figure:
    """Draw rate against threshold of the leading object of each kind."""
    series = []
    for kind, label in KINDS.items():
        lead = background.level1[kind].max(axis=1)
        thresholds = np.unique(lead[lead > 0])
        order = np.argsort(lead)
        above = np.concatenate([np.cumsum(background.weights[order][::-1])[::-1], [0.0]])
        series.append(Series(label, thresholds, CROSSING_KHZ * above[np.searchsorted(lead[order], thresholds)]))
    axes = Axes("threshold [GeV]", "rate [kHz]", log_y=True, x_range=(0, 250), y_range=(1e-2, 4e4))
    return line_plot("rates", "Rate of the leading Level-1 object above a threshold.", axes, series)


def multiplicities(samples: dict[str, Events]) -> Figure:
    """Draw how many Level-1 jets events have."""
    number = np.arange(7)
    series = []
    for name, events in samples.items():
        jets = (events.level1["jet"] > 0).sum(axis=1)
        series.append(Series(SAMPLES[name], number, np.bincount(jets, events.weights, minlength=7)[:7], marker="o"))
    return line_plot(
        "multiplicity",
        "Level-1 jets above 20 GeV (six are sent).",
        Axes("Level-1 jets (6: six or more)", "fraction of events", whole_x=True),
        series,
    )


def spectra(samples: dict[str, Events]) -> Figure:
    """Draw the leading Level-1 jet."""
    edges = np.linspace(20, 410, 40)
    series = []
    for name, events in samples.items():
        fractions = np.histogram(events.level1["jet"].max(axis=1), edges, weights=events.weights)[0]
        series.append(Series(SAMPLES[name], (edges[1:] + edges[:-1]) / 2, np.where(fractions > 0, fractions, np.nan)))
    return line_plot(
        "spectra",
        "Leading Level-1 jet; jFEX saturates at 409 GeV.",
        Axes("leading jet ET [GeV]", "fraction in 10 GeV", log_y=True),
        series,
    )


def turn_ons(background: Events) -> Figure:
    """Draw the efficiency of Level-1 jet thresholds against the software trigger's leading jet."""
    edges = np.arange(20.0, 205.0, 5.0)
    lead, true = background.level1["jet"].max(axis=1), background.software_jet
    total = np.histogram(true, edges)[0]
    series = []
    for threshold in (30, 50, 100):
        passed = np.histogram(true[lead >= threshold], edges)[0]
        series.append(Series(f"L1 jet ≥ {threshold} GeV", (edges[1:] + edges[:-1]) / 2, passed / np.maximum(total, 1)))
    axes = Axes("leading software jet pT [GeV]", "efficiency", y_range=(0, 1.05))
    return line_plot("turn_ons", "Turn-on of Level-1 jets.", axes, series)


def main() -> None:
    """Draw all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, default=Path("data/sample"))
    parser.add_argument("--out", type=Path, default=Path("docs/simulation"))
    options = parser.parse_args()
    samples = {name: load(options.sample / f"gelato_{name}.h5") for name in SAMPLES}
    options.out.mkdir(parents=True, exist_ok=True)
    background = samples["background"]
    for figure in (rates(background), multiplicities(samples), spectra(samples), turn_ons(background)):
        (options.out / f"{figure.name}.svg").write_text(figure.svg.replace(INK, "#808080"), encoding="utf-8")


if __name__ == "__main__":
    main()
