"""Read the layers of a ``.keras`` file that HGQ2 wrote, with the arrays of every quantiser inside them; nothing in it is executed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.qkeras.importing import hdf5
from l1ad.qkeras.importing.fields import class_name
from l1ad.qkeras.importing.flow import entry_name
from l1ad.qkeras.importing.keras_file import ModelArchive, archive_member, opened_archive, said_damage

#: How Keras writes the name of a class of HGQ2.
_MARK = b'"hgq>'


@dataclass(frozen=True, slots=True, eq=False)
class HgqLayer:
    """A layer as the file describes it.

    Attributes:
        kind: the class, ``hgq>QDense`` or Keras' own without a package.
        name: the layer's name.
        config: its configuration.
        arrays: its arrays by path below the layer: ``vars/0``, ``kq/quantizer/vars/1``.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    arrays: Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class HgqModel:
    """A chain of layers and the number of values an event has."""

    layers: tuple[HgqLayer, ...]
    n_inputs: int


def is_hgq(path: Path) -> bool:
    """Return whether a file is a Keras archive with layers of HGQ2."""
    if not zipfile.is_zipfile(path):
        return False
    with said_damage(path), zipfile.ZipFile(path) as archive:
        found = "config.json" in archive.namelist()
        return found and _MARK in archive_member(archive, "config.json", path, hdf5.MAX_CONFIG_BYTES)


def read_hgq(path: Path) -> HgqModel:
    """Read a model.

    Args:
        path: the ``.keras`` file.

    Returns:
        Its layers in the order of the data.

    Raises:
        ModelError: the file is damaged, or its layers are not a chain over a row of numbers.
    """
    with said_damage(path), opened_archive(path) as opened:
        if len(opened.flow.input_shape) != 1:
            raise ModelError(
                f"{str(path)!r} takes events of shape {opened.flow.input_shape!r}; only a row of numbers is imported from HGQ2."
            )
        allowance = hdf5.Allowance.of_a_file()
        layers = tuple(_layer(entry, opened, allowance) for entry in opened.flow.chain)
        return HgqModel(layers, opened.flow.input_shape[0])


def _layer(entry: Mapping[str, Any], opened: ModelArchive, allowance: hdf5.Allowance) -> HgqLayer:
    name = entry_name(entry)
    folder = opened.folders.get(name)
    arrays = hdf5.read_arrays(opened.root, folder, allowance) if folder else {}
    return HgqLayer(class_name(entry), name, entry["config"], {path.split("/", 1)[1]: array for path, array in arrays.items()})
