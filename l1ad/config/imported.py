"""Describe the two small files an import takes: the scaling, and the firmware's types where the model does not say them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import Field, ValidationError, model_validator

from l1ad.config.base import FixedType, InputSteps, Section, require_one_unit
from l1ad.core.errors import ConfigError, nearest
from l1ad.core.identifier import shortened
from l1ad.core.yaml_text import parse_yaml


class ScalingFile(InputSteps):
    """Offset and shift of every column; without offsets they are 0. The rest is as in a configuration's ``scaling``."""

    shift: tuple[int, ...] = Field(strict=False)
    offset: tuple[int, ...] | None = Field(None, strict=False)
    phi_reference: str | None = None
    min_pt_hw: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    min_pt_gev: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_unit(self) -> ScalingFile:
        require_one_unit(self.min_pt_hw, self.min_pt_gev)
        return self


class ImportedLayerTypes(Section):
    """A layer's types; what is left out comes from the model's quantisers, and sums without a type are kept in full."""

    weight: FixedType | None = None
    bias: FixedType | None = None
    accumulator: FixedType | None = None
    result: FixedType | None = None
    output: FixedType | None = None


class TypesFile(Section):
    """The types of a firmware.

    Attributes:
        input: type of the scaled input.
        layers: types by layer name.
        negative_slope: ``drop`` if the firmware makes leaky ReLUs plain ones, ``exact`` if it multiplies by the slope without rounding where Keras'
            float32 rounds otherwise.
        relu_upper_bound: ``apply`` or ``ignore``, where a file does not say whether QKeras applies a bound.
        may_wrap: whether types may wrap, as the firmware's own do.
    """

    input: FixedType | None = None
    layers: dict[str, ImportedLayerTypes] = Field(default_factory=dict)
    negative_slope: str = Field("refuse", pattern="^(refuse|drop|exact)$")
    relu_upper_bound: str = Field("refuse", pattern="^(refuse|apply|ignore)$")
    may_wrap: bool = False


Model = TypeVar("Model", bound=Section)


def read_section(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into one of these sections.

    Args:
        path: the file.
        model: ``ScalingFile`` or ``TypesFile``.

    Raises:
        ConfigError: no such file, not YAML, or a key or value that is wrong.
    """
    try:
        data = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}; give a YAML file.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must be a mapping with keys such as {list(model.model_fields)!r}, got {type(data).__name__}.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_phrase(error.errors()[0], model)}") from None


def _phrase(entry: Any, model: type[Section]) -> str:
    key = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        section = ImportedLayerTypes if len(entry["loc"]) > 1 else model
        return f"key {shortened(key)} is unknown; {nearest(str(entry['loc'][-1]), section.model_fields)}"
    if entry["type"] == "missing":
        return f"key {key!r} is missing; add it."
    return f"key {shortened(key)}: {entry['msg'].removeprefix('Value error, ').rstrip('.')}, got {shortened(entry['input'])}."
