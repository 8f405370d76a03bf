"""Read the layers that have weights, or are matrices: dense layers, convolutions, pooling by averages, upsampling."""

from __future__ import annotations

import math

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.draft import ImportedDense
from l1ad.qkeras.importing.fields import whole
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.normalisation import FOLDING_MODES, folded_float32, require_plain_statistics
from l1ad.qkeras.importing.quantisers import Quantiser, parse_quantiser
from l1ad.qkeras.importing.variables import expected
from l1ad.qkeras.importing.windows import UPSAMPLING, convolution_matrix, pooling_matrix, upsampling_matrix


def dense_layer(record: LayerRecord, shape: tuple[int, ...], where: str) -> ImportedDense:
    """Read a dense layer, with a normalisation inside it folded in.

    Raises:
        ModelError: its arrays do not fit, or something about it cannot be converted exactly.
    """
    if len(shape) != 1:
        raise ModelError(
            f"{where} is applied along the last axis of an input of shape {shape!r}, which is not imported; "
            "put a Flatten before it, or import the layer for one object alone."
        )
    n_in = shape[0]
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
    has_bias = has_bias or record.kind == "QDenseBatchnorm"
    return ImportedDense(record.call, weight, bias, weight_type, bias_type, has_bias=has_bias)


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


def convolution_layer(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[ImportedDense, tuple[int, ...]]:
    """Read a convolution; gives the layer and the shape of what it gives.

    Raises:
        ModelError: its arrays do not fit, or something about it cannot be converted exactly.
    """
    _require_arrays(record, where)
    has_bias = bool(record.config.get("use_bias", True))
    kernel = record.arrays["kernel"]
    bias = record.arrays["bias"] if has_bias else np.zeros(whole(record.config, "filters", 0, where))
    (kernel, weight_type), (bias, bias_type) = _quantised(record, kernel, bias)
    weight, biases, given = convolution_matrix(record, shape, kernel, bias, where)
    return ImportedDense(record.call, weight, biases, weight_type, bias_type, has_bias=has_bias), given


def moved_layer(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[ImportedDense, tuple[int, ...]]:
    """Read pooling by averages or upsampling, whose output holds exactly what arrives.

    Raises:
        ModelError: a window that is not understood, or an average that does not divide by a power of two.
    """
    weight_type = FixedPoint(True, 2, 2)
    if record.kind in UPSAMPLING:
        weight, given = upsampling_matrix(record, shape, where)
    else:
        weight, weight_type, given = pooling_matrix(record, shape, where)
    zeros = np.zeros(weight.shape[1])
    return ImportedDense(record.call, weight, zeros, weight_type, None, has_bias=False, exact=True), given


def reshaped(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[int, ...]:
    """Return the shape that a Flatten or Reshape gives.

    Raises:
        ModelError: the target is damaged, or of another size.
    """
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
