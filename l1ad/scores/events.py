"""Number the events on which implementations are compared: data and adversarial inputs in turn, the same for everyone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.config import Config
from l1ad.core.artefact import is_artefact
from l1ad.core.dataset import KIND, Dataset, load_dataset
from l1ad.core.errors import LayoutError
from l1ad.core.layout import ObjectLayout
from l1ad.core.network import Network
from l1ad.firmware.golden import adversarial_events

#: Events of a block: the first half are data as long as there are any, the rest is made.
BLOCK = 8192


def data_of_run(config: Config, layout: ObjectLayout) -> Dataset | None:
    """Open a run's dataset; None for a run without one whose configuration names no data.

    Raises:
        ArtefactError: the data that the configuration names are not prepared.
        LayoutError: they have another layout than the model.
    """
    path = config.run / KIND
    if not config.data.background and not is_artefact(path, KIND):
        return None
    dataset = load_dataset(path)
    if dataset.layout.to_dict()["slots"] != layout.to_dict()["slots"]:
        raise LayoutError(f"The dataset has layout {dataset.layout.name!r}, the model {layout.name!r}; prepare or train again.")
    return dataset


def comparison_block(network: Network, dataset: Dataset | None, block: int, absent: Sequence[int] = ()) -> NDArray[Any]:
    """Return one block of the comparison's events.

    Args:
        network: the network.
        dataset: the data; None makes every event.
        block: number of the block; event ``k`` is row ``k % BLOCK`` of block ``k // BLOCK``.
        absent: columns that the top's inputs do not have: 0 in what is made.

    Returns:
        Hardware integers of the layout's storage type, shape ``(BLOCK, n_columns)``.
    """
    half = BLOCK // 2
    data = np.empty((0, network.n_inputs), dtype=network.layout.storage)
    if dataset is not None:
        data = np.asarray(dataset.x_hw[block * half : (block + 1) * half])
    made = adversarial_events(network, BLOCK - len(data), seed=block + 1, absent=absent)
    return np.concatenate([data, made.astype(network.layout.storage)])


def comparison_events(
    network: Network, dataset: Dataset | None, start: int, stop: int, absent: Sequence[int] = ()
) -> NDArray[Any]:
    """Return events ``start`` to ``stop`` of the comparison, shape ``(stop - start, n_columns)``; otherwise as ``comparison_block``."""
    first = start // BLOCK
    blocks = [comparison_block(network, dataset, block, absent) for block in range(first, -(-stop // BLOCK))]
    return np.concatenate(blocks)[start - first * BLOCK : stop - first * BLOCK]
