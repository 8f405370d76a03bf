"""Draw the kinds of plot that pages use: lines, points, bars, histograms, heat maps; as SVG in the page's own ink."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from l1ad.core.fixed import FloatArray
from l1ad.reporting.document import Figure, superscript
from l1ad.reporting.render import INK

#: Ten colours that differ for everyone and on light and dark paper (M. Petroff, arXiv:2107.02270).
COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
DASHES = ("-", "--", ":", "-.")
#: Longer lines are thinned to about this many points.
_MAX_POINTS = 500
#: Ends of a logarithmic axis whose ratio is at most this are too near for labels at powers of ten alone.
_FEW_POWERS = 50.0
_STYLE: dict[str, Any] = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.titlesize": "medium",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#8894a6",
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": "small",
    "lines.linewidth": 1.7,
    "font.size": 10.5,
    "svg.fonttype": "none",
    "text.parse_math": False,
    "axes.unicode_minus": True,
}


#: Characters of a bar's label.
_LABEL_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Axes:
    """What an axis pair shows and how it is scaled; ``whole_x`` puts ticks at whole numbers only."""

    x: str
    y: str
    title: str = ""
    log_x: bool = False
    log_y: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    whole_x: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One line or set of points.

    Attributes:
        label: for the legend; empty for none.
        x: shape ``(n,)``.
        y: shape ``(n,)``.
        low: lower ends of the error bars, or None.
        high: upper ends.
        line: matplotlib's line style; empty for none.
        marker: matplotlib's marker; empty for none.
        colour: number of its colour; None takes the next one.
    """

    label: str
    x: ArrayLike
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    line: str = "-"
    marker: str = ""
    colour: int | None = None


def draw(name: str, caption: str, paint: Callable[[Any], None], size: tuple[float, float] = (6.4, 4.2)) -> Figure:
    """Make a figure by painting on one pair of matplotlib axes.

    Args:
        name: the figure's name, unique in its page.
        caption: what it shows.
        paint: gets the axes.
        size: width and height in inches.
    """
    return draw_grid(name, caption, lambda axes: paint(axes[0][0]), (1, 1), size)


def draw_grid(
    name: str, caption: str, paint: Callable[[NDArray[Any]], None], grid: tuple[int, int], size: tuple[float, float]
) -> Figure:
    """Make a figure of several panes; ``paint`` gets the axes as an array of shape ``grid``."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context({**_STYLE, "axes.prop_cycle": cycler(color=COLOURS), "svg.hashsalt": name}):
        canvas = Canvas(figsize=size, layout="constrained")
        paint(canvas.subplots(*grid, squeeze=False))
        buffer = io.StringIO()
        canvas.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return Figure(name, caption, buffer.getvalue())


def dress(pane: Any, axes: Axes, legend: bool = True) -> None:
    """Label and scale a pane of matplotlib axes."""
    pane.set(xlabel=axes.x, ylabel=axes.y, title=axes.title)
    if axes.log_x:
        pane.set_xscale("log")
        _power_ticks(pane.xaxis)
    if axes.log_y:
        pane.set_yscale("log")
        _power_ticks(pane.yaxis)
    if axes.whole_x:
        pane.xaxis.get_major_locator().set_params(integer=True)
    if axes.x_range:
        pane.set_xlim(*axes.x_range)
    if axes.y_range:
        pane.set_ylim(*axes.y_range)
    if legend and pane.get_legend_handles_labels()[1]:
        pane.legend()


def _power_ticks(axis: Any) -> None:
    """Write the ticks of a logarithmic axis as plain text, ``10⁻³``; labels may hold any sign, so mathematics mode is off."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis.set_major_locator(LogLocator(numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _power_of_ten(value)))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: _between_powers(value, *axis.get_view_interval())))


def _between_powers(value: float, low: float, high: float) -> str:
    """Write 2 and 5 times a power of ten where an axis shows so little that powers alone would leave it without numbers."""
    if value <= 0 or low <= 0 or high > _FEW_POWERS * low:
        return ""
    digit = round(value / 10.0 ** math.floor(math.log10(value) + 1e-9), 6)
    return f"{value:g}" if digit in (2.0, 5.0) else ""


def _power_of_ten(value: float) -> str:
    exponent = round(math.log10(value)) if value > 0 else 0
    return f"{value:g}" if -2 <= exponent <= 3 else f"10{superscript(exponent)}"


def plot_series(pane: Any, series: Sequence[Series]) -> None:
    """Draw lines and points on a pane."""
    for number, one in enumerate(series):
        colour = COLOURS[(number if one.colour is None else one.colour) % len(COLOURS)]
        x, y = np.asarray(one.x, dtype=np.float64), np.asarray(one.y, dtype=np.float64)
        style = {
            "color": colour,
            "linestyle": one.line or "none",
            "marker": one.marker or None,
            "markersize": 4.5,
            "label": one.label or None,
        }
        if one.low is None or one.high is None:
            kept = _thinned(x, y) if one.line else np.arange(len(x))
            pane.plot(x[kept], y[kept], **style)
        else:
            errors = np.stack([y - np.asarray(one.low), np.asarray(one.high) - y]).clip(min=0)
            pane.errorbar(x, y, yerr=errors, capsize=2, elinewidth=1, **style)


def _thinned(x: FloatArray, y: FloatArray) -> NDArray[np.int64]:
    """Choose points that keep a long line's shape on linear and logarithmic axes."""
    if len(x) <= _MAX_POINTS:
        return np.arange(len(x))
    chosen = [np.linspace(0, len(x) - 1, _MAX_POINTS // 2), np.geomspace(1, len(x), _MAX_POINTS // 2) - 1]
    return np.unique(np.concatenate(chosen).round().astype(np.int64))


def line_plot(name: str, caption: str, axes: Axes, series: Sequence[Series], marks: Mapping[str, float] | None = None) -> Figure:
    """Draw lines or points with error bars, and marked values of x as vertical lines.

    Args:
        name: the figure's name.
        caption: what it shows.
        axes: the axes.
        series: what is drawn.
        marks: label and place of vertical lines.
    """

    def paint(pane: Any) -> None:
        plot_series(pane, series)
        for label, x in (marks or {}).items():
            pane.axvline(x, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.7)
            pane.annotate(
                label, (x, 1.0), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points", rotation=90,
                va="top", fontsize="x-small",
            )  # fmt: skip
        dress(pane, axes)

    return draw(name, caption, paint)


def bar_plot(name: str, caption: str, axes: Axes, labels: Sequence[str], groups: Mapping[str, Sequence[float | None]]) -> Figure:
    """Draw horizontal bars, one row a label, one bar a group; an absent value has no bar, a long label loses its middle."""

    def paint(pane: Any) -> None:
        height = 0.8 / len(groups)
        for number, (group, values) in enumerate(groups.items()):
            rows = [i for i, value in enumerate(values) if value is not None]
            places = np.array(rows, dtype=np.float64) + (number - (len(groups) - 1) / 2) * height
            pane.barh(places, [float(values[i] or 0) for i in rows], height=height * 0.92, label=group)
        pane.set_yticks(range(len(labels)), [_short(label) for label in labels])
        pane.invert_yaxis()
        pane.locator_params(axis="x", nbins=5)
        dress(pane, axes, legend=len(groups) > 1)

    return draw(name, caption, paint, size=(6.4, max(2.0, 0.9 + 0.26 * len(labels) * max(1.0, 0.7 * len(groups)))))


def _short(label: str) -> str:
    """Keep both ends of a label: HLS names an instance by all its types, and its number comes last."""
    return label if len(label) <= _LABEL_LENGTH else f"{label[: _LABEL_LENGTH - 14]}…{label[-13:]}"


def heat_map(
    name: str, caption: str, axes: Axes, rows: Sequence[str], columns: Sequence[str], values: FloatArray, spec: str = ".2f"
) -> Figure:
    """Draw a matrix with its numbers written in; NaN cells stay empty."""

    def paint(pane: Any) -> None:
        picture = pane.imshow(values, cmap="viridis", aspect="auto")
        pane.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
        pane.set_yticks(range(len(rows)), rows)
        pane.grid(visible=False)
        middle = (np.nanmin(values) + np.nanmax(values)) / 2 if np.isfinite(values).any() else 0.0
        for i, j in np.argwhere(np.isfinite(values)):
            ink = "white" if values[i, j] < middle else "black"
            pane.text(j, i, format(values[i, j], spec), ha="center", va="center", color=ink, fontsize="small")
        pane.figure.colorbar(picture, ax=pane, shrink=0.85)
        dress(pane, axes)

    return draw(name, caption, paint, size=(2.6 + 0.75 * len(columns), 1.8 + 0.42 * len(rows)))


def histogram_plot(
    name: str, caption: str, axes: Axes, samples: Mapping[str, tuple[ArrayLike, ArrayLike | None]], bins: int | ArrayLike = 60
) -> Figure:
    """Draw normalised distributions, the first one filled.

    Args:
        name: the figure's name.
        caption: what it shows.
        axes: the axes; with ``log_x`` values at or below 0 fall into the first bin.
        samples: label to values and weights (None for 1 each).
        bins: number of bins over all values, or their edges.
    """
    import hist

    values = {label: (np.asarray(v, dtype=np.float64), w) for label, (v, w) in samples.items()}
    if isinstance(bins, int):
        axis = _histogram_axis(hist, np.concatenate([v for v, _ in values.values()]), axes.log_x, bins)
    else:
        axis = hist.axis.Variable(np.asarray(bins, dtype=np.float64))

    def paint(pane: Any) -> None:
        import mplhep

        for number, (label, (v, w)) in enumerate(values.items()):
            histogram = hist.Hist(axis, storage=hist.storage.Weight())
            histogram.fill(np.clip(v, axis.edges[0], np.nextafter(axis.edges[-1], 0)), weight=w)
            total = float(histogram.sum().value) or 1.0
            kind = {"histtype": "fill", "alpha": 0.35} if number == 0 else {"histtype": "step"}
            mplhep.histplot(
                histogram / total, ax=pane, label=label, color=COLOURS[number % len(COLOURS)], yerr=False, flow="none", **kind
            )
        dress(pane, axes)

    return draw(name, caption, paint)


def _histogram_axis(hist: Any, values: FloatArray, log: bool, bins: int) -> Any:
    finite = values[np.isfinite(values)]
    if log and (finite > 0).any():
        low, high = float(finite[finite > 0].min()), float(finite.max())
        return hist.axis.Regular(bins, low, max(high, low * 1.001), transform=hist.axis.transform.log)
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    return hist.axis.Regular(bins, low, high if high > low else low + 1.0)


def density_plot(
    name: str, caption: str, axes: Axes, x: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None, bins: int = 50
) -> Figure:
    """Draw a two-dimensional histogram with a logarithmic colour scale, and the weighted mean of y in each bin of x."""
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    w = np.ones(len(xs)) if weight is None else np.asarray(weight, dtype=np.float64)
    counts, x_edges, y_edges = np.histogram2d(xs, ys, bins=(min(bins, max(2, len(np.unique(xs)))), bins), weights=w)
    centres, means = profile(xs, ys, w, x_edges)

    def paint(pane: Any) -> None:
        from matplotlib.colors import LogNorm

        shown = np.where(counts.T > 0, counts.T, np.nan)
        low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
        norm = LogNorm(vmin=low, vmax=max(high, low * 1.01))
        mesh = pane.pcolormesh(x_edges, y_edges, shown, cmap="viridis", norm=norm, rasterized=True)
        _power_ticks(pane.figure.colorbar(mesh, ax=pane, label="weighted events").ax.yaxis)
        pane.plot(centres, means, color=COLOURS[1], marker="o", markersize=3.5, linewidth=1.2, label="mean")
        dress(pane, axes)

    return draw(name, caption, paint)


def profile(x: FloatArray, y: FloatArray, weight: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the centres of the non-empty bins of x and the weighted mean of y in each."""
    index = np.clip(np.digitize(x, edges[1:-1]), 0, len(edges) - 2)
    total = np.bincount(index, weights=weight, minlength=len(edges) - 1)
    summed = np.bincount(index, weights=weight * y, minlength=len(edges) - 1)
    filled = total > 0
    return ((edges[:-1] + edges[1:]) / 2)[filled], summed[filled] / total[filled]
