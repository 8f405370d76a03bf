"""Write a configuration to begin with: what was given, and every other key as a comment with its default and meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from l1ad.config.describe import Key, flow, keys

#: Sections that a configuration of data in files has no use for.
_LEFT_OUT = ("simulation",)
_COMMENT_COLUMN = 60
_LONGEST_MEANING = 100


def template(given: Mapping[str, Any]) -> str:
    """Write a commented configuration.

    Args:
        given: values by section and key, as in a configuration.

    Returns:
        YAML. A line that begins with ``#`` is a key with its default; without that sign, and without that of its section, it counts.
    """
    head = "# Keys behind a sign # have these defaults; 'l1ad explain KEY' says more, 'l1ad config FILE --resolved' shows what counts."
    blocks = ["\n".join(_block(key, given)) for key in keys() if "." not in key.name and key.name not in _LEFT_OUT]
    return "\n".join([head, *blocks]) + "\n"


def _block(key: Key, given: Mapping[str, Any]) -> Iterator[str]:
    """Write a key of the first level and, if it is a section, the keys below it."""
    if key.section is None:
        yield _value_line(key, given, "")
        return
    here = given.get(key.name, {})
    yield _line(f"{key.name}:", key, bool(here))
    for below in keys():
        if below.name.rpartition(".")[0] == key.name:
            yield from _named(below, here) if isinstance(here.get(_last(below)), Mapping) else [_value_line(below, here, "  ")]


def _named(key: Key, given: Mapping[str, Any]) -> Iterator[str]:
    """Write a mapping with names of the user's own, one a line."""
    yield _line(f"  {_last(key)}:", key, True)
    for name, entry in given[_last(key)].items():
        yield f"    {name}: {flow(entry)}"


def _value_line(key: Key, given: Mapping[str, Any], indent: str) -> str:
    counts = _last(key) in given
    return _line(f"{indent}{_last(key)}: {flow(given[_last(key)]) if counts else key.default}", key, counts)


def _line(text: str, key: Key, counts: bool) -> str:
    sign = "" if counts else "# "
    return f"{sign}{text}".ljust(_COMMENT_COLUMN - 1) + f" # {_short(key.text)}"


def _last(key: Key) -> str:
    return key.name.rpartition(".")[2]


def _short(text: str) -> str:
    """Keep what fits behind a value; 'l1ad explain' gives the rest."""
    return textwrap.shorten(text.replace("``", "").rstrip("."), _LONGEST_MEANING, placeholder=" …")
