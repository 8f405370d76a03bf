"""Write convolutions, pooling, upsampling and sums of nodes as the matrix of an affine layer: sparse, with shared weights.

Tensors are flattened as Keras flattens them: channels last, ``(height, width, channel)``; a 1-D tensor has height 1.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from l1ad.core.errors import ModelError
from l1ad.core.fixed import IntArray

Number = TypeVar("Number", bound=np.number)  # type: ignore[type-arg]
#: Height, width, channels.
Shape = tuple[int, int, int]


class Padding(enum.Enum):
    """Whether a window may reach beyond the tensor's edge, where it reads zeros."""

    VALID = "valid"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Window:
    """Describe how a window moves over a tensor.

    Attributes:
        shape: of the tensor it moves over.
        size: height and width of the window.
        strides: how far it moves at a time, down and across.
        padding: what happens at the edge.
    """

    shape: Shape
    size: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    padding: Padding = Padding.VALID

    def __post_init__(self) -> None:
        if min(*self.shape, *self.size, *self.strides) < 1:
            raise ModelError(
                f"A window needs shapes, sizes and strides of at least 1, got {self.shape}, {self.size}, {self.strides}."
            )
        if self.padding is Padding.VALID and (self.size[0] > self.shape[0] or self.size[1] > self.shape[1]):
            raise ModelError(
                f"A window of {self.size[0]} x {self.size[1]} does not fit an input of {self.shape[0]} x {self.shape[1]}; use a smaller one or padding 'same'."
            )

    @property
    def places(self) -> tuple[int, int]:
        """Number of places of the window, down and across (Keras' rule for both paddings)."""
        if self.padding is Padding.SAME:
            return tuple(-(-n // s) for n, s in zip(self.shape[:2], self.strides, strict=True))  # type: ignore[return-value]
        counts = zip(self.shape[:2], self.size, self.strides, strict=True)
        return tuple((n - k) // s + 1 for n, k, s in counts)  # type: ignore[return-value]

    def starts(self, axis: int) -> list[int]:
        """First row or column of each place; negative where it reaches beyond the edge."""
        n, k, s, places = self.shape[axis], self.size[axis], self.strides[axis], self.places[axis]
        before = max((places - 1) * s + k - n, 0) // 2 if self.padding is Padding.SAME else 0
        return [place * s - before for place in range(places)]

    def reads(self) -> list[tuple[int, tuple[int, int], int]]:
        """List what is read: place, position in the window, position in the flattened plane."""
        height, width, _ = self.shape
        down, across = self.starts(0), self.starts(1)
        return [
            (p * len(across) + q, (i, j), (top + i) * width + left + j)
            for p, top in enumerate(down)
            for q, left in enumerate(across)
            for i in range(self.size[0])
            for j in range(self.size[1])
            if 0 <= top + i < height and 0 <= left + j < width
        ]


def convolution(window: Window, kernel: NDArray[Number], bias: NDArray[Number]) -> tuple[NDArray[Number], NDArray[Number]]:
    """Write a convolution (a cross-correlation, as Keras computes it) as a matrix.

    Args:
        window: how the kernel moves.
        kernel: integer codes, or numbers that are still to be quantised, shape ``(height, width, channels in, channels out)``.
        bias: likewise, shape ``(channels out,)``.

    Returns:
        Weights ``(n_in, n_out)`` and biases ``(n_out,)``.

    Raises:
        ModelError: the kernel does not fit the window or the input's channels.
    """
    if kernel.shape[:3] != (*window.size, window.shape[2]) or bias.shape != kernel.shape[3:]:
        raise ModelError(
            f"A convolution of window {window.size} over {window.shape} needs a kernel of shape {(*window.size, window.shape[2])} + (channels,) "
            f"and as many biases, got {kernel.shape} and {bias.shape}."
        )
    channels, filters = kernel.shape[2:]
    places = window.places[0] * window.places[1]
    weight = np.zeros((window.shape[0] * window.shape[1], channels, places, filters), dtype=kernel.dtype)
    for place, (i, j), position in window.reads():
        weight[position, :, place, :] = kernel[i, j]
    return weight.reshape(-1, places * filters), np.tile(bias, places)


def average_pooling(window: Window) -> tuple[IntArray, int]:
    """Write pooling by averages as a matrix of ones and the power of two by which the sum is divided.

    Returns:
        Weights ``(n_in, n_out)`` and their fractional bits.

    Raises:
        ModelError: the window has no power of two of elements, or reaches beyond the edge: the division would not be exact.
    """
    n = window.size[0] * window.size[1]
    if n & (n - 1) or window.padding is not Padding.VALID:
        raise ModelError(
            f"Pooling by averages of {window.size[0]} x {window.size[1]} elements, padding {window.padding.value!r}, does not divide by a power of two; "
            "use a window of 2, 4 or 8 elements and padding 'valid'."
        )
    channels = window.shape[2]
    kernel = np.zeros((*window.size, channels, channels), dtype=np.int64)
    kernel[..., np.arange(channels), np.arange(channels)] = 1
    weight, _ = convolution(window, kernel, np.zeros(channels, dtype=np.int64))
    return weight, n.bit_length() - 1


def upsampling(shape: Shape, times: tuple[int, int]) -> IntArray:
    """Write the repetition of rows and columns as a matrix, shape ``(n_in, n_out)``."""
    height, width, channels = shape
    place = np.arange(height * width * channels).reshape(shape).repeat(times[0], axis=0).repeat(times[1], axis=1).ravel()
    weight = np.zeros((height * width * channels, len(place)), dtype=np.int64)
    weight[place, np.arange(len(place))] = 1
    return weight


def node_sum(n_elements: int, n_nodes: int = 2) -> IntArray:
    """Write the sum of nodes of one shape as a matrix over all of them, one behind the other: a skip connection."""
    return np.tile(np.eye(n_elements, dtype=np.int64), (n_nodes, 1))
