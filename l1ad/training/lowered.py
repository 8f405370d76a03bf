"""Lower what training computes to the operations of the chip: the scaled inputs, the layers, differences and the score.

Types of the score's steps are left out: training follows its real values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.formulas import Score
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import SCALED
from l1ad.core.scaling import Scaling
from l1ad.graph import Graph, evaluate
from l1ad.graph.builder import Builder
from l1ad.graph.lower import lower_inputs, lower_layer, node_of
from l1ad.graph.operations import Cast, Gather, Hold, Input, Weighted
from l1ad.graph.run_float import evaluate_float
from l1ad.graph.scores import PRESENT, lower_difference, lower_score
from l1ad.training.plan import Plan

#: Names of nodes: what is compared with the scaled input or scored, its halves, what a decoder reads.
OUTPUT, MEAN, LOG_VARIANCE, LATENT = "output", "mean", "log_variance", "latent"
#: Log-variances are held in this range while training, so that no exponential overflows.
LOG_VARIANCES = (-8.0, 8.0)
#: Events whose integers are computed at a time.
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Inputs:
    """Lower the scaling of a training.

    Attributes:
        integers: hardware integers to the codes that the input type's cast reads, and presence.
        codes: the node of these codes.
        scaled: the codes' values to the scaled input: rounded as the chip does, or only held in the type's range.
    """

    integers: Graph
    codes: str
    scaled: Graph

    @property
    def unit(self) -> FloatArray:
        """Value of one code of each column, float32."""
        return np.ldexp(1.0, [-grid for grid in self.integers.grids[self.codes]]).astype(np.float32)

    def tabulated(self, x_hw: NDArray[Any]) -> tuple[IntArray, NDArray[np.int8]]:
        """Compute codes and presence of events, each ``(n_events, n_columns)``; codes in the narrowest of int16, int32 and int64."""
        parts = [evaluate(self.integers, x_hw[s : s + CHUNK]) for s in range(0, len(x_hw), CHUNK)]
        codes = np.concatenate([part[self.codes] for part in parts])
        largest = np.abs(codes).max(initial=0)
        narrow = next(type_ for type_ in (np.int16, np.int32, np.int64) if largest <= np.iinfo(type_).max)
        return codes.astype(narrow), np.concatenate([part[PRESENT].astype(np.int8) for part in parts])


def lower_training_inputs(layout: ObjectLayout, scaling: Scaling, *, rounded: bool) -> Inputs:
    """Lower hardware integers to the scaled inputs.

    Args:
        layout: the columns.
        scaling: offset and shift of each.
        rounded: whether the input type rounds; else it only holds the values in its range.
    """
    build, n, type_ = Builder(), layout.n_columns, scaling.type
    codes = lower_inputs(build, layout, scaling)
    integers = build.graph(codes, PRESENT)
    build.let(SCALED, Cast((type_,) * n) if rounded else Hold((type_.min,) * n, (type_.max,) * n), codes)
    return Inputs(integers, codes, build.graph(SCALED))


def scaled_values(layout: ObjectLayout, scaling: Scaling, x_hw: NDArray[Any], *, rounded: bool) -> FloatArray:
    """Scale events as training does, in float64, ``(n_events, n_columns)``; arguments as for ``lower_training_inputs``."""
    return evaluate_float(lower_training_inputs(layout, scaling, rounded=rounded).scaled, x_hw)[SCALED]


def lower_layers(plan: Plan, types: Sequence[FixedPoint]) -> tuple[Graph, Graph | None]:
    """Lower the encoder, from ``scaled`` to ``mean`` and ``log_variance``, and the decoder, from ``latent``, where there is one.

    Args:
        plan: the layers.
        types: of what each quantised layer gives; layers beyond have none.
    """
    build = Builder()
    build.let(SCALED, Input((0,) * plan.layers[0].n_in, (0,) * plan.layers[0].n_in))
    output = _lower_chain(build, plan, types, range(plan.n_encoder), SCALED)
    build.alias(MEAN, output)
    ends = [MEAN]
    if plan.variational:
        ends = list(_halved(build, output, plan.latent))
    encoder = build.graph(*ends)
    if len(plan.layers) == plan.n_encoder:
        return encoder, None
    build = Builder()
    build.let(LATENT, Input((0,) * plan.latent, (0,) * plan.latent))
    return encoder, build.graph(_lower_chain(build, plan, types, range(plan.n_encoder, len(plan.layers)), LATENT))


def _halved(build: Builder, output: str, n: int) -> tuple[str, str]:
    del build.aliases[MEAN]
    mean = build.let(MEAN, Gather(tuple((0, i) for i in range(n))), output)
    free = build.let("log_variance.free", Gather(tuple((0, i) for i in range(n, 2 * n))), output)
    low, high = LOG_VARIANCES
    return mean, build.let(LOG_VARIANCE, Hold((low,) * n, (high,) * n), free)


def _lower_chain(build: Builder, plan: Plan, types: Sequence[FixedPoint], which: range, node: str) -> str:
    for i in which:
        layer = plan.layers[i]
        outputs = (types[i],) * layer.n_out if i < len(types) else None
        node = lower_layer(build, layer.name, Weighted(layer.n_in, layer.n_out), node, layer.activation, outputs=outputs)
    return node


def cast_of(plan: Plan, layer: int) -> str:
    """Name the node of a layer's output."""
    return node_of(plan.layers[layer].name)


def lower_training_score(
    kind: Score, n_outputs: int, layout: ObjectLayout, scaling: Scaling, columns: tuple[int, ...], *, cyclic: bool
) -> Graph:
    """Lower the score of the chip, read from ``output`` and, where it compares, ``scaled`` and ``present``.

    Args:
        kind: which score.
        n_outputs: how many outputs it reads.
        layout: the columns.
        scaling: offset and shift of each.
        columns: the columns that take part in a comparison.
        cyclic: whether phi differences are folded.
    """
    build = _compared(layout, scaling, n_outputs)
    read = (SCALED, OUTPUT) if kind.is_reconstruction else (OUTPUT,)
    turn = (lambda column, fractional: scaling.turn(layout, column, fractional)) if cyclic else None
    return build.graph(lower_score(build, kind, read, columns=columns, turn=turn))


def lower_training_difference(layout: ObjectLayout, scaling: Scaling, *, cyclic: bool) -> Graph:
    """Lower the difference of every column's scaled input and its reconstruction ``output``, phi folded where asked for."""
    build = _compared(layout, scaling, layout.n_columns)
    turn = (lambda column, fractional: scaling.turn(layout, column, fractional)) if cyclic else None
    return build.graph(lower_difference(build, SCALED, OUTPUT, None, tuple(range(layout.n_columns)), turn))


def _compared(layout: ObjectLayout, scaling: Scaling, n_outputs: int) -> Builder:
    build, n = Builder(), layout.n_columns
    codes = lower_inputs(build, layout, scaling)
    build.let(SCALED, Hold((scaling.type.min,) * n, (scaling.type.max,) * n), codes)
    build.let(OUTPUT, Input((0,) * n_outputs, (0,) * n_outputs))
    return build
