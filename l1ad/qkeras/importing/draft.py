"""Layers of a model while they are read, and the tensors between them: which element of which layer is where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.keras_file import LayerRecord

#: What a layer that reads the model's input calls it.
INPUT = ""
#: Place of a layer, -1 for the input, and one of its elements.
Element = tuple[int, int]
#: Elements of a tensor at most.
_LARGEST = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class ImportedDense:
    """An affine layer with everything that belongs to it folded in.

    Attributes:
        name: its name.
        weight: folded, not yet quantised, ``(n_in, n_out)``.
        bias: folded, not yet quantised, ``(n_out,)``.
        weight_type: from its quantiser; None if it has none.
        bias_type: likewise.
        sources: names of the layers it reads, one behind the other; ``INPUT`` for the model's input.
        origin: the model's layer, by whose name the types file may call it.
        has_bias: whether it adds one; otherwise ``bias`` is 0 and needs no type.
        activation: what follows.
        output: type from the quantiser that follows; None if none does.
        exact: whether the output holds every value its sum can have where no quantiser follows; otherwise it needs a type.
        within: layers whose types hold all that an exact output can be, where that is less.
        lowest: where an exact output saturates below; None for nowhere.
        negative_slope: slope of a leaky ReLU that follows.
        bound: largest value that follows the quantiser; None for its type's end.
        bound_is_sure: whether the file says that QKeras applies ``bound``.
    """

    name: str
    weight: FloatArray
    bias: FloatArray
    weight_type: FixedPoint | None
    bias_type: FixedPoint | None
    sources: tuple[str, ...] = (INPUT,)
    origin: str = ""
    has_bias: bool = True
    activation: Activation = Activation.LINEAR
    output: FixedPoint | None = None
    exact: bool = False
    within: tuple[str, ...] = ()
    lowest: float | None = None
    negative_slope: float = 0.0
    bound: float | None = None
    bound_is_sure: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class ImportedModel:
    """The layers, each after those it reads, what an event has, and the input's type, if the model quantises its input."""

    layers: tuple[ImportedDense, ...]
    n_inputs: int
    input_type: FixedPoint | None


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """What a call gives, flattened.

    Attributes:
        shape: without the batch.
        layers: place of the layer that each element comes from; -1 for the model's input.
        elements: which element of that layer it is.
        alone: whether only one call reads it, and what it comes from.
        before: a normalisation that is still to be folded into what reads it.
    """

    shape: tuple[int, ...]
    layers: IntArray
    elements: IntArray
    alone: bool = False
    before: LayerRecord | None = None

    @property
    def whole(self) -> int | None:
        """Place of the one layer whose every element is here once; None where there is none."""
        first = int(self.layers[0])
        alone = (self.layers == first).all() and len(np.unique(self.elements)) == len(self.elements)
        return first if alone else None

    @property
    def in_order(self) -> bool:
        """Whether the elements of the one layer are in their order."""
        return bool((self.elements == np.arange(len(self.elements))).all())


def require_elements(n: int, where: str) -> None:
    """Refuse a tensor of too many elements for a trigger network, before memory is taken.

    Raises:
        ModelError: there are too many.
    """
    if n > _LARGEST:
        raise ModelError(f"{where} gives {n} values; this is not a trigger network.")


def whole_tensor(layer: int, shape: tuple[int, ...], where: str) -> Tensor:
    """Return all elements of a layer.

    Raises:
        ModelError: there are too many for a trigger network.
    """
    n = math.prod(shape)
    require_elements(n, where)
    return Tensor(shape, np.full(n, layer), np.arange(n))


def identity(name: str, n: int) -> ImportedDense:
    """Return a layer that gives what it reads."""
    return ImportedDense(name, np.eye(n), np.zeros(n), FixedPoint(True, 2, 2), None, has_bias=False, exact=True)


def tensor_of(elements: Sequence[Element], shape: tuple[int, ...]) -> Tensor:
    """Return a tensor of elements of layers."""
    layers, places = np.array(elements, dtype=np.int64).reshape(-1, 2).T
    return Tensor(shape, layers, places)


def elements_of(tensor: Tensor) -> list[Element]:
    """List the elements of a tensor: which layer, and which element of it."""
    return list(zip(tensor.layers.tolist(), tensor.elements.tolist(), strict=True))
