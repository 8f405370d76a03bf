"""Compute every step of a network in int64, as ``l1ad.core.network`` documents it: the specification in code.

Every other implementation (QKeras, C simulation, compiled emulator, RTL) is compared with this one. It is written to be read
beside ``Network`` and ``ScoreSpec``, not to be fast. A network whose intermediate values could leave int64 is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import InputError
from l1ad.core.fixed import IntArray
from l1ad.core.follow import Follow
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Activation, Dense, Network
from l1ad.ranges import require_int64, sum_fractional
from l1ad.spec.scores import TERMS, Reading

#: Events computed at a time: what one chunk holds stays in the cache.
CHUNK = 4096


def evaluate(network: Network, x_hw: NDArray[np.integer[Any]]) -> dict[str, IntArray]:
    """Compute the integer codes of every node.

    Args:
        network: the network.
        x_hw: hardware integers in the layout's range, shape ``(n_events, n_columns)``.

    Returns:
        By node, in order of computation: ``scaled``, ``<layer>.accumulator``, ``<layer>.result``, ``<layer>.output``, then
        ``difference`` (reconstruction scores, one column for each of ``score.columns``), ``square`` and ``score``; int64, shape
        ``(n_events, n)``, the score ``(n_events,)``. ``square`` is what is summed: masked, and with the table's part for ``kl``
        and ``r_z`` on the common grid. A node without a type keeps everything.

    Raises:
        LayoutError: ``x_hw`` does not fit the layout.
        ConversionError: a node can leave int64.
    """
    network.layout.check(x_hw, "Events to evaluate")
    require_int64(network)
    return _evaluate(network, np.asarray(x_hw, dtype=np.int64))


def _evaluate(network: Network, x: IntArray) -> dict[str, IntArray]:
    nodes: dict[str, IntArray] = {"scaled": network.scaling.apply(network.layout, x)}
    outputs = {"scaled": nodes["scaled"]}
    for layer in network.layers:
        codes, fractional = _arriving(network, layer, outputs)
        steps = _layer(layer, codes, fractional)
        nodes |= {f"{layer.name}.{step}": values for step, values in steps.items()}
        outputs[layer.name] = steps["output"]
    return nodes | _score(network, x, *(outputs[name] for name in network.score_sources))


def _arriving(network: Network, layer: Dense, outputs: dict[str, IntArray]) -> tuple[IntArray, int]:
    """Put the nodes that a layer reads one behind the other, on the finest of their grids."""
    sources = network.sources_of(layer)
    grids = np.array([type_.fractional for name in sources for type_ in network.types_of(name)], dtype=np.int64)
    codes = np.concatenate([outputs[name] for name in sources], axis=1)
    return codes << (grids.max() - grids), int(grids.max())


def _layer(layer: Dense, codes: IntArray, arriving: int) -> dict[str, IntArray]:
    total = _sum(layer, codes, arriving)
    fractional = sum_fractional(layer, arriving)
    result = total
    if layer.result is not None:
        result = layer.result.cast(total, fractional)
        fractional = layer.result.fractional
    active = np.maximum(result, 0) if layer.activation is Activation.RELU else result
    output = np.stack([type_.cast(active[:, j], fractional) for j, type_ in enumerate(layer.outputs)], axis=1)
    return {"accumulator": total, "result": result, "output": output}


def _sum(layer: Dense, codes: IntArray, fractional: int) -> IntArray:
    """Sum products and bias: exactly, or each cast to the accumulator first."""
    grid = sum_fractional(layer, fractional)
    product = fractional + layer.weight_type.fractional
    if layer.accumulator is None:
        return ((codes @ layer.weight) << (grid - product)) + (layer.bias << (grid - layer.bias_type.fractional))
    total = np.tile(layer.accumulator.cast(layer.bias, layer.bias_type.fractional), (len(codes), 1))
    for i, weights in enumerate(layer.weight):
        total += layer.accumulator.cast(codes[:, i : i + 1] * weights, product)
    return layer.accumulator.overflowed(total)


def _score(network: Network, x: IntArray, *read: IntArray) -> dict[str, IntArray]:
    terms, grid, difference = TERMS[network.score.kind](Reading(network, x, read[0], read[-1]))
    nodes = {} if difference is None else {"difference": difference}
    return nodes | {"square": terms, "score": network.score.total.cast(terms.sum(axis=1), grid)}


def chunks(n_events: int, size: int = CHUNK) -> Iterator[slice]:
    """Cut a number of events into slices of at most ``size``."""
    for start in range(0, n_events, size):
        yield slice(start, min(start + size, n_events))


def scores(network: Network, x_hw: NDArray[np.integer[Any]]) -> IntArray:
    """Compute the integer scores, chunk by chunk in flat memory.

    Args:
        network: the network.
        x_hw: hardware integers in the layout's range, shape ``(n_events, n_columns)``.

    Returns:
        Codes of ``network.score.total``, int64, shape ``(n_events,)``.

    Raises:
        LayoutError: ``x_hw`` does not fit the layout.
        ConversionError: a node can leave int64.
    """
    network.layout.check(x_hw, "Events to score")
    require_int64(network)
    out = np.empty(len(x_hw), dtype=np.int64)
    for part in chunks(len(x_hw)):
        out[part] = _evaluate(network, np.asarray(x_hw[part], dtype=np.int64))["score"]
    return out


def bits(network: Network, codes: IntArray, x_hw: NDArray[np.integer[Any]] | None = None) -> NDArray[np.bool_]:
    """Compare scores with the thresholds.

    Args:
        network: the network.
        codes: integer scores, shape ``(n_events,)``.
        x_hw: the events' hardware integers, shape ``(n_events, n_columns)``; needed where a threshold follows them.

    Returns:
        Trigger bits, shape ``(n_events, n_thresholds)``, in the thresholds' order.

    Raises:
        InputError: a threshold follows the events' counts, and there are none.
    """
    out = np.empty((len(codes), len(network.thresholds)), dtype=bool)
    for i, threshold in enumerate(network.thresholds):
        compared = np.asarray(codes, dtype=np.int64)
        if threshold.follow is not None:
            if x_hw is None:
                raise InputError(f"Threshold {threshold.name!r} follows the event's counts; give them beside the scores.")
            compared = followed(network.layout, threshold.follow, compared, x_hw)
        out[:, i] = compared >= threshold.value
    return out


def followed(layout: ObjectLayout, follow: Follow, codes: IntArray, x_hw: NDArray[np.integer[Any]]) -> IntArray:
    """Take from scores what a threshold follows; see ``Follow``.

    Args:
        layout: the columns.
        follow: what is taken.
        codes: integer scores, shape ``(n_events,)``.
        x_hw: hardware integers, shape ``(n_events, n_columns)``.

    Returns:
        What is compared with the threshold, int64 ``(n_events,)``.
    """
    compared = np.asarray(codes, dtype=np.int64) << follow.shift
    for kind, weight in follow.pt:
        compared = compared - weight * np.asarray(x_hw[:, layout.feature_columns("pt", kind)], dtype=np.int64).sum(axis=1)
    for kind, weight in follow.count:
        compared = compared - weight * np.count_nonzero(x_hw[:, layout.feature_columns("pt", kind)], axis=1)
    return compared
