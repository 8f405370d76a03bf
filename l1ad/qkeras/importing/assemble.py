"""Make the exact network, and the float reference, of a model that was read from a file."""

from __future__ import annotations

import numpy as np

from l1ad.config.imported import ImportedLayerTypes, ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import LayoutError, ModelError, nearest
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Dense, Network
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.importing.names import firmware_names
from l1ad.importing.scaling import given_scaling
from l1ad.qkeras.importing.layers import ImportedDense, ImportedModel
from l1ad.ranges import require_int64, require_safe
from l1ad.ranges.score_types import score_spec

_NO_TYPES = ImportedLayerTypes()


def assemble(
    name: str, model: ImportedModel, layout: ObjectLayout, scaling: ScalingFile, types: TypesFile, score: ScoreConfig
) -> tuple[Network, FloatNetwork]:
    """Quantise an imported model.

    Args:
        name: the network's name, a C identifier.
        model: what was read.
        layout: the input columns.
        scaling: offset and shift of each.
        types: the firmware's types; they come before the model's own.
        score: which score.

    Returns:
        The exact network, and the same weights in float64 without rounding.

    Raises:
        ModelError: something has no type, or the model does not fit the layout.
        LayoutError: the scaling does not fit the layout.
        ConversionError: a node can wrap and ``may_wrap`` is not set.
    """
    names = _names(model, types)
    input_type = _chosen(types.input, model.input_type, "The input", "input")
    made = given_scaling(scaling, layout, input_type)
    if model.layers[0].weight.shape[0] != layout.n_columns:
        raise LayoutError(
            f"The model takes {model.layers[0].weight.shape[0]} inputs, layout {layout.name!r} has {layout.n_columns} columns; "
            "choose the layout it was trained for."
        )
    layers = tuple(_layer(layer, names[layer.name], types) for layer in model.layers)
    spec = score_spec(score, layout, made, layers, _columns(layout), may_wrap=types.may_wrap)
    network = Network(name, layout, made, layers, spec, may_wrap=types.may_wrap)
    require_safe(network)
    require_int64(network)
    return network, _reference(model, network)


def _columns(layout: ObjectLayout) -> tuple[int, ...]:
    """Return the columns of a reconstruction score: all but a missing energy's eta, which is always 0."""
    return tuple(i for i, c in enumerate(layout.columns) if (c.kind, c.feature) != ("met", "eta"))


def _names(model: ImportedModel, types: TypesFile) -> dict[str, str]:
    """Return the firmware's names of the layers; the types file may use them or the model's own, not both for one layer."""
    names = firmware_names(tuple(layer.name for layer in model.layers))
    for name in types.layers:
        if name not in names and name not in names.values():
            raise ModelError(f"The types name layer {name!r}, which the model does not have; {nearest(name, names)}")
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


def _layer(layer: ImportedDense, name: str, types: TypesFile) -> Dense:
    given = types.layers.get(layer.name) or types.layers.get(name) or _NO_TYPES
    what, key = f"layer {layer.name!r}", f"layers.{layer.name}"
    if layer.negative_slope and types.negative_slope != "drop":
        raise ModelError(
            f"The ReLU after {what} has slope {layer.negative_slope:g} below 0, which its unsigned type cannot hold; "
            "set negative_slope: drop in the types file if the firmware drops it."
        )
    for part, array in (("weights", layer.weight), ("biases", layer.bias)):
        if not np.isfinite(array).all():
            raise ModelError(f"The {part} of {what} are not all finite; train the model again.")
    weight = _chosen(given.weight, layer.weight_type, f"The kernel of {what}", f"{key}.weight")
    bias = (
        weight
        if _needs_no_bias_type(layer, given)
        else _chosen(given.bias, layer.bias_type, f"The bias of {what}", f"{key}.bias")
    )
    output = _chosen(given.output, layer.output, f"The output of {what}", f"{key}.output")
    return Dense(
        name,
        _codes(layer.weight, layer.weight_type, weight),
        weight,
        _codes(layer.bias, layer.bias_type if layer.has_bias else None, bias),
        bias,
        layer.activation,
        output,
        given.accumulator,
        given.result,
    )


def _needs_no_bias_type(layer: ImportedDense, given: ImportedLayerTypes) -> bool:
    """Return whether a layer adds no bias and nobody gives it a type: zeros take the weights' type, which adds no bit to the sum."""
    return not layer.has_bias and given.bias is None


def _codes(values: FloatArray, own: FixedPoint | None, final: FixedPoint) -> IntArray:
    """Quantise as the model does, then cast as the firmware does."""
    return final.to_int(values) if own is None else final.cast(own.to_int(values), own.fractional)


def _reference(model: ImportedModel, network: Network) -> FloatNetwork:
    layers = tuple(
        FloatDense(exact.name, layer.weight, layer.bias, layer.activation)
        for exact, layer in zip(network.layers, model.layers, strict=True)
    )
    score = FloatScore(network.score.kind, network.score.columns, network.score.cyclic)
    return FloatNetwork(network.layout, network.scaling, layers, score, saturate=False)
