"""Read an ONNX file as plain data: nodes, constants, shapes (onnx/onnx.proto3). Nothing is run, no other file is opened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ad.core.errors import ModelError, reason_of
from l1ad.core.fixed import FloatArray
from l1ad.core.protobuf import Message, blobs, first, floats, integers, messages, parse_message, texts

#: Bytes of a file, and nodes and constants of a graph, at most.
MAX_BYTES, MAX_NODES = 64 * 2**20, 20_000
#: The kinds of numbers that are read, by ONNX' number.
_KINDS = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
_OWN_DOMAINS = ("", "ai.onnx")
Attribute = int | float | str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node.

    Attributes:
        kind: its operation, with its domain where that is not ONNX' own.
        name: its name; the first tensor it gives where it has none.
        reads: names of the tensors it reads, '' for one that is left out.
        gives: names of the tensors it gives.
        attributes: by name; those that are graphs or tensors are None.
    """

    kind: str
    name: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    attributes: Mapping[str, Attribute | None]


@dataclass(frozen=True, slots=True, eq=False)
class OnnxGraph:
    """A graph.

    Attributes:
        nodes: in their order.
        constants: tensors with values, by name, as float64.
        input_name: name of the one tensor that comes in.
        input_shape: its shape without the batch.
        output: name of the one tensor that goes out.
        versions: version of each domain of operations.
    """

    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, FloatArray]
    input_name: str
    input_shape: tuple[int, ...]
    output: str
    versions: Mapping[str, int]


def is_onnx(path: Path) -> bool:
    """Return whether a file's name is that of an ONNX file."""
    return path.suffix.lower() == ".onnx"


def read_onnx(path: Path) -> OnnxGraph:
    """Read a file.

    Args:
        path: the file.

    Returns:
        Its graph.

    Raises:
        ModelError: it cannot be read, is too large or damaged, or does not have one input and one output.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{str(path)!r} takes more than {MAX_BYTES // 2**20} MB; this is not a trigger network.")
        model = parse_message(path.read_bytes())
        graphs = messages(model, 7)
        if len(graphs) != 1:
            raise ValueError(f"it holds {len(graphs)} graphs")
        versions = {(texts(one, 1) or [""])[-1]: first(integers(one, 2)) for one in messages(model, 8)}
        return _graph(graphs[0], versions)
    except OSError as error:
        raise ModelError(f"Cannot read {str(path)!r}: {reason_of(error)}.") from None
    except (ValueError, IndexError, OverflowError) as error:
        raise ModelError(f"{str(path)!r} is no ONNX file ({error}); export the model again.") from None


def _graph(graph: Message, versions: Mapping[str, int]) -> OnnxGraph:
    found = messages(graph, 1)
    tensors = messages(graph, 5)
    if len(found) + len(tensors) > MAX_NODES:
        raise ModelError(f"The file has {len(found)} nodes and {len(tensors)} constants; this is not a trigger network.")
    constants = dict(map(_tensor, tensors))
    nodes = []
    for node in map(_node, found):
        value = _value_of(node)
        if value is None:
            nodes.append(node)
        else:
            constants[node.gives[0]] = value
    inputs = [(name, shape) for name, shape in map(_port, messages(graph, 11)) if name not in constants]
    outputs = [name for name, _ in map(_port, messages(graph, 12))]
    for ports, what in (([name for name, _ in inputs], "input"), (outputs, "output")):
        if len(ports) != 1:
            raise ModelError(f"The model has {len(ports)} {what}s {ports[:5]!r}; only one with a single {what} is imported.")
    return OnnxGraph(tuple(nodes), constants, *inputs[0], outputs[0], versions)


def _node(message: Message) -> OnnxNode:
    domain = (texts(message, 7) or [""])[-1]
    kind = (texts(message, 4) or [""])[-1]
    gives = tuple(texts(message, 2))
    name = (texts(message, 3) or [""])[-1] or (gives[0] if gives else kind)
    attributes = dict(map(_attribute, messages(message, 5)))
    return OnnxNode(kind if domain in _OWN_DOMAINS else f"{domain}.{kind}", name, tuple(texts(message, 1)), gives, attributes)


def _attribute(message: Message) -> tuple[str, Attribute | None]:
    name = texts(message, 1)[-1]
    match first(integers(message, 20)):
        case 1:
            return name, (floats(message, 2) or [0.0])[-1]
        case 2:
            return name, first(integers(message, 3))
        case 3:
            return name, (texts(message, 4) or [""])[-1]
        case 7:
            return name, tuple(integers(message, 8))
        case _:
            return name, None


def _value_of(node: OnnxNode) -> FloatArray | None:
    """Return the value of a Constant that is a plain number; others are refused where they are read."""
    if node.kind == "Constant" and node.gives:
        for key in ("value_float", "value_int"):
            value = node.attributes.get(key)
            if isinstance(value, int | float):
                return np.array(float(value))
    return None


def _tensor(message: Message) -> tuple[str, FloatArray]:
    name = (texts(message, 8) or [""])[-1]
    shape, kind = tuple(integers(message, 1)), first(integers(message, 2))
    if kind not in _KINDS:
        raise ModelError(f"Constant {name!r} holds no numbers (kind {kind} of ONNX); the file is not understood.")
    if first(integers(message, 14)) or blobs(message, 13):
        raise ModelError(f"Constant {name!r} lies in another file; a model file must hold its own arrays.")
    n = math.prod(shape)
    if min(shape, default=0) < 0 or n * 2 > MAX_BYTES:
        raise ModelError(f"Constant {name!r} has shape {shape!r}; this is not a trigger network.")
    values = _values(message, kind)
    if len(values) != n:
        raise ValueError(f"constant {name!r} of shape {shape!r} has {len(values)} values")
    return name, values.reshape(shape)


def _values(message: Message, kind: int) -> FloatArray:
    raw = blobs(message, 9)
    if raw:
        dtype = np.dtype(_KINDS[kind])
        return np.frombuffer(raw[-1][: len(raw[-1]) // dtype.itemsize * dtype.itemsize], dtype).astype(np.float64)
    if kind == 1:
        return np.array(floats(message, 4), dtype=np.float64)
    return np.array(integers(message, 5 if kind == 6 else 7), dtype=np.float64)


def _port(message: Message) -> tuple[str, tuple[int, ...]]:
    """Read an input or output: its name, and its shape without the batch."""
    name = texts(message, 1)[-1]
    shapes = [shape for type_ in messages(message, 2) for one in messages(type_, 1) for shape in messages(one, 2)]
    sizes = [first(integers(dim, 1)) for shape in shapes[-1:] for dim in messages(shape, 1)]
    return name, tuple(sizes[1:])
