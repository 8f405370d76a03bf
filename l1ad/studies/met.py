"""Is the network just a MET detector? The score against MET, and against simple cuts at equal rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.scoreset import ScoreSet, decades
from l1ad.physics.rates import crossing_rate_khz, menu_taken
from l1ad.physics.variables import HT, MET, cut_variable, event_cuts
from l1ad.physics.veto import veto_of
from l1ad.reporting.compared import MetRecord
from l1ad.reporting.document import Block, State, Table, Verdict, between, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, density_plot
from l1ad.scores.metrics import MIN_EVENTS
from l1ad.scores.performance import background_of
from l1ad.scores.targets import Kind
from l1ad.studies.association import pearson, spearman
from l1ad.studies.cuts import BACKGROUND, Comparison, Selection, compare_at_rate
from l1ad.studies.follow import compare_follows
from l1ad.studies.result import Material, StudyResult, firmware_scores

QUESTION = "Is the network just a MET detector?"


def study_met(material: Material, scores: ScoreSet | None = None) -> StudyResult:
    """Compare the score with MET, and its efficiency at equal rate with every simple cut.

    With the firmware's scores, also what a threshold gains and loses that follows MET, so that its rate does not.
    Once at equal total rate, and where the data have a menu at equal pure rate with the pure efficiency. Where the background has too few
    events for a statement at that rate, also at ten times the rate, and so on.

    Args:
        material: data and model.
        scores: scores to look at; by default the firmware's.

    Raises:
        InputError: no signal, or too few events for the score at ``studies.rate_khz``.
    """
    dataset = material.dataset
    score = scores or firmware_scores(material)
    background = background_of(dataset, score)
    veto = veto_of(material.config, dataset)
    kinds = (Kind.TOTAL,) if menu_taken(dataset, background.rows, veto) is None else (Kind.PURE, Kind.TOTAL)
    comparisons = [comparison for kind in kinds for comparison in _until_it_says_something(material, score, kind)]
    blocks = [block for comparison in comparisons for block in _comparison_blocks(comparison)]
    total, pure = (tuple(c.record for c in comparisons if c.kind is kind) for kind in (Kind.TOTAL, Kind.PURE))
    numbers = MetRecord(total, pure).to_dict()
    findings = [_finding(comparison) for comparison in comparisons]
    if MET in event_cuts(dataset.layout):
        met = cut_variable(dataset.layout, np.asarray(dataset.x_hw[background.rows]), MET)
        linear, rank = pearson(met, background.scores, background.weight), spearman(met, background.scores, background.weight)
        numbers |= {"pearson": linear.to_dict() if linear else None, "spearman": rank.to_dict() if rank else None}
        findings += [f"Its rank correlation with MET on background is {rank.value:.2f}."] if rank else []
        step = 1.0 if score.step is None else score.step
        shown = decades(np.asarray(background.scores, dtype=np.float64) * step)
        axes = Axes("MET [GeV]", "±log₁₀(1 + |score|)")
        blocks.append(density_plot("met", "Score against MET on background.", axes, met, shown, background.weight))
        if scores is None:
            followed = compare_follows(material, only=("met",))
            blocks.append(replace(followed.table, title="Efficiency at equal total rate, where the threshold follows MET"))
            findings.append(followed.finding)
            numbers["follow"] = followed.numbers
    return StudyResult("met", QUESTION, " ".join(findings), State.NOTE, numbers, tuple(blocks))


def _until_it_says_something(material: Material, scores: ScoreSet, kind: Kind) -> list[Comparison]:
    khz, most = material.config.studies.rate_khz, crossing_rate_khz(material.config.rates)
    found = [compare_at_rate(material, scores, kind, khz)]
    while not found[-1].says_something and (khz := 10.0 * khz) < most:
        found.append(compare_at_rate(material, scores, kind, khz))
    return found


def _comparison_blocks(comparison: Comparison) -> list[Block]:
    where = f"At {comparison.khz:g} kHz {comparison.kind.value} rate"
    blocks: list[Block] = []
    if comparison.left_out:
        text = f"{where}, cuts whose steps are too coarse to reach it are left out: {', '.join(comparison.left_out)}."
        blocks.append(Verdict(State.WARNING, text))
    few = [s.name for s in comparison.selections if not s.rate.enough]
    if few:
        text = f"{where}, fewer than {MIN_EVENTS:g} effective background events are behind the selections {', '.join(few)}."
        blocks.append(Verdict(State.WARNING, text))
    return [*blocks, _table(comparison), *_gain_table(comparison)]


def _table(comparison: Comparison) -> Table:
    kind, labels = comparison.kind.value, comparison.labels
    rows = []
    for s in comparison.selections:
        cells = [between(e.value, e.low, e.high) for e in (s.efficiencies[name] for name in labels)]
        rate = between(s.rate.khz, s.rate.low_khz, s.rate.high_khz, 1.0)
        counts = (rate, number(s.total_khz), number(s.rate.n_events), number(s.rate.n_effective))
        rows.append((s.name, number(float(s.threshold), 4), *counts, between(*s.mean), *cells))
    titles = ("Threshold", f"{kind.capitalize()} rate [kHz]", "Total rate [kHz]", "Background events", "n_eff", "Mean [%]")
    columns = (*text_columns("Selection"), *number_columns(*titles, *(f"{v} [%]" for v in labels.values())))
    note = (
        "Thresholds are the smallest that keep the rate, for the cuts the one that the score reaches; coarse variables stay below it. "
        "Intervals cover 68 %, of efficiencies from the signal's events alone; n_eff is (Σw)²/Σw² of the background events behind a rate."
    )
    return Table(
        f"{kind.capitalize()} efficiency at {comparison.khz:g} kHz {kind} rate", columns, tuple(rows), note, frozenset({0})
    )


def _gain_table(comparison: Comparison) -> list[Block]:
    if comparison.together is None:
        return []
    labels, together = comparison.labels, comparison.together
    named = {**comparison.gains, "all of them together": together.gains}
    rows = tuple(
        (cut, *(between(e.value, e.low, e.high) for e in (gains[name] for name in labels))) for cut, gains in named.items()
    )
    columns = (*text_columns("After a cut on"), *number_columns(*(f"{label} [%]" for label in labels.values())))
    kind = comparison.kind.value
    title = f"What the score adds at {comparison.khz:g} kHz {kind} rate: signal that it selects and the cut does not"
    rate, added = (between(r.khz, r.low_khz, r.high_khz, 1.0) for r in (together.rate, together.added))
    note = f"All cuts together, each at the same threshold as alone, have a {kind} rate of {rate} kHz, to which the score adds {added} kHz."
    return [Table(title, columns, rows, note)]


def _finding(comparison: Comparison) -> str:
    where, rate = f"At {comparison.khz:g} kHz {comparison.kind.value} rate", comparison.score.rate
    if not comparison.says_something:
        return f"{where} {rate.n_events} background events, {rate.n_effective:.3g} effective ones, are behind the score, too few for a statement."
    return " ".join([_against_met_and_ht(comparison, where), *_against_every_cut(comparison)])


def _against_met_and_ht(comparison: Comparison, where: str) -> str:
    labels, known = comparison.labels, (MET.name, HT.name)
    texts = []
    for cut in (s for s in comparison.cuts if s.name in known):
        won = comparison.beaten[cut.name]
        lost = [_why(cut, name, labels[name]) for name in labels if name not in won]
        texts.append(
            f"a {cut.name} cut on {len(won)} of {len(labels)} signals" + (f" (not on {', '.join(lost)})" if lost else "")
        )
    compared = " and ".join(texts) if texts else "no cut"
    unreached = [name for name in known if name in comparison.left_out]
    note = f" (no {' or '.join(unreached)} threshold resolves that rate)" if unreached else ""
    return f"{where} the score beats in {comparison.kind.value} efficiency {compared}{note}."


def _against_every_cut(comparison: Comparison) -> list[str]:
    """Return on how many signals the score is above all cuts, which cut is better where it is not, and the same of the mean."""
    if not comparison.cuts:
        return []
    above, clearly = comparison.above_every_cut(), comparison.above_every_cut(clearly=True)
    lost = [_better(comparison, name) for name in comparison.labels if name not in above]
    better = f" (better are {', '.join(lost)})" if lost else ""
    best, mean = comparison.best_on_the_mean, comparison.score.mean
    few = "" if best.rate.enough else f", with {best.rate.n_effective:.3g} effective background events behind it"
    return [
        f"It is above every one of the {len(comparison.cuts)} cuts on {len(above)} of {len(comparison.labels)} signals, beyond both intervals "
        f"on {len(clearly)}{better}.",
        f"The mean over signals is {between(*mean)} % against {between(*best.mean)} % of the best cut, {best.name}{few}; "
        f"n_eff behind the score is {comparison.score.rate.n_effective:.3g}.",
    ]


def _better(comparison: Comparison, signal: str) -> str:
    cut, score = comparison.best_cut(signal), comparison.score.efficiencies[signal]
    found = cut.efficiencies[signal]
    return f"{cut.name} on {comparison.labels[signal]} with {100 * found.value:.2g} % against {100 * score.value:.2g} %"


def _why(cut: Selection, name: str, label: str) -> str:
    """Return what the cut sees of a signal: how far its median is from the background's, and from the cut."""
    signal, background = cut.medians[name], cut.medians[BACKGROUND]
    return f"{label}, whose median {cut.name} is {signal:.0f} GeV, the background's {background:.0f} GeV and the cut {cut.threshold:.0f} GeV"
