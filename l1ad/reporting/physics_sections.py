"""Make the section that shows how well scores separate signal from background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset
from l1ad.core.fixed import FloatArray
from l1ad.core.scoreset import ScoreSet
from l1ad.reporting.document import (
    Block,
    Figure,
    Section,
    State,
    Table,
    Verdict,
    between,
    number,
    number_columns,
    percent,
    text_columns,
    with_error,
)
from l1ad.reporting.drawing import DASHES, Axes, Series, histogram_plot, line_plot
from l1ad.scores.metrics import MIN_EVENTS, flips_at_target, roc
from l1ad.scores.performance import Performance, background_of, signals_of
from l1ad.scores.targets import Target


def physics_section(
    dataset: Dataset, scores: Sequence[ScoreSet], performances: Sequence[Performance], taken: NDArray[np.bool_] | None = None
) -> Section:
    """Show ROC curves, score distributions, AUC and efficiencies of every source and signal.

    Args:
        dataset: the dataset.
        scores: the score sets; at least one.
        performances: how each does, in the same order.
        taken: whether the menu takes each event of the dataset, shape ``(n_events,)``; needed for pure targets.
    """
    blocks: list[Block] = [efficiency_table(performances), *few_events(performances), auc_table(performances)]
    blocks += flips_table(dataset, scores, performances[0].targets, taken)
    blocks += [roc_figure(dataset, scores), *(score_figure(dataset, one) for one in scores[-1:])]
    return Section("Physics", tuple(blocks))


def auc_table(performances: Sequence[Performance]) -> Table:
    """List the AUC of every signal by every source, in per cent."""
    signals = performances[0].signals
    rows = []
    for i, signal in enumerate(signals):
        cells = [with_error(p.signals[i].auc.value, p.signals[i].auc.error, 100.0) for p in performances]
        rows.append((signal.label, number(signal.n_events), *cells))
    columns = (*text_columns("Signal"), *number_columns("Events"), *number_columns(*(f"{p.source} [%]" for p in performances)))
    note = f"Test part of the background, {number(performances[0].n_background)} weighted events; errors after DeLong."
    return Table("Area under the ROC curve", columns, tuple(rows), note)


def efficiency_table(performances: Sequence[Performance]) -> Table:
    """List the efficiency of every signal and their mean at every rate by every source, and the background behind the last one."""
    rows = [_mean_row(performances, target) for target in performances[-1].targets]
    for i, signal in enumerate(performances[-1].signals):
        for j, point in enumerate(signal.points):
            cells = [between(p.signal.value, p.signal.low, p.signal.high) for p in (q.signals[i].points[j] for q in performances)]
            rows.append((signal.label, point.target.label, _behind(point.background.n_effective), *cells))
    sources = [p.source for p in performances]
    columns = (*text_columns("Signal", "Rate"), *number_columns(f"Background behind it, n_eff, {sources[-1]}"))
    note = (
        "Each score at its own smallest threshold that keeps the rate; pure is what no item of the menu takes, of background and signal. "
        "Intervals cover 68 %: Clopper-Pearson, for weights with the effective number of events (Korn-Graubard)."
    )
    return Table(
        "Signal efficiency at fixed rate",
        (*columns, *number_columns(*(f"{s} [%]" for s in sources))),
        tuple(rows),
        note,
    )


def _mean_row(performances: Sequence[Performance], target: Target) -> tuple[str, ...]:
    means = [p.mean(target) for p in performances]
    cells = ("" if m is None else between(m.value, m.low, m.high) for m in means)
    last = means[-1]
    return ("mean", target.label, _behind(last.n_effective if last else 0.0), *cells)


def _behind(n_effective: float) -> str:
    return f"{number(n_effective, 3)}{'' if n_effective >= MIN_EVENTS else ' (too few)'}"


def flips_table(
    dataset: Dataset, scores: Sequence[ScoreSet], targets: Sequence[Target], taken: NDArray[np.bool_] | None
) -> list[Block]:
    """Count the events that the first and the last source decide differently at equal rate."""
    first, last = scores[0], scores[-1]
    if first is last or not np.array_equal(first.rows, last.rows):
        return []
    background = background_of(dataset, first)
    chosen = np.flatnonzero(np.isin(first.rows, background.rows))
    rows = []
    among = None if taken is None else taken[np.asarray(first.rows)]
    for target in targets:
        counted = flips_at_target(np.asarray(first.values), np.asarray(last.values), chosen, target, background.weight, among)
        cells = (number(counted.n_left_only), number(counted.n_right_only), number(counted.n_both), percent(counted.fraction))
        rows.append((target.label, number(counted.n_events), *cells))
    titles = (
        "Events",
        f"Only {first.source.value}",
        f"Only {last.source.value}",
        "Both",
        "Decided differently",
    )
    note = "All scored events, background and signals; each score at its own threshold."
    return [
        Table(
            f"Decisions of {first.source.value} against {last.source.value}",
            (*text_columns("Rate"), *number_columns(*titles)),
            tuple(rows),
            note,
        )
    ]


def few_events(performances: Sequence[Performance]) -> list[Block]:
    """Warn of rates with too few events behind them."""
    signals = [signal for performance in performances for signal in performance.signals]
    poor = {point.target.label: point.background for signal in signals for point in signal.points if not point.enough}
    texts = [f"{label} ({number(e.n_passed)} events, n_eff {e.n_effective:.3g})" for label, e in poor.items()]
    message = f"Too few background events to mean anything at {', '.join(texts)}."
    return [Verdict(State.WARNING, message)] if texts else []


def roc_figure(dataset: Dataset, scores: Sequence[ScoreSet]) -> Figure:
    """Draw the ROC curve of every signal (colour) and source (dash), the background fraction on a logarithmic axis."""
    series = []
    lowest = 1.0
    for dash, (names, one) in enumerate(distinct_scores(scores)):
        background = background_of(dataset, one)
        for colour, signal in enumerate(signals_of(dataset, one)):
            curve = roc(background.scores, signal.scores, background.weight, signal.weight)
            positive = curve.fpr > 0
            lowest = min(lowest, float(curve.fpr[positive][0]))
            label = f"{signal.label}, {names}"
            series.append(Series(label, curve.fpr[positive], curve.tpr[positive], line=DASHES[dash % 4], colour=colour))
    axes = Axes("background fraction", "signal efficiency", log_x=True, x_range=(max(lowest, 1e-7), 1.0), y_range=(0.0, 1.02))
    return line_plot("roc", "ROC curves by signal (colour) and source of the score (line).", axes, series)


def distinct_scores(scores: Sequence[ScoreSet]) -> list[tuple[str, ScoreSet]]:
    """Put sources whose scores are equal, event by event, together: ``qkeras = csim`` is one curve."""
    groups: list[tuple[str, ScoreSet]] = []
    for one in scores:
        for i, (names, other) in enumerate(groups):
            if one.step == other.step and np.array_equal(one.rows, other.rows) and np.array_equal(one.values, other.values):
                groups[i] = (f"{names} = {one.source.value}", other)
                break
        else:
            groups.append((one.source.value, one))
    return groups


def score_figure(dataset: Dataset, scores: ScoreSet) -> Figure:
    """Draw the distribution of a score for the background and every signal."""
    step = 1.0 if scores.step is None else scores.step
    samples = [background_of(dataset, scores), *signals_of(dataset, scores)]
    shown = {sample.label: (np.asarray(sample.scores) * step, sample.weight) for sample in samples}
    wide = _is_wide(shown)
    caption = f"Score distributions, {scores.source.value}, normalised to 1" + ("; the first bin holds zeros." if wide else ".")
    return histogram_plot(
        f"scores-{scores.source.value}", caption, Axes("score", "fraction of events", log_x=wide, log_y=True), shown
    )


def _is_wide(samples: Mapping[str, tuple[FloatArray, FloatArray]]) -> bool:
    """Return whether scores span so much that a logarithmic axis is needed."""
    values = np.concatenate([v for v, _ in samples.values()])
    return bool(values.min() >= 0 and values.max() > 20 * max(float(np.median(values)), 1e-12))
