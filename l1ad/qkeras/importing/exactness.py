"""Find the types that keep everything, and check that a slope gives what Keras' float32 gives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, IntArray, Overflow, Rounding
from l1ad.core.network import Activation, Network
from l1ad.qkeras.importing.draft import ImportedDense
from l1ad.ranges import NodeRange, smallest_type

#: Type and number of what each layer gives, by its name.
Given = Mapping[str, tuple[FixedPoint, int]]
#: Sums that are tried one by one at most, and how many at a time.
_MOST, _CHUNK = 1 << 24, 1 << 20


def exact_output(layer: ImportedDense, values: tuple[IntArray, FixedPoint, IntArray, FixedPoint], before: Given) -> FixedPoint:
    """Return the smallest type that holds whatever an affine layer can give.

    Args:
        layer: the layer.
        values: codes and type of its weights, codes and type of its biases.
        before: what it reads.

    Raises:
        ModelError: that needs more than 62 bits.
    """
    if layer.within:
        types = [before[name][0] for name in layer.within]
        finest = max(type_.fractional for type_ in types)
        ends = [(type_.min_int << (finest - type_.fractional), type_.max_int << (finest - type_.fractional)) for type_ in types]
        return _smallest(min(low for low, _ in ends), max(high for _, high in ends), finest, layer.name)
    low, high, grid = _ends(layer, values, before)
    if layer.activation is Activation.RELU:
        low, high = max(low, 0), max(high, 0)
    if layer.lowest is not None and low < (least := int(layer.lowest * 2.0**grid)):
        # A type that saturates there also cuts what is above its other end, which the quantiser that follows would cut.
        low, high = least, -least - 1
    return _smallest(low, high, grid, layer.name)


def _ends(layer: ImportedDense, values: tuple[IntArray, FixedPoint, IntArray, FixedPoint], before: Given) -> tuple[int, int, int]:
    """Return the least and the greatest code of any sum, and their fractional bits."""
    weight, weight_type, bias, bias_type = values
    read = [before[name] for name in layer.sources]
    finest = max(type_.fractional for type_, _ in read)
    grid = max(finest + weight_type.fractional, bias_type.fractional)
    most = max(max(-type_.min_int, type_.max_int) << (finest - type_.fractional) for type_, _ in read)
    size = int(np.abs(weight).sum(axis=0).max(initial=0)) * most << (grid - finest - weight_type.fractional)
    if size.bit_length() > MAX_WIDTH:
        raise _too_wide(layer.name)
    low, high = (
        np.concatenate([np.full(n, getattr(type_, end) << (finest - type_.fractional)) for type_, n in read])
        for end in ("min_int", "max_int")
    )
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    shift, moved = grid - finest - weight_type.fractional, bias << (grid - bias_type.fractional)
    least, most_ = ((low @ up + high @ down) << shift) + moved, ((high @ up + low @ down) << shift) + moved
    return int(least.min()), int(most_.max()), grid


def _smallest(low: int, high: int, grid: int, name: str) -> FixedPoint:
    found = smallest_type(low, high, grid, Rounding.RND_CONV, Overflow.SAT)
    if found is None:
        raise _too_wide(name)
    return found


def _too_wide(name: str) -> ModelError:
    return ModelError(f"Layer {name!r} needs more than {MAX_WIDTH} bits to be kept in full; give its output a quantiser.")


def require_float_slopes(network: Network, slopes: Mapping[str, tuple[str, float]], nodes: Iterable[NodeRange]) -> None:
    """Refuse a slope whose product Keras rounds to another quantised value than the exact product has.

    Keras multiplies in float32; with a power of two that is exact, with any other slope every sum below 0 that can come is tried.

    Args:
        network: the network.
        slopes: the layer of the sums before it, and the slope, by the name of the layer behind it.
        nodes: the network's proved ranges.

    Raises:
        ModelError: such a slope, with the number of sums that differ.
    """
    ranges = {node.node: node for node in nodes}
    for name, (sums, slope) in slopes.items():
        if math.frexp(slope)[0] == 0.5:
            continue
        kept = ranges[f"{sums}.output"]
        least = min(interval.low for interval in kept.values)
        if least < -_MOST:
            raise ModelError(
                f"Layer {name!r} has slope {slope:g} on sums down to code {least}, which float32 does not hold; use a slope that is a power of "
                "two, or set negative_slope: exact or drop in the types file."
            )
        wrong = sum(_differing(network, name, slope, start, kept.fractional) for start in range(least, 0, _CHUNK))
        if wrong:
            raise ModelError(
                f"Layer {name!r} has slope {slope:g}: Keras' float32 product is quantised differently from the exact one for {wrong} of "
                f"{-least} sums; use a slope that is a power of two, or set negative_slope: exact or drop in the types file."
            )


def _differing(network: Network, name: str, slope: float, start: int, fractional: int) -> int:
    """Count the sums from one on that float32 gives another quantised value."""
    layer = network.layer(name)
    sums = np.arange(start, min(start + _CHUNK, 0), dtype=np.int64)
    keras = np.ldexp(sums.astype(np.float32), -fractional) * np.float32(slope)
    exact = layer.output.cast(sums * layer.weight[0, 0], fractional + layer.weight_type.fractional)
    return int(np.count_nonzero(layer.output.to_int(keras.astype(np.float64)) != exact))
