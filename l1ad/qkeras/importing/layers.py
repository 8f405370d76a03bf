"""Understand a chain of Keras layers: dense layers with batch normalisation folded in, their quantisers, what follows each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.quantisers import Quantiser, parse_quantiser

DENSE = ("Dense", "QDense", "QDenseBatchnorm")
NORMALISATION = ("BatchNormalization", "QBatchNormalization")
ACTIVATION = ("Activation", "QActivation", "ReLU")
IDENTITY = ("InputLayer", "Dropout")
#: What QDenseBatchnorm can do; both use the moving statistics after training.
FOLDING_MODES = ("ema_stats_folding", "batch_stats_folding")


@dataclass(frozen=True, slots=True, eq=False)
class ImportedDense:
    """Hold a dense layer with everything that belongs to it folded in.

    Attributes:
        name: its name.
        weight: folded, not yet quantised, ``(n_in, n_out)``.
        bias: folded, not yet quantised, ``(n_out,)``.
        weight_type: from its quantiser; None if it has none.
        bias_type: likewise.
        activation: what follows.
        output: type from the quantiser that follows; None if none does.
        negative_slope: slope of a leaky ReLU that follows.
    """

    name: str
    weight: FloatArray
    bias: FloatArray
    weight_type: FixedPoint | None
    bias_type: FixedPoint | None
    activation: Activation = Activation.LINEAR
    output: FixedPoint | None = None
    negative_slope: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ImportedModel:
    """Hold a chain of dense layers and the input's type, if the model quantises its input."""

    layers: tuple[ImportedDense, ...]
    input_type: FixedPoint | None


def understand(records: list[LayerRecord]) -> ImportedModel:
    """Understand every layer of a model.

    Args:
        records: the layers, in the order of the data.

    Returns:
        The dense layers.

    Raises:
        ModelError: a layer is not understood or not exactly convertible, by name.
    """
    layers: list[ImportedDense] = []
    input_type: FixedPoint | None = None
    for record in records:
        where = f"Layer {record.name!r}"
        if record.kind in DENSE:
            layers.append(_dense(record, where))
        elif record.kind in NORMALISATION and layers:
            layers[-1] = _normalised(layers[-1], record, where)
        elif record.kind in ACTIVATION:
            quantiser = _activation(record, where)
            if layers:
                layers[-1] = _activated(layers[-1], quantiser, where)
            else:
                input_type = _input_type(quantiser, input_type, where)
        elif record.kind not in IDENTITY:
            raise ModelError(
                f"{where} is a {record.kind!r}, which is not imported; known are {', '.join((*DENSE, *NORMALISATION, *ACTIVATION))}, "
                "and nothing in a model file is executed."
            )
    if not layers:
        raise ModelError("The model has no dense layer; there is nothing to import.")
    return ImportedModel(tuple(layers), input_type)


def _dense(record: LayerRecord, where: str) -> ImportedDense:
    if "kernel" not in record.arrays or record.arrays["kernel"].ndim != 2:
        raise ModelError(f"{where} has no kernel array in the file; save the whole model after training.")
    weight = record.arrays["kernel"]
    bias = record.arrays.get("bias", np.zeros(weight.shape[1]))
    if record.kind == "QDenseBatchnorm":
        mode = record.config.get("folding_mode")
        if mode not in FOLDING_MODES:
            raise ModelError(f"{where} has folding_mode {mode!r}; known are {', '.join(FOLDING_MODES)}.")
        weight, bias = fold(weight, bias, record, where)
    quantisers = [
        parse_quantiser(record.config.get(f"{part}_quantizer"), f"The {part} of layer {record.name!r}", weights=True)
        for part in ("kernel", "bias")
    ]
    types = [q.type if q else None for q in quantisers]
    layer = ImportedDense(record.name, weight, bias, types[0], types[1])
    return _activated(layer, parse_quantiser(record.config.get("activation"), where), where)


def fold(weight: FloatArray, bias: FloatArray, record: LayerRecord, where: str) -> tuple[FloatArray, FloatArray]:
    """Fold batch normalisation into the dense layer before it, with the moving statistics.

    ``weight * g`` and ``(bias - mean) * g + beta`` with ``g = gamma / sqrt(variance + epsilon)`` (Jacob et al., arXiv:1712.05877,
    section 3.2), as QKeras' folding modes do after training.

    Args:
        weight: ``(n_in, n_out)``.
        bias: ``(n_out,)``.
        record: the layer that holds the statistics.
        where: its name for messages.

    Returns:
        The folded weight and bias.

    Raises:
        ModelError: a statistic is missing.
    """
    arrays = record.arrays
    missing = [name for name in ("moving_mean", "moving_variance") if name not in arrays]
    if missing or any(arrays[name].shape != bias.shape for name in arrays if name not in ("kernel", "iteration", "bias")):
        raise ModelError(f"{where} lacks {missing or 'statistics of the right length'}; save the whole model after training.")
    epsilon = float(record.config.get("epsilon", 1e-3))
    gain = arrays.get("gamma", np.ones_like(bias)) / np.sqrt(arrays["moving_variance"] + epsilon)
    return weight * gain, (bias - arrays["moving_mean"]) * gain + arrays.get("beta", np.zeros_like(bias))


def _normalised(layer: ImportedDense, record: LayerRecord, where: str) -> ImportedDense:
    if layer.activation is not Activation.LINEAR or layer.output is not None:
        raise ModelError(f"{where} normalises after an activation and cannot be folded exactly; put it before the activation.")
    if layer.weight_type is not None:
        raise ModelError(
            f"{where} would scale the quantised weights of {layer.name!r}, which cannot be converted exactly; use QDenseBatchnorm."
        )
    weight, bias = fold(layer.weight, layer.bias, record, where)
    return replace(layer, weight=weight, bias=bias)


def _activation(record: LayerRecord, where: str) -> Quantiser | None:
    if record.kind != "ReLU":
        return parse_quantiser(record.config.get("activation"), where)
    slope, bound = float(record.config.get("negative_slope") or 0.0), record.config.get("max_value")
    if bound is not None or record.config.get("threshold"):
        raise ModelError(
            f"{where} is a ReLU with max_value {bound!r} or a threshold; only a plain ReLU can be converted exactly."
        )
    return Quantiser(Activation.RELU, None, slope)


def _activated(layer: ImportedDense, quantiser: Quantiser | None, where: str) -> ImportedDense:
    if quantiser is None:
        return layer
    if layer.output is not None or (layer.activation is Activation.RELU and quantiser.activation is Activation.RELU):
        raise ModelError(f"{where} is a second activation after {layer.name!r}; only one can be converted exactly.")
    activation = Activation.RELU if Activation.RELU in (layer.activation, quantiser.activation) else Activation.LINEAR
    slope = quantiser.negative_slope or layer.negative_slope
    return replace(layer, activation=activation, output=quantiser.type, negative_slope=slope)


def _input_type(quantiser: Quantiser | None, before: FixedPoint | None, where: str) -> FixedPoint | None:
    if quantiser is None:
        return before
    if before is not None or quantiser.activation is not Activation.LINEAR:
        raise ModelError(f"{where} is no plain quantiser of the input; use one quantized_bits there.")
    return quantiser.type
