"""Lower the comparison of the score with its thresholds."""

from __future__ import annotations

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.network import Network
from l1ad.graph.builder import Builder
from l1ad.graph.graph import HARDWARE, THRESHOLDS
from l1ad.graph.operations import Affine, AtLeast, Gather, Input, MovePoint, NotBelow, NotZero

#: Name of the node of the trigger bits.
TRIGGER = "trigger"


def lower_triggers(build: Builder, network: Network, score: str, *, threshold_ports: bool) -> str:
    """Add the trigger bits.

    Args:
        build: the graph so far.
        network: the network, with at least one threshold.
        score: the node of the score.
        threshold_ports: whether thresholds come in beside the event instead of being constants.

    Raises:
        ConversionError: a threshold that follows counts would come in by a port.
    """
    n, following = len(network.thresholds), [t.name for t in network.thresholds if t.follow is not None]
    if threshold_ports and following:
        raise ConversionError(
            f"Threshold {following[0]!r} follows the event's counts, and its constants are in the firmware; set firmware.threshold_ports to "
            "false, or leave it out."
        )
    if threshold_ports:
        total = network.score.total
        arriving = build.let(THRESHOLDS, Input((total.min_int,) * n, (total.max_int,) * n, total.fractional))
        return build.let(TRIGGER, NotBelow(), build.let("trigger.score", Gather(((0, 0),) * n), score), arriving)
    compared = _followed(build, network, score) if following else build.let("trigger.score", Gather(((0, 0),) * n), score)
    return build.let(TRIGGER, AtLeast(tuple(threshold.value for threshold in network.thresholds)), compared)


def _followed(build: Builder, network: Network, score: str) -> str:
    """Take from the score what each threshold follows, in one affine map of score, pt counts and objects that are there."""
    layout, columns = network.layout, network.layout.feature_columns("pt")
    pt = build.let("trigger.pt", Gather(tuple((0, int(column)) for column in columns)), HARDWARE)
    there = build.let("trigger.there", NotZero(), pt)
    code = build.let("trigger.code", MovePoint((-network.score.total.fractional,)), score)
    elements = ((0, 0), *((1, i) for i in range(len(columns))), *((2, i) for i in range(len(columns))))
    read = build.let("trigger.read", Gather(elements), code, pt, there)
    weights = np.zeros((len(elements), len(network.thresholds)), dtype=np.int64)
    for j, threshold in enumerate(network.thresholds):
        weights[0, j] = 1 << (threshold.follow.shift if threshold.follow else 0)
        if threshold.follow:
            weights[1:, j] = -np.concatenate([own[columns] for own in threshold.follow.weights(layout)])
    nothing = np.zeros(len(network.thresholds), dtype=np.int64)
    return build.let("trigger.followed", Affine(weights, 0, nothing, 0), read)
