"""How stable is the trigger between trainings that differ in the seed only?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.fixed import FloatArray
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.judge import Judge, judge_of
from l1ad.reporting.document import Block, Figure, State, Table, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, heat_map, line_plot
from l1ad.scores.metrics import flips
from l1ad.scores.performance import Performance, background_of
from l1ad.scores.targets import Target
from l1ad.studies.association import spearman
from l1ad.studies.quantised_trainings import train_quantised_networks
from l1ad.studies.result import Material, StudyResult, evaluation_rows
from l1ad.studies.trainings import trained_by

QUESTION = "How stable is the trigger between trainings?"
#: More than this between the largest and the smallest efficiency of one signal, as a factor, is worth a sentence.
WIDE = 1.5
#: The plain recipe's relative spread must be this many times the robust one's for the study to pass.
WANTED_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over trainings.

    Attributes:
        name: the figure.
        values: one a training.
        target: the rate of a signal's efficiency; None of any other figure.
        label: that signal's label.
    """

    name: str
    values: tuple[float, ...]
    target: Target | None = None
    label: str = ""

    @property
    def median(self) -> float:
        """The median."""
        return float(np.median(self.values))

    @property
    def relative(self) -> float | None:
        """The standard deviation over the mean; None where the mean is 0."""
        mean = float(np.mean(self.values))
        return float(np.std(self.values, ddof=1)) / abs(mean) if mean else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {"name": self.name, "values": list(self.values), "relative": self.relative}


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """The trainings of one recipe.

    Attributes:
        recipe: ``plain`` or ``robust``.
        seeds: the seeds.
        performances: one a seed.
        spreads: every figure over seeds.
        ranks: rank correlation of background scores between trainings, ``(n_seeds, n_seeds)``.
        overlaps: overlap of the selected events, same shape.
    """

    recipe: str
    seeds: tuple[int, ...]
    performances: tuple[Performance, ...]
    spreads: tuple[Spread, ...]
    ranks: FloatArray
    overlaps: FloatArray

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        spreads = [spread.to_dict() for spread in self.spreads]
        matrices = {"rank_correlation": self.ranks.tolist(), "overlap": self.overlaps.tolist()}
        return {"recipe": self.recipe, "seeds": list(self.seeds), "spreads": spreads, **matrices}


def study_volatility(material: Material) -> StudyResult:
    """Train the configuration's quantised network with several seeds and either recipe; compare figures, scores and selected events.

    Nothing is shortened: every network is what ``l1ad train`` would make with that seed, judged by its exact integer score.

    Args:
        material: data and model.
    """
    judge = judge_of(material.config, material.dataset)
    plain, robust = repeated = tuple(_repeat(material, judge, recipe) for recipe in ("plain", "robust"))
    changes = [compare_recipes(plain, robust, target) for target in judge.working_point]
    detail = [block for one in repeated for block in _blocks(one, judge)]
    text = f"{' '.join(change.sentence for change in changes)} Recipe robust: {finding(robust, judge.targets[0])}"
    numbers = {one.recipe: one.to_dict() for one in repeated} | {"changes": [change.to_dict() for change in changes]}
    state = State.GOOD if changes[0].passes else State.WARNING
    return StudyResult("volatility", QUESTION, text, state, numbers, (recipe_table(plain, robust), *detail))


def _repeat(material: Material, judge: Judge, recipe: str) -> Repeated:
    config, dataset = material.config, material.dataset
    studies = config.studies
    settings = trained_by(config, recipe=recipe, seeds=studies.seeds, seed=studies.seed)
    trained = train_quantised_networks(settings, dataset, material.work / recipe)
    rows = evaluation_rows(dataset)
    scores = [trained.scores(dataset, rows, i) for i in range(len(trained.seeds))]
    performances = tuple(judge.performance(one) for one in scores)
    spreads = figure_spreads(performances, trained.validation_loss)
    return Repeated(recipe, trained.seeds, performances, spreads, *pair_matrices(judge, scores))


@dataclass(frozen=True, slots=True)
class Change:
    """What the robust recipe changes.

    Attributes:
        target: the rate.
        plain: root mean square over signals of the relative spread of the efficiency, plain recipe.
        robust: the same of the robust one.
        lower: signals whose median efficiency falls.
    """

    target: Target
    plain: float
    robust: float
    lower: tuple[str, ...]

    @property
    def factor(self) -> float:
        """How many times smaller the spread is."""
        return self.plain / self.robust if self.robust > 0 else float("inf")

    @property
    def passes(self) -> bool:
        """Whether the spread falls as required and no median does."""
        return self.factor >= WANTED_FACTOR and not self.lower

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        medians = f"the median falls on {', '.join(self.lower)}" if self.lower else "no median falls"
        return (
            f"At {self.target.label} the relative spread of the efficiency over seeds (root mean square over signals) goes from {100 * self.plain:.0f} % "
            f"with the plain recipe to {100 * self.robust:.0f} % with the robust one, {self.factor:.1f} times less "
            f"({WANTED_FACTOR:g} required); {medians}."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        numbers = {"plain": self.plain, "robust": self.robust, "factor": self.factor}
        return {"target": self.target.to_dict(), **numbers, "lower": list(self.lower), "passes": self.passes}


def compare_recipes(plain: Repeated, robust: Repeated, target: Target) -> Change:
    """Compare the efficiencies' spreads and medians at a rate; a signal that none of the plain trainings catches counts as spread 0."""
    pairs = list(zip(_efficiencies(plain, target), _efficiencies(robust, target), strict=True))
    squares = np.array([[(p.relative or 0.0) ** 2, (r.relative or 0.0) ** 2] for p, r in pairs])
    lower = tuple(p.label for p, r in pairs if r.median < p.median)
    before, after = np.sqrt(squares.mean(axis=0))
    return Change(target, float(before), float(after), lower)


def _efficiencies(one: Repeated, target: Target) -> list[Spread]:
    return [spread for spread in one.spreads if spread.target == target]


def recipe_table(plain: Repeated, robust: Repeated) -> Table:
    """Show median and relative spread of every figure by both recipes side by side."""
    rows = []
    for p, r in zip(plain.spreads[1:], robust.spreads[1:], strict=True):
        factor = p.relative / r.relative if p.relative and r.relative else None
        percent = (None if s.relative is None else 100 * s.relative for s in (p, r))
        medians = (number(100 * s.median, 4) for s in (p, r))
        rows.append((p.name, *medians, *(number(v) for v in percent), number(factor)))
    titles = ("Median, plain [%]", "Median, robust [%]", "Spread, plain [%]", "Spread, robust [%]", "Plain over robust")
    title = f"Both recipes over {len(plain.seeds)} seeds"
    n = len(plain.seeds)
    error = 100 / np.sqrt(2 * (n - 1))
    note = (
        f"Spread: standard deviation over mean. From {n} trainings a standard deviation is itself known to about {error:.0f} %."
    )
    return Table(title, (*text_columns("Figure"), *number_columns(*titles)), tuple(rows), note)


def _blocks(one: Repeated, judge: Judge) -> tuple[Block, ...]:
    recipe, first = one.recipe, judge.targets[0]
    return (
        spread_table(recipe, one.spreads),
        *(_spread_figure(recipe, one.performances, target) for target in judge.working_point),
        _matrix(f"{recipe}-ranks", f"{recipe}: rank correlation of background scores between trainings.", one.ranks, one.seeds),
        _matrix(
            f"{recipe}-overlap",
            f"{recipe}: overlap (both / either) of the events selected at {first.label}.",
            one.overlaps,
            one.seeds,
        ),
    )


def figure_spreads(performances: Sequence[Performance], losses: Sequence[float]) -> tuple[Spread, ...]:
    """Collect every figure over trainings: validation loss, then mean and each signal's efficiency at every rate, and each signal's AUC."""
    first = performances[0]
    spreads = [Spread("validation loss", tuple(losses))]
    for target in first.targets:
        means = tuple(p.mean_efficiency(target) or 0.0 for p in performances)
        spreads.append(Spread(f"mean efficiency, {target.label}", means))
        for i, signal in enumerate(first.signals):
            values = tuple(p.points(target)[i].signal.value for p in performances)
            spreads.append(Spread(f"efficiency {signal.label}, {target.label}", values, target, signal.label))
    for i, signal in enumerate(first.signals):
        spreads.append(Spread(f"AUC {signal.label}", tuple(p.signals[i].auc.value for p in performances)))
    return tuple(spreads)


def pair_matrices(judge: Judge, scores: Sequence[ScoreSet]) -> tuple[FloatArray, FloatArray]:
    """Compare trainings pair by pair: rank correlation of background scores, overlap of all events selected at the first rate.

    Returns:
        Two symmetric matrices, shape ``(n_seeds, n_seeds)``, with ones on the diagonal.
    """
    ranks, overlaps = np.ones((len(scores), len(scores))), np.ones((len(scores), len(scores)))
    background = [background_of(judge.dataset, one) for one in scores]
    cuts = [b.weighted(judge.taken).threshold(judge.targets[0]) for b in background]
    for i, j in itertools.combinations(range(len(scores)), 2):
        correlation = spearman(background[i].scores, background[j].scores, background[i].weight)
        ranks[i, j] = ranks[j, i] = correlation.value if correlation else np.nan
        both = flips(np.asarray(scores[i].values) >= cuts[i], np.asarray(scores[j].values) >= cuts[j])
        overlaps[i, j] = overlaps[j, i] = both.overlap
    return ranks, overlaps


def spread_table(recipe: str, spreads: Sequence[Spread]) -> Table:
    """List smallest, median, largest and relative scatter of every figure."""
    rows = tuple(
        (
            s.name,
            *(number(float(v), 4) for v in (np.min(s.values), np.median(s.values), np.max(s.values))),
            number(100 * s.relative if s.relative is not None else None),
        )
        for s in spreads
    )
    columns = (*text_columns("Figure"), *number_columns("Smallest", "Median", "Largest", "Standard deviation [%]"))
    return Table(f"Figures of {len(spreads[0].values)} trainings, recipe {recipe}", columns, rows)


def _spread_figure(recipe: str, performances: Sequence[Performance], target: Target) -> Figure:
    series = []
    for i, signal in enumerate(performances[0].signals):
        points = [p.points(target)[i].signal for p in performances]
        low, high = [100 * p.low for p in points], [100 * p.high for p in points]
        values = [100 * p.value for p in points]
        series.append(Series(signal.label, np.arange(len(points)) + 0.08 * i, values, low, high, line="", marker="o"))
    caption = f"{recipe}: efficiency at {target.label} of every training; bars are statistical (signal only)."
    return line_plot(f"{recipe}-spread-{target.kind.value}", caption, Axes("training", "efficiency [%]", whole_x=True), series)


def _matrix(name: str, caption: str, values: FloatArray, seeds: Sequence[int]) -> Figure:
    labels = [str(seed) for seed in seeds]
    return heat_map(name, caption, Axes("seed", "seed"), labels, labels, values)


def finding(one: Repeated, target: Target) -> str:
    """Return how far the trainings of a recipe differ."""
    pairs = np.triu_indices(len(one.ranks), 1)
    worst, factor = "", 0.0
    for i, signal in enumerate(one.performances[0].signals):
        values = [p.points(target)[i].signal.value for p in one.performances]
        ratio = max(values) / min(values) if min(values) > 0 else float("inf") if max(values) > 0 else 1.0
        if ratio > factor:
            worst, factor = f"{signal.label} ({100 * min(values):.2g} to {100 * max(values):.2g} %)", ratio
    advice = "always train several seeds" if factor > WIDE else "one training stands for the others"
    return (
        f"at {target.label} the efficiency differs most between {len(one.performances)} trainings on {worst}: {advice}; scores "
        f"of two trainings have a median rank correlation of {np.nanmedian(one.ranks[pairs]):.2f}, and select the same events to "
        f"{100 * float(np.median(one.overlaps[pairs])):.0f} % of either."
    )
