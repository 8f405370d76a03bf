"""Read a Keras file's layers and arrays, HDF5 (``.h5``, ``.hdf5``) or ``.keras``, with h5py, json and zipfile alone.

Links out of the file are not followed, arrays are read only as numbers and only up to a size, and no archive is unpacked to disk.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray

#: Largest array, and largest member of an archive, that is read.
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class LayerRecord:
    """Hold a layer as the file describes it.

    Attributes:
        kind: Keras' class name.
        name: the layer's name.
        config: its configuration.
        arrays: its arrays by their last name: ``kernel``, ``bias``, ``gamma``, ``beta``, ``moving_mean``, ``moving_variance``.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    arrays: Mapping[str, FloatArray]


def read_layers(path: Path) -> list[LayerRecord]:
    """Read a model's layers in the order data flows through them.

    Args:
        path: the model file.

    Returns:
        One record a layer.

    Raises:
        ModelError: the file is missing, damaged or no Keras model, or its layers are no chain.
    """
    try:
        if zipfile.is_zipfile(path):
            return _from_archive(path)
        return _from_hdf5(path)
    except FileNotFoundError:
        raise ModelError(f"There is no model file {str(path)!r}; give an HDF5 or .keras file.") from None
    except (OSError, KeyError, TypeError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"{str(path)!r} is no Keras model that can be read ({reason}); save it whole, with model.save('name.h5')."
        ) from None


def _from_hdf5(path: Path) -> list[LayerRecord]:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ModelError(
                f"{str(path)!r} holds no model configuration, only {sorted(file)[:5]!r}; save the whole model, not just its weights."
            )
        config = json.loads(file.attrs["model_config"])
        entries = _chain(config, path)
        weights = file["model_weights"]
        return [_record(entry, _named_arrays(weights, _name(entry))) for entry in entries]


def _from_archive(path: Path) -> list[LayerRecord]:
    import h5py

    with zipfile.ZipFile(path) as archive:
        config = json.loads(_member(archive, "config.json", path))
        entries = _chain(config, path)
        with h5py.File(io.BytesIO(_member(archive, "model.weights.h5", path)), "r") as file:
            folders = _weight_folders(config)
            return [_record(entry, _numbered_arrays(file, folders[_name(entry)], entry)) for entry in entries]


def _member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    if name not in archive.namelist():
        raise ModelError(f"{str(path)!r} is no Keras archive: it has no {name!r}; save it with model.save('name.keras').")
    if archive.getinfo(name).file_size > MAX_BYTES:
        raise ModelError(f"{name!r} in {str(path)!r} takes more than {MAX_BYTES // 2**20} MB; this is no trigger network.")
    return archive.read(name)


def _record(entry: Mapping[str, Any], arrays: Mapping[str, FloatArray]) -> LayerRecord:
    return LayerRecord(str(entry["class_name"]).split(">")[-1], _name(entry), entry["config"], arrays)


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["config"]["name"])


def _chain(config: Mapping[str, Any], path: Path) -> list[Mapping[str, Any]]:
    """Give the layers in the order of the data; refuse what branches."""
    layers = list(config["config"]["layers"])
    if config["class_name"] == "Sequential":
        return layers
    if config["class_name"] not in ("Functional", "Model"):
        raise ModelError(
            f"{str(path)!r} is a {config['class_name']!r}; only Sequential and Functional models are read, save it as one of them."
        )
    for entry in layers:
        sources = _sources(entry.get("inbound_nodes", []))
        if len(sources) > 1:
            raise ModelError(
                f"Layer {_name(entry)!r} has {len(sources)} inputs {sources!r}; only a chain of layers can be imported."
            )
    return _in_order(layers)


def _in_order(layers: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    followers: dict[str, list[Mapping[str, Any]]] = {}
    first: list[Mapping[str, Any]] = []
    for entry in layers:
        sources = _sources(entry.get("inbound_nodes", []))
        (followers.setdefault(sources[0], []) if sources else first).append(entry)
    if len(first) != 1:
        raise ModelError(f"The model has {len(first)} inputs; only a chain with one input can be imported.")
    ordered = [first[0]]
    while following := followers.get(_name(ordered[-1]), []):
        if len(following) > 1:
            names = [_name(entry) for entry in following]
            raise ModelError(
                f"Layer {_name(ordered[-1])!r} feeds {names!r}; save the encoder alone: only a chain of layers can be imported."
            )
        ordered.append(following[0])
        if len(ordered) > len(layers):
            raise ModelError(f"The layers form a ring at {_name(ordered[-1])!r}; only a chain of layers can be imported.")
    return ordered


def _sources(nodes: Any) -> list[str]:
    """Find the names of the layers a layer reads, in Keras 2's nested lists or Keras 3's dictionaries."""
    if isinstance(nodes, Mapping):
        history = nodes.get("keras_history") or nodes.get("config", {}).get("keras_history")
        if history:
            return [str(history[0])]
        return [name for value in nodes.values() for name in _sources(value)]
    if isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            return [nodes[0]]
        return [name for value in nodes for name in _sources(value)]
    return []


def _weight_folders(config: Mapping[str, Any]) -> dict[str, str]:
    """Name each layer's folder in a ``.keras`` archive: its class in snake case, numbered by occurrence."""
    seen: dict[str, int] = {}
    folders = {}
    for entry in config["config"]["layers"]:
        base = _snake(str(entry["class_name"]).split(">")[-1])
        folders[_name(entry)] = f"{base}_{seen[base]}" if base in seen else base
        seen[base] = seen.get(base, 0) + 1
    return folders


def _snake(name: str) -> str:
    """Write a class name as Keras does: ``QDenseBatchnorm`` becomes ``q_dense_batchnorm``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _named_arrays(weights: Any, layer: str) -> dict[str, FloatArray]:
    """Read an HDF5 file's arrays of one layer; their paths end in ``kernel:0`` and the like."""
    found: dict[str, FloatArray] = {}
    if layer in weights:
        for name, node in _arrays_below(weights, layer):
            found[name.rsplit("/", 1)[-1].split(":")[0]] = _numbers(node, name)
    return found


def _arrays_below(group: Any, key: str) -> list[tuple[str, Any]]:
    import h5py

    link = group.get(key, getlink=True)
    if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
        raise ModelError(f"{key!r} is a link to somewhere else; a model file must hold its own arrays.")
    node = group[key]
    if isinstance(node, h5py.Dataset):
        return [(key, node)]
    return [(f"{key}/{name}", array) for child in node for name, array in _arrays_below(node, child)]


def _numbered_arrays(file: Any, folder: str, entry: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Read a ``.keras`` archive's arrays of one layer; they are numbered in the order Keras makes them."""
    for root in ("_layer_checkpoint_dependencies", "layers"):
        for key in (_name(entry), folder):
            if root in file and key in file[root]:
                paths = dict(_arrays_below(file[root], key))
                return _by_order({name: _numbers(node, name) for name, node in paths.items()}, entry["config"])
    return {}


def _by_order(arrays: Mapping[str, FloatArray], config: Mapping[str, Any]) -> dict[str, FloatArray]:
    own = [a for name, a in sorted(arrays.items()) if re.search(r"/vars/\d+$", name) and name.count("/") == 2 and a.ndim]
    nested = [a for name, a in sorted(arrays.items()) if name.count("/") > 2 and a.ndim]
    statistics = [
        name
        for name, there in (
            ("gamma", config.get("scale", True)),
            ("beta", config.get("center", True)),
            ("moving_mean", True),
            ("moving_variance", True),
        )
        if there
    ]
    if own and own[0].ndim == 2:
        return dict(zip(("kernel", "bias"), own, strict=False)) | dict(zip(statistics, nested, strict=False))
    return dict(zip(statistics, own, strict=False))


def _numbers(node: Any, name: str) -> FloatArray:
    import h5py

    if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "fiu":
        raise ModelError(f"Array {name!r} holds no numbers (dtype {getattr(node, 'dtype', None)!s}); the file is not understood.")
    if node.is_virtual or node.external:
        raise ModelError(f"Array {name!r} lies in another file; a model file must hold its own arrays.")
    if node.nbytes > MAX_BYTES:
        raise ModelError(f"Array {name!r} takes {node.nbytes // 2**20} MB; this is no trigger network.")
    return np.asarray(node[()], dtype=np.float64)
