"""Save the training history as JSON and as a plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from l1ad.core.history import Curves, History


def save_history(history: History, folder: Path) -> None:
    """Write ``history.json`` and ``curves.png``."""
    history.save(folder)
    _plot(history.phases, folder / "curves.png")


def _plot(histories: dict[str, Curves], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0 * len(histories), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (phase, curves) in zip(figure.subplots(1, len(histories), squeeze=False)[0], histories.items(), strict=True):
        named = {"loss": curves.loss, "validation": curves.validation}
        for (name, epochs_), style in zip(named.items(), ("-", "--"), strict=True):
            values = np.array(epochs_, dtype=float)
            if not values.size:
                continue
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, np.median(values, axis=1), style, label=f"{name}, median of {values.shape[1]}")
            axes.fill_between(epochs, values.min(axis=1), values.max(axis=1), alpha=0.2)
        positive = all(np.min(values) > 0 for values in named.values() if len(values))
        axes.set(xlabel="epoch", ylabel="loss", title=phase, yscale="log" if positive else "linear")
        axes.legend()
    figure.savefig(path, dpi=110)
