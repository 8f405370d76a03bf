"""Order a Keras model's layers as the data flow, from its configuration; whatever is not a chain from one input to one output is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.qkeras.importing.fields import class_name

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """A model's layers and the shape of its input.

    Attributes:
        entries: the layers' configurations in the order of the data.
        saved: the same in the order of the file.
        input_shape: shape of an event, without the batch.
    """

    entries: tuple[Entry, ...]
    saved: tuple[Entry, ...]
    input_shape: tuple[int, ...]


def read_chain(config: Entry, path: Path) -> Chain:
    """Order the layers of a model.

    Args:
        config: the model's configuration.
        path: its file, for messages.

    Returns:
        The chain.

    Raises:
        ModelError: it branches, shares a layer, has several inputs or outputs, or does not say what it takes.
    """
    kind = class_name(config)
    saved = tuple(config["config"]["layers"])
    _require_own_names(saved)
    if kind == "Sequential":
        entries = saved
    elif kind in ("Functional", "Model"):
        entries = _in_order(saved)
        _require_ends(config["config"], entries)
    else:
        raise ModelError(f"{str(path)!r} is a {kind!r}; only Sequential and Functional models are read, save it as one of them.")
    return Chain(entries, saved, _input_shape(config, entries))


def entry_name(entry: Entry) -> str:
    """Name a layer."""
    return str(entry["config"]["name"])


def _require_own_names(entries: tuple[Entry, ...]) -> None:
    names = [entry_name(entry) for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"Two layers are called {name!r}; every layer of a model needs its own name.")


def _in_order(layers: tuple[Entry, ...]) -> tuple[Entry, ...]:
    followers: dict[str, list[Entry]] = {}
    first: list[Entry] = []
    for entry in layers:
        source = _source(entry)
        (followers.setdefault(source, []) if source else first).append(entry)
    if len(first) != 1:
        raise ModelError(
            f"The model has {len(first)} inputs {[entry_name(e) for e in first]!r}; only a chain with one input can be imported."
        )
    ordered = [first[0]]
    while following := followers.get(entry_name(ordered[-1]), []):
        if len(following) > 1:
            raise ModelError(
                f"Layer {entry_name(ordered[-1])!r} feeds {[entry_name(entry) for entry in following]!r}; save the encoder alone: "
                "only a chain of layers can be imported."
            )
        ordered.append(following[0])
    left = sorted({entry_name(entry) for entry in layers} - {entry_name(entry) for entry in ordered})
    if left:
        raise ModelError(f"Layers {left!r} are not reached from the model's input; only a chain of layers can be imported.")
    return tuple(ordered)


def _source(entry: Entry) -> str | None:
    """Name the one layer that a layer reads; None for an input."""
    where, calls = f"Layer {entry_name(entry)!r}", entry.get("inbound_nodes") or []
    if len(calls) > 1:
        raise ModelError(f"{where} is used {len(calls)} times; a shared layer is not imported, make one layer for each use.")
    sources = _tensors(calls)
    if len(sources) > 1:
        raise ModelError(f"{where} has {len(sources)} inputs {sources!r}; only a chain of layers can be imported.")
    for key, value in _call_arguments(calls):
        if value not in (None, False):
            raise ModelError(f"{where} is called with {key}={value!r}, which is not understood; call it without.")
    return sources[0] if sources else None


def _tensors(nodes: Any) -> list[str]:
    """Find the names of the layers that tensors come from, in Keras 2's nested lists or Keras 3's dictionaries."""
    if isinstance(nodes, Mapping):
        history = nodes.get("keras_history") or (nodes.get("config") or {}).get("keras_history")
        return _tensors(list(history) if history else list(nodes.values()))
    if not isinstance(nodes, list):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
        if nodes[2] != 0:
            raise ModelError(f"Output {nodes[2]!r} of layer {nodes[0]!r} is used; only layers with one output can be imported.")
        return [nodes[0], *(name for value in nodes[3:] for name in _tensors(value))]
    return [name for value in nodes for name in _tensors(value)]


def _call_arguments(calls: Any) -> list[tuple[str, Any]]:
    """Return the arguments by name of a layer's call: in Keras 2 behind each tensor, in Keras 3 under ``kwargs``."""
    if isinstance(calls, Mapping):
        return list((calls.get("kwargs") or {}).items())
    if not isinstance(calls, list):
        return []
    if calls and isinstance(calls[0], str):
        return [item for value in calls[3:] if isinstance(value, Mapping) for item in value.items()]
    return [item for value in calls for item in _call_arguments(value)]


def _require_ends(config: Entry, entries: tuple[Entry, ...]) -> None:
    """Refuse a model of which the chain from its input to its last layer is not the whole."""
    for key, what, end in (("input_layers", "input", entries[0]), ("output_layers", "output", entries[-1])):
        names = _tensors(config[key])
        if len(names) != 1:
            raise ModelError(
                f"The model has {len(names)} {what}s {names!r}; save one that has a single {what}: only it is imported."
            )
        if names[0] != entry_name(end):
            raise ModelError(
                f"The model's {what} is {names[0]!r}, its chain of layers ends at {entry_name(end)!r}; save it again."
            )


def _input_shape(config: Entry, entries: tuple[Entry, ...]) -> tuple[int, ...]:
    first = entries[0] if entries else {"config": {}}
    said = (
        first["config"].get("batch_shape"),
        first["config"].get("batch_input_shape"),
        (first.get("build_config") or {}).get("input_shape"),
        (config.get("build_config") or {}).get("input_shape"),
        config["config"].get("build_input_shape"),
    )
    shape = next((value for value in said if value is not None), None)
    if not isinstance(shape, list) or len(shape) < 2 or not all(isinstance(n, int) and n > 0 for n in shape[1:]):
        raise ModelError(
            f"The model's input has shape {shape!r}, expected [None, number of inputs]; save it with an input layer of known shape."
        )
    return tuple(shape[1:])
