"""Build the networks that are measured: the field's usual shapes with seeded dense weights, no zero among them to help."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.network import Activation, Dense, Network, Score
from l1ad.core.scaling import Scaling
from l1ad.ranges import smallest_score

INPUT = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")
WEIGHT = FixedPoint.from_quantized_bits(6, 1)
HIDDEN = FixedPoint.from_quantized_relu(8, 3)
OUTPUT = FixedPoint.parse("ap_fixed<10,5,AP_RND_CONV,AP_SAT>")


def bench_network(layout: str, widths: tuple[int, ...], score: Score, seed: int = 1) -> Network:
    """Build a network: 6-bit weights, 8-bit inputs and activations, 10-bit outputs, the smallest exact score types.

    Args:
        layout: a shipped layout.
        widths: outputs of every layer.
        score: which score.
        seed: decides the weights.
    """
    columns = load_layout(layout)
    random = np.random.default_rng(seed)
    sizes = (columns.n_columns, *widths)
    layers = tuple(
        _dense(random, i, n_in, n_out, i == len(widths)) for i, (n_in, n_out) in enumerate(zip(sizes, widths, strict=False), 1)
    )
    scaling = Scaling((0,) * columns.n_columns, tuple(c.type.width - INPUT.integer for c in columns.columns), INPUT)
    return Network("bench", columns, scaling, layers, smallest_score(columns, scaling, layers, score, True, ()))


def _dense(random: np.random.Generator, number: int, n_in: int, n_out: int, last: bool) -> Dense:
    weight = random.integers(WEIGHT.min_int, WEIGHT.max_int, size=(n_in, n_out))
    weight += weight >= 0  # no zeros: every product is computed
    bias = random.integers(WEIGHT.min_int, WEIGHT.max_int, size=n_out)
    activation, output = (Activation.LINEAR, OUTPUT) if last else (Activation.RELU, HIDDEN)
    return Dense(f"dense{number}", weight, WEIGHT, bias, WEIGHT, activation, output)


def bench_events(layout: ObjectLayout, n_events: int, seed: int = 1) -> NDArray[np.integer[Any]]:
    """Make events over the whole hardware range, half of the objects absent; of the layout's storage type."""
    random = np.random.default_rng(seed)
    low = [column.type.min_int for column in layout.columns]
    high = [column.type.max_int for column in layout.columns]
    x = random.integers(low, high, size=(n_events, layout.n_columns), endpoint=True)
    present = random.random((n_events, layout.n_objects)) < 0.5
    return (x * present[:, layout.object_index]).astype(layout.storage)
