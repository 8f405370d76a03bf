"""Number the events on which implementations are compared: data and adversarial inputs in turn, the same for everyone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.core.dataset import Dataset
from l1ad.core.network import Network
from l1ad.firmware.golden import adversarial_events

#: Events of a block: the first half are data as long as there are any, the rest is made.
BLOCK = 8192


def comparison_block(network: Network, dataset: Dataset | None, block: int) -> NDArray[Any]:
    """Give one block of the comparison's events.

    Args:
        network: the network.
        dataset: the data; None makes every event.
        block: number of the block; event ``k`` is row ``k % BLOCK`` of block ``k // BLOCK``.

    Returns:
        Hardware integers of the layout's storage type, shape ``(BLOCK, n_columns)``.
    """
    half = BLOCK // 2
    data = np.empty((0, network.n_inputs), dtype=network.layout.storage)
    if dataset is not None:
        data = np.asarray(dataset.x_hw[block * half : (block + 1) * half])
    made = adversarial_events(network, BLOCK - len(data), seed=block + 1)
    return np.concatenate([data, made.astype(network.layout.storage)])


def comparison_events(network: Network, dataset: Dataset | None, start: int, stop: int) -> NDArray[Any]:
    """Give events ``start`` to ``stop`` of the comparison, shape ``(stop - start, n_columns)``."""
    first = start // BLOCK
    blocks = [comparison_block(network, dataset, block) for block in range(first, -(-stop // BLOCK))]
    return np.concatenate(blocks)[start - first * BLOCK : stop - first * BLOCK]
