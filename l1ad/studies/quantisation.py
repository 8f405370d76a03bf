"""How many bits does the network need, and does training for them pay?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Role, Split
from l1ad.core.errors import ModelError
from l1ad.core.network import Network
from l1ad.physics.judge import judge_of
from l1ad.reporting.document import Block, Figure, State, Table, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, Series, line_plot
from l1ad.scores.float_reference import float_scores
from l1ad.scores.performance import Performance
from l1ad.scores.targets import Target
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
    judge = judge_of(config, dataset)
    rows = evaluation_rows(dataset)
    x_hw = np.asarray(dataset.x_hw[rows])
    train = dataset.rows(role=Role.BACKGROUND, split=Split.TRAIN)[:RANGE_EVENTS]

    def judged(values: NDArray[Any], name: str) -> Performance:
        return judge.performance(as_scores(dataset, values, rows, name))

    rounded: dict[int, Network] = {
        bits: post_training_network(config, reference, np.asarray(dataset.x_hw[train]), bits) for bits in BITS
    }
    after = {bits: judged(exact_scores(network, x_hw), f"{bits} bits") for bits, network in rounded.items()}
    aware = judged(exact_scores(material.model.network, x_hw), "quantisation-aware")
    floating = judged(float_scores(reference, x_hw), "float")
    bits_aware = max(layer.weight_type.width for layer in material.model.network.layers)
    blocks: tuple[Block, ...] = (
        *(_table(after, aware, floating, bits_aware, target) for target in (*judge.targets, None)),
        *(
            _figure(f"efficiency-{number}", after, aware, floating, bits_aware, target)
            for number, target in enumerate(judge.targets)
        ),
        _figure("auc", after, aware, floating, bits_aware, None),
    )
    numbers = {
        "bits": list(BITS),
        "post_training": {str(bits): performance.to_dict() for bits, performance in after.items()},
        "quantisation_aware": aware.to_dict() | {"weight_bits": bits_aware},
        "float": floating.to_dict(),
    }
    finding = " ".join(_finding(after, aware, bits_aware, target) for target in judge.working_point)
    return StudyResult("quantisation", QUESTION, finding, State.NOTE, numbers, blocks)


def _values(performance: Performance, target: Target | None) -> list[float]:
    """Return each signal's efficiency at a rate; its AUC for None."""
    if target is None:
        return [signal.auc.value for signal in performance.signals]
    return [point.signal.value for point in performance.points(target)]


def _over_float(performance: Performance, floating: Performance, target: Target | None) -> list[float]:
    """Return each signal's efficiency as a part of the float network's; its AUC as it is."""
    if target is None:
        return _values(performance, None)
    pairs = zip(_values(performance, target), _values(floating, target), strict=True)
    return [one / max(other, 1e-12) for one, other in pairs]


def _table(
    after: Mapping[int, Performance], aware: Performance, floating: Performance, bits_aware: int, target: Target | None
) -> Table:
    labels = [signal.label for signal in floating.signals]
    entries = [("float", floating), (f"trained for {bits_aware} bits", aware)]
    entries += [(f"rounded to {bits} bits", performance) for bits, performance in after.items()]
    rows = tuple(
        (name, *(number(100 * value, 4) for value in (*values, float(np.mean(values)))))
        for name, values in ((name, _values(performance, target)) for name, performance in entries)
    )
    behind = "" if target is None else f"Background behind the float network's threshold, n_eff: {_behind(floating, target)}."
    title = "AUC [%]" if target is None else f"Efficiency at {target.label} [%]"
    return Table(title, (*text_columns("Network"), *number_columns(*labels, "mean")), rows, behind)


def _behind(performance: Performance, target: Target) -> str:
    mean = performance.mean(target)
    return number(mean.n_effective if mean else None, 3)


def _figure(
    name: str,
    after: Mapping[int, Performance],
    aware: Performance,
    floating: Performance,
    bits_aware: int,
    target: Target | None,
) -> Figure:
    what = "AUC" if target is None else f"efficiency over float at {target.label}"
    bits = np.array(list(after), dtype=float)
    values = np.array([_over_float(performance, floating, target) for performance in after.values()])
    series = [Series(signal.label, bits, values[:, i]) for i, signal in enumerate(floating.signals)]
    for i, signal in enumerate(floating.signals):
        point = [_over_float(aware, floating, target)[i]]
        series.append(Series(f"{signal.label}, trained", np.array([float(bits_aware)]), point, line="", marker="o"))
    return line_plot(name, f"{what} after rounding to a number of bits; points: trained for them.", Axes("bits", what), series)


def _finding(after: Mapping[int, Performance], aware: Performance, bits_aware: int, target: Target) -> str:
    """Compare the quantisation-aware network with rounding to as many bits."""
    near = min(after, key=lambda bits: abs(bits - bits_aware))
    trained, rounded = _values(aware, target), _values(after[near], target)
    better = sum(a > b for a, b in zip(trained, rounded, strict=True))
    return (
        f"Trained for {bits_aware} bits, the network catches at {target.label} more than when rounded to {near} bits on {better} of "
        f"{len(trained)} signals ({100 * float(np.mean(trained)):.2g} against {100 * float(np.mean(rounded)):.2g} % on the mean)."
    )
