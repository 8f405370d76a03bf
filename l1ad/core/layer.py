"""One layer of a network in integers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.identifier import require_name


class Activation(enum.Enum):
    """What a layer does between its result and its output type."""

    LINEAR = "linear"
    RELU = "relu"


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """One layer in integers: an affine map of one or several nodes, then an activation.

    Convolutions, pooling by averages, upsampling and sums of nodes are such maps, see ``l1ad.core.affine``.

    Attributes:
        name: the layer's name, unique in its network, a C identifier.
        weight: integer codes of ``weight_type``, shape ``(n_in, n_out)``.
        bias: integer codes of ``bias_type``, shape ``(n_out,)``.
        accumulator: type each product and the running sum is cast into; None keeps everything (exact).
        result: type the sum is cast into before the activation; None keeps everything.
        activation: what follows.
        output: type of what the layer gives.
        sources: the nodes it reads, ``scaled`` or layers before it, one behind the other; () for the layer before (the first: ``scaled``).
        own_outputs: a type for each neuron where they differ; () where all have ``output``.
    """

    name: str
    weight: IntArray
    weight_type: FixedPoint
    bias: IntArray
    bias_type: FixedPoint
    activation: Activation
    output: FixedPoint
    accumulator: FixedPoint | None = None
    result: FixedPoint | None = None
    sources: tuple[str, ...] = ()
    own_outputs: tuple[FixedPoint, ...] = ()

    def __post_init__(self) -> None:
        require_name(self.name, "The name of a layer", ModelError)

    @property
    def outputs(self) -> tuple[FixedPoint, ...]:
        """Type of each neuron's output."""
        return self.own_outputs or (self.output,) * self.n_out

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.weight.shape[0])

    @property
    def n_out(self) -> int:
        """Number of outputs."""
        return int(self.weight.shape[1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "name": self.name,
            "weight": self.weight.tolist(),
            "weight_type": str(self.weight_type),
            "bias": self.bias.tolist(),
            "bias_type": str(self.bias_type),
            "activation": self.activation.value,
            "output": str(self.output),
            "accumulator": None if self.accumulator is None else str(self.accumulator),
            "result": None if self.result is None else str(self.result),
        } | self._further()

    def _further(self) -> dict[str, Any]:
        """Return the keys that layers of a plain chain do not have: their digests are those of earlier versions."""
        found: dict[str, Any] = {"sources": list(self.sources)} if self.sources else {}
        return found | ({"own_outputs": [str(type_) for type_ in self.own_outputs]} if self.own_outputs else {})

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Dense:
        """Read what ``to_dict`` gave."""
        return cls(
            name=data["name"],
            weight=np.array(data["weight"], dtype=np.int64),
            weight_type=FixedPoint.parse(data["weight_type"]),
            bias=np.array(data["bias"], dtype=np.int64),
            bias_type=FixedPoint.parse(data["bias_type"]),
            activation=Activation(data["activation"]),
            output=FixedPoint.parse(data["output"]),
            accumulator=optional_type(data["accumulator"]),
            result=optional_type(data["result"]),
            sources=tuple(str(name) for name in data.get("sources", ())),
            own_outputs=tuple(FixedPoint.parse(text) for text in data.get("own_outputs", ())),
        )


def optional_type(text: str | None) -> FixedPoint | None:
    """Read a type, or None for none."""
    return None if text is None else FixedPoint.parse(text)
