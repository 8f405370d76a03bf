"""Understand a chain of Keras layers: dense layers with batch normalisation folded in, their quantisers, what follows each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.fields import number, require_float32, require_known, whole
from l1ad.qkeras.importing.keras_file import KerasModel, LayerRecord
from l1ad.qkeras.importing.normalisation import (
    FOLDING_MODES,
    fold_after,
    fold_before,
    folded_float32,
    require_plain_statistics,
)
from l1ad.qkeras.importing.quantisers import Quantiser, parse_quantiser
from l1ad.qkeras.importing.variables import CONVOLUTION, DENSE, NORMALISATION, expected
from l1ad.qkeras.importing.windows import (
    POOLING,
    UPSAMPLING,
    WINDOW_KEYS,
    convolution_matrix,
    exact_average,
    pooling_matrix,
    upsampling_matrix,
)

ACTIVATION = ("Activation", "QActivation", "ReLU", "LeakyReLU")
IDENTITY = ("InputLayer", "Dropout", "Flatten", "Reshape")
#: Keras' slope of a LeakyReLU.
_LEAKY_SLOPE = 0.3
#: Keys of a layer that are read here, or that change nothing after training.
_KNOWN = {
    **WINDOW_KEYS,
    **dict.fromkeys(DENSE, ("units", "activation", "use_bias", "kernel_quantizer", "bias_quantizer")),
    **dict.fromkeys(NORMALISATION, ("axis", "epsilon", "center", "scale", "renorm_momentum")),
    **dict.fromkeys(ACTIVATION, ("activation", "max_value", "negative_slope", "threshold")),
    "InputLayer": (),
    "Dropout": ("rate", "noise_shape", "seed"),
    "Flatten": ("data_format",),
    "Reshape": ("target_shape",),
    "LeakyReLU": ("alpha", "negative_slope"),
}
for _kind in CONVOLUTION:
    _KNOWN[_kind] = (*_KNOWN[_kind], *_KNOWN["Dense"][1:])
_KNOWN["QDenseBatchnorm"] = (*_KNOWN["Dense"], *_KNOWN["BatchNormalization"], "ema_freeze_delay", "folding_mode")
_KNOWN["QBatchNormalization"] = (
    *_KNOWN["BatchNormalization"],
    *(f"{part}_quantizer" for part in ("gamma", "beta", "mean", "variance")),
)


@dataclass(frozen=True, slots=True, eq=False)
class ImportedDense:
    """A dense layer with everything that belongs to it folded in.

    Attributes:
        name: its name.
        weight: folded, not yet quantised, ``(n_in, n_out)``.
        bias: folded, not yet quantised, ``(n_out,)``.
        weight_type: from its quantiser; None if it has none.
        bias_type: likewise.
        has_bias: whether it adds one; otherwise ``bias`` is 0 and needs no type.
        activation: what follows.
        output: type from the quantiser that follows; None if none does.
        negative_slope: slope of a leaky ReLU that follows.
        implied: type that holds what it gives exactly, where no quantiser follows; None for a layer with weights of its own.
    """

    name: str
    weight: FloatArray
    bias: FloatArray
    weight_type: FixedPoint | None
    bias_type: FixedPoint | None
    has_bias: bool = True
    activation: Activation = Activation.LINEAR
    output: FixedPoint | None = None
    negative_slope: float = 0.0
    implied: FixedPoint | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ImportedModel:
    """A chain of dense layers and the input's type, if the model quantises its input."""

    layers: tuple[ImportedDense, ...]
    input_type: FixedPoint | None


def understand(model: KerasModel) -> ImportedModel:
    """Interpret every layer of a model.

    Args:
        model: the layers as the file describes them.

    Returns:
        The dense layers.

    Raises:
        ModelError: a layer is not understood or not exactly convertible, by name.
    """
    chain = _Chain(model.input_shape)
    for record in model.layers:
        chain.add(record)
    return chain.finish()


class _Chain:
    """Collect dense layers; each further layer is folded into the last one or begins a new one."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self.shape = input_shape
        self.layers: list[ImportedDense] = []
        self.input_type: FixedPoint | None = None
        self.before: LayerRecord | None = None

    def add(self, record: LayerRecord) -> None:
        """Take the next layer of the chain."""
        where = f"Layer {record.name!r}"
        if record.kind not in _KNOWN:
            known = ", ".join((*DENSE, *CONVOLUTION, *POOLING, *UPSAMPLING, *NORMALISATION, *ACTIVATION, *IDENTITY))
            raise ModelError(
                f"{where} is a {record.kind!r}, which is not imported; known are {known} of Keras and QKeras, "
                "and nothing in a model file is executed."
            )
        require_known(record.config, _KNOWN[record.kind], where)
        require_float32(record.config, where)
        if record.kind in ("Flatten", "Reshape"):
            self.shape = _reshaped(record, self.shape, where)
        elif record.kind in DENSE:
            self._add_dense(record, where)
        elif record.kind in WINDOW_KEYS:
            self._add_window(record, where)
        elif record.kind in NORMALISATION:
            self._normalise(record, where)
        elif record.kind in ACTIVATION:
            self._activate(record, where)

    def finish(self) -> ImportedModel:
        """Return what was collected."""
        if not self.layers:
            raise ModelError("The model has no dense layer; there is nothing to import.")
        layers = tuple(replace(layer, output=layer.output or layer.implied) for layer in self.layers)
        return ImportedModel(layers, self.input_type)

    def _add_dense(self, record: LayerRecord, where: str) -> None:
        if len(self.shape) != 1:
            raise ModelError(
                f"{where} is applied along the last axis of an input of shape {self.shape!r}, which is not imported; "
                "put a Flatten before it, or import the layer for one object alone."
            )
        layer = _dense(record, self.shape[0], where)
        if self.before is not None:
            layer = _normalised_input(layer, self.before)
            self.before = None
        self.layers.append(layer)
        self.shape = layer.bias.shape

    def _add_window(self, record: LayerRecord, where: str) -> None:
        """Take a convolution, pooling or upsampling: a matrix over the flattened tensor."""
        if self.before is not None:
            raise ModelError(f"{where} follows {self.before.name!r}, which normalises the input; this is not imported.")
        if record.kind in CONVOLUTION:
            layer, self.shape = _convolution(record, self.shape, where)
        else:
            before = self.layers[-1].output or self.layers[-1].implied if self.layers else self.input_type
            layer, self.shape = _moved(record, self.shape, before, where)
        self.layers.append(layer)

    def _normalise(self, record: LayerRecord, where: str) -> None:
        require_plain_statistics(record, self.shape, where)
        if self.layers:
            self.layers[-1] = _normalised(self.layers[-1], record, where)
        elif self.before is not None:
            raise ModelError(f"{where} is a second normalisation of the input; fold it into {self.before.name!r} before saving.")
        else:
            self.before = record

    def _activate(self, record: LayerRecord, where: str) -> None:
        quantiser = _activation(record, where)
        if self.layers:
            self.layers[-1] = _activated(self.layers[-1], quantiser, where)
        elif self.before is not None and quantiser is not None:
            raise ModelError(
                f"Layer {self.before.name!r} normalises the input and layer {record.name!r} quantises what comes out, "
                "which cannot be folded exactly; put the normalisation into the scaling's shift and offset and save the model without."
            )
        else:
            self.input_type = _input_type(quantiser, self.input_type, where)


def _dense(record: LayerRecord, n_in: int, where: str) -> ImportedDense:
    has_bias = bool(record.config.get("use_bias", True))
    _require_arrays(record, where)
    weight, units = record.arrays["kernel"], whole(record.config, "units", 0, where)
    bias = record.arrays["bias"] if has_bias else np.zeros(units)
    if weight.shape != (n_in, units) or bias.shape != (units,):
        raise ModelError(
            f"{where} has a kernel of shape {weight.shape!r} and a bias of shape {bias.shape!r} in the file, expected {(n_in, units)!r} "
            f"and {(units,)!r}; save the whole model again."
        )
    if record.kind == "QDenseBatchnorm":
        mode = record.config.get("folding_mode")
        if mode not in FOLDING_MODES:
            raise ModelError(f"{where} has folding_mode {mode!r}; known are {', '.join(FOLDING_MODES)}.")
        require_plain_statistics(record, (units,), where)
        weight, bias = folded_float32(weight, bias, record, where)
    (weight, weight_type), (bias, bias_type) = _quantised(record, weight, bias)
    layer = ImportedDense(record.name, weight, bias, weight_type, bias_type, has_bias or record.kind == "QDenseBatchnorm")
    return _activated(layer, parse_quantiser(record.config.get("activation"), where), where)


def _quantised(record: LayerRecord, weight: FloatArray, bias: FloatArray) -> list[tuple[FloatArray, FixedPoint | None]]:
    """Return weights and biases with the types of their quantisers, brought to values that the types hold where there are few."""
    found: list[tuple[FloatArray, FixedPoint | None]] = []
    for part, values in (("kernel", weight), ("bias", bias)):
        quantiser = _weight_quantiser(record, part)
        is_there = part == "kernel" or record.config.get("use_bias", True) or record.kind == "QDenseBatchnorm"
        if quantiser is not None and quantiser.rounded is not None and is_there:
            values = quantiser.rounded(values)
        found.append((values, quantiser.type if quantiser else None))
    return found


def _convolution(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[ImportedDense, tuple[int, ...]]:
    _require_arrays(record, where)
    has_bias = bool(record.config.get("use_bias", True))
    kernel = record.arrays["kernel"]
    bias = record.arrays["bias"] if has_bias else np.zeros(whole(record.config, "filters", 0, where))
    (kernel, weight_type), (bias, bias_type) = _quantised(record, kernel, bias)
    weight, biases, given = convolution_matrix(record, shape, kernel, bias, where)
    layer = ImportedDense(record.name, weight, biases, weight_type, bias_type, has_bias)
    return _activated(layer, parse_quantiser(record.config.get("activation"), where), where), given


def _moved(
    record: LayerRecord, shape: tuple[int, ...], before: FixedPoint | None, where: str
) -> tuple[ImportedDense, tuple[int, ...]]:
    """Make a layer of pooling or upsampling, whose output holds what arrives exactly, where a quantiser before it says what that is."""
    if record.kind in UPSAMPLING:
        weight, given = upsampling_matrix(record, shape, where)
        weight_type, implied = FixedPoint(True, 2, 2), before
    else:
        weight, weight_type, given = pooling_matrix(record, shape, where)
        implied = None if before is None else exact_average(before, weight_type)
    return ImportedDense(record.name, weight, np.zeros(weight.shape[1]), weight_type, None, False, implied=implied), given


def _reshaped(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    n = math.prod(shape)
    if record.kind == "Flatten":
        return (n,)
    target = record.config.get("target_shape")
    if not isinstance(target, list | tuple) or not all(isinstance(size, int) and (size > 0 or size == -1) for size in target):
        raise ModelError(f"{where} needs a target_shape of whole numbers, got {target!r}; the file is damaged.")
    known = math.prod(size for size in target if size > 0)
    found = tuple(n // known if size == -1 else size for size in target)
    if math.prod(found) != n:
        raise ModelError(f"{where} makes {found!r} of {shape!r}, which has {n} values; save the whole model again.")
    return found


def _weight_quantiser(record: LayerRecord, part: str) -> Quantiser | None:
    """Read a quantiser of weights; QKeras makes the scale of a kernel's without alpha depend on the data, not a bias'."""
    where = f"The {part} of layer {record.name!r}"
    found = parse_quantiser(record.config.get(f"{part}_quantizer"), where, data_scale=part == "kernel", weights=True)
    if found is not None and (found.activation is not Activation.LINEAR or found.type is None):
        raise ModelError(f"{where} is quantised by a ReLU, which is not imported; use quantized_bits.")
    return found


def _require_arrays(record: LayerRecord, where: str) -> None:
    own, nested = expected(record.kind, record.config)
    missing = [name for name in (*own, *nested) if name not in record.arrays]
    if missing:
        raise ModelError(f"{where} has no {missing[0]} array in the file; save the whole model after training.")
    strange = sorted(set(record.arrays) - {*own, *nested})
    if strange:
        raise ModelError(f"{where} has arrays {strange!r} in the file, which are not understood; save it without.")


def _normalised(layer: ImportedDense, record: LayerRecord, where: str) -> ImportedDense:
    if layer.activation is not Activation.LINEAR or layer.output is not None:
        raise ModelError(f"{where} normalises after an activation and cannot be folded exactly; put it before the activation.")
    if layer.weight_type is not None or layer.bias_type is not None:
        raise ModelError(
            f"{where} would scale the quantised weights of {layer.name!r}, which cannot be converted exactly; use QDenseBatchnorm."
        )
    weight, bias = fold_after(layer.weight, layer.bias, record, where)
    return replace(layer, weight=weight, bias=bias, has_bias=True)


def _normalised_input(layer: ImportedDense, record: LayerRecord) -> ImportedDense:
    where = f"Layer {record.name!r}"
    if layer.weight_type is not None or layer.bias_type is not None:
        raise ModelError(
            f"{where} normalises the input before the quantised weights of {layer.name!r} and cannot be folded exactly; put the "
            "normalisation into the scaling's shift and offset and save the model without it."
        )
    weight, bias = fold_before(layer.weight, layer.bias, record, where)
    return replace(layer, weight=weight, bias=bias, has_bias=True)


def _activation(record: LayerRecord, where: str) -> Quantiser | None:
    if record.kind == "LeakyReLU":
        slope = number(record.config, "negative_slope", number(record.config, "alpha", _LEAKY_SLOPE, where), where)
        return Quantiser(Activation.RELU, None, slope)
    if record.kind != "ReLU":
        return parse_quantiser(record.config.get("activation"), where)
    slope, bound = number(record.config, "negative_slope", 0.0, where), record.config.get("max_value")
    if bound is not None or record.config.get("threshold"):
        raise ModelError(
            f"{where} is a ReLU with max_value {bound!r} or a threshold; only a plain ReLU can be converted exactly."
        )
    return Quantiser(Activation.RELU, None, slope)


def _activated(layer: ImportedDense, quantiser: Quantiser | None, where: str) -> ImportedDense:
    if quantiser is None:
        return layer
    if layer.output is not None and layer.activation is Activation.LINEAR and quantiser.type is None:
        return _rectified(layer, layer.output, quantiser)
    if layer.output is not None or (layer.activation is Activation.RELU and quantiser.activation is Activation.RELU):
        raise ModelError(f"{where} is a second activation after {layer.name!r}; only one can be converted exactly.")
    activation = Activation.RELU if Activation.RELU in (layer.activation, quantiser.activation) else Activation.LINEAR
    slope = quantiser.negative_slope or layer.negative_slope
    return replace(layer, activation=activation, output=quantiser.type, negative_slope=slope)


def _rectified(layer: ImportedDense, output: FixedPoint, relu: Quantiser) -> ImportedDense:
    """Put a ReLU behind a quantiser: the same as one before it that gives the quantiser's half from 0 on."""
    if output.signed:
        output = FixedPoint(False, output.width - 1, output.integer - 1, output.rounding, output.overflow)
    return replace(layer, activation=Activation.RELU, output=output, negative_slope=relu.negative_slope)


def _input_type(quantiser: Quantiser | None, before: FixedPoint | None, where: str) -> FixedPoint | None:
    if quantiser is None:
        return before
    if before is not None or quantiser.activation is not Activation.LINEAR:
        raise ModelError(f"{where} is not a plain quantiser of the input; use one quantized_bits there.")
    return quantiser.type
