"""Read what moves over a tensor: convolutions, pooling by averages, upsampling; each is a matrix over the flattened tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from l1ad.core.affine import Padding, Shape, Window, average_pooling, convolution, upsampling
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, FloatArray
from l1ad.qkeras.importing.fields import whole
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.variables import CONVOLUTION

POOLING = ("AveragePooling1D", "AveragePooling2D", "QAveragePooling2D")
UPSAMPLING = ("UpSampling1D", "UpSampling2D")
WINDOW_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CONVOLUTION, ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups")),
    **dict.fromkeys(POOLING, ("pool_size", "strides", "padding", "data_format")),
    **dict.fromkeys(UPSAMPLING, ("size", "data_format", "interpolation")),
}
#: Weights of one layer's matrix at most.
_LARGEST = 1 << 22


def convolution_matrix(
    record: LayerRecord, shape: tuple[int, ...], kernel: FloatArray, bias: FloatArray, where: str
) -> tuple[FloatArray, FloatArray, tuple[int, ...]]:
    """Write a convolution as a matrix.

    Args:
        record: the layer.
        shape: of the tensor it reads, channels last.
        kernel: as the file has it.
        bias: one value a filter.
        where: the layer's name, for messages.

    Returns:
        Weights ``(n_in, n_out)``, biases ``(n_out,)`` and the shape of what it gives.

    Raises:
        ModelError: a setting that is not understood, or arrays that do not fit.
    """
    window = read_window(record, shape, "kernel_size", where)
    filters, size = whole(record.config, "filters", 0, where), window.size
    wanted = (*(size if len(shape) == 3 else size[1:]), shape[-1], filters)
    if kernel.shape != wanted or bias.shape != (filters,):
        raise ModelError(
            f"{where} has a kernel of shape {kernel.shape!r} and a bias of shape {bias.shape!r} in the file, expected {wanted!r} and "
            f"{(filters,)!r}; save the whole model again."
        )
    _require_size(math.prod(shape) * window.places[0] * window.places[1] * filters, where)
    weight, biases = convolution(window, kernel.reshape(*size, shape[-1], filters), bias)
    return weight, biases, given_shape(window, len(shape), filters)


def pooling_matrix(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[FloatArray, FixedPoint, tuple[int, ...]]:
    """Write pooling by averages as a matrix.

    Returns:
        Weights ``(n_in, n_out)``, the type that holds them, and the shape of what it gives.

    Raises:
        ModelError: the window has no power of two of elements, or a setting that is not understood.
    """
    window = read_window(record, shape, "pool_size", where)
    _require_size(math.prod(shape) * window.places[0] * window.places[1] * shape[-1], where)
    try:
        codes, bits = average_pooling(window)
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from None
    return np.ldexp(codes.astype(np.float64), -bits), _least(bits), given_shape(window, len(shape), shape[-1])


def _least(bits: int) -> FixedPoint:
    """Return a signed type that holds ``2 ** -bits`` and that QKeras can express."""
    return FixedPoint(True, max(bits, 1) + 1, max(1 - bits, 0) + 1)


def upsampling_matrix(record: LayerRecord, shape: tuple[int, ...], where: str) -> tuple[FloatArray, tuple[int, ...]]:
    """Write a repetition as a matrix; gives it and the shape of what it gives."""
    _require_channels_last(record.config, where)
    if record.config.get("interpolation", "nearest") != "nearest":
        raise ModelError(f"{where} interpolates by {record.config['interpolation']!r}; only 'nearest' can be converted exactly.")
    times = _pair(record.config.get("size", 2), len(_plane(shape, where)[1]), where)
    whole_shape = _plane(shape, where)[0]
    _require_size(math.prod(shape) ** 2 * times[0] * times[1], where)
    given = (shape[0] * times[0], shape[1] * times[1], shape[2]) if len(shape) == 3 else (shape[0] * times[1], shape[1])
    return upsampling(whole_shape, times).astype(np.float64), given


def read_window(record: LayerRecord, shape: tuple[int, ...], key: str, where: str) -> Window:
    """Read how a layer's window moves over a tensor.

    Raises:
        ModelError: a setting that is not understood.
    """
    config = record.config
    plane, axes = _plane(shape, where)
    _require_channels_last(config, where)
    if any(value != 1 for name in ("dilation_rate", "groups") for value in _values(config.get(name, 1))):
        raise ModelError(f"{where} has dilation or groups, which are not imported; use a plain convolution.")
    padding = config.get("padding", "valid")
    if padding not in ("valid", "same"):
        raise ModelError(f"{where} has padding {padding!r}; known are 'valid' and 'same'.")
    size = _pair(config.get(key, 2), len(axes), where)
    strides = _pair(config.get("strides") or config.get(key, 2), len(axes), where)
    return Window(plane, size, strides, Padding(padding))


def _plane(shape: tuple[int, ...], where: str) -> tuple[Shape, tuple[int, ...]]:
    """Return a tensor's height, width and channels, and the axes that a window moves along."""
    if len(shape) == 3:
        return shape, (0, 1)
    if len(shape) == 2:
        return (1, *shape), (1,)
    raise ModelError(f"{where} moves over an input of shape {shape!r}, expected (length, channels) or (height, width, channels).")


def _pair(value: Any, n_axes: int, where: str) -> tuple[int, int]:
    values = _values(value)
    values = values * n_axes if len(values) == 1 else values
    if len(values) != n_axes or not all(isinstance(v, int) and not isinstance(v, bool) and 1 <= v < 4096 for v in values):
        raise ModelError(f"{where} has a window of {value!r}, expected {n_axes} whole numbers; the file is damaged.")
    return (values[0], values[1]) if n_axes == 2 else (1, values[0])


def _values(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _require_channels_last(config: Mapping[str, Any], where: str) -> None:
    if config.get("data_format") not in (None, "channels_last"):
        raise ModelError(f"{where} has data_format {config['data_format']!r}; only 'channels_last' is imported.")


def _require_size(n: int, where: str) -> None:
    if n > _LARGEST:
        raise ModelError(f"{where} is a matrix of {n} weights; this is not a trigger network.")


def given_shape(window: Window, n_axes: int, channels: int) -> tuple[int, ...]:
    """Return the shape of what a window gives, with as many axes as what it moves over."""
    rows, columns = window.places
    return (rows, columns, channels) if n_axes == 3 else (columns, channels)
