"""Show what limits the efficiency beyond the menu: simple cuts, label-free teachers, and a classifier that is told the signals.

    python scripts/pure_limit.py [CONFIG]

Every line is the mean efficiency over the signals of what no menu item takes, at an equal pure rate (``studies.rate_khz``), with its interval and
the effective number of background events behind it. The classifier of background against the signals looks at what no trigger may look at: it
is trained on half of the signals' events, judged on the others, and says what the momenta of these events allow at all; it is used for nothing else.
Prepare the dataset first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from l1ad.config import load_config
from l1ad.core.dataset import Dataset, Role, Split, load_dataset
from l1ad.core.scoreset import ScoreSet
from l1ad.physics.judge import Judge, judge_of
from l1ad.physics.rates import crossing_rate_khz
from l1ad.physics.variables import available_cuts, cut_variable
from l1ad.scores.metrics import threshold_for_weight
from l1ad.scores.targets import Kind
from l1ad.studies.result import as_scores
from l1ad.training.mixing import mixed_events
from l1ad.training.problem import make_problem
from l1ad.training.rarity_teacher import make_rarity_teacher

#: Background weights to these powers: 1 is the rate, less listens to the rare events that the threshold lies among.
POWERS = (0.5, 1.0)
#: Classifiers are trained on events above this pure rate of Σ log(1 + pT): the bulk, which no threshold is near, would take them over.
TRAINED_ABOVE_KHZ = 300.0
Scorer = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def logs(dataset: Dataset, x_hw: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return log(1 + pT/GeV) of every place, ``(n_events, n_places)``."""
    columns = dataset.layout.feature_columns("pt")
    return np.log1p(x_hw[:, columns] * np.array([dataset.layout.columns[i].lsb for i in columns]))


def features(dataset: Dataset, x_hw: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return logarithms, their squares, and sum and square of sum: what lets a linear classifier bend."""
    found = logs(dataset, x_hw)
    total = found.sum(axis=1)
    return np.column_stack([found, found**2, total, total**2])


def classifier(
    dataset: Dataset,
    background: NDArray[np.int64],
    weight: NDArray[np.float64],
    other: NDArray[np.int64],
    share: NDArray[np.float64],
    least: float,
) -> Scorer:
    """Train a logistic regression to tell other events from background among those whose Σ log(1 + pT) is above ``least``; below, that decides."""
    hard = [logs(dataset, x).sum(axis=1) > least for x in (background, other)]
    kept, told = background[hard[0]], other[hard[1]]
    weights = np.concatenate([part / part.sum() for part in (weight[hard[0]], share[hard[1]])])
    labels = np.arange(len(kept) + len(told)) >= len(kept)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    x = np.concatenate([features(dataset, kept), features(dataset, told)])
    model.fit(x, labels, logisticregression__sample_weight=weights * len(weights))

    def score(x_hw: NDArray[np.int64]) -> NDArray[np.float64]:
        total = logs(dataset, x_hw).sum(axis=1)
        return np.where(total > least, model.decision_function(features(dataset, x_hw)), total - 1e6)

    return score


def show(judge: Judge, name: str, values: NDArray[np.float64], rows: NDArray[np.int64]) -> None:
    """Print the efficiency beyond the menu."""
    scores: ScoreSet = as_scores(judge.dataset, values, rows, name)
    target = next(target for target in judge.targets if target.kind is Kind.PURE)
    mean = judge.performance(scores).mean(target)
    if mean is not None:
        low, high = 100 * mean.low, 100 * mean.high
        print(f"{name:58} {100 * mean.value:6.3f} % [{low:.3f}, {high:.3f}]  n_eff {mean.n_effective:.0f}", flush=True)


def main() -> None:
    """Print one line a score."""
    config = load_config(sys.argv[1] if len(sys.argv) > 1 else "configs/pure_l1topo44.yaml")
    dataset = load_dataset(config.run / "dataset")
    judge = judge_of(config, dataset)
    if judge.taken is None:
        raise SystemExit("The data do not say what the menu takes; nothing can be beyond it.")
    chosen = np.random.default_rng(1).random(dataset.n_events) < 0.5
    signal = dataset.rows(role=Role.SIGNAL)
    test = np.concatenate([dataset.rows(role=Role.BACKGROUND, split=Split.TEST), signal[~chosen[signal]]])
    rows = np.sort(test)
    x = np.asarray(dataset.x_hw[rows], dtype=np.int64)
    for cut in available_cuts(dataset.layout):
        show(judge, f"cut: {cut.name}", np.asarray(cut_variable(dataset.layout, x, cut), dtype=np.float64), rows)
    problem = make_problem(config, dataset)
    show(judge, "teacher: rarity, of the events that it is trained on", make_rarity_teacher(problem).scores(x)[0], rows)
    train = dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)
    train = train[~judge.taken[train]]
    background, weight = (
        np.asarray(dataset.x_hw[train], dtype=np.int64),
        np.asarray(dataset.column("weight")[train], dtype=np.float64),
    )
    mixed = np.asarray(mixed_events(dataset.layout, background, len(background), 3), dtype=np.int64)
    told = signal[chosen[signal] & ~judge.taken[signal]]
    sample = np.asarray(dataset.column("sample"))[told]
    share = 1.0 / np.bincount(sample)[sample]
    crossings = float(dataset.column("weight")[dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)].sum())
    allowed = TRAINED_ABOVE_KHZ / crossing_rate_khz(config.rates) * crossings
    least = float(threshold_for_weight(logs(dataset, background).sum(axis=1), weight, allowed))
    signals = np.asarray(dataset.x_hw[told], dtype=np.int64)
    for power in POWERS:
        what = f"classifier, background's weights to {power:g}, against"
        for name, other, shares in (("mixed events", mixed, np.ones(len(mixed))), ("the signals", signals, share)):
            show(judge, f"{what} {name}", classifier(dataset, background, weight**power, other, shares, least)(x), rows)


if __name__ == "__main__":
    main()
