"""Model files written by hand, as Keras writes them, for what Keras here cannot make: other versions, other packages, damage."""

import io
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

BITS = {"class_name": "quantized_bits", "config": {"bits": 8, "integer": 3, "alpha": 1}}


def entry(kind: str, name: str, **config: Any) -> dict[str, Any]:
    """Return a layer's configuration; keys of the entry itself are set by the caller."""
    return {"class_name": kind, "config": {"name": name, **config}}


def dense(name: str, units: int = 2, kind: str = "QDense", **config: Any) -> dict[str, Any]:
    return entry(kind, name, **{"units": units, "kernel_quantizer": BITS, "bias_quantizer": BITS} | config)


def source(shape: tuple[int, ...] = (8,)) -> dict[str, Any]:
    return entry("InputLayer", "entry", batch_input_shape=[None, *shape])


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}}


def functional(*layers: Mapping[str, Any], outputs: list[str] | None = None) -> dict[str, Any]:
    """Return a chain of layers as a functional model, in Keras 2's way."""
    names = [layer["config"]["name"] for layer in layers]
    chained = [
        {**layer, "name": name, "inbound_nodes": [[[before, 0, 0, {}]]] if before else []}
        for layer, name, before in zip(layers, names, [None, *names], strict=False)
    ]
    ends = {"input_layers": [[names[0], 0, 0]], "output_layers": [[name, 0, 0] for name in outputs or names[-1:]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": chained} | ends}


def write_h5(path: Path, config: Mapping[str, Any], arrays: Mapping[str, Any]) -> Path:
    """Write an HDF5 file; the arrays' keys are paths below ``model_weights``."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        for key, values in arrays.items():
            weights[key] = np.asarray(values, dtype=np.float32)
    return path


def write_keras(
    path: Path, config: Mapping[str, Any], folders: Mapping[str, list[Any]], names: Mapping[str, str], root: str = "layers"
) -> Path:
    """Write a ``.keras`` archive: arrays by folder, and the layers' names that newer Keras puts beside them."""
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        for folder, arrays in folders.items():
            group = file.create_group(f"{root}/{folder}/vars")
            if folder in names:
                group.attrs["name"] = names[folder]
            for i, values in enumerate(arrays):
                group[str(i)] = np.asarray(values, dtype=np.float32)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", held.getvalue())
    return path


def field(number: int, value: int | bytes) -> bytes:
    """Write one field of a protocol buffer: a varint, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def crc32c(data: bytes) -> int:
    """Compute CRC-32C bit by bit, and mask it as TensorFlow does."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF


def table(entries: Mapping[bytes, bytes]) -> bytes:
    """Write a sorted table as LevelDB does: one block of entries, one of handles, a footer."""

    def block(pairs: Mapping[bytes, bytes]) -> bytes:
        body = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in sorted(pairs.items()))
        return body + bytes(4) + (1).to_bytes(4, "little")

    first = block(entries)
    second = block({b"z": varint(0) + varint(len(first))})
    handles = varint(0) + varint(0) + varint(len(first) + 5) + varint(len(second))
    return first + bytes(5) + second + bytes(5) + handles.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def write_saved_model(folder: Path, config: Mapping[str, Any], arrays: Mapping[str, Any], names: Mapping[str, str]) -> Path:
    """Write a SavedModel folder as Keras 2 does.

    Args:
        folder: where to.
        config: the model's configuration.
        arrays: by checkpoint key without its end, ``layer_with_weights-0/kernel``; an array, or kind, shape, bytes and offset that lie.
        names: layer by its part of the key.
    """
    (folder / "variables").mkdir(parents=True)
    nodes = {"root": config} | {f"root.{part}": {"class_name": "QDense", "name": name} for part, name in names.items()}
    described = [
        field(2, i) + field(3, path.encode()) + field(5, json.dumps(node).encode())
        for i, (path, node) in enumerate(nodes.items())
    ]
    (folder / "keras_metadata.pb").write_bytes(b"".join(field(1, node) for node in described))
    data, entries = b"", {b"": field(1, 1), b"_CHECKPOINTABLE_OBJECT_GRAPH": field(1, 7) + field(5, 3)}
    for key, values in arrays.items():
        kind, shape, piece = (1, values.shape, values.astype("<f4").tobytes()) if isinstance(values, np.ndarray) else values
        dims = b"".join(field(2, field(1, size)) for size in shape)
        size = math.prod(shape) * 4 if kind == 1 else len(piece)
        place = field(4, len(data)) + field(5, size) + varint(6 << 3 | 5) + crc32c(piece).to_bytes(4, "little")
        entries[f"{key}/.ATTRIBUTES/VARIABLE_VALUE".encode()] = field(1, kind) + field(2, dims) + place
        data += piece
    (folder / "variables/variables.index").write_bytes(table(entries))
    (folder / "variables/variables.data-00000-of-00001").write_bytes(data)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def attribute(name: str, value: Any) -> bytes:
    """Write an attribute of an ONNX node."""
    head = field(1, name.encode())
    if isinstance(value, float):
        return head + varint(2 << 3 | 5) + np.float32(value).tobytes() + field(20, 1)
    if isinstance(value, int):
        return head + field(3, value % 2**64) + field(20, 2)
    if isinstance(value, str):
        return head + field(4, value.encode()) + field(20, 3)
    return head + b"".join(field(8, number % 2**64) for number in value) + field(20, 7)


def onnx_node(kind: str, reads: list[str], gives: list[str], **attributes: Any) -> bytes:
    """Write a node of an ONNX graph; QONNX' operations get their domain."""
    own = "qonnx.custom_op.general" if kind in ("Quant", "IntQuant", "BipolarQuant", "Trunc") else ""
    names = b"".join(field(1, name.encode()) for name in reads) + b"".join(field(2, name.encode()) for name in gives)
    rest = b"".join(field(5, attribute(name, value)) for name, value in attributes.items())
    return names + field(4, kind.encode()) + rest + field(7, own.encode())


def onnx_tensor(name: str, values: Any, *, outside: bool = False) -> bytes:
    """Write a constant of an ONNX graph: an array, or kind, shape and bytes that lie."""
    if isinstance(values, tuple):
        kind, shape, data = values
    else:
        kind, shape, data = 1, np.shape(values), np.asarray(values, dtype="<f4").tobytes()
    dims = b"".join(field(1, size % 2**64) for size in shape)
    return dims + field(2, kind) + field(8, name.encode()) + field(9, data) + (field(14, 1) if outside else b"")


def onnx_model(nodes: list[bytes], tensors: list[bytes], given: tuple[str, list[int]], output: str, version: int = 1) -> bytes:
    """Write an ONNX file."""
    dims = b"".join(field(1, field(1, size)) for size in given[1])
    port = field(1, given[0].encode()) + field(2, field(1, field(1, 1) + field(2, dims)))
    parts = [field(1, node) for node in nodes] + [field(5, tensor) for tensor in tensors]
    graph = b"".join(parts) + field(11, port) + field(12, field(1, output.encode()))
    opsets = [field(1, name) + field(2, number) for name, number in ((b"", 13), (b"qonnx.custom_op.general", version))]
    return field(1, 8) + field(7, graph) + b"".join(field(8, one) for one in opsets)
