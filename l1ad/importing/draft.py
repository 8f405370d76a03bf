"""Layers of a firmware while they are read from its calls."""

from __future__ import annotations

from dataclasses import dataclass, field

from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layer import Activation


@dataclass(slots=True, eq=False)
class Node:
    """Draft of one layer; an activation that follows may still move into it.

    Attributes:
        name: what the sources call it.
        sources: nodes it reads, by name.
        output: type of what it gives.
        bare: whether nothing but the sum's cast to ``output`` has been done after it.
    """

    name: str
    sources: tuple[str, ...]
    weight: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint
    output: FixedPoint
    accumulator: FixedPoint | None = None
    result: FixedPoint | None = None
    activation: Activation = Activation.LINEAR
    bare: bool = True


@dataclass(frozen=True, slots=True)
class SquaredDistance:
    """A score inside the firmware: the summed squares of the difference of two nodes, with the type of each step."""

    sources: tuple[str, str]
    difference: FixedPoint
    square: FixedPoint
    total: FixedPoint


@dataclass(slots=True, eq=False)
class Layers:
    """What the calls of a firmware say.

    Attributes:
        input_type: type of the scaled inputs.
        nodes: layers by name, in their order.
        score: a score that is computed by the calls themselves; None where they end with a layer.
    """

    input_type: FixedPoint | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    score: SquaredDistance | None = None
