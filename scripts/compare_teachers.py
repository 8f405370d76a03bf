"""Compare forms of the rarity teacher by a criterion without labels: mixed events above the threshold of a 1 kHz rate.

    python scripts/compare_teachers.py [CONFIG]

For each form, the part of events mixed from background that it lets through and, where the dataset has signals, their mean efficiency, which
is only shown; last the rank correlation of the two. Prepare the dataset first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from l1ad.config import load_config
from l1ad.core.dataset import Dataset, Role, Split, load_dataset
from l1ad.scores.selection import effective_number, threshold_for_fraction
from l1ad.training.mixing import mixed_events
from l1ad.training.problem import Problem, make_problem
from l1ad.training.rarity_teacher import Tail, pt_by_kind, vote_weights

FRACTION = 1.0 / 28_607.0  # 1 kHz of 2 544 bunches
FORMS = tuple(product((np.max, np.sum), (0.7, 1.0, 1.5, 2.0, 3.0)))
Scorer = Callable[[NDArray[np.int64]], NDArray[np.float64]]


def teacher(problem: Problem, together: Callable[..., NDArray[np.float64]], power: float) -> Scorer:
    """Make a teacher: a kind's places taken together, rarities to a power."""
    layout, scaling, weight = problem.layout, problem.scaling.scaling, problem.train.weight
    pt = pt_by_kind(layout, scaling, problem.train.x_hw)
    places = [[Tail.measure(one[:, i], weight) for i in range(one.shape[1])] for one in pt]

    def decades(pt: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
        parts = ([tail(one[:, i]) for i, tail in enumerate(tails)] for tails, one in zip(places, pt, strict=True))
        return [together(np.stack(part), axis=0) for part in parts]

    found = decades(pt)
    kinds = [Tail.measure(one, weight) for one in found]
    votes = vote_weights(np.stack([tail(one) for tail, one in zip(kinds, found, strict=True)]), weight)

    def score(x_hw: NDArray[np.int64]) -> NDArray[np.float64]:
        both = zip(kinds, decades(pt_by_kind(layout, scaling, x_hw)), strict=True)
        return np.asarray(votes @ np.stack([tail(one) ** power for tail, one in both]))

    return score


def events(dataset: Dataset, **which: object) -> NDArray[np.int64]:
    """Read events as integers, ``(n_events, n_columns)``."""
    return np.asarray(dataset.x_hw[dataset.rows(**which)], dtype=np.int64)


def main() -> None:
    """Print one line a form."""
    config = load_config(sys.argv[1] if len(sys.argv) > 1 else "configs/demo.yaml")
    dataset = load_dataset(config.run / "dataset")
    problem = make_problem(config, dataset)
    test = dataset.rows(role=Role.BACKGROUND, split=Split.TEST)
    weight, background = (
        np.asarray(dataset.column("weight")[test], dtype=np.float64),
        np.asarray(dataset.x_hw[test], dtype=np.int64),
    )
    mixed = mixed_events(problem.layout, problem.validation.x_hw, len(problem.validation.x_hw), 11)
    signals = [events(dataset, sample=sample.name) for sample in dataset.samples if sample.role is not Role.BACKGROUND]
    lines = []
    for together, power in FORMS:
        score = teacher(problem, together, power)
        values = score(background)
        threshold = threshold_for_fraction(values, weight, FRACTION)
        efficiency = float(np.mean([(score(one) >= threshold).mean() for one in signals])) if signals else float("nan")
        lines.append((float((score(mixed) >= threshold).mean()), efficiency))
        n = effective_number(weight[values >= threshold])
        print(
            f"{together.__name__:4} power {power:3}  mixed {lines[-1][0]:.4f}  signals {efficiency:.4f}  n_eff {n:.0f}",
            flush=True,
        )
    if signals:
        print(f"rank correlation {spearmanr(*zip(*lines, strict=True)).statistic:.2f}")


if __name__ == "__main__":
    main()
