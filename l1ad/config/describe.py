"""Describe every key of the configuration, from the models themselves: to explain one, and as a JSON schema for editors."""

from __future__ import annotations

import enum
import functools
import inspect
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from l1ad.config.base import Section
from l1ad.config.load import Config
from l1ad.core.errors import ConfigError, nearest
from l1ad.core.fixed import FixedPoint

_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "nothing"}
_BOUNDS = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}


@dataclass(frozen=True, slots=True)
class Key:
    """Describe one key of the configuration.

    Attributes:
        name: the whole name, as ``training.teachers``; ``<name>`` stands for names of the user's own.
        text: what it means.
        takes: what it takes, in words.
        default: its value when left out, as YAML; None where it must be given.
        section: the model of what is below it, if it is a section.
    """

    name: str
    text: str
    takes: str
    default: str | None
    section: type[Section] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        below = [key.name for key in keys() if key.name.rpartition(".")[0] == self.name]
        default = "must be given" if self.default is None else self.default
        return {"key": self.name, "meaning": self.text, "takes": self.takes, "default": default, "keys": below}


@functools.cache
def keys() -> tuple[Key, ...]:
    """List every key, sections before what is in them."""
    return tuple(_walk(Config, ""))


def _walk(model: type[Section], prefix: str) -> Iterator[Key]:
    texts = _attributes(model)
    for name, info in model.model_fields.items():
        if name == "folder":
            continue
        below, step = _section(info.annotation)
        key = Key(f"{prefix}{name}", texts.get(name, ""), _takes(info), _default(info), below)
        yield key
        if below is not None:
            yield from _walk(below, f"{key.name}{step}.")


def _section(annotation: Any, step: str = "") -> tuple[type[Section] | None, str]:
    """Find the section that a field holds, and what stands between its name and the section's keys."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation, step
    arguments = get_args(annotation)
    origin = get_origin(annotation)
    here = ".<name>" if origin is dict else "[]" if origin is tuple else ""
    for argument in arguments:
        found = _section(argument, step + here)
        if found[0] is not None:
            return found
    return None, ""


def _attributes(model: type[Section]) -> dict[str, str]:
    """Read the section ``Attributes`` of a model's docstring, and of the sections it extends."""
    found: dict[str, str] = {}
    for described in reversed(model.__mro__):
        _, _, listed = inspect.cleandoc(described.__doc__ or "").partition(
            "Attributes:\n"
        )  # Python 3.13 takes the indent off itself
        joined = re.sub(r"\n {8,}", " ", listed)
        found |= {name: text.strip() for name, text in re.findall(r"^ {4}(\w+): (.*)$", joined, re.MULTILINE)}
    return found


def _takes(info: FieldInfo) -> str:
    bounds = [f"{sign} {getattr(m, name):g}" for m in info.metadata for name, sign in _BOUNDS.items() if hasattr(m, name)]
    return ", ".join([_words(Annotated[info.annotation, *info.metadata, None]), *bounds])


def _words(annotation: Any) -> str:
    """Phrase a type."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        taken = [m.json_schema_input_type for m in annotation.__metadata__ if isinstance(m, BeforeValidator)]
        return _words(taken[0] if taken and taken[0] is not PydanticUndefined else arguments[0])
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_words(argument) for argument in arguments)
    if origin is tuple:
        return "list of " + _words(arguments[0])
    if origin is dict:
        return f"mapping of names to {_words(arguments[1])}"
    if arguments:
        return _words(arguments[0])
    return _WORDS.get(annotation, "section")


def _default(info: FieldInfo) -> str | None:
    value = info.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return None
    return flow(plain_value(value))


def plain_value(value: Any) -> Any:
    """Turn a value of the configuration into what YAML has."""
    if isinstance(value, Section):
        return value.plain()
    if isinstance(value, tuple):
        return [plain_value(one) for one in value]
    if isinstance(value, enum.Enum):
        return value.value
    return str(value) if isinstance(value, FixedPoint) else value


def flow(value: Any) -> str:
    """Write a value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


def find_key(name: str) -> Key:
    """Find a key by its whole name, or by its last part where only one has it.

    Raises:
        ConfigError: no such key, or several; names the nearest.
    """
    known = {key.name: key for key in keys()}
    if name in known:
        return known[name]
    ends = [full for full in known if full.rpartition(".")[2] == name]
    if len(ends) > 1:
        raise ConfigError(f"Several sections have a key {name!r}: {', '.join(map(repr, ends))}; give one of these.")
    if not ends:
        raise ConfigError(f"The configuration has no key {name!r}; {_suggest(name, known)}")
    return known[ends[0]]


def _suggest(name: str, known: dict[str, Key]) -> str:
    """Suggest whole names that look like it, or whose last part does."""
    last = {full.rpartition(".")[2]: full for full in reversed(known)}
    return nearest(name.rpartition(".")[2], last) if "." not in name else nearest(name, known)


def schema() -> dict[str, Any]:
    """Return the configuration's JSON schema; editors complete and check by it."""
    made = Config.model_json_schema()
    made["properties"].pop("folder")
    models: list[type[Section]] = [Config, *(key.section for key in keys() if key.section is not None)]
    for model in models:
        entry = made if model is Config else made["$defs"][model.__name__]
        entry["description"] = (model.__doc__ or "").partition("\n")[0]
        for name, field in entry["properties"].items():
            field["description"] = _attributes(model)[name]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def resolved(config: Config) -> str:
    """Write a configuration with every key, those left out with their defaults, as YAML that reads as the same configuration.

    An imported model's without data has none here either.
    """
    plain = config.plain()
    if not config.data.background:
        del plain["data"]
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
