"""Model files written by hand, as Keras writes them, for what Keras here cannot make: other versions, other packages, damage."""

import io
import json
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
