"""Pool by the largest of each window, in pairs: ``max(a, b) = relu(a - b) + b``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.network import Activation
from l1ad.qkeras.importing.draft import Element, ImportedDense, Tensor, elements_of, identity, require_elements
from l1ad.qkeras.importing.keras_file import LayerRecord
from l1ad.qkeras.importing.windows import given_shape, read_window

MAXIMUM = ("MaxPooling1D", "MaxPooling2D")


def window_elements(record: LayerRecord, read: Tensor, where: str) -> tuple[list[list[Element]], tuple[int, ...]]:
    """List what each window of a pooling layer covers, place by place and channel by channel, and the shape of what it gives.

    Beyond the edge there is nothing: the largest is of those inside.

    Raises:
        ModelError: a window that is not understood, or too many elements.
    """
    window = read_window(record, read.shape, "pool_size", where)
    channels, (rows, columns) = window.shape[2], window.places
    require_elements(rows * columns * channels * window.size[0] * window.size[1], where)
    found: list[list[Element]] = [[] for _ in range(rows * columns * channels)]
    elements = elements_of(read)
    for place, _, position in window.reads():
        for channel in range(channels):
            found[place * channels + channel].append(elements[position * channels + channel])
    if not all(found):
        raise ModelError(f"{where} has a window that lies outside its input; save the model again.")
    return found, given_shape(window, len(read.shape), channels)


def pairs_of(windows: list[list[Element]]) -> list[tuple[Element, Element]]:
    """List the pairs of neighbours in all windows; the last of an odd number is left."""
    return [pair for window in windows for pair in zip(window[0::2], window[1::2], strict=False)]


def difference(name: str, n: int) -> ImportedDense:
    """Return the layer of ``relu(a - b)`` for ``n`` pairs, one pair behind the other."""
    weight = np.kron(np.eye(n), np.array([[1.0], [-1.0]]))
    return replace(identity(name, n), weight=weight, activation=Activation.RELU)
