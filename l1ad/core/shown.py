"""Show what a function returns in a notebook: as HTML, and as tables for pandas."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from l1ad.core.errors import ConfigError, nearest
from l1ad.core.extras import explaining_extras

#: Rows of a table that a notebook shows.
MAX_ROWS = 60
_STYLE = "border-collapse:collapse;margin:.4em 0"


class Shown:
    """The look of a result in a notebook, and its tables; ``to_dict`` is what the command prints with ``--json``."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as the command prints with ``--json``."""
        raise NotImplementedError

    @property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables of the result by name: every list of records, ``summary.thresholds`` and the like."""
        return dict(_tables(self.to_dict(), ""))

    @explaining_extras
    def to_pandas(self, table: str | None = None) -> Any:
        """Return a table as a ``pandas.DataFrame`` (extra ``notebook``).

        Args:
            table: its name, one of ``tables``; may be left out where there is one, or none: then the single values are one row.

        Raises:
            ConfigError: there is no such table, or there are several and none was named.
            ExtraMissingError: pandas is not installed.
        """
        import pandas

        found = self.tables
        if table is None and len(found) > 1:
            raise ConfigError(f"This result has {len(found)} tables; name one of {', '.join(found)}.")
        if table is not None and table not in found:
            raise ConfigError(f"This result has no table {table!r}; {nearest(table, found)}")
        if table is None and not found:
            return pandas.DataFrame([dict(_scalars(self.to_dict(), ""))])
        return pandas.DataFrame(found[table or next(iter(found))])

    def _repr_html_(self) -> str:
        data = self.to_dict()
        scalars = "".join(f"<tr>{_head(name)}{_cell(value)}</tr>" for name, value in _scalars(data, ""))
        parts = [f"<b>{html.escape(type(self).__name__)}</b><table style='{_STYLE}'>{scalars}</table>"]
        return "".join([*parts, *(_table(name, rows) for name, rows in _tables(data, ""))])


def _is_table(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _named_records(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(row, Mapping) for row in value.values())


def _tables(data: Mapping[str, Any], before: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Find lists of records, and records of records: the names of those become a column."""
    found: list[tuple[str, list[dict[str, Any]]]] = []
    for key, value in data.items():
        name = f"{before}{key}"
        if _is_table(value):
            found.append((name, [dict(row) for row in value]))
        elif _named_records(value):
            found.append((name, [{"name": own} | dict(row) for own, row in value.items()]))
        elif isinstance(value, Mapping):
            found += _tables(value, f"{name}.")
    return found


def _scalars(data: Mapping[str, Any], before: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        if _is_table(value) or _named_records(value) or value in (None, [], (), {}):
            continue
        if isinstance(value, Mapping):
            found += _scalars(value, f"{before}{key}.")
        else:
            found.append((f"{before}{key}", value))
    return found


def _table(name: str, rows: list[dict[str, Any]]) -> str:
    keys = list(dict.fromkeys(key for row in rows for key, value in row.items() if value is not None))
    head = "".join(f"<th>{html.escape(str(key))}</th>" for key in keys)
    body = "".join(f"<tr>{''.join(_cell(row.get(key)) for key in keys)}</tr>" for row in rows[:MAX_ROWS])
    more = f"<p>{len(rows) - MAX_ROWS} more rows</p>" if len(rows) > MAX_ROWS else ""
    return f"<p><b>{html.escape(name)}</b></p><table style='{_STYLE}'><tr>{head}</tr>{body}</table>{more}"


def _head(name: str) -> str:
    return f"<th style='text-align:left'>{html.escape(name)}</th>"


def _cell(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"<td style='text-align:{'right' if number else 'left'}'>{html.escape(_text(value))}</td>"


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_text(entry) for entry in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items())
    return str(value)
