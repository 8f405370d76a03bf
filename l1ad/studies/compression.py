"""Can one choose a network without signals? Label-free measures of many trainings against what they catch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config.physics import ShapeConfig
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import FloatArray, IntArray
from l1ad.reporting.document import Block, Figure, State, Table, Verdict, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, draw_grid, dress, plot_series
from l1ad.scores.metrics import MIN_EVENTS
from l1ad.scores.performance import Performance, background_of, evaluate
from l1ad.scores.targets import Target
from l1ad.studies.association import Correlation, spearman
from l1ad.studies.capacity import shaped
from l1ad.studies.latent import density_uniformity, latent_entropy, subset_stability
from l1ad.studies.reconstruction import differences
from l1ad.studies.result import Material, StudyResult, evaluation_rows
from l1ad.studies.search import Objective, Proposal, Trial, extremes, search
from l1ad.studies.trainings import Autoencoder, Trained, study_config, train_networks, training_dataset

QUESTION = "Can one choose a network without signals?"
FRACTIONS = (Target(1e-4), Target(1e-5))
MEASURES = ("m1", "m2", "m3", "m4", "entropy", "cosine", "euclidean", "knn_uniformity", "kde_uniformity", "loss")
TARGETS = ("efficiency_1e-4", "efficiency_1e-5", "auc")
#: A rank correlation whose 68 % interval is wider than this says nothing.
_TOO_WIDE = 0.8


@dataclass(frozen=True, slots=True)
class Relation:
    """The rank correlation of a label-free measure with what is caught, over trials."""

    measure: str
    target: str
    n_trials: int
    correlation: Correlation | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        spearman_ = self.correlation.to_dict() if self.correlation else None
        return {"measure": self.measure, "target": self.target, "n_trials": self.n_trials, "spearman": spearman_}


def study_compression(material: Material) -> StudyResult:
    """Train what the tuner proposes, and hold label-free measures on background against AUC and efficiency."""
    config, dataset = material.config, material.dataset
    small = training_dataset(dataset, material.work / "data", config.studies.events)
    rows = evaluation_rows(dataset)

    space = config.studies.space
    first = extremes(space, dataset.layout.n_columns) if space.extremes else ()
    trials = search(config, trial_objective(material, small, rows), material.work, first)
    relations = relate(trials)
    blocks: list[Block] = [*_few_background(trials), _relations_table(relations), _trials_table(trials)]
    blocks += [_figure(trials, target) for target in TARGETS]
    numbers = {"trials": [t.to_dict() for t in trials], "relations": [r.to_dict() for r in relations]}
    return StudyResult("compression", QUESTION, finding(relations), State.NOTE, numbers, tuple(blocks))


def trial_objective(material: Material, small: Dataset, rows: IntArray) -> Objective:
    """Return what a trial does: train the proposal plainly and measure it; its loss is the reconstruction error on background.

    Args:
        material: data and model.
        small: what is trained on.
        rows: events that are judged.
    """

    def objective(proposal: Proposal, number_: int) -> tuple[float, dict[str, Any]]:
        trained = _train(material, small, proposal, number_)
        values = measured(material, trained, rows)
        return values.pop("reconstruction_error"), values

    return objective


def _train(material: Material, small: Dataset, proposal: Proposal, number_: int) -> Trained:
    settings = study_config(
        material.config, 1, recipe="plain", learning_rate=proposal.learning_rate, beta=proposal.beta, float_epochs=proposal.epochs
    )
    settings = shaped(settings, ShapeConfig(hidden=proposal.hidden, latent=proposal.latent))
    return train_networks(settings, small, material.work / f"trial{number_}")


def reconstruction_error(autoencoder: Autoencoder, x_hw: NDArray[Any], weight: FloatArray) -> float:
    """Return the weighted mean squared difference of input and reconstruction over the columns of present objects, phi wrapped.

    It does not depend on the weight of the Kullback-Leibler term, so that trainings with any are comparable.
    """
    delta = differences(autoencoder, autoencoder.scaled(x_hw), autoencoder.reconstruct(x_hw))
    present = autoencoder.encoder.scaling.present(autoencoder.encoder.layout, x_hw)
    share = weight[:, None] * present
    return float((share * delta**2).sum() / share.sum())


def measured(material: Material, trained: Trained, rows: IntArray) -> dict[str, Any]:
    """Measure a network: on background without labels, and on signals."""
    dataset, studies = material.dataset, material.config.studies
    scores = trained.scores(dataset, rows, 0)
    background = background_of(dataset, scores)
    x_hw = np.asarray(dataset.x_hw[background.rows])
    latent = trained.autoencoders[0].latent(x_hw)
    factor = dataset.layout.n_columns / latent.shape[1]
    values = compression_measures(factor, np.asarray(background.scores), background.weight)
    cosine, euclidean = subset_stability(latent, background.weight, studies.subsets)
    knn, kde = density_uniformity(latent, studies.seed)
    values["reconstruction_error"] = reconstruction_error(trained.autoencoders[0], x_hw, background.weight)
    values |= {"entropy": latent_entropy(latent, background.weight), "cosine": cosine, "euclidean": euclidean}
    return values | {"knn_uniformity": knn, "kde_uniformity": kde} | _caught(evaluate(dataset, scores, FRACTIONS))


def compression_measures(factor: float, scores: FloatArray, weight: FloatArray) -> dict[str, float | None]:
    """Compute m1 = CF/⟨s⟩, m2 = CF/(1+⟨s⟩), m3 = m1 Var(s), m4 = m2 Var(s) on background.

    Args:
        factor: compression factor CF, inputs over latent values.
        scores: background scores, shape ``(n_events,)``.
        weight: same shape.

    Returns:
        The measures; m1 and m3 are None where the mean score is 0.
    """
    mean = float(np.average(scores, weights=weight))
    variance = float(np.average((scores - mean) ** 2, weights=weight))
    first = factor / mean if mean > 0 else None
    second = factor / (1.0 + mean)
    third = None if first is None else first * variance
    return {"compression_factor": factor, "mean_score": mean, "m1": first, "m2": second, "m3": third, "m4": second * variance}


def _caught(performance: Performance) -> dict[str, Any]:
    behind = {f"{t.fraction:g}": min(p.background.n_effective for p in performance.points(t)) for t in FRACTIONS}
    return {
        "efficiency_1e-4": performance.mean_efficiency(FRACTIONS[0]),
        "efficiency_1e-5": performance.mean_efficiency(FRACTIONS[1]),
        "auc": performance.mean_auc(),
        "background_n_effective": behind,
        "signals": {s.name: {"auc": s.auc.value, "efficiency": [p.signal.value for p in s.points]} for s in performance.signals},
    }


def value_of(trial: Trial, name: str) -> float | None:
    """Return a measure or target of a trial; None where it is not known or not finite."""
    value = trial.loss if name == "loss" else trial.values.get(name)
    return float(value) if value is not None and np.isfinite(value) else None


def relate(trials: Sequence[Trial]) -> tuple[Relation, ...]:
    """Correlate every measure with every target over the trials that have both, extremes included."""
    relations = []
    for measure in MEASURES:
        for target in TARGETS:
            pairs = [(value_of(t, measure), value_of(t, target)) for t in trials]
            known = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2)
            correlation = spearman(known[:, 0], known[:, 1]) if len(known) > 3 else None
            relations.append(Relation(measure, target, len(known), correlation))
    return tuple(relations)


def _few_background(trials: Sequence[Trial]) -> list[Block]:
    behind = [t.values["background_n_effective"] for t in trials if "background_n_effective" in t.values]
    poor = [fpr for fpr in ("0.0001", "1e-05") if behind and min(b[fpr] for b in behind) < MIN_EVENTS]
    return (
        [Verdict(State.WARNING, f"Fewer than ten effective background events are behind the efficiencies at {', '.join(poor)}.")]
        if poor
        else []
    )


def _relations_table(relations: Sequence[Relation]) -> Table:
    rows = []
    for measure in MEASURES:
        found = {r.target: r for r in relations if r.measure == measure}
        cells = [_interval(found[target].correlation) for target in TARGETS]
        rows.append((measure, number(found[TARGETS[0]].n_trials), *cells))
    columns = (*text_columns("Measure"), *number_columns("Trials", "Efficiency at 10⁻⁴", "Efficiency at 10⁻⁵", "AUC"))
    note = (
        "Spearman's ρ over trials with its 68 % interval. m1 = CF/⟨s⟩, m2 = CF/(1+⟨s⟩), m3 = m1·Var(s), m4 = m2·Var(s) on background, "
        "CF inputs over latent values; entropy of the normalised latent variances; cosine and euclidean: stability of the mean latent vector "
        "over background subsets; uniformity of the latent density by nearest neighbours and by a kernel estimate."
    )
    return Table("Label-free measures against what is caught", columns, tuple(rows), note)


def _interval(c: Correlation | None) -> str:
    return "not known" if c is None else f"{c.value:.2f} [{c.low:.2f}, {c.high:.2f}]".replace("-", "−")


def _trials_table(trials: Sequence[Trial]) -> Table:
    rows = []
    for t in trials:
        p = t.proposal
        cells = (number(p.latent), "-".join(map(str, p.hidden)), number(p.learning_rate, 2), number(p.beta, 2), number(p.epochs))
        found = (number(value_of(t, "loss")), number(value_of(t, "auc"), 4), number(value_of(t, "efficiency_1e-4")))
        rows.append((f"{t.number}{' (meant to fail)' if t.extreme else ''}", *cells, *found))
    columns = (
        *text_columns("Trial"),
        *number_columns("Latent", "Hidden", "Learning rate", "β", "Epochs", "Reconstruction error", "Mean AUC"),
    )
    return Table("Trials", (*columns, *number_columns("Mean efficiency at 10⁻⁴")), tuple(rows))


def _figure(trials: Sequence[Trial], target: str) -> Figure:
    """Draw every measure against a target, one pane each."""

    def paint(panes: Any) -> None:
        for pane, measure in zip(panes.ravel(), MEASURES, strict=False):
            for extreme, marker in ((False, "o"), (True, "x")):
                pairs = [(value_of(t, measure), value_of(t, target)) for t in trials if t.extreme is extreme]
                known = [(a, b) for a, b in pairs if a is not None and b is not None]
                plot_series(
                    pane, [Series("", [a for a, _ in known], [b for _, b in known], line="", marker=marker, colour=2 * extreme)]
                )
            dress(pane, Axes(measure, target.replace("_", " at "), log_x=measure in ("m1", "m2", "m3", "m4", "loss")))

    caption = f"Label-free measures against {target.replace('_', ' at ')}; crosses are trials that are meant to fail."
    return draw_grid(f"compression-{target}", caption, paint, (2, 5), (14.0, 5.6))


def finding(relations: Sequence[Relation]) -> str:
    """Return which measure is correlated best with the efficiency, and whether the statistics support that."""
    known = [r for r in relations if r.correlation is not None and r.target == "efficiency_1e-4"]
    if not known:
        return "There are too few trials for any correlation, so nothing can be said."
    best = max(known, key=lambda r: abs(r.correlation.value) if r.correlation else 0.0)
    c = best.correlation
    assert c is not None  # chosen among those that have one
    text = f"{best.measure} goes best with the efficiency at 10⁻⁴: ρ = {c.value:.2f} [{c.low:.2f}, {c.high:.2f}] over {best.n_trials} trials"
    if c.low <= 0.0 <= c.high or c.high - c.low > _TOO_WIDE:
        return f"{text}; that is compatible with no relation, so these trials do not allow to choose a network without signals."
    return f"{text}; among {len(known)} measures one as large arises by chance more easily than for one alone."
