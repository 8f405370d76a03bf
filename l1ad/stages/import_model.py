"""Import a model made elsewhere: a Keras or QKeras file, or a firmware's sources, a scaling and, where the firmware has its own, types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.config.imported import ScalingFile, TypesFile, read_section
from l1ad.config.model import ScoreConfig
from l1ad.core.artefact import Draft
from l1ad.core.errors import ConfigError
from l1ad.core.identifier import shortened, word_fault
from l1ad.core.layout import ObjectLayout, load_layout
from l1ad.core.network import Network, Score
from l1ad.core.provenance import file_digest
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import FLOAT_FILE, KIND, NETWORK_FILE, FloatNetwork
from l1ad.hgq.archive import is_hgq, read_hgq
from l1ad.hgq.evaluate import check
from l1ad.hgq.network import assemble as hgq_network
from l1ad.importing.alkaid_file import is_alkaid, read_alkaid
from l1ad.importing.alkaid_network import network_of_alkaid
from l1ad.importing.assemble import network_of_sources
from l1ad.importing.folder import Sources, is_firmware, read_sources
from l1ad.importing.names import firmware_names
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.keras_file import KerasModel, read_model, require_file
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.importing.onnx_file import is_onnx, read_onnx
from l1ad.qkeras.importing.qonnx import calls_of_onnx
from l1ad.qkeras.importing.saved_model import is_saved_model, read_saved_model, saved_model_digest
from l1ad.rtl.saved import compared_with_alkaid


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and where to.

    Attributes:
        file: the model file, or the folder of a firmware's sources.
        layout: a layout's name or YAML file.
        scaling: offset and shift of every column; None takes those of a firmware's sources.
        name: the network's name.
        target: folder of the artefact, ``runs/<name>/model``.
        types: the firmware's types.
        score: which score the chip computes.
    """

    file: Path
    layout: str
    scaling: ScalingFile | None
    name: str
    target: Path
    types: TypesFile
    score: ScoreConfig

    @classmethod
    def from_options(
        cls,
        file: Path,
        *,
        layout: str,
        scaling: Path | None = None,
        types: Path | None = None,
        name: str | None = None,
        score: str = "latent_l2",
        runs: Path = Path("runs"),
    ) -> ImportRequest:
        """Make a request from what the command line gives.

        Raises:
            ConfigError: a file that cannot be read or says something wrong, or a name that is not a C identifier.
        """
        chosen = name or re.sub(r"\W", "_", file.stem)
        fault = word_fault(chosen)
        if fault is not None:
            raise ConfigError(f"A model's name {fault}, got {shortened(chosen)}; give --name.")
        try:
            spec = ScoreConfig(kind=score)  # type: ignore[arg-type]
        except ValueError:
            raise ConfigError(f"There is no score {score!r}; valid are {', '.join(kind.value for kind in Score)}.") from None
        return cls(
            file,
            layout,
            read_section(scaling, ScalingFile) if scaling is not None else None,
            chosen,
            runs / chosen / "model",
            read_section(types, TypesFile) if types is not None else TypesFile(),
            spec,
        )

    @classmethod
    def from_config(cls, config: Config) -> ImportRequest:
        """Make a request from a configuration whose ``model.kind`` is ``imported``.

        Raises:
            ConfigError: the configuration trains its own model.
        """
        if config.model.kind != "imported" or config.model.file is None:
            raise ConfigError(
                f"Configuration {config.name!r} has model.kind {config.model.kind!r}; set 'imported' and model.file."
            )
        scaling = None
        if config.scaling.shift is not None:
            given = {name: value for name, value in config.scaling.model_dump().items() if name in ScalingFile.model_fields}
            scaling = ScalingFile.model_validate(given)
        types = read_section(config.path(config.model.types), TypesFile) if config.model.types else TypesFile()
        file, out = config.path(config.model.file), config.run / "model"
        return cls(file, config.layout_source, scaling, config.name, out, types, config.score)


@dataclass(frozen=True, slots=True)
class ImportResult(StageResult):
    """What was imported: the artefact, whether it was made now, its shape and types."""


def import_model(request: ImportRequest, *, force: bool = False) -> ImportResult:
    """Read a model file, fold, quantise and write it as a model artefact.

    Nothing in the file is executed. A layer that is not understood or not exactly convertible is refused by name.

    Args:
        request: what to import.
        force: do it again even if nothing has changed.

    Returns:
        What was made.

    Raises:
        ModelError: the file cannot be read, or something in it is refused.
        LayoutError: model or scaling do not fit the layout.
        ConversionError: a type can wrap and the types file does not allow it.
    """
    layout, place = load_layout(request.layout), request.file
    sources = read_sources(place) if is_firmware(place) else None
    inputs = {"model_file": _digest(place) if sources is None else sources.digest}
    settings = {
        "name": request.name,
        "layout": layout.to_dict(),
        "scaling": None if request.scaling is None else request.scaling.plain(),
        "types": request.types.plain(),
        "score": request.score.plain(),
    }

    def write(draft: Draft) -> Summary:
        made = _from_file(request, layout) if sources is None else _from_sources(request, sources, layout)
        made.network.save(draft.path / NETWORK_FILE)
        if made.reference is not None:
            made.reference.save(draft.path / FLOAT_FILE)
        return _summary(request, made)

    code = "l1ad.stages.import_model"
    return run_stage(ImportResult, request.target, KIND, write, code=code, inputs=inputs, settings=settings, force=force)


@dataclass(frozen=True, slots=True)
class _Imported:
    """The exact network, the same in floating point where the file has such numbers, and the layers that have another name now."""

    network: Network
    reference: FloatNetwork | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    checked: Mapping[str, str] = field(default_factory=dict)


def _digest(place: Path) -> str:
    if is_saved_model(place):
        return saved_model_digest(place)
    require_file(place)
    return file_digest(place)


def _from_file(request: ImportRequest, layout: ObjectLayout) -> _Imported:
    if request.scaling is None:
        raise ConfigError(
            f"{str(request.file)!r} says no scaling; give it with --scaling, or as rule 'given' with shift and offset."
        )
    place = request.file
    if is_alkaid(place):
        return _from_alkaid(request, request.scaling, layout)
    if not place.is_dir() and is_hgq(place):
        return _from_hgq(request, request.scaling, layout)
    model = understand(_read(place))
    network, reference = assemble(request.name, model, layout, request.scaling, request.types, request.score)
    names = firmware_names(tuple(layer.name for layer in model.layers))
    return _Imported(network, reference, {own: new for own, new in names.items() if own != new})


def _from_hgq(request: ImportRequest, scaling: ScalingFile, layout: ObjectLayout) -> _Imported:
    network, reference = hgq_network(request.name, read_hgq(request.file), layout, scaling, request.types, request.score)
    return _Imported(network, reference, checked={"compared_with_keras": check(request.file, network)})


def _read(place: Path) -> KerasModel:
    """Read a model's layers from whatever holds them."""
    if place.is_dir():
        return read_saved_model(place)
    return calls_of_onnx(read_onnx(place)) if is_onnx(place) else read_model(place)


def _from_alkaid(request: ImportRequest, scaling: ScalingFile, layout: ObjectLayout) -> _Imported:
    if request.types != TypesFile():
        raise ConfigError(f"{str(request.file)!r} is a graph of alkaid, which says every type; import it without types.")
    network = network_of_alkaid(request.name, read_alkaid(request.file), layout, scaling, request.score)
    return _Imported(network, checked={"compared_with_alkaid": compared_with_alkaid(request.file, network)})


def _from_sources(request: ImportRequest, sources: Sources, layout: ObjectLayout) -> _Imported:
    if request.types != TypesFile():
        raise ConfigError(f"{str(request.file)!r} is a firmware, whose sources say every type; import it without types.")
    return _Imported(network_of_sources(request.name, sources, layout, request.scaling, request.score))


def _summary(request: ImportRequest, made: _Imported) -> dict[str, Any]:
    network = made.network
    return {
        "shape": network.shape,
        "score": network.score.kind.value,
        "imported_from": request.file.name,
        "input_type": str(network.scaling.type),
        "may_wrap": network.may_wrap,
        "network_digest": network.digest,
        "layers": {layer.name: str(layer.output) for layer in network.layers},
        "renamed": dict(made.renamed),
    } | dict(made.checked)
