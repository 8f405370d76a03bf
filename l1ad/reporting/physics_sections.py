"""Make the section that shows how well scores separate signal from background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

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
from l1ad.scores.metrics import Efficiency, flips_at_fraction, roc
from l1ad.scores.performance import Performance, background_of, signals_of


def physics_section(dataset: Dataset, scores: Sequence[ScoreSet], performances: Sequence[Performance]) -> Section:
    """Show ROC curves, score distributions, AUC and efficiencies of every source and signal.

    Args:
        dataset: the dataset.
        scores: the score sets; at least one.
        performances: ``evaluate`` of each, in the same order.
    """
    blocks: list[Block] = [auc_table(performances), efficiency_table(performances), *few_events(performances)]
    blocks += flips_table(dataset, scores, [point.target_fpr for point in performances[0].signals[0].points])
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
    """List the efficiency of every signal at every background fraction by every source, and the background behind the last one."""
    rows = []
    for i, signal in enumerate(performances[-1].signals):
        for j, point in enumerate(signal.points):
            cells = [between(p.signal.value, p.signal.low, p.signal.high) for p in (q.signals[i].points[j] for q in performances)]
            behind = f"{number(point.background.n_passed)}{'' if point.enough else ' (too few)'}"
            rows.append((signal.label, f"{point.target_fpr:g}", behind, *cells))
    sources = [p.source for p in performances]
    columns = (*text_columns("Signal"), *number_columns("Background fraction", f"Background events, {sources[-1]}"))
    note = (
        "Each score at its own smallest threshold that keeps the fraction; intervals cover 68 %: Clopper-Pearson, for weights with the effective "
        "number of events (Korn-Graubard)."
    )
    return Table(
        "Signal efficiency at fixed background fraction",
        (*columns, *number_columns(*(f"{s} [%]" for s in sources))),
        tuple(rows),
        note,
    )


def flips_table(dataset: Dataset, scores: Sequence[ScoreSet], fprs: Sequence[float]) -> list[Block]:
    """Count the events that the first and the last source decide differently at equal background fraction."""
    first, last = scores[0], scores[-1]
    if first is last or not np.array_equal(first.rows, last.rows):
        return []
    background = background_of(dataset, first)
    chosen = np.flatnonzero(np.isin(first.rows, background.rows))
    rows = []
    for fpr in fprs:
        counted = flips_at_fraction(np.asarray(first.values), np.asarray(last.values), chosen, fpr, background.weight)
        cells = (number(counted.n_left_only), number(counted.n_right_only), number(counted.n_both), percent(counted.fraction))
        rows.append((f"{fpr:g}", number(counted.n_events), *cells))
    titles = (
        "Background fraction",
        "Events",
        f"Only {first.source.value}",
        f"Only {last.source.value}",
        "Both",
        "Decided differently",
    )
    note = "All scored events, background and signals; each score at its own threshold."
    return [Table(f"Decisions of {first.source.value} against {last.source.value}", number_columns(*titles), tuple(rows), note)]


def few_events(performances: Sequence[Performance]) -> list[Block]:
    """Warn of background fractions with too few events behind them."""
    poor: dict[float, Efficiency] = {}
    for performance in performances:
        for signal in performance.signals:
            poor |= {point.target_fpr: point.background for point in signal.points if not point.enough}
    texts = [f"{fpr:g} ({number(e.n_passed)} events, n_eff {e.n_effective:.3g})" for fpr, e in sorted(poor.items(), reverse=True)]
    message = f"Too few background events to mean anything at background fractions {', '.join(texts)}."
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
