"""Fold batch normalisation into the dense layer beside it, with the moving statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.core.network import Activation
from l1ad.qkeras.importing.draft import ImportedDense
from l1ad.qkeras.importing.fields import number
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.variables import expected

#: What QDenseBatchnorm can do; both use the moving statistics after training.
FOLDING_MODES = ("ema_stats_folding", "batch_stats_folding")
#: Keras' default of what is added to the variance.
_EPSILON = 1e-3


def require_plain_statistics(record: LayerRecord, shape: tuple[int, ...], where: str) -> None:
    """Refuse a normalisation that is not along the only axis, whose statistics are missing, or that quantises them.

    Raises:
        ModelError: which of these it is.
    """
    quantised = [part for part in ("gamma", "beta", "mean", "variance") if record.config.get(f"{part}_quantizer") is not None]
    if quantised:
        raise ModelError(
            f"{where} quantises its {', '.join(quantised)} and is a {record.kind}, which cannot be folded exactly; "
            "use QDenseBatchnorm, or a BatchNormalization before a layer without quantisers."
        )
    axis = record.config.get("axis", -1)
    if len(shape) != 1 or axis not in (-1, 1, [-1], [1]):
        raise ModelError(
            f"{where} normalises along axis {axis!r} of shape {shape!r}; only the last of a flat input can be folded."
        )
    own, nested = expected(record.kind, record.config)
    wrong = [name for name in nested or own if name not in record.arrays or record.arrays[name].shape != shape]
    if wrong:
        raise ModelError(f"{where} lacks {wrong!r} of shape {shape!r}; save the whole model after training.")
    if (record.arrays["moving_variance"] + number(record.config, "epsilon", _EPSILON, where) <= 0).any():
        raise ModelError(f"{where} has a variance that is not above 0; train the model again.")


def folded_after(layer: ImportedDense, record: LayerRecord, where: str) -> ImportedDense:
    """Fold a normalisation into the layer whose sums it takes.

    Raises:
        ModelError: an activation, or quantised weights, are between.
    """
    if layer.activation is not Activation.LINEAR or layer.output is not None:
        raise ModelError(f"{where} normalises after an activation and cannot be folded exactly; put it before the activation.")
    if layer.weight_type is not None or layer.bias_type is not None:
        raise ModelError(
            f"{where} would scale the quantised weights of {layer.name!r}, which cannot be converted exactly; use QDenseBatchnorm."
        )
    weight, bias = fold_after(layer.weight, layer.bias, record, where)
    return replace(layer, weight=weight, bias=bias, has_bias=True)


def folded_before(layer: ImportedDense, record: LayerRecord) -> ImportedDense:
    """Fold a normalisation of the input into the layer that reads it.

    Raises:
        ModelError: the layer's weights are quantised.
    """
    where = f"Layer {record.name!r}"
    if layer.weight_type is not None or layer.bias_type is not None:
        raise ModelError(
            f"{where} normalises the input before the quantised weights of {layer.name!r} and cannot be folded exactly; put the "
            "normalisation into the scaling's shift and offset and save the model without it."
        )
    weight, bias = fold_before(layer.weight, layer.bias, record, where)
    return replace(layer, weight=weight, bias=bias, has_bias=True)


def fold_after(weight: FloatArray, bias: FloatArray, record: LayerRecord, where: str) -> tuple[FloatArray, FloatArray]:
    """Fold a normalisation of what a dense layer gives: ``weight * g`` and ``bias * g + shift``.

    Keras itself does not fold. hls4ml does (its layer BatchNormalization and its pass bn_fuse), in float32 and in this order: every number is the one that it writes.

    Args:
        weight: ``(n_in, n_out)``.
        bias: ``(n_out,)``.
        record: the layer that holds the statistics.
        where: its name for messages.

    Returns:
        The folded weight and bias, float32 numbers in float64.
    """
    single = {name: array.astype(np.float32) for name, array in record.arrays.items()}
    mean = single["moving_mean"]
    root = np.sqrt(single["moving_variance"] + np.float32(number(record.config, "epsilon", _EPSILON, where)))
    gain = single.get("gamma", np.ones_like(mean)) / root
    shift = single.get("beta", np.zeros_like(mean)) - gain * mean
    folded = gain * weight.astype(np.float32), gain * bias.astype(np.float32) + shift
    return folded[0].astype(np.float64), folded[1].astype(np.float64)


def fold_before(weight: FloatArray, bias: FloatArray, record: LayerRecord, where: str) -> tuple[FloatArray, FloatArray]:
    """Fold a normalisation of what a dense layer takes: ``g * weight`` and ``bias + shift @ weight``.

    Args:
        weight: ``(n_in, n_out)``.
        bias: ``(n_out,)``.
        record: the layer that holds the statistics.
        where: its name for messages.

    Returns:
        The folded weight and bias, in float64.
    """
    arrays = record.arrays
    mean = arrays["moving_mean"]
    root = np.sqrt(arrays["moving_variance"] + number(record.config, "epsilon", _EPSILON, where))
    gain = arrays.get("gamma", np.ones_like(mean)) / root
    shift = arrays.get("beta", np.zeros_like(mean)) - mean * gain
    return gain[:, np.newaxis] * weight, bias + shift @ weight


def folded_float32(weight: FloatArray, bias: FloatArray, record: LayerRecord, where: str) -> tuple[FloatArray, FloatArray]:
    """Fold as QDenseBatchnorm does itself before it quantises: the same operations in the same order, in float32.

    ``weight * g`` and ``(bias - mean) * g + beta`` with ``g = gamma / sqrt(variance + epsilon)`` (Jacob et al., arXiv:1712.05877,
    section 3.2).

    Args:
        weight: ``(n_in, n_out)``.
        bias: ``(n_out,)``.
        record: the layer that holds the statistics.
        where: its name for messages.

    Returns:
        The folded weight and bias, float32 numbers in float64.
    """
    epsilon = np.float32(number(record.config, "epsilon", _EPSILON, where))
    single = {name: array.astype(np.float32) for name, array in record.arrays.items()}
    gain = np.float32(1) / np.sqrt(single["moving_variance"] + epsilon)
    gain = gain * single.get("gamma", np.ones_like(gain))
    shifted = gain * (bias.astype(np.float32) - single["moving_mean"]) + single.get("beta", np.zeros_like(gain))
    return (gain * weight.astype(np.float32)).astype(np.float64), shifted.astype(np.float64)
