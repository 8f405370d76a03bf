"""Read a Keras file's layers and arrays, HDF5 (``.h5``, ``.hdf5``) or ``.keras``, with h5py, json and zipfile alone.

Links out of the file are not followed, arrays are read only as numbers and only up to a size, and no archive is unpacked to disk.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FloatArray
from l1ad.core.hdf5_heaps import file_heap_fault, heap_fault
from l1ad.core.json_text import parse_json
from l1ad.qkeras.importing import hdf5
from l1ad.qkeras.importing.fields import class_name
from l1ad.qkeras.importing.flow import Call, Entry, Flow, entry_name, read_flow
from l1ad.qkeras.importing.variables import name_by_order, name_by_path

#: Where Keras 3 and Keras 2 put the layers in an archive.
_ROOTS = ("layers", "_layer_checkpoint_dependencies")
#: What reading a damaged file can raise, in h5py, json, zipfile and in what looks into their results.
_DAMAGE = (
    OSError,
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    IndexError,
    RecursionError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True, slots=True, eq=False)
class LayerRecord:
    """A layer as the file describes it.

    Attributes:
        kind: Keras' class name, with its package if that is neither Keras nor QKeras.
        name: the layer's name.
        config: its configuration.
        arrays: its arrays by their last name: ``kernel``, ``bias``, ``gamma``, ``beta``, ``moving_mean``, ``moving_variance``.
        call: the layer's name and, from the second use of a shared layer on, which use this is.
        sources: the calls that it reads.
    """

    kind: str
    name: str
    config: Mapping[str, Any]
    arrays: Mapping[str, FloatArray]
    call: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class KerasModel:
    """A model as the file describes it.

    Attributes:
        layers: each use of a layer, after those that it reads; the last one gives the output.
        input_shape: shape of an event, without the batch.
    """

    layers: tuple[LayerRecord, ...]
    input_shape: tuple[int, ...]


def read_model(path: Path) -> KerasModel:
    """Read a model's layers in the order data flows through them.

    Args:
        path: the model file.

    Returns:
        One record a layer, and what the model takes.

    Raises:
        ModelError: the file is missing, too large, damaged or no Keras model, or its layers do not lead from one input to one output.
    """
    require_file(path)
    with said_damage(path):
        return _from_archive(path) if zipfile.is_zipfile(path) else _from_hdf5(path)


@contextmanager
def said_damage(path: Path) -> Iterator[None]:
    """Raise one sentence for a file that cannot be read, whatever the libraries raise.

    Raises:
        ModelError: it cannot.
    """
    try:
        yield
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{str(path)!r} is not a Keras model that can be read ({reason}); save it whole, with model.save('name.h5')."
        ) from None


def require_file(path: Path) -> None:
    """Refuse what is no file, or one too large to be a trigger network.

    Raises:
        ModelError: which of these it is.
    """
    if path.is_dir():
        raise ModelError(
            f"{str(path)!r} is a folder, but no SavedModel and no firmware's sources; give a Keras file, or the folder of one of these."
        )
    if not path.is_file():
        raise ModelError(f"There is no model file {str(path)!r}; give an HDF5 or .keras file.")
    if path.stat().st_size > hdf5.MAX_BYTES:
        raise ModelError(f"{str(path)!r} takes more than {hdf5.MAX_BYTES // 2**20} MB; this is not a trigger network.")


def _from_hdf5(path: Path) -> KerasModel:
    import h5py

    if fault := file_heap_fault(path):
        raise ValueError(fault)
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ModelError(
                f"{str(path)!r} holds no model configuration, only {sorted(file)[:5]!r}; save the whole model, not just its weights."
            )
        flow = read_flow(parse_json(hdf5.read_text(file, "model_config")), path)
        weights, allowance = hdf5.member(file, "model_weights"), hdf5.Allowance.of_a_file()

        def arrays(entry: Entry) -> Mapping[str, FloatArray]:
            name = entry_name(entry)
            return name_by_path(class_name(entry), name, hdf5.read_arrays(weights, name, allowance))

        return keras_model(flow, arrays)


def _from_archive(path: Path) -> KerasModel:
    with opened_archive(path) as opened:
        allowance = hdf5.Allowance.of_a_file()

        def arrays(entry: Entry) -> Mapping[str, FloatArray]:
            folder = opened.folders.get(entry_name(entry))
            found = hdf5.read_arrays(opened.root, folder, allowance) if folder else {}
            return name_by_order(class_name(entry), entry["config"], found)

        return keras_model(opened.flow, arrays)


def keras_model(flow: Flow, arrays: Callable[[Entry], Mapping[str, FloatArray]]) -> KerasModel:
    """Put the calls of a model and the arrays of its layers together.

    Args:
        flow: the calls.
        arrays: reads those of a layer; asked once for each layer.
    """
    found = {name: arrays(entry) for name, entry in {entry_name(call.entry): call.entry for call in flow.calls}.items()}
    return KerasModel(tuple(_record(call, found[entry_name(call.entry)]) for call in flow.calls), flow.input_shape)


@dataclass(frozen=True, slots=True, eq=False)
class ModelArchive:
    """An open ``.keras`` archive.

    Attributes:
        flow: its layers.
        root: the HDF5 group of the layers' folders; None where there is none.
        folders: each layer's folder, by its name.
    """

    flow: Flow
    root: Any
    folders: Mapping[str, str]


@contextmanager
def opened_archive(path: Path) -> Iterator[ModelArchive]:
    """Open a ``.keras`` archive.

    Raises:
        ModelError: it is none, or too large, or its layers do not lead from one input to one output.
    """
    import h5py

    with zipfile.ZipFile(path) as archive:
        flow = read_flow(parse_json(archive_member(archive, "config.json", path, hdf5.MAX_CONFIG_BYTES)), path)
        weights = archive_member(archive, "model.weights.h5", path, hdf5.MAX_BYTES)
    if fault := heap_fault(weights):
        raise ValueError(fault)
    with h5py.File(io.BytesIO(weights), "r") as file:
        root = next((group for name in _ROOTS if (group := hdf5.member(file, name)) is not None), None)
        yield ModelArchive(flow, root, _weight_folders(root, flow.saved, path))


def archive_member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    """Read a member of an archive.

    Raises:
        ModelError: there is none, or several, or it is too large.
    """
    if archive.namelist().count(name) != 1:
        raise ModelError(
            f"{str(path)!r} is not a Keras archive: it has {archive.namelist().count(name) or 'no'} {name!r}; "
            "save it with model.save('name.keras')."
        )
    if archive.getinfo(name).file_size > limit:
        raise ModelError(f"{name!r} in {str(path)!r} takes more than {limit // 2**20} MB; this is not a trigger network.")
    return archive.read(name)


def _record(call: Call, arrays: Mapping[str, FloatArray]) -> LayerRecord:
    entry = call.entry
    return LayerRecord(class_name(entry), entry_name(entry), entry["config"], arrays, call.name, call.sources)


def _weight_folders(root: Any, saved: tuple[Entry, ...], path: Path) -> dict[str, str]:
    """Find each layer's folder in a ``.keras`` archive.

    Newer Keras writes the layer's name beside its arrays. Older Keras calls a folder by its layer's class in snake case, numbered
    in the order of the configuration, whatever the layers are called.

    Raises:
        ModelError: a folder with arrays belongs to no layer.
    """
    names = {folder: _folder_name(root, folder) for folder in root or ()}
    by_name = {name: folder for folder, name in names.items() if name is not None}
    folders = by_name or _numbered_folders(saved)
    full = {folder for folder in names if len(hdf5.member(root, f"{folder}/vars") or ())}
    strays = sorted(full - {folders[name] for name in map(entry_name, saved) if name in folders})
    if strays or (by_name and len(by_name) < len(names)):
        raise ModelError(
            f"{str(path)!r} does not say which layers its arrays in {strays or sorted(names)!r} belong to; "
            "save it as HDF5, with model.save('name.h5')."
        )
    return folders


def _folder_name(root: Any, folder: str) -> str | None:
    variables = hdf5.member(root, f"{folder}/vars")
    return hdf5.read_text(variables, "name") if variables is not None and "name" in variables.attrs else None


def _numbered_folders(saved: tuple[Entry, ...]) -> dict[str, str]:
    seen: dict[str, int] = {}
    folders = {}
    for entry in saved:
        base = _snake(str(entry["class_name"]).split(">")[-1])
        folders[entry_name(entry)] = f"{base}_{seen[base]}" if base in seen else base
        seen[base] = seen.get(base, 0) + 1
    return folders


def _snake(name: str) -> str:
    """Write a class name as Keras does: ``QDenseBatchnorm`` becomes ``q_dense_batchnorm``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
