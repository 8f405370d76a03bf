"""Spread a kernel over the places where it is used: a convolution as the matrix of a dense layer, in NumPy and in TensorFlow.

Parameters of a layer with a window are its kernel, ``(n_seeds, positions in the window * channels in, channels out)``; what computes
with it takes the matrix ``(n_seeds, n_in, n_out)``, whose weights are shared. A dense layer's kernel is its matrix.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.affine import Window


@dataclass(frozen=True, slots=True)
class Kernel:
    """How a layer's kernel is used.

    Attributes:
        window: how it moves over the image.
        filters: channels of what the window gives.
        transposed: whether the layer goes back, from what the window gives to what it reads: a transposed convolution.
        fixed: whether the kernel is not trained: each channel by itself, every position counts the same (pooling, upsampling).
    """

    window: Window
    filters: int
    transposed: bool = False
    fixed: bool = False

    @property
    def channels(self) -> tuple[int, int]:
        """Channels of what the layer reads and gives."""
        ends = self.window.shape[2], self.filters
        return (ends[1], ends[0]) if self.transposed else ends

    @property
    def places(self) -> tuple[int, int]:
        """Positions of what the layer reads and gives."""
        height, width, _ = self.window.shape
        ends = height * width, self.window.places[0] * self.window.places[1]
        return (ends[1], ends[0]) if self.transposed else ends

    @property
    def n_taps(self) -> int:
        """Positions of the window."""
        return self.window.size[0] * self.window.size[1]

    @property
    def halvings(self) -> int:
        """Binary digits by which a fixed kernel divides the sum: an average where the window has a power of two of positions."""
        return 0 if self.transposed else (self.n_taps - 1).bit_length()

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the kernel as parameters."""
        return self.n_taps * self.channels[0], self.channels[1]

    def constant(self) -> NDArray[np.float32]:
        """Return a fixed layer's kernel."""
        one = np.eye(self.filters, dtype=np.float32) * np.float32(2.0**-self.halvings)
        return np.tile(one, (self.n_taps, 1))

    def taps(self) -> NDArray[np.float32]:
        """Return 1 where a position of the window joins two places, ``(places in, places out, positions)``."""
        taps = _taps(self.window)
        return taps.swapaxes(0, 1) if self.transposed else taps


@functools.lru_cache(maxsize=64)
def _taps(window: Window) -> NDArray[np.float32]:
    height, width, _ = window.shape
    taps = np.zeros((height * width, window.places[0] * window.places[1], window.size[0] * window.size[1]), dtype=np.float32)
    for place, (i, j), position in window.reads():
        taps[position, place, i * window.size[1] + j] = 1.0
    return taps


def spread(kernel: Kernel | None, weight: NDArray[Any]) -> NDArray[Any]:
    """Make the matrix of a kernel, ``(n_seeds, n_in, n_out)``.

    Args:
        kernel: how it is used; None for a dense layer.
        weight: the parameters, ``(n_seeds, *kernel.shape)``.
    """
    if kernel is None:
        return weight
    n_in, n_out = kernel.channels
    parts = weight.reshape(len(weight), kernel.n_taps, n_in, n_out)
    whole = np.einsum("pqt,stio->spiqo", kernel.taps().astype(weight.dtype), parts)
    return whole.reshape(len(weight), kernel.places[0] * n_in, kernel.places[1] * n_out)


def gathered(kernel: Kernel | None, matrix: NDArray[Any]) -> NDArray[Any]:
    """Add up a matrix over the places where each weight of the kernel is used: the transpose of ``spread``."""
    if kernel is None:
        return matrix
    (p, q), (n_in, n_out) = kernel.places, kernel.channels
    parts = np.einsum("pqt,spiqo->stio", kernel.taps().astype(matrix.dtype), matrix.reshape(len(matrix), p, n_in, q, n_out))
    return parts.reshape(len(matrix), *kernel.shape)


def every_place(kernel: Kernel | None, values: NDArray[Any]) -> NDArray[Any]:
    """Repeat what each channel has, ``(..., channels out)``, for every place, ``(..., n_out)``."""
    return values if kernel is None else np.tile(values, kernel.places[1])


def spread_tensor(tf: Any, kernel: Kernel | None, weight: Any, bias: Any) -> tuple[Any, Any]:
    """Make matrix and biases in TensorFlow, as ``spread`` and ``every_place`` do."""
    if kernel is None:
        return weight, bias
    n_in, n_out = kernel.channels
    parts = tf.reshape(weight, [-1, kernel.n_taps, n_in, n_out])
    whole = tf.einsum("pqt,stio->spiqo", tf.constant(kernel.taps()), parts)
    matrix = tf.reshape(whole, [-1, kernel.places[0] * n_in, kernel.places[1] * n_out])
    return matrix, tf.tile(bias, [1, 1, kernel.places[1]])
