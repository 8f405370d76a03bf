"""What does leaving absent objects out of loss and score change?"""

from __future__ import annotations

import numpy as np

from l1ad.physics.judge import judge_of
from l1ad.physics.variables import multiplicity
from l1ad.reporting.document import State
from l1ad.scores.performance import background_of
from l1ad.studies.association import spearman
from l1ad.studies.comparison import Variant, variant_blocks
from l1ad.studies.result import Material, StudyResult, evaluation_rows
from l1ad.studies.trainings import changed, study_config, train_networks, training_dataset

QUESTION = "What does leaving absent objects out of loss and score change?"


def study_masking(material: Material) -> StudyResult:
    """Train with and without masking on equal terms: same events, seeds, epochs and shape.

    The score is masked likewise where it compares input and reconstruction; a latent score sees the difference through the loss only.
    """
    config, dataset = material.config, material.dataset
    small = training_dataset(dataset, material.work / "data", config.studies.events)
    rows, judge = evaluation_rows(dataset), judge_of(config, dataset)
    reconstruction = config.score.kind.is_reconstruction
    variants, dependence = [], {}
    for name, kind in (("masked", "masked_mse"), ("unmasked", "mse")):
        settings = study_config(config, min(4, config.studies.seeds), loss=kind)
        settings = changed(settings, "score", {"kind": kind}) if reconstruction else settings
        trained = train_networks(settings, small, material.work / name)
        variants.append(Variant(name, trained.performances(judge, rows), trained.validation_loss))
        background = background_of(dataset, trained.scores(dataset, rows, trained.best))
        count = multiplicity(dataset.layout, np.asarray(dataset.x_hw[background.rows]))
        rank = spearman(count, background.scores, background.weight)
        dependence[name] = rank.value if rank else None
    numbers = {"variants": [v.to_dict() for v in variants], "rank_correlation_with_multiplicity": dependence}
    blocks = variant_blocks(variants, "loss and score" if reconstruction else "loss")
    return StudyResult("masking", QUESTION, _finding(variants, dependence), State.NOTE, numbers, blocks)


def _finding(variants: list[Variant], dependence: dict[str, float | None]) -> str:
    masked, unmasked = variants
    better = [s for s in masked.signals if masked.clearly_better(unmasked, s)]
    worse = [s for s in masked.signals if unmasked.clearly_better(masked, s)]
    texts = [f"raises the AUC of {', '.join(better)}"] if better else []
    texts += [f"lowers that of {', '.join(worse)}"] if worse else []
    changed_text = " and ".join(texts) if texts else "changes no AUC by more than the spread between seeds"
    count = ", ".join(f"{name} {'not known' if value is None else format(value, '.2f')}" for name, value in dependence.items())
    return f"Leaving absent objects out {changed_text}. Rank correlation of the score with the number of objects: {count}."
