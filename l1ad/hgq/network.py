"""Make the exact network, and the float reference, of a model that HGQ2 trained: a type for each element, sums in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import LayoutError, ModelError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED, Activation, Dense, Network, Score, ScoreSpec
from l1ad.core.scaling import Scaling
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.hgq.archive import HgqModel
from l1ad.hgq.steps import Step, understand
from l1ad.importing.names import firmware_names
from l1ad.importing.scaling import given_scaling
from l1ad.ranges import prove, require_int64, require_safe, smallest_type
from l1ad.ranges.score_types import score_spec

#: What an element that is always 0 is declared as.
_NOTHING = FixedPoint(False, 1, 1)


def assemble(
    name: str, model: HgqModel, layout: ObjectLayout, scaling: ScalingFile, types: TypesFile, score: ScoreConfig
) -> tuple[Network, FloatNetwork]:
    """Make the network of an HGQ2 model.

    The scaled input is kept in full up to the model's own quantiser of each column; an output without a quantiser is kept in full too.

    Args:
        name: the network's name, a C identifier.
        model: what was read.
        layout: the input columns.
        scaling: offset and shift of each.
        types: may give ``input``, which comes before the model's own, and ``may_wrap``; everything else the model says.
        score: which score.

    Returns:
        The exact network, and the same weights before quantisation.

    Raises:
        ModelError: something is not understood, or the types file says what the model says.
        LayoutError: model or scaling do not fit the layout.
        ConversionError: a node can wrap and ``may_wrap`` is not set.
    """
    if types.layers or types.negative_slope != "refuse":
        raise ModelError("A model of HGQ2 defines every type itself; leave 'layers' and 'negative_slope' out of the types file.")
    if model.n_inputs != layout.n_columns:
        raise LayoutError(
            f"The model takes {model.n_inputs} inputs, layout {layout.name!r} has {layout.n_columns} columns; "
            "choose the layout it was trained for."
        )
    steps = understand(model)
    made, rest = _scaling(layout, scaling, types, steps)
    names = firmware_names(tuple(step.name for step in rest))
    layers: tuple[Dense, ...] = ()
    for step in rest:
        layers = (*layers, _layer(step, names[step.name], layout, made, layers))
    columns = tuple(i for i, c in enumerate(layout.columns) if (c.kind, c.feature) != ("met", "eta"))
    spec = score_spec(score, layout, made, layers, columns, may_wrap=types.may_wrap)
    network = Network(name, layout, made, layers, spec, may_wrap=types.may_wrap)
    require_safe(network)
    require_int64(network)
    return network, _reference(steps, names, network)


def _scaling(
    layout: ObjectLayout, given: ScalingFile, types: TypesFile, steps: tuple[Step, ...]
) -> tuple[Scaling, tuple[Step, ...]]:
    """Choose the input type, and leave out a first step that it makes superfluous: one type for all columns."""
    if types.input is not None:
        return given_scaling(given, layout, types.input), steps
    first = steps[0]
    if first.kernel is None and first.activation is Activation.LINEAR and first.types is not None:
        only = set(first.types)
        if len(only) == 1 and (type_ := only.pop()) is not None:
            return given_scaling(given, layout, type_), steps[1:]
    finest = max(0, *given.shift)
    if given.through is not None:
        finest = given.through.fractional
    made = given_scaling(given, layout, FixedPoint(True, 2, 2 - finest))
    full = _needed(layout, made, (), SCALED)
    widest = smallest_type(min(low for low, _ in full), max(high for _, high in full), finest)
    if widest is None:
        raise LayoutError("The scaled input needs more than 62 bits; give columns shifts that are closer to each other.")
    return replace(made, type=widest), steps


def _needed(layout: ObjectLayout, scaling: Scaling, layers: tuple[Dense, ...], node: str) -> list[tuple[int, int]]:
    """Prove the range of each element of a node before overflow, on the node's grid."""
    n = layers[-1].n_out if layers else layout.n_columns
    bit, wide = FixedPoint(False, 1, 1), FixedPoint(True, 62, 62)
    total = Dense(
        "candidate_sum", np.ones((n, 1), dtype=np.int64), bit, np.zeros(1, dtype=np.int64), bit, Activation.LINEAR, wide
    )
    candidate = Network("candidate", layout, scaling, (*layers, total), ScoreSpec(Score.LINEAR, wide, wide), may_wrap=True)
    found = next(one for one in prove(candidate) if one.node == node)
    return [(interval.low, interval.high) for interval in found.needed]


def _layer(step: Step, name: str, layout: ObjectLayout, scaling: Scaling, before: tuple[Dense, ...]) -> Dense:
    silent = np.array([step.types is not None and type_ is None for type_ in step.types or step.bias], dtype=bool)
    weight, bias = np.where(silent, 0, step.weight), np.where(silent, 0, step.bias)
    weight_type = _smallest(weight, step.weight_fractional, step.name)
    bias_type = _smallest(bias, step.bias_fractional, step.name)
    if step.types is not None:
        types = tuple(type_ or _NOTHING for type_ in step.types)
    else:
        arriving = before[-1].outputs if before else (scaling.type,)
        finest = max(max(t.fractional for t in arriving) + step.weight_fractional, step.bias_fractional)
        open_ = FixedPoint(True, 2, 2 - finest)
        made = Dense(name, weight, weight_type, bias, bias_type, step.activation, open_)
        types = tuple(
            _kept(low, high, finest, step.name) for low, high in _needed(layout, scaling, (*before, made), f"{name}.output")
        )
    own = () if len(set(types)) == 1 else types
    return Dense(name, weight, weight_type, bias, bias_type, step.activation, types[0], own_outputs=own)


def _smallest(codes: IntArray, fractional: int, name: str) -> FixedPoint:
    return _kept(int(codes.min(initial=0)), int(codes.max(initial=0)), fractional, name)


def _kept(low: int, high: int, fractional: int, name: str) -> FixedPoint:
    type_ = smallest_type(low, high, fractional)
    if type_ is None:
        raise ModelError(f"Layer {name!r} needs more than 62 bits to be kept in full; give its output a quantiser.")
    return type_


def _reference(steps: tuple[Step, ...], names: dict[str, str], network: Network) -> FloatNetwork:
    """Take the weights before quantisation; what only quantises has no place among them."""
    kept = [step for step in steps if step.kernel is not None or step.activation is not Activation.LINEAR]
    layers = tuple(
        FloatDense(names[step.name], step.weight * 1.0 if step.kernel is None else step.kernel, step.shift, step.activation)
        for step in kept
    )
    score = FloatScore(network.score.kind, network.score.columns, network.score.cyclic)
    return FloatNetwork(network.layout, network.scaling, layers, score, saturate=False)
