"""Compare variants of a network, each trained with several seeds on equal terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.reporting.document import Block, Table, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Target


@dataclass(frozen=True, slots=True)
class Variant:
    """What one variant gives, over its seeds.

    Attributes:
        name: its name.
        performances: one a seed.
        losses: validation losses; comparable only between variants of one loss.
        lut: estimated LUTs, where they were asked for.
    """

    name: str
    performances: tuple[Performance, ...]
    losses: tuple[float, ...]
    lut: float | None = None

    @property
    def signals(self) -> tuple[str, ...]:
        """The labels of the signals."""
        return tuple(signal.label for signal in self.performances[0].signals)

    def aucs(self, label: str) -> list[float]:
        """Return a signal's AUC of every seed."""
        return [s.auc.value for p in self.performances for s in p.signals if s.label == label]

    @property
    def targets(self) -> tuple[Target, ...]:
        """Rates at which efficiencies are known."""
        return self.performances[0].targets

    def efficiencies(self, label: str, target: Target) -> list[float]:
        """Return a signal's efficiency of every seed at a rate."""
        signals = (s for p in self.performances for s in p.signals if s.label == label)
        return [point.signal.value for s in signals for point in s.points if point.target == target]

    def means(self, target: Target) -> list[float]:
        """Return the mean efficiency over signals of every seed at a rate."""
        return [mean.value for p in self.performances if (mean := p.mean(target))]

    def clearly_better(self, other: Variant, label: str) -> bool:
        """Return whether a signal's mean AUC is above the other's by two standard errors of the difference over seeds."""
        a, b = self.aucs(label), other.aucs(label)
        error = np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b)) if min(len(a), len(b)) > 1 else np.inf
        return bool(np.mean(a) - np.mean(b) > 2.0 * error)

    @property
    def mean_auc(self) -> float:
        """The mean over seeds and signals."""
        return float(np.mean([self.aucs(label) for label in self.signals]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        signals = {
            label: {"auc": self.aucs(label), "efficiency": {t.label: self.efficiencies(label, t) for t in self.targets}}
            for label in self.signals
        }
        means = {target.label: self.means(target) for target in self.targets}
        return {"name": self.name, "validation_loss": list(self.losses), "lut": self.lut, "mean": means, "signals": signals}


def variant_blocks(variants: Sequence[Variant], what: str) -> tuple[Block, ...]:
    """Show variants side by side: losses, AUC and efficiency with the spread over seeds.

    Args:
        variants: at least one.
        what: what they differ in.
    """
    targets = variants[0].targets
    rows = []
    for variant in variants:
        means = (_over_seeds(variant.means(target), 100.0) for target in targets)
        rows.append(("mean", variant.name, _over_seeds([p.mean_auc() or 0.0 for p in variant.performances], 100.0), *means))
    for label in variants[0].signals:
        for variant in variants:
            efficiencies = (_over_seeds(variant.efficiencies(label, target), 100.0) for target in targets)
            rows.append((label, variant.name, _over_seeds(variant.aucs(label), 100.0), *efficiencies))
    behind = ", ".join(f"{mean.n_effective:.3g} at {t.label}" for t in targets if (mean := variants[0].performances[0].mean(t)))
    note = f"Mean over {len(variants[0].performances)} seeds ± their standard deviation; same events and epochs. Background behind it, n_eff: {behind}."
    columns = (
        *text_columns("Signal", what.capitalize()),
        *number_columns("AUC [%]", *(f"Efficiency at {target.label} [%]" for target in targets)),
    )
    table = Table("On equal terms", columns, tuple(rows), note)
    return (_losses(variants, what), table, _figure(variants))


def _over_seeds(values: Sequence[float], scale: float) -> str:
    scatter = f" ± {scale * float(np.std(values, ddof=1)):.2f}" if len(values) > 1 else ""
    return f"{scale * float(np.mean(values)):.2f}{scatter}"


def _losses(variants: Sequence[Variant], what: str) -> Table:
    with_lut = any(variant.lut is not None for variant in variants)
    rows = []
    for v in variants:
        lut = (number(None if v.lut is None else round(v.lut)),) if with_lut else ()
        rows.append((v.name, _over_seeds(v.losses, 1.0), _over_seeds([v.mean_auc], 100.0), *lut))
    head = number_columns("Validation loss", "Mean AUC [%]", *(("LUT (estimate)",) if with_lut else ()))
    note = "LUTs are alkaid's estimate for one seed, quantised as the configuration says." if with_lut else ""
    return Table("Losses", (*text_columns(what.capitalize()), *head), tuple(rows), note)


def _figure(variants: Sequence[Variant]) -> Any:
    labels = variants[0].signals
    series = []
    for i, variant in enumerate(variants):
        values = [variant.aucs(label) for label in labels]
        means = np.array([100 * np.mean(v) for v in values])
        low, high = [100 * min(v) for v in values], [100 * max(v) for v in values]
        series.append(Series(variant.name, np.arange(len(labels)) + 0.1 * i, means, low, high, line="", marker="o"))
    caption = f"AUC of {', '.join(labels)} (in this order); bars are the range over seeds."
    return line_plot("variants", caption, Axes("signal", "AUC [%]", whole_x=True), series)
