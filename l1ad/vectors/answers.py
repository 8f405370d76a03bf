"""Compute what a board must answer: score and trigger bits as the values of its output words."""

from __future__ import annotations

import numpy as np

from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.spec import reference


def answers(network: Network, x_hw: IntArray) -> IntArray:
    """Return the integer score and the trigger bits, int64 ``(n_events, 1 + n_thresholds)``."""
    scores = reference.scores(network, x_hw)
    return np.column_stack([scores, reference.bits(network, scores, x_hw).astype(np.int64)])


def answer_widths(network: Network) -> list[tuple[int, bool]]:
    """Return bits and sign of the score and of each trigger bit."""
    total = network.score.total
    return [(total.width, total.signed), *[(1, False)] * len(network.thresholds)]


def input_widths(network: Network) -> list[tuple[int, bool]]:
    """Return bits and sign of every column."""
    return [(column.type.width, column.type.signed) for column in network.layout.columns]
