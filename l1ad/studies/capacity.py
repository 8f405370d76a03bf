"""Does a larger network help?"""

from __future__ import annotations

from l1ad.config import Config
from l1ad.config.physics import ShapeConfig
from l1ad.core.dataset import Dataset
from l1ad.physics.judge import judge_of
from l1ad.reporting.document import State
from l1ad.studies.comparison import Variant, variant_blocks
from l1ad.studies.result import Material, StudyResult, evaluation_rows
from l1ad.studies.trainings import Trained, changed, study_config, train_networks, training_dataset

QUESTION = "Does a larger network help?"


def study_capacity(material: Material) -> StudyResult:
    """Train the networks of ``studies.shapes`` on equal terms: loss, AUC, efficiency, and LUTs of the quantised network."""
    config, dataset = material.config, material.dataset
    small = training_dataset(dataset, material.work / "data", config.studies.events)
    rows, judge = evaluation_rows(dataset), judge_of(config, dataset)
    variants = []
    for shape in config.studies.shapes:
        settings = shaped(study_config(config, min(4, config.studies.seeds)), shape)
        name = shape_name(dataset, shape)
        trained = train_networks(settings, small, material.work / name)
        judged = trained.performances(judge, rows)
        variants.append(Variant(name, judged, trained.validation_loss, estimated_lut(trained)))
    blocks = variant_blocks(variants, "network")
    numbers = {"variants": [variant.to_dict() for variant in variants]}
    return StudyResult("capacity", QUESTION, _finding(variants), State.NOTE, numbers, blocks)


def shaped(config: Config, shape: ShapeConfig) -> Config:
    """Return the configuration with another shape; types given layer by layer fall back to those of the first layer."""
    per_layer = ("weight_bits", "weight_integer", "bias_bits", "bias_integer", "activation_bits", "activation_integer")
    given = {name: getattr(config.model, name) for name in per_layer}
    first = {name: None if value is None else value[:1] for name, value in given.items()}
    return changed(config, "model", {**first, "hidden": shape.hidden, "latent": shape.latent})


def shape_name(dataset: Dataset, shape: ShapeConfig) -> str:
    """Write a shape as the field does."""
    return "-".join(str(n) for n in (dataset.layout.n_columns, *shape.hidden, shape.latent))


def estimated_lut(trained: Trained) -> float:
    """Estimate the LUTs of the best seed's network by alkaid, its weights rounded to the configuration's types."""
    from l1ad.rtl.trace import trace_network

    return trace_network(trained.rounded(trained.best)).cost


def _finding(variants: list[Variant]) -> str:
    base = variants[0]
    texts = []
    for variant in variants[1:]:
        better = [s for s in base.signals if variant.clearly_better(base, s)]
        worse = [s for s in base.signals if base.clearly_better(variant, s)]
        change = f"raises the AUC of {len(better)} and lowers that of {len(worse)} of {len(base.signals)} signals"
        cost = f" for {variant.lut / base.lut:.1f} times the LUTs" if variant.lut and base.lut else ""
        texts.append(f"{variant.name} {change}{cost}")
    return f"Against {base.name}, {'; '.join(texts)} (beyond two standard errors over seeds)."
