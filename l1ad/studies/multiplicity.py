"""Is the score only counting objects?"""

from __future__ import annotations

from typing import Any

import numpy as np

from l1ad.core.scoreset import ScoreSet, decades
from l1ad.physics.variables import multiplicity, object_kinds
from l1ad.reporting.document import Block, State, Table, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, density_plot
from l1ad.scores.performance import background_of
from l1ad.studies.association import mutual_information, pearson, spearman
from l1ad.studies.result import Material, StudyResult, firmware_scores

QUESTION = "Is the score only counting objects?"
#: A rank correlation above this means that the score is little else than a count.
STRONG = 0.9
WEAK = 0.3


def study_multiplicity(material: Material, scores: ScoreSet | None = None) -> StudyResult:
    """Compare the score with the number of objects, overall and of each kind, on the test background.

    Args:
        material: data and model.
        scores: scores to look at; by default the firmware's.
    """
    dataset = material.dataset
    score = scores or firmware_scores(material)
    background = background_of(dataset, score)
    x_hw = np.asarray(dataset.x_hw[background.rows])
    layout, weight = dataset.layout, background.weight
    counts = {"all objects": multiplicity(layout, x_hw)} | {
        kind: multiplicity(layout, x_hw, kind) for kind in object_kinds(layout)
    }
    rows, blocks = [], list[Block]()
    numbers: dict[str, dict[str, Any]] = {}
    for name, count in counts.items():
        linear, rank = pearson(count, background.scores, weight), spearman(count, background.scores, weight)
        shared = mutual_information(count, background.scores, weight)
        mean = float(np.average(count, weights=weight))
        numbers[name] = {
            "pearson": linear.to_dict() if linear else None,
            "spearman": rank.to_dict() if rank else None,
            "mutual_information_bits": shared,
            "mean_count": mean,
        }
        texts = [f"{c.value:.3f} [{c.low:.3f}, {c.high:.3f}]".replace("-", "−") if c else "does not vary" for c in (linear, rank)]
        rows.append((name, number(mean), *texts, number(shared)))
    columns = (
        *text_columns("Objects"),
        *number_columns("Mean number", "Linear correlation", "Rank correlation", "Mutual information [bit]"),
    )
    blocks.append(
        Table("Score against number of objects", columns, tuple(rows), "Weighted test background; intervals cover 68 %.")
    )
    step = 1.0 if score.step is None else score.step
    shown = decades(np.asarray(background.scores, dtype=np.float64) * step)
    caption = "Score against number of objects on background: two-dimensional histogram and profile."
    blocks.append(
        density_plot(
            "multiplicity", caption, Axes("objects", "±log₁₀(1 + |score|)", whole_x=True), counts["all objects"], shown, weight
        )
    )
    return StudyResult("multiplicity", QUESTION, _finding(numbers["all objects"]), State.NOTE, numbers, tuple(blocks))


def _finding(overall: dict[str, Any]) -> str:
    rank = overall["spearman"]
    if rank is None:
        return "The score or the number of objects does not vary on the background, so nothing can be said."
    size = abs(rank["value"])
    verdict = (
        "is little else than a count of objects"
        if size > STRONG
        else "goes along with it"
        if size > WEAK
        else "hardly depends on it"
    )
    return (
        f"The rank correlation of the score with the number of objects is {rank['value']:.2f}, it {verdict}; the number of objects carries "
        f"{overall['mutual_information_bits']:.2f} bits of information on the score."
    )
