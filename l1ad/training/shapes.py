"""Lay out a network's layers: from the configuration's encoder to the sizes and kernels of all layers, the decoder the encoder's mirror."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from l1ad.config.layers import LayerConfig, ShapeConfig
from l1ad.core.affine import Padding, Shape, Window
from l1ad.core.errors import ConfigError, ModelError
from l1ad.training.windows import Kernel


@dataclass(frozen=True, slots=True)
class LayerShape:
    """Sizes of a layer, and its kernel where it has a window; its name is still without a number."""

    name: str
    n_in: int
    n_out: int
    kernel: Kernel | None = None


def chain_shapes(widths: Sequence[int]) -> list[LayerShape]:
    """Lay out dense layers."""
    return [LayerShape("dense", n_in, n_out) for n_in, n_out in pairwise(widths)]


def encoder_shapes(config: ShapeConfig, n_columns: int, hidden: Sequence[int], n_outputs: int) -> list[LayerShape]:
    """Lay out an encoder, its last layer dense.

    Args:
        config: its hidden layers.
        n_columns: inputs.
        hidden: widths of dense hidden layers where ``config`` has no layers.
        n_outputs: of the last layer.

    Raises:
        ConfigError: an image of another size than the inputs, a window that does not fit, or one behind a dense layer.
    """
    if not config.layers:
        return chain_shapes([n_columns, *hidden, n_outputs])
    image: Shape | None = config.image
    if image is not None and math.prod(image) != n_columns:
        raise ConfigError(
            f"Key 'image' has {image[0]} x {image[1]} x {image[2]} values, the layout {n_columns} columns; use one value a column."
        )
    shapes, width = [], n_columns
    for number, layer in enumerate(config.layers):
        if layer.dense is not None:
            shape, image = LayerShape("dense", width, layer.dense), None
        else:
            if image is None:
                raise ConfigError(
                    f"Key 'layers' has a window at place {number + 1}, behind a dense layer, which has no image; put dense layers last."
                )
            shape, image = _with_window(layer, image)
        shapes.append(shape)
        width = shape.n_out
    return [*shapes, LayerShape("dense", width, n_outputs)]


def _with_window(layer: LayerConfig, image: Shape) -> tuple[LayerShape, Shape]:
    """Return a layer with a window, and the image that it gives."""
    try:
        if layer.pool is not None:
            kernel = Kernel(Window(image, layer.pool, layer.pool), image[2], fixed=True)
        else:
            assert layer.conv is not None  # the section has one of the three kinds
            kernel = Kernel(Window(image, layer.window, layer.strides, Padding(layer.padding)), layer.conv)
    except ModelError as error:
        raise ConfigError(f"Key 'layers': {error}") from None
    given = (*kernel.window.places, kernel.filters)
    return LayerShape("pool" if kernel.fixed else "conv", math.prod(image), math.prod(given), kernel), given


def decoder_shapes(encoder: Sequence[LayerShape], latent: int) -> list[LayerShape]:
    """Lay out the mirror of an encoder: dense layers back to front, transposed convolutions, upsampling for pooling.

    Args:
        encoder: its layers.
        latent: what the first layer reads.
    """
    first = replace(encoder[-1], n_out=latent)
    return [_mirrored(shape) for shape in (first, *reversed(encoder[:-1]))]


def _mirrored(shape: LayerShape) -> LayerShape:
    if shape.kernel is None:
        return LayerShape("dense", shape.n_out, shape.n_in)
    name = "up" if shape.kernel.fixed else "conv"
    return LayerShape(name, shape.n_out, shape.n_in, replace(shape.kernel, transposed=True))
