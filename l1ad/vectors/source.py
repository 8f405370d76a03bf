"""Open the events that are played: a dataset, or hardware integers in a NumPy file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from l1ad.core.array_file import open_array
from l1ad.core.dataset import load_dataset
from l1ad.core.errors import InputError
from l1ad.core.layout import ObjectLayout
from l1ad.core.provenance import file_digest


def open_events(path: Path, layout: ObjectLayout, count: int | None) -> tuple[str, NDArray[Any]]:
    """Open events of a layout.

    Args:
        path: a dataset's folder, or a ``.npy`` file of hardware integers ``(n_events, n_columns)``.
        layout: the network's.
        count: how many events, from the first; None takes all.

    Returns:
        Digest of the source, and the events, memory-mapped.

    Raises:
        ArtefactError: the folder is not a dataset.
        InputError: fewer events than requested, or no array in the file.
        LayoutError: they do not fit the layout.
    """
    digest, x_hw = _from_file(path) if path.suffix == ".npy" else _from_dataset(path, layout)
    if not 0 < (len(x_hw) if count is None else count) <= len(x_hw):
        raise InputError(f"Expected {count} events of {str(path)!r}, which has {len(x_hw)}; ask for 1 to {len(x_hw)}.")
    layout.check(x_hw[:count], str(path))
    return digest, x_hw[:count]


def _from_dataset(path: Path, layout: ObjectLayout) -> tuple[str, NDArray[Any]]:
    dataset = load_dataset(path)
    if dataset.layout != layout:
        raise InputError(
            f"Dataset {str(path)!r} has layout {dataset.layout.name!r}, the model {layout.name!r}; give events of the model's layout."
        )
    return dataset.digest, dataset.x_hw


def _from_file(path: Path) -> tuple[str, NDArray[Any]]:
    try:
        x_hw = open_array(path)
        return file_digest(path), x_hw
    except (OSError, ValueError) as error:
        raise InputError(
            f"Cannot read {str(path)!r} as a NumPy array: {str(error).splitlines()[0]}; give a .npy file of integers."
        ) from None
