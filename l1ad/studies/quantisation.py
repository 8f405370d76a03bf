"""How many bits does the network need, and does training for them pay?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Role, Split
from l1ad.core.errors import ModelError
from l1ad.core.network import Network
from l1ad.reporting.document import Block, Figure, State, Table, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.scores.float_reference import float_scores
from l1ad.scores.performance import Performance, evaluate
from l1ad.spec.reference import scores as exact_scores
from l1ad.studies.result import Material, StudyResult, as_scores, evaluation_rows

QUESTION = "How many bits does the network need, and does training for them pay?"
BITS = (2, 3, 4, 5, 6, 8, 10, 12, 16)
#: Training events on which the ranges of activations are measured.
RANGE_EVENTS = 20_000


def study_quantisation(material: Material) -> StudyResult:
    """Round the float network to 2 … 16 bits after training, and compare with float and with the quantisation-aware network.

    Args:
        material: data and model.

    Raises:
        ModelError: the model has no float reference.
    """
    from l1ad.training.posttraining import post_training_network

    reference = material.model.reference
    if reference is None or material.config.model.kind == "imported":
        raise ModelError(
            f"Model {str(material.model.path)!r} was not trained here; the study needs 'l1ad train' to have made it."
        )
    dataset, config = material.dataset, material.config
    rows = evaluation_rows(dataset)
    x_hw = np.asarray(dataset.x_hw[rows])
    train = dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)[:RANGE_EVENTS]

    def judged(values: NDArray[Any], name: str) -> Performance:
        return evaluate(dataset, as_scores(dataset, values, rows, name), (config.studies.fpr,))

    rounded: dict[int, Network] = {
        bits: post_training_network(config, reference, np.asarray(dataset.x_hw[train]), bits) for bits in BITS
    }
    after = {bits: judged(exact_scores(network, x_hw), f"{bits} bits") for bits, network in rounded.items()}
    aware = judged(exact_scores(material.model.network, x_hw), "quantisation-aware")
    floating = judged(float_scores(reference, x_hw), "float")
    bits_aware = max(layer.weight_type.width for layer in material.model.network.layers)
    blocks: tuple[Block, ...] = (
        _table(after, aware, floating, bits_aware, config.studies.fpr),
        _figure("auc", "AUC", after, aware, floating, bits_aware),
        _figure("efficiency", "efficiency over float", after, aware, floating, bits_aware),
    )
    numbers = {
        "bits": list(BITS),
        "post_training": {str(bits): performance.to_dict() for bits, performance in after.items()},
        "quantisation_aware": aware.to_dict() | {"weight_bits": bits_aware},
        "float": floating.to_dict(),
    }
    return StudyResult("quantisation", QUESTION, _finding(after, aware, bits_aware), State.NOTE, numbers, blocks)


def _values(performance: Performance, floating: Performance, what: str) -> list[float]:
    """Return each signal's AUC, or its efficiency as part of the float network's."""
    if what == "AUC":
        return [signal.auc.value for signal in performance.signals]
    pairs = zip(performance.signals, floating.signals, strict=True)
    return [s.points[0].signal.value / max(f.points[0].signal.value, 1e-12) for s, f in pairs]


def _table(after: Mapping[int, Performance], aware: Performance, floating: Performance, bits_aware: int, fpr: float) -> Table:
    labels = [signal.label for signal in floating.signals]
    entries = [("float", floating), (f"trained for {bits_aware} bits", aware)]
    entries += [(f"rounded to {bits} bits", performance) for bits, performance in after.items()]
    rows = tuple(
        (
            name,
            *(number(100 * value, 4) for value in _values(performance, floating, "AUC")),
            *(number(100 * signal.points[0].signal.value, 3) for signal in performance.signals),
        )
        for name, performance in entries
    )
    columns = (
        *text_columns("Network"),
        *number_columns(*(f"AUC {label} [%]" for label in labels), *(f"efficiency {label} [%]" for label in labels)),
    )
    return Table(f"AUC, and efficiency at background fraction {fpr:g}", columns, rows)


def _figure(
    name: str, what: str, after: Mapping[int, Performance], aware: Performance, floating: Performance, bits_aware: int
) -> Figure:
    bits = np.array(list(after), dtype=float)
    values = np.array([_values(performance, floating, what) for performance in after.values()])
    series = [Series(signal.label, bits, values[:, i]) for i, signal in enumerate(floating.signals)]
    for i, signal in enumerate(floating.signals):
        point = [_values(aware, floating, what)[i]]
        series.append(Series(f"{signal.label}, trained", np.array([float(bits_aware)]), point, line="", marker="o"))
    return line_plot(name, f"{what} after rounding to a number of bits; points: trained for them.", Axes("bits", what), series)


def _finding(after: Mapping[int, Performance], aware: Performance, bits_aware: int) -> str:
    """Compare the quantisation-aware network with rounding to as many bits."""
    near = min(after, key=lambda bits: abs(bits - bits_aware))
    better = [
        trained.label
        for trained, rounded in zip(aware.signals, after[near].signals, strict=True)
        if trained.points[0].signal.value > rounded.points[0].signal.value
    ]
    return (
        f"Trained for {bits_aware} bits, the network catches more than when rounded to {near} bits on {len(better)} of "
        f"{len(aware.signals)} signals."
    )
