"""Turn HGQ2's layers into affine maps with a type for each output: a quantiser ends the map before it, or is a map of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray, IntArray
from l1ad.core.network import Activation
from l1ad.hgq.archive import HgqLayer, HgqModel
from l1ad.hgq.quantiser import Quantiser, read_quantiser
from l1ad.qkeras.importing.fields import require_float32, require_known, whole

Types = tuple[FixedPoint | None, ...]
#: Keys of a layer that are read here, or that change nothing after training.
_KNOWN: dict[str, tuple[str, ...]] = {
    "hgq>QDense": (
        *("units", "activation", "use_bias", "enable_iq", "enable_oq", "iq_conf", "oq_conf", "kq_conf", "bq_conf"),
        *("enable_ebops", "ebops_factor", "beta0", "parallelization_factor"),
    ),
    "hgq>Quantizer": ("config",),
    "InputLayer": ("sparse", "ragged"),
    "Dropout": ("rate", "noise_shape", "seed"),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Activation": ("activation",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An affine map.

    Attributes:
        name: the layer's name, or what a quantiser of its own is called.
        weight: integer codes, shape ``(n_in, n_out)``.
        weight_fractional: their fractional bits.
        bias: integer codes, shape ``(n_out,)``.
        bias_fractional: their fractional bits.
        kernel: the weights before quantisation; None for a map that only quantises.
        shift: the biases before quantisation.
        activation: what follows.
        types: type of each output, None for one that is always 0; None where the sum is kept in full.
    """

    name: str
    weight: IntArray
    weight_fractional: int
    bias: IntArray
    bias_fractional: int
    kernel: FloatArray | None
    shift: FloatArray
    activation: Activation = Activation.LINEAR
    types: Types | None = None


def understand(model: HgqModel) -> tuple[Step, ...]:
    """Interpret every layer.

    Args:
        model: the layers as the file describes them.

    Returns:
        The maps, in order.

    Raises:
        ModelError: a layer is not understood, or cannot be converted exactly, by name.
    """
    chain = _Chain(model.n_inputs)
    for layer in model.layers:
        chain.add(layer)
    if not any(step.kernel is not None for step in chain.steps):
        raise ModelError("The model has no dense layer; there is nothing to import.")
    return tuple(chain.steps)


class _Chain:
    """Collect the maps; each further quantiser or ReLU belongs to the last one or begins a new one."""

    def __init__(self, n_inputs: int) -> None:
        self.n = n_inputs
        self.steps: list[Step] = []

    def add(self, layer: HgqLayer) -> None:
        """Take the next layer of the chain."""
        where = f"Layer {layer.name!r}"
        if layer.kind not in _KNOWN:
            raise ModelError(
                f"{where} is a {layer.kind!r}, which is not imported; known are {', '.join(_KNOWN)}, "
                "and nothing in a model file is executed."
            )
        require_known(layer.config, _KNOWN[layer.kind], where)
        require_float32(layer.config, where)
        if layer.kind == "hgq>QDense":
            self._add_dense(layer, where)
        elif layer.kind == "hgq>Quantizer":
            self._quantise(read_quantiser(layer.config.get("config"), layer.arrays, where), layer.name, where)
        elif layer.kind in ("ReLU", "Activation"):
            self._activate(_activation(layer, where), layer.name)

    def _add_dense(self, layer: HgqLayer, where: str) -> None:
        config = layer.config
        if config.get("enable_iq"):
            self._quantise(_inner(layer, "iq", f"The input of layer {layer.name!r}"), layer.name, where)
        step = _dense(layer, self.n, where)
        self.steps.append(step)
        self.n = len(step.bias)
        self._activate(_activation(layer, where), layer.name)
        if config.get("enable_oq"):
            self._quantise(_inner(layer, "oq", f"The output of layer {layer.name!r}"), layer.name, where)

    def _quantise(self, quantiser: Quantiser, name: str, where: str) -> None:
        types = quantiser.types(self.n, where)
        if not self.steps or self.steps[-1].types is not None:
            self.steps.append(_identity(self.n, f"{name}_quantised"))
        self.steps[-1] = replace(self.steps[-1], types=types)

    def _activate(self, activation: Activation, name: str) -> None:
        if activation is Activation.LINEAR:
            return
        if not self.steps or self.steps[-1].types is not None:
            self.steps.append(_identity(self.n, f"{name}_rectified"))
        self.steps[-1] = replace(self.steps[-1], activation=activation)


def _identity(n: int, name: str) -> Step:
    return Step(name, np.eye(n, dtype=np.int64), 0, np.zeros(n, dtype=np.int64), 0, None, np.zeros(n))


def _dense(layer: HgqLayer, n_in: int, where: str) -> Step:
    has_bias, units = bool(layer.config.get("use_bias", True)), whole(layer.config, "units", 0, where)
    kernel = layer.arrays.get("vars/0")
    shift = layer.arrays.get("vars/1") if has_bias else np.zeros(units)
    if kernel is None or shift is None or kernel.shape != (n_in, units) or shift.shape != (units,):
        shapes = [None if a is None else a.shape for a in (kernel, shift)]
        raise ModelError(
            f"{where} has kernel and bias of shapes {shapes}, expected {[(n_in, units), (units,)]}; save the model again."
        )
    weight, weight_fractional = _inner(layer, "kq", f"The kernel of layer {layer.name!r}").codes(kernel, where)
    bias, bias_fractional = np.zeros(units, dtype=np.int64), 0
    if has_bias:
        bias, bias_fractional = _inner(layer, "bq", f"The bias of layer {layer.name!r}").codes(shift, where)
    return Step(layer.name, weight, weight_fractional, bias, bias_fractional, kernel, shift)


def _inner(layer: HgqLayer, part: str, where: str) -> Quantiser:
    """Read a quantiser inside a layer: ``iq``, ``kq``, ``bq`` or ``oq``."""
    arrays = {path.partition("/")[2]: array for path, array in layer.arrays.items() if path.startswith(f"{part}/")}
    return read_quantiser(layer.config.get(f"{part}_conf"), arrays, where)


def _activation(layer: HgqLayer, where: str) -> Activation:
    given: Any = layer.config.get("activation", "relu" if layer.kind == "ReLU" else None)
    name = given.get("config") if isinstance(given, Mapping) and given.get("class_name") == "function" else given
    if layer.kind == "ReLU" and any(layer.config.get(key) for key in ("max_value", "negative_slope", "threshold")):
        raise ModelError(f"{where} is not a plain ReLU; only one without bound, slope and threshold can be converted exactly.")
    if name in (None, "linear"):
        return Activation.LINEAR
    if name != "relu":
        raise ModelError(f"{where} has activation {name!r}; only 'relu' and 'linear' are imported from HGQ2.")
    return Activation.RELU
