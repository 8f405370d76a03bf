"""Read a SavedModel folder that Keras 2 wrote: configuration from ``keras_metadata.pb``, arrays from the checkpoint; no function in it is run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.core.json_text import parse_json
from l1ad.core.protobuf import messages, parse_message, texts
from l1ad.core.provenance import file_digest
from l1ad.qkeras.importing import hdf5
from l1ad.qkeras.importing.bundle import read_variables
from l1ad.qkeras.importing.fields import class_name
from l1ad.qkeras.importing.flow import Entry, entry_name, read_flow
from l1ad.qkeras.importing.keras_file import KerasModel, keras_model, said_damage
from l1ad.qkeras.importing.variables import name_by_path

_METADATA = "keras_metadata.pb"
#: Where an object's value is, in a checkpoint's keys.
_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
#: How Keras calls the layers that have weights, in the object graph and in the checkpoint.
_WEIGHTED = "layer_with_weights-"


def is_saved_model(path: Path) -> bool:
    """Return whether a folder is a SavedModel."""
    return path.is_dir() and ((path / "saved_model.pb").is_file() or (path / _METADATA).is_file())


def saved_model_digest(path: Path) -> str:
    """Return the SHA-256 of the files that are read, in hex.

    Raises:
        ModelError: the folder says no configuration.
    """
    _require_metadata(path)
    files = [path / _METADATA, *sorted((path / "variables").glob("variables.*"))]
    return hashlib.sha256("".join(file_digest(file) for file in files).encode()).hexdigest()


def read_saved_model(path: Path) -> KerasModel:
    """Read a model's layers in the order data flows through them.

    Args:
        path: the folder.

    Returns:
        The layers with their arrays.

    Raises:
        ModelError: it has no configuration, is damaged or too large, or something in it is not understood.
    """
    _require_metadata(path)
    with said_damage(path):
        nodes = _nodes((path / _METADATA).read_bytes())
        if "root" not in nodes:
            raise ModelError(f"{str(path)!r} describes no model, only {sorted(nodes)[:5]!r}; save it with model.save('name.h5').")
        flow = read_flow(_plain(nodes["root"]), path)
        variables = read_variables(path / "variables", _VALUE, hdf5.Allowance.of_a_file())
        folders = _folders(nodes, variables, path)

        def arrays(entry: Entry) -> Mapping[str, FloatArray]:
            name = entry_name(entry)
            start = f"{folders.get(name, name)}/"
            own = {key: array for key, array in variables.items() if name in folders and key.startswith(start)}
            return name_by_path(class_name(entry), name, own)

        return keras_model(flow, arrays)


def _require_metadata(path: Path) -> None:
    file = path / _METADATA
    if not file.is_file():
        raise ModelError(
            f"{str(path)!r} is a SavedModel without {_METADATA}: it holds functions, which are not run, and no layers; load it where it was made and "
            "save it with model.save('name.h5')."
        )
    if file.stat().st_size > hdf5.MAX_CONFIG_BYTES:
        raise ModelError(f"{_METADATA!r} takes more than {hdf5.MAX_CONFIG_BYTES // 2**20} MB; this is not a trigger network.")


def _nodes(data: bytes) -> dict[str, Any]:
    """Read the descriptions of Keras' objects, by their path from the model (``root.layer_with_weights-0``)."""
    found = messages(parse_message(data), 1)
    if len(found) > hdf5.MAX_OBJECTS:
        raise ModelError(f"{_METADATA!r} describes more than {hdf5.MAX_OBJECTS} objects; this is not a trigger network.")
    return {path: parse_json(text) for node in found for path, text in zip(texts(node, 3), texts(node, 5), strict=True)}


def _plain(value: Any) -> Any:
    """Write tuples, which Keras marks, as lists."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__tuple__":
            return [_plain(item) for item in value["items"]]
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _folders(nodes: Mapping[str, Any], variables: Mapping[str, FloatArray], path: Path) -> dict[str, str]:
    """Return where each layer's arrays are in the checkpoint, by the layer's name, as the file says it.

    Raises:
        ModelError: arrays that belong to no layer, or two places for one.
    """
    start = f"root.{_WEIGHTED}"
    placed = {
        key.removeprefix("root."): str(node["name"])
        for key, node in nodes.items()
        if key.startswith(start) and "." not in key[len(start) :]
    }
    strays = {folder for key in variables if (folder := key.split("/", 1)[0]).startswith(_WEIGHTED)} - placed.keys()
    if strays or len(set(placed.values())) < len(placed):
        raise ModelError(
            f"{str(path)!r} does not say which layers its arrays in {sorted(strays or placed)!r} belong to; save it with model.save('name.h5')."
        )
    return {name: folder for folder, name in placed.items()}
