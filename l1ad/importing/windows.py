"""Write the convolutions of an hls4ml firmware as matrices over the flattened tensor, channels last."""

from __future__ import annotations

from collections.abc import Callable

from l1ad.core.affine import Padding, Window, convolution
from l1ad.core.errors import ModelError
from l1ad.core.fixed import IntArray

#: The functions that are understood, with their number of dimensions.
CONVOLUTIONS = {"conv_1d_cl": 1, "conv_2d_cl": 2, "pointwise_conv_1d_cl": 1, "pointwise_conv_2d_cl": 2}
#: Weights of one layer's matrix at most.
_LARGEST = 1 << 22


def convolution_window(function: str, size: Callable[[str], int], name: str) -> tuple[Window, int]:
    """Read how a convolution moves, and its number of filters.

    Args:
        function: one of ``CONVOLUTIONS``.
        size: gives a number of the layer's configuration by its name.
        name: the layer's name, for messages.

    Raises:
        ModelError: a padding that Keras would not choose, or sizes that do not fit together.
    """
    two = CONVOLUTIONS[function] == 2

    def pair(pattern: str, default: int) -> tuple[int, int]:
        return size(pattern.format("height")) if two else default, size(pattern.format("width"))

    filters, places = size("n_filt"), pair("out_{}", 1)
    pads = (size("pad_top"), size("pad_bottom")) if two else (0, 0), (size("pad_left"), size("pad_right"))
    padding = Padding.SAME if any(pads[0] + pads[1]) else Padding.VALID
    window = Window((*pair("in_{}", 1), size("n_chan")), pair("filt_{}", 1), pair("stride_{}", 1), padding)
    if window.places != places or any(pad[0] != -window.starts(axis)[0] for axis, pad in enumerate(pads)):
        raise ModelError(f"Layer {name!r} pads its input in a way that is not imported; known are Keras' 'valid' and 'same'.")
    n = window.shape[0] * window.shape[1] * window.shape[2] * places[0] * places[1] * filters
    if n > _LARGEST:
        raise ModelError(f"Layer {name!r} is a matrix of {n} weights; this is not a trigger network.")
    return window, filters


def convolution_codes(window: Window, flat: IntArray, bias: IntArray) -> tuple[IntArray, IntArray]:
    """Write a convolution's weights, shape ``(height * width * channels in, channels out)``, as a matrix over the whole tensor."""
    return convolution(window, flat.reshape(*window.size, window.shape[2], flat.shape[1]), bias)
