"""Make the exact network, and the float reference, of a model that was read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from l1ad.config.imported import ImportedLayerTypes, ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import LayoutError, ModelError, nearest
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Dense, Network
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.importing.names import firmware_names
from l1ad.importing.scaling import given_scaling
from l1ad.qkeras.importing.draft import INPUT, ImportedDense, ImportedModel
from l1ad.qkeras.importing.exactness import Given, exact_output, require_float_slopes
from l1ad.qkeras.importing.expand import KEPT, UNBOUNDED, expanded
from l1ad.ranges import require_int64, require_safe
from l1ad.ranges.score_types import score_spec

_NO_TYPES = ImportedLayerTypes()


def assemble(
    name: str, model: ImportedModel, layout: ObjectLayout, scaling: ScalingFile, types: TypesFile, score: ScoreConfig
) -> tuple[Network, FloatNetwork | None]:
    """Quantise an imported model.

    Args:
        name: the network's name, a C identifier.
        model: what was read.
        layout: the input columns.
        scaling: offset and shift of each.
        types: the firmware's types; they come before the model's own.
        score: which score.

    Returns:
        The exact network, and the same weights in float64 without rounding where the layers are a chain.

    Raises:
        ModelError: something has no type, or the model does not fit the layout.
        LayoutError: the scaling does not fit the layout.
        ConversionError: a node can wrap and ``may_wrap`` is not set.
    """
    if model.n_inputs != layout.n_columns:
        raise LayoutError(
            f"The model takes {model.n_inputs} inputs, layout {layout.name!r} has {layout.n_columns} columns; "
            "choose the layout it was trained for."
        )
    drop = types.negative_slope == "drop"
    read = tuple(part for layer in model.layers for part in expanded(layer, drop_slope=drop, bounds=types.relu_upper_bound))
    names = _names(read, types)
    input_type = _chosen(types.input, model.input_type, "The input", "input")
    made = given_scaling(scaling, layout, input_type)
    layers = _layers(read, names, made.type, model.n_inputs, types)
    spec = score_spec(score, layout, made, layers, _columns(layout), may_wrap=types.may_wrap)
    network = Network(name, layout, made, layers, spec, may_wrap=types.may_wrap)
    nodes = require_safe(network)
    require_int64(network)
    if types.negative_slope == "refuse":
        require_float_slopes(network, _slopes(model, names), nodes)
    return network, _reference(read, network) if len(read) == len(model.layers) and network.is_chain else None


def _slopes(model: ImportedModel, names: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Return the slopes, and the layer of the sums before each, by the layer behind it."""
    found = {}
    for layer in model.layers:
        if layer.negative_slope:
            end = layer.name if f"{layer.name}{KEPT}" in names else f"{layer.name}{UNBOUNDED}"
            found[names[end]] = names[f"{end}{KEPT}"], layer.negative_slope
    return found


def _columns(layout: ObjectLayout) -> tuple[int, ...]:
    """Return the columns of a reconstruction score: all but a missing energy's eta, which is always 0."""
    return tuple(i for i, c in enumerate(layout.columns) if (c.kind, c.feature) != ("met", "eta"))


def _names(layers: tuple[ImportedDense, ...], types: TypesFile) -> dict[str, str]:
    """Return the firmware's names of the layers; the types file may use them or the model's own, not both for one layer."""
    names = firmware_names(tuple(layer.name for layer in layers))
    known = [*names, *(layer.origin for layer in layers if layer.origin not in names)]
    for name in types.layers:
        if name not in known and name not in names.values():
            raise ModelError(f"The types name layer {name!r}, which the model does not have; {nearest(name, known)}")
    twice = next((name for name, new in names.items() if name != new and {name, new} <= types.layers.keys()), None)
    if twice is not None:
        raise ModelError(f"The types name layer {twice!r} twice, also as {names[twice]!r}; keep one.")
    return names


def _chosen(given: FixedPoint | None, own: FixedPoint | None, what: str, key: str) -> FixedPoint:
    if given is not None:
        return given
    if own is None:
        raise ModelError(f"{what} has no quantiser in the model; give its type as {key!r} in the types file.")
    return own


def _layers(
    read: tuple[ImportedDense, ...], names: Mapping[str, str], input_type: FixedPoint, n_inputs: int, types: TypesFile
) -> tuple[Dense, ...]:
    """Quantise every layer; each knows the types of what it reads."""
    given = {INPUT: (input_type, n_inputs)}
    made: list[Dense] = []
    for layer in read:
        own = _layer(layer, names[layer.name], types, given)
        given[layer.name] = own.output, own.n_out
        sources = tuple(SCALED if name == INPUT else names[name] for name in layer.sources)
        before = made[-1].name if made else SCALED
        made.append(replace(own, sources=() if sources == (before,) else sources))
    return tuple(made)


def _layer(layer: ImportedDense, name: str, types: TypesFile, before: Given) -> Dense:
    given = types.layers.get(layer.name) or types.layers.get(name) or _of_origin(layer, types)
    what, key = f"layer {layer.name!r}", f"layers.{layer.name}"
    for part, array in (("weights", layer.weight), ("biases", layer.bias)):
        if not np.isfinite(array).all():
            raise ModelError(f"The {part} of {what} are not all finite; train the model again.")
    weight = _chosen(given.weight, layer.weight_type, f"The kernel of {what}", f"{key}.weight")
    bias = (
        weight
        if _needs_no_bias_type(layer, given)
        else _chosen(given.bias, layer.bias_type, f"The bias of {what}", f"{key}.bias")
    )
    codes = _codes(layer.weight, layer.weight_type, weight)
    biases = _codes(layer.bias, layer.bias_type if layer.has_bias else None, bias)
    own = layer.output
    if own is None and layer.exact and given.output is None:
        own = exact_output(layer, (codes, weight, biases, bias), before)
    output = _chosen(given.output, own, f"The output of {what}", f"{key}.output")
    return Dense(name, codes, weight, biases, bias, layer.activation, output, given.accumulator, given.result)


def _of_origin(layer: ImportedDense, types: TypesFile) -> ImportedLayerTypes:
    """Return what the types file says of a layer that stands for a part, or a further use, of a model's layer.

    A sum before a slope takes everything but the output, which is that of the whole.
    """
    given = types.layers.get(layer.origin) if layer.origin else None
    if given is None or (layer.weight_type is not None and layer.exact):
        return _NO_TYPES
    return given.model_copy(update={"output": None}) if layer.exact else given


def _needs_no_bias_type(layer: ImportedDense, given: ImportedLayerTypes) -> bool:
    """Return whether a layer adds no bias and nobody gives it a type: zeros take the weights' type, which adds no bit to the sum."""
    return not layer.has_bias and given.bias is None


def _codes(values: FloatArray, own: FixedPoint | None, final: FixedPoint) -> IntArray:
    """Quantise as the model does, then cast as the firmware does."""
    return final.to_int(values) if own is None else final.cast(own.to_int(values), own.fractional)


def _reference(read: tuple[ImportedDense, ...], network: Network) -> FloatNetwork:
    layers = tuple(
        FloatDense(exact.name, layer.weight, layer.bias, layer.activation)
        for exact, layer in zip(network.layers, read, strict=True)
    )
    score = FloatScore(network.score.kind, network.score.columns, network.score.cyclic)
    return FloatNetwork(network.layout, network.scaling, layers, score, saturate=False)
