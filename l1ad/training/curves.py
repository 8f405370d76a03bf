"""Save the training history as JSON and as a plot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

History = dict[str, list[list[float]]]


def save_history(histories: dict[str, History], seeds: tuple[int, ...], folder: Path) -> None:
    """Write ``history.json`` and ``curves.png``.

    Args:
        histories: by phase (``float``, ``qat``): per quantity and epoch, a value for each seed.
        seeds: the seeds, in that order.
        folder: where to.
    """
    (folder / "history.json").write_text(json.dumps({"seeds": list(seeds), **histories}, indent=1), encoding="utf-8")
    _plot(histories, folder / "curves.png")


def _plot(histories: dict[str, History], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.0 * len(histories), 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (phase, history) in zip(figure.subplots(1, len(histories), squeeze=False)[0], histories.items(), strict=True):
        for name, style in (("loss", "-"), ("validation", "--")):
            values = np.array(history[name], dtype=float)
            if not values.size:
                continue
            epochs = np.arange(1, len(values) + 1)
            axes.plot(epochs, np.median(values, axis=1), style, label=f"{name}, median of {values.shape[1]}")
            axes.fill_between(epochs, values.min(axis=1), values.max(axis=1), alpha=0.2)
        positive = all(np.min(history[name]) > 0 for name in ("loss", "validation") if len(history[name]))
        axes.set(xlabel="epoch", ylabel="loss", title=phase, yscale="log" if positive else "linear")
        axes.legend()
    figure.savefig(path, dpi=110)
