"""Write frozen data classes as the plain data of a file, and read them back: the class is the only place that names the keys.

A key that is missing, unknown or holds another type is one sentence: what one version of ``l1ad`` renames can then not be read by another as
something that is absent.
"""

from __future__ import annotations

import dataclasses
import enum
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self, Union, get_args, get_origin, get_type_hints

from l1ad.core.errors import ArtefactError, reason_of
from l1ad.core.json_text import parse_json

_SCALARS: dict[type, tuple[type, ...]] = {bool: (bool,), int: (int,), float: (int, float), str: (str,)}


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where plain data are from, for sentences.

    Attributes:
        file: the file.
        writer: the command that writes it, as ``'l1ad csim'``.
    """

    file: Path
    writer: str

    def json(self) -> Any:
        """Read the file.

        Raises:
            ArtefactError: it is not there or is not JSON.
        """
        try:
            return parse_json(self.file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ArtefactError(f"Cannot read {str(self.file)!r}: {reason_of(error)}; run {self.writer} again.") from None
        except ValueError as error:
            raise ArtefactError(f"{str(self.file)!r} is damaged ({error}); run {self.writer} again.") from None

    def misfit(self, what: str) -> ArtefactError:
        """Say what is wrong with the file."""
        return ArtefactError(
            f"{str(self.file)!r} {what}; another version of l1ad wrote it, or it was changed: run {self.writer} again."
        )


class Plain:
    """A frozen data class that a file or a manifest holds as plain data, under the names of its fields.

    ``DERIVED`` names the properties that are written as well, for whoever reads the file with other programs. A class with ``PART``
    describes some of the entries of a larger whole, and leaves the others alone.
    """

    __slots__ = ()
    DERIVED: ClassVar[tuple[str, ...]] = ()
    PART: ClassVar[bool] = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        data: dict[str, Any] = plain(self)
        return data

    @classmethod
    def read(cls, data: object, place: Origin) -> Self:
        """Read what ``to_dict`` gave.

        Raises:
            ArtefactError: a key is missing, unknown or of another type; names it and the file.
        """
        made: Self = _read(cls, data, "", place)
        return made


def plain(value: Any) -> Any:
    """Return plain data for JSON."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        names = (*(field.name for field in dataclasses.fields(value)), *getattr(value, "DERIVED", ()))
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def _read(kind: Any, data: Any, at: str, place: Origin) -> Any:
    """Read a value of a type at a place."""
    if kind is Any:
        return data
    if dataclasses.is_dataclass(kind):
        return _object(kind, data, at, place)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        given = next(one for one in inner if one is not type(None))
        return None if data is None else _read(given, data, at, place)
    if origin is tuple:
        return _items(inner, data, at, place)
    if origin is not None:
        entries = _of_type(data, dict, at, place).items()
        return {key: _read(inner[1], value, f"{at}.{key}", place) for key, value in entries}
    return _scalar(kind, data, at, place)


def _object(kind: Any, data: Any, at: str, place: Origin) -> Any:
    given = _of_type(data, dict, at, place)
    fields, hints = {field.name: field for field in dataclasses.fields(kind)}, get_type_hints(kind)
    known = {*fields, *getattr(kind, "DERIVED", ())}
    unknown = [] if getattr(kind, "PART", False) else sorted(given.keys() - known)
    if unknown:
        raise place.misfit(f"has a key {f'{at}.{unknown[0]}'.lstrip('.')!r}, which is not known")
    missing = (dataclasses.MISSING, dataclasses.MISSING)
    for name, field in fields.items():
        if name not in given and (field.default, field.default_factory) == missing:
            raise place.misfit(f"has no {f'{at}.{name}'.lstrip('.')!r}")
    return kind(**{name: _read(hints[name], given[name], f"{at}.{name}", place) for name in fields if name in given})


def _items(inner: tuple[Any, ...], data: Any, at: str, place: Origin) -> tuple[Any, ...]:
    given = _of_type(data, list, at, place)
    kinds = (inner[0],) * len(given) if inner[-1] is ... else inner
    if len(kinds) != len(given):
        raise place.misfit(f"has {len(given)} values instead of {len(kinds)} at {at.lstrip('.')!r}")
    return tuple(_read(kind, one, f"{at}.{i}", place) for i, (kind, one) in enumerate(zip(kinds, given, strict=True)))


def _scalar(kind: Any, data: Any, at: str, place: Origin) -> Any:
    if issubclass(kind, enum.Enum):
        if data not in [member.value for member in kind]:
            raise place.misfit(f"has {data!r} at {at.lstrip('.')!r}, which is not known")
        return kind(data)
    if type(data) not in _SCALARS[kind]:
        raise place.misfit(f"has {data!r} at {at.lstrip('.')!r} instead of {kind.__name__}")
    return data


def _of_type(data: Any, wanted: type, at: str, place: Origin) -> Any:
    given = list(data) if wanted is list and isinstance(data, tuple) else data
    if not isinstance(given, wanted):
        what = "a list" if wanted is list else "named entries"
        raise place.misfit(f"has {type(data).__name__} instead of {what}" + (f" at {at.lstrip('.')!r}" if at else ""))
    return given
