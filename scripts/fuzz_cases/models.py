"""Hostile model files: HDF5 and archives that lie about sizes, lead elsewhere, hold code, or numbers that are none."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import h5py
import numpy as np

from fuzz_cases.texts import CANARY, name, poisoned, value, written
from tests.qkeras.importing.handmade import dense, entry, functional, sequential, source

#: Code as Keras 2 keeps that of a Lambda layer: who loads it runs it.
_CODE = base64.b64encode(marshal.dumps(compile(f"__import__('os').system('touch {CANARY}')", "x", "eval"))).decode()
SCALING = {"shift": [2] * 8, "offset": [0] * 8}
TYPES = {
    "input": "ap_fixed<8,4>",
    "layers": {n: dict.fromkeys(("weight", "bias", "output"), "ap_fixed<8,4>") for n in ("d0", "d1")},
    "may_wrap": True,
}


class Runs:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> Any:
        return eval, (f"__import__('os').system('touch {CANARY}')",)


def model(random: Random) -> dict[str, bytes]:
    """Make a model file and the scaling and types it is imported with."""
    layers = [source(), dense("d0", 4), dense("d1", 2)]
    config = random.choice((sequential, functional))(*layers)
    if random.random() < 0.5:
        config = poisoned(random, config) if random.random() < 0.7 else _with_foreign(random, config)
    arrays = {"d0/d0/kernel:0": (8, 4), "d0/d0/bias:0": (4,), "d1/d1/kernel:0": (4, 2), "d1/d1/bias:0": (2,)}
    made = {key: _numbers(random, shape) for key, shape in arrays.items()}
    data, suffix = _archive(random, config, made) if random.random() < 0.4 else (_hdf5(random, config, made), "h5")
    data = damaged(random, data) if random.random() < 0.25 else data
    return {
        f"m.{suffix}": data,
        "scaling.yaml": written(SCALING, "yaml").encode(),
        "types.yaml": written(TYPES, "yaml").encode(),
    }


def _with_foreign(random: Random, config: Any) -> Any:
    """Put a layer of another kind in: one that holds code, one of another package, one inside another."""
    layers = (
        entry("Lambda", "l", function=[_CODE, None, None], function_type="lambda", module="os"),
        {**entry("Lambda", "l"), "module": "os", "registered_name": "os>system"},
        entry("TFOpLambda", "l", function="io.read_file"),
        {"class_name": "function", "config": "system", "module": "os", "registered_name": None},
        entry("Functional", "l", layers=[entry("Lambda", "ll", function=[_CODE])]),
        entry(name(random), name(random)),
        dense("d2", 2, activation={"class_name": "Lambda", "config": _CODE}),
        dense("d2", 2, kernel_quantizer=f"__import__('os').system('touch {CANARY}')"),
        dense("d2", 2, activation=f"quantized_relu(__import__('os').system('touch {CANARY}'))"),
        dense("d2", random.choice((10**9, 2**63, -1, 1.5, "2", None, True))),
    )
    config["config"]["layers"].insert(random.randrange(4), random.choice(layers))
    return config


def _numbers(random: Random, shape: tuple[int, ...]) -> Any:
    made = np.array([random.uniform(-2, 2) for _ in range(int(np.prod(shape)))], np.float32).reshape(shape)
    if random.random() < 0.15:
        made.flat[0] = random.choice((np.nan, np.inf, -np.inf, 3e38, 1e-45))
    if random.random() < 0.1:
        made = random.choice(
            (made.astype(np.complex64), made.astype("S9"), made > 0, made[..., None], made[:1], made.astype(np.float16))
        )
    return made


def _hdf5(random: Random, config: Any, arrays: dict[str, Any], root: str = "model_weights") -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as file:
        if root == "model_weights":
            text = written(config, "json")
            file.attrs["model_config"] = text if len(text) < 60_000 else text[:60_000]
        group = file.create_group(root)
        for key, values in arrays.items():
            group[key] = values
        if random.random() < 0.5:
            twisted(random, group, list(arrays))
    return held.getvalue()


def twisted(random: Random, group: Any, keys: list[str]) -> None:
    """Put something in the place of an array, or beside it, that only looks like one."""
    key = random.choice(keys)
    place = random.choice((key, f"{key.rpartition('/')[0]}/more".lstrip("/")))
    if place in group:
        del group[place]
    random.choice((_giant, _chunk, _soft, _outside, _virtual, _texts, _objects, _records, _ring, _external, _attribute, _empty))(
        group, place
    )


def _giant(group: Any, key: str) -> None:
    group.create_dataset(key, (2**20, 2**20), "f4", chunks=(256, 256), compression="gzip")


def _chunk(group: Any, key: str) -> None:
    group.create_dataset(key, (2, 2), "f4", maxshape=(None, None), chunks=(2**14, 2**14), compression="gzip")


def _soft(group: Any, key: str) -> None:
    group[key] = h5py.SoftLink("/model_weights")


def _outside(group: Any, key: str) -> None:
    group[key] = h5py.ExternalLink("/etc/passwd", "/")


def _virtual(group: Any, key: str) -> None:
    layout = h5py.VirtualLayout((8, 4), "f4")
    layout[:] = h5py.VirtualSource("../other.h5", "x", (8, 4))
    group.create_virtual_dataset(key, layout)


def _external(group: Any, key: str) -> None:
    group.create_dataset(key, (8,), "f4", external=[("/etc/passwd", 0, 32)])


def _texts(group: Any, key: str) -> None:
    group.create_dataset(key, data=["a", "b"], dtype=h5py.string_dtype())


def _objects(group: Any, key: str) -> None:
    group.create_dataset(key, data=np.frombuffer(pickle.dumps(Runs()), np.uint8))


def _records(group: Any, key: str) -> None:
    group.create_dataset(key, data=np.zeros(2, [("a", "f4"), ("b", "i8", (3,))]))


def _ring(group: Any, key: str) -> None:
    group[key] = group


def _attribute(group: Any, key: str) -> None:
    group.file.attrs.create("model_config", np.zeros(1000))


def _empty(group: Any, key: str) -> None:
    group.create_dataset(key, data=h5py.Empty("f4"))


def _archive(random: Random, config: Any, arrays: dict[str, Any]) -> tuple[bytes, str]:
    """Make a ``.keras`` archive, or one that unpacks to more, leads elsewhere, or says what is not so."""
    by_folder = {f"q_dense{'_1' if key.startswith('d1') else ''}/vars/{i % 2}": v for i, (key, v) in enumerate(arrays.items())}
    members = {
        "config.json": written(config, "json").encode("utf-8", "surrogatepass"),
        "model.weights.h5": _hdf5(random, config, by_folder, "layers"),
        "metadata.json": b"{}",
    }
    trick = random.choice((None, None, *_ARCHIVES))
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        if trick is not None:
            trick(archive, members)
        for member, data in members.items():
            archive.writestr(member, data)
    return held.getvalue(), "keras"


def _bomb(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    members["config.json"] = b" " * 60_000_000


def _bomb_of_weights(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    members["model.weights.h5"] += bytes(270_000_000)


def _leads_out(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    archive.writestr(f"../../{CANARY}", b"x")
    archive.writestr(f"/tmp/{CANARY}", b"x")


def _twice(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    archive.writestr("config.json ", b"{}")
    members["CONFIG.JSON"] = members.pop("config.json")


def _many(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    for i in range(3000):
        archive.writestr(f"f{i}", b"")


def _link(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    info = zipfile.ZipInfo("model.weights.h5")
    info.external_attr = 0o120777 << 16
    del members["model.weights.h5"]
    archive.writestr(info, "/etc/passwd")


def _pickled(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    members["config.json"] = pickle.dumps(Runs())


def _short(archive: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    members["model.weights.h5"] = zlib.compress(members["model.weights.h5"])


_ARCHIVES: tuple[Callable[[zipfile.ZipFile, dict[str, bytes]], None], ...] = (
    *(_bomb, _bomb_of_weights, _leads_out, _twice, _many, _link, _pickled, _short),
)


def damaged(random: Random, data: bytes) -> bytes:
    """Cut a file, or change bytes of it."""
    if random.random() < 0.3:
        return data[: random.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(random.choice((1, 5, 50))):
        changed[random.randrange(min(len(changed), 4096))] = random.randrange(256)
    return bytes(changed)


def arrays_file(random: Random, arrays: dict[str, Any]) -> bytes:
    """Make an ``.npz`` file of arrays, or one that lies about them."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, values in arrays.items():
            archive.writestr(f"{key}.npy", array_file(random, values))
    return damaged(random, held.getvalue()) if random.random() < 0.2 else held.getvalue()


def array_file(random: Random, values: Any) -> bytes:
    """Make a ``.npy`` file of an array, or one whose head lies or whose body is code."""
    held = io.BytesIO()
    np.save(held, values)
    data = held.getvalue()
    match random.randrange(16):
        case 0:
            return pickle.dumps(Runs())
        case 1:
            held = io.BytesIO()
            np.save(held, np.array([Runs()], dtype=object), allow_pickle=True)
            return held.getvalue()
        case 2:
            return _head("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }") + bytes(64)
        case 3:
            return _head(f"{{'descr': '<f8', 'fortran_order': False, 'shape': (__import__('os').system('touch {CANARY}'),), }}")
        case 4:
            return _head("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }") + bytes(64)
        case 5:
            return _head("{" * 9000)
        case 6:
            return data + bytes(300_000_000)
        case 7:
            return damaged(random, data)
    return data


def _head(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def description(random: Random, data: Any) -> bytes:
    """Write plain data as JSON with something wrong in it."""
    return json.dumps(poisoned(random, data) if random.random() < 0.8 else value(random), default=str).encode(
        "utf-8", "surrogatepass"
    )
