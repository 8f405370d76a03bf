"""Order the calls of a Keras model's layers as the data flows, from its configuration: from one input to one output, by any way between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.qkeras.importing.fields import class_name

Entry = Mapping[str, Any]
#: A layer's name and which of its calls.
Reference = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer.

    Attributes:
        entry: the layer's configuration.
        name: the layer's name; behind it, from the second use of a shared layer on, which one it is.
        sources: names of the calls it reads.
    """

    entry: Entry
    name: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """A model's calls and the shape of its input.

    Attributes:
        calls: each after those it reads; the first takes the input, the last gives the output.
        saved: the layers' configurations in the order of the file.
        input_shape: shape of an event, without the batch.
    """

    calls: tuple[Call, ...]
    saved: tuple[Entry, ...]
    input_shape: tuple[int, ...]

    @property
    def chain(self) -> tuple[Entry, ...]:
        """The layers' configurations where each reads the one before.

        Raises:
            ModelError: they branch, by name.
        """
        for call, before in zip(self.calls, (None, *self.calls), strict=False):
            wanted = () if before is None else (before.name,)
            if call.sources != wanted:
                raise ModelError(
                    f"Layer {entry_name(call.entry)!r} reads {list(call.sources)!r}; only a chain of layers is imported from HGQ2."
                )
        return tuple(call.entry for call in self.calls)


def read_flow(config: Entry, path: Path) -> Flow:
    """Order the calls of a model's layers.

    Args:
        config: the model's configuration.
        path: its file, for messages.

    Returns:
        The calls.

    Raises:
        ModelError: several inputs or outputs, a cycle, a call that is not understood, or a model that does not say what it takes.
    """
    kind = class_name(config)
    saved = tuple(config["config"]["layers"])
    _require_own_names(saved)
    if kind == "Sequential":
        names = [entry_name(entry) for entry in saved]
        calls = tuple(
            Call(entry, name, (before,) if before else ())
            for entry, name, before in zip(saved, names, ["", *names], strict=False)
        )
    elif kind in ("Functional", "Model"):
        calls = _in_order(saved, config["config"])
    else:
        raise ModelError(f"{str(path)!r} is a {kind!r}; only Sequential and Functional models are read, save it as one of them.")
    return Flow(calls, saved, _input_shape(config, calls))


def entry_name(entry: Entry) -> str:
    """Name a layer."""
    return str(entry["config"]["name"])


def _require_own_names(entries: tuple[Entry, ...]) -> None:
    seen = Counter(entry_name(entry) for entry in entries)
    for name, times in seen.items():
        if times > 1:
            raise ModelError(f"Two layers are called {name!r}; every layer of a model needs its own name.")


def _in_order(saved: tuple[Entry, ...], config: Entry) -> tuple[Call, ...]:
    calls = {(entry_name(entry), i): (entry, read) for entry in saved for i, read in enumerate(_calls(entry))}
    inputs = [reference for reference, (_, read) in calls.items() if not read]
    if len(inputs) != 1 or len(_references(config["input_layers"])) != 1:
        raise ModelError(
            f"The model has {len(inputs)} inputs {[name for name, _ in inputs]!r}; only one with a single input is imported."
        )
    outputs = _references(config["output_layers"])
    if len(outputs) != 1:
        raise ModelError(
            f"The model has {len(outputs)} outputs {[name for name, _ in outputs]!r}; save one that has a single output: only it is imported."
        )
    ordered = _sorted({reference: read for reference, (_, read) in calls.items()})
    _require_all_lead_to(outputs[0], {reference: calls[reference][1] for reference in ordered})
    return tuple(Call(calls[r][0], _call_name(r), tuple(map(_call_name, calls[r][1]))) for r in ordered)


def _sorted(reads: Mapping[Reference, tuple[Reference, ...]]) -> list[Reference]:
    for reference, read in reads.items():
        missing = next((source for source in read if source not in reads), None)
        if missing is not None:
            raise ModelError(f"Layer {reference[0]!r} reads {missing[0]!r}, which the model does not have; save it again.")
    try:
        return list(TopologicalSorter(dict(reads)).static_order())
    except CycleError as error:
        ring = " → ".join(name for name, _ in reversed(error.args[1]))
        raise ModelError(f"The layers {ring} read each other in a ring; only models without one can be imported.") from None


def _require_all_lead_to(output: Reference, reads: Mapping[Reference, tuple[Reference, ...]]) -> None:
    """Refuse a model that computes more than its output; sorted, the output is then its last call."""
    if output not in reads:
        raise ModelError(f"The model's output is {output[0]!r}, which is not one of its layers; save it again.")
    needed = {output}
    for reference in reversed(list(reads)):
        if reference in needed:
            needed |= set(reads[reference])
    left = sorted({name for name, _ in reads.keys() - needed})
    if left:
        raise ModelError(f"The model's output is {output[0]!r}, to which the layers {left!r} do not lead; save it without them.")


def _call_name(reference: Reference) -> str:
    name, call = reference
    return name if call == 0 else f"{name}_{call + 1}"


def _calls(entry: Entry) -> list[tuple[Reference, ...]]:
    """List what each call of a layer reads; an input reads nothing."""
    where, calls = f"Layer {entry_name(entry)!r}", entry.get("inbound_nodes") or []
    for key, value in _call_arguments(calls):
        if value not in (None, False):
            raise ModelError(f"{where} is called with {key}={value!r}, which is not understood; call it without.")
    return [tuple(_references(call)) for call in calls] or [()]


def _references(nodes: Any) -> list[Reference]:
    """Find the calls that tensors come from, in Keras 2's nested lists or Keras 3's dictionaries."""
    if isinstance(nodes, Mapping):
        history = nodes.get("keras_history") or (nodes.get("config") or {}).get("keras_history")
        return _references(list(history) if history else list(nodes.values()))
    if not isinstance(nodes, list):
        return []
    if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
        if nodes[2] != 0:
            raise ModelError(f"Output {nodes[2]!r} of layer {nodes[0]!r} is used; only layers with one output can be imported.")
        return [(nodes[0], nodes[1]), *(found for value in nodes[3:] for found in _references(value))]
    return [found for value in nodes for found in _references(value)]


def _call_arguments(calls: Any) -> list[tuple[str, Any]]:
    """Return the arguments by name of a layer's call: in Keras 2 behind each tensor, in Keras 3 under ``kwargs``."""
    if isinstance(calls, Mapping):
        return list((calls.get("kwargs") or {}).items())
    if not isinstance(calls, list):
        return []
    if calls and isinstance(calls[0], str):
        return [item for value in calls[3:] if isinstance(value, Mapping) for item in value.items()]
    return [item for value in calls for item in _call_arguments(value)]


def _input_shape(config: Entry, calls: tuple[Call, ...]) -> tuple[int, ...]:
    first = calls[0].entry if calls else {"config": {}}
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
