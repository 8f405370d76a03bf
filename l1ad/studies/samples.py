"""The standard table: every sample by every score and simple cut."""

from __future__ import annotations

import numpy as np

from l1ad.core.scoreset import ScoreSet, decades
from l1ad.physics.judge import judge_of
from l1ad.physics.variables import event_cuts
from l1ad.reporting.document import Block, State, Table, between, number_columns, text_columns, with_error
from l1ad.reporting.drawing import Axes, histogram_plot
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Target
from l1ad.studies.result import Material, StudyResult, cut_scores, evaluation_rows, firmware_scores, float_reference_scores

QUESTION = "How do all samples look for all scores?"


def study_samples(material: Material) -> StudyResult:
    """Evaluate the float, QKeras and firmware scores and the simple cuts on every sample.

    QKeras' scores are those of the firmware, integer by integer, wherever the C simulation was run; they are computed here too.
    """
    dataset = material.dataset
    named = _all_scores(material)
    judge = judge_of(material.config, dataset)
    results = {name: judge.performance(scores) for name, scores in named.items()}
    blocks: list[Block] = [*(_efficiency_table(results, target) for target in judge.targets), _auc_table(results)]
    firmware = named["firmware"]
    shown = {}
    for sample in dataset.samples:
        rows = np.isin(firmware.rows, dataset.rows(sample=sample.name))
        if rows.any():
            shown[sample.label or sample.name] = (
                decades(firmware.as_float[rows]),
                np.asarray(dataset.column("weight")[firmware.rows[rows]]),
            )
    blocks.append(
        histogram_plot(
            "samples", "Firmware scores of every sample.", Axes("±log₁₀(1 + |score|)", "fraction of events", log_y=True), shown
        )
    )
    numbers = {name: result.to_dict() for name, result in results.items()}
    finding = " ".join(_finding(results, target) for target in judge.working_point)
    return StudyResult("samples", QUESTION, finding, State.NOTE, numbers, tuple(blocks))


def _all_scores(material: Material) -> dict[str, ScoreSet]:
    named: dict[str, ScoreSet] = {}
    reference = float_reference_scores(material)
    if reference is not None:
        named["float"] = reference
    qkeras = _qkeras_scores(material)
    if qkeras is not None:
        named["qkeras"] = qkeras
    named["firmware"] = firmware_scores(material)
    return named | {cut.name: cut_scores(material.dataset, cut) for cut in event_cuts(material.dataset.layout)}


def _qkeras_scores(material: Material) -> ScoreSet | None:
    """Compute the scores by QKeras; None where the network is not a QKeras model."""
    from l1ad.core.scoreset import Source
    from l1ad.qkeras.build import refusal
    from l1ad.qkeras.evaluate import qkeras_scores

    network = material.model.network
    if refusal(network) is not None:
        return None
    rows = evaluation_rows(material.dataset)
    codes = qkeras_scores(network, np.asarray(material.dataset.x_hw[rows]))
    return ScoreSet(Source.QKERAS, codes, network.score.total.step, rows, material.dataset.digest, network.digest)


def _auc_table(results: dict[str, Performance]) -> Table:
    first = next(iter(results.values()))
    rows = tuple(
        (s.label, *(with_error(r.signals[i].auc.value, r.signals[i].auc.error, 100.0) for r in results.values()))
        for i, s in enumerate(first.signals)
    )
    return Table(
        "Area under the ROC curve [%]", (*text_columns("Signal"), *number_columns(*results)), rows, "Errors after DeLong."
    )


def _efficiency_table(results: dict[str, Performance], target: Target) -> Table:
    first = next(iter(results.values()))
    points = [r.points(target) for r in results.values()]
    means = [mean for r in results.values() if (mean := r.mean(target))]
    rows = [("mean", *(between(mean.value, mean.low, mean.high) for mean in means))]
    for i, signal in enumerate(first.signals):
        found = (one[i].signal for one in points)
        rows.append((signal.label, *(between(e.value, e.low, e.high) for e in found)))
    behind = ", ".join(f"{name} {mean.n_effective:.3g}" for name, mean in zip(results, means, strict=True))
    note = f"Background behind the points, n_eff: {behind}."
    return Table(f"Efficiency at {target.label} [%]", (*text_columns("Signal"), *number_columns(*results)), tuple(rows), note)


def _finding(results: dict[str, Performance], target: Target) -> str:
    best = []
    firmware = results["firmware"]
    for i, signal in enumerate(firmware.signals):
        others = {name: r.points(target)[i].signal.value for name, r in results.items() if name not in ("float", "qkeras")}
        winner = max(others, key=lambda name: others[name])
        best.append(f"{signal.label}: {winner} ({100 * others[winner]:.1f} %)")
    return f"Highest efficiency at {target.label}: {'; '.join(best)}."
