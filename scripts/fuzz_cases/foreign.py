"""Hostile models of further forms: SavedModel folders, graphs of alkaid, ONNX files, spoilt in their values, their bytes or their sizes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from fuzz_cases import models
from fuzz_cases.texts import poisoned, spoilt, written
from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.network import Network
from l1ad.importing.alkaid_file import read_alkaid
from l1ad.importing.alkaid_network import network_of_alkaid
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.importing.onnx_file import read_onnx
from l1ad.qkeras.importing.qonnx import calls_of_onnx
from l1ad.qkeras.importing.saved_model import read_saved_model
from tests.networks import tiny_layout
from tests.qkeras.importing.handmade import (
    dense,
    entry,
    functional,
    onnx_model,
    onnx_node,
    onnx_tensor,
    source,
    write_saved_model,
)

_OPERATIONS: list[Any] = [
    *([[], -1, [i], [-8.0, 7.5, 0.5], 0, 0] for i in range(8)),
    [[0, 1], 0, [1], [-24.0, 22.5, 0.5], 0, 1],
    [[8], 3, [0], [-8.0, 7.0, 1.0], 0, 1],
    [[2, 9], 1, [0], [-16.0, 15.5, 0.5], 0, 1],
    [[10], 2, [], [0.0, 15.5, 0.5], 0, 1],
    [[3, 4, 10], 6, [0], [-8.0, 7.5, 0.5], 0, 1],
    [[11, 12], 11, [1, 0, 0, 2], [-32.0, 47.5, 0.5], 0, 1],
    [[13], -2, [], [-47.5, 32.0, 0.5], 0, 1],
]
_GRAPH: dict[str, Any] = {
    "model": [[8, 2], [0] * 8, [14, 11], [0, 1], [False, True], _OPERATIONS, -1, -1],
    "meta": "ALIRModel",
    "spec_version": 4,
}


def _changed(random: Random, graph: Any) -> Any:
    """Give one operation another code, other operands or another interval."""
    made = json.loads(json.dumps(graph))
    entry_ = random.choice(made["model"][5])
    number = random.choice((0, 1, 3, 7, 13, 99, -1, 2**31, 2**63, 10**30, 0.5, None, "x"))
    match random.randrange(4):
        case 0:
            entry_[1] = random.choice((*range(-3, 13), number))
        case 1:
            entry_[0] = [random.choice((number, random.randrange(15))) for _ in range(random.randrange(4))]
        case 2:
            entry_[2] = [number] * random.randrange(5)
        case _:
            entry_[3] = [random.choice((-1.0, 0.0, 1e300, float("nan"), 2.0**-200, 3.0, number)) for _ in range(3)]
    return made


def alkaid(random: Random) -> dict[str, bytes]:
    """Make a graph of alkaid."""
    graph = random.choice((_changed, _changed, poisoned))(random, _GRAPH)
    text = written(graph, "json")
    return {"g.json": spoilt(random, text, "json") if random.random() < 0.15 else text.encode("utf-8", "surrogatepass")}


def open_alkaid(folder: Path) -> str:
    """Import a graph of alkaid."""
    graph = read_alkaid(folder / "g.json")
    return _said(network_of_alkaid("m", graph, tiny_layout(), ScalingFile(shift=(2,) * 8), ScoreConfig(kind="latent_l2")))


def saved_model(random: Random) -> dict[str, bytes]:
    """Make the files of a SavedModel folder."""
    layers = [source(), dense("d0", 4), entry("Concatenate", "c"), dense("d1", 2)]
    config: Any = functional(*layers)
    config = poisoned(random, config) if random.random() < 0.3 else config
    arrays: dict[str, Any] = {
        f"layer_with_weights-{i}/{part}": np.array([random.uniform(-2, 2) for _ in range(int(np.prod(shape)))]).reshape(shape)
        for i, shapes in enumerate((((8, 4), (4,)), ((4, 2), (2,))))
        for part, shape in zip(("kernel", "bias"), shapes, strict=True)
    }
    if random.random() < 0.3:
        kind, shape = random.choice((1, 2, 3, 7, 9, 99)), random.choice(((2**20, 2**20), (2**62,), (0,), (4, 4), ()))
        arrays[random.choice(list(arrays))] = (kind, shape, bytes(random.randrange(64)))
    if random.random() < 0.1:
        arrays["layer_with_weights-1/bias"] = np.array([np.nan, 3e38])
    with tempfile.TemporaryDirectory() as made:
        folder = write_saved_model(Path(made) / "m", config, arrays, {f"layer_with_weights-{i}": f"d{i}" for i in range(2)})
        files = {file.name: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    spoil = random.choice((*files, None, None))
    return {name: models.damaged(random, data) if name == spoil and data else data for name, data in files.items()}


def open_saved_model(folder: Path) -> str:
    """Import a SavedModel folder."""
    (folder / "variables").mkdir(exist_ok=True)
    for file in folder.glob("variables.*"):
        file.rename(folder / "variables" / file.name)
    types = TypesFile(**models.TYPES)
    model = understand(read_saved_model(folder))
    return _said(assemble("m", model, tiny_layout(), ScalingFile(shift=(2,) * 8), types, ScoreConfig(kind="latent_l2"))[0])


def onnx(random: Random) -> dict[str, bytes]:
    """Make an ONNX file."""
    quant: dict[str, Any] = {"signed": 1, "narrow": 0, "rounding_mode": random.choice(("ROUND", "ROUND", "FLOOR", "CEIL", "x"))}
    nodes: list[list[Any]] = [
        ["Quant", ["x", "s", "z", "b"], ["q"], quant],
        ["Quant", ["w", "s", "z", "b"], ["k"], quant],
        ["MatMul", ["q", "k"], ["m"], {}],
        ["Add", ["m", "c"], ["a"], {}],
        ["Relu", ["a"], ["r"], {}],
        ["Quant", ["r", "s", "z", "b"], ["u"], quant],
        ["Concat", ["u", "q"], ["j"], {"axis": random.choice((1, -1, 0, 7))}],
        ["Quant", ["j", "s", "z", "b"], ["y"], quant],
    ]
    tensors: dict[str, Any] = {"s": 0.25, "z": 0.0, "b": 6.0, "w": np.ones((8, 2)), "c": np.array([0.5, -0.25])}
    for _ in range(random.randrange(3)):
        node, name = random.choice(nodes), random.choice(list(tensors))
        names = [*tensors, "x", "q", "m", "y", "", "nowhere"]
        match random.randrange(5):
            case 0:
                node[0] = random.choice(
                    ("Gemm", "Mul", "Trunc", "BipolarQuant", "Loop", "Reshape", "Flatten", "BatchNormalization", "é")
                )
            case 1:
                node[1] = [random.choice(names) for _ in range(random.randrange(6))]
            case 2:
                node[2] = [random.choice(names) for _ in range(random.randrange(3))]
            case 3:
                value = random.choice((0.0, np.nan, np.inf, 1e30, 1 / 3, -1.0, 2.0**40))
                tensors[name] = np.full((8, 2) if name == "w" else (), value)
            case _:
                tensors[name] = (random.choice((1, 6, 7, 10, 11, 99)), random.choice(((2**40,), (0,), (-1,), (4, 4))), bytes(16))
    made = [onnx_node(kind, reads, gives, **more) for kind, reads, gives, more in nodes]
    shape = random.choice(([1, 8],) * 5 + ([1, 2, 4], [8], [1, 2**62], [0, 0]))
    data = onnx_model(
        made, [onnx_tensor(name, values) for name, values in tensors.items()], ("x", shape), "y", random.choice((1, 2))
    )
    return {"m.onnx": models.damaged(random, data) if random.random() < 0.2 else data}


def open_onnx(folder: Path) -> str:
    """Import an ONNX file."""
    model = understand(calls_of_onnx(read_onnx(folder / "m.onnx")))
    return _said(assemble("m", model, tiny_layout(), ScalingFile(shift=(2,) * 8), TypesFile(), ScoreConfig(kind="latent_l2"))[0])


def _said(network: Network) -> str:
    return network.shape
