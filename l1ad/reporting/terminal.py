"""Show plain data on the terminal: scalars as lines, lists of records as tables.

Names are printed as they are: a key may be a layer, a threshold or a bit, to be copied into a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from l1ad.toolchain.progress import Verbosity, from_here, verbosity

_MAX_ROWS = 60
#: A table with more columns than this is shown as one record after another.
_MAX_COLUMNS = 12


def render(data: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a result.

    Args:
        data: plain data: scalars, lists of scalars, records, or lists of records.
        console: where to; standard output by default.
    """
    _section("", data, console or _console())


def _console() -> Console:
    """Return a console as wide as the terminal; what goes into a file or a pipe is wide enough for the tables."""
    out = Console()
    return out if out.is_terminal else Console(width=160)


def _section(title: str, data: Mapping[str, Any], out: Console) -> None:
    """Print one record: its scalars together, then what is nested in it."""
    nested = {key: value for key, value in data.items() if value and (isinstance(value, Mapping) or _is_table(value))}
    scalars = {key: value for key, value in data.items() if key not in nested}
    shown = {key: value for key, value in scalars.items() if value is not None and value not in ([], (), {})}
    if title and shown:
        out.print(_vertical(title, shown))
    for key, value in scalars.items() if not title else ():
        out.print(f"{key}: {_cell(value)}", highlight=False, markup=False)
    for key, value in nested.items():
        _nested(f"{title} {key}".removeprefix("summary ").strip(), value, out)


def _nested(title: str, value: Any, out: Console) -> None:
    if isinstance(value, Mapping) and all(isinstance(row, Mapping) for row in value.values()):
        value = [{"name": name} | dict(row) for name, row in value.items()]
    if isinstance(value, Mapping):
        _section(title, value, out)
        return
    if len(_keys_with_values(value)) > _MAX_COLUMNS or len(value) == 1:
        for number, row in enumerate(value, 1):
            _section(title if len(value) == 1 else f"{title} {number}", row, out)
        return
    out.print(_horizontal(title, value))
    if len(value) > _MAX_ROWS:
        out.print(f"{len(value) - _MAX_ROWS} more rows; --json gives all", highlight=False)


def note(text: str) -> None:
    """Print a line on the progress to standard error, unless the command is quiet; paths are relative to the current directory."""
    if verbosity() is not Verbosity.QUIET:
        Console(stderr=True, soft_wrap=True).print(from_here(text), highlight=False, markup=False)


def _is_table(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _vertical(title: str, row: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for key, value in row.items():
        table.add_row(key, _cell(value))
    return table


def _horizontal(title: str, rows: list[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    keys = _keys_with_values(rows)
    for key in keys:
        numeric = all(isinstance(row.get(key), int | float | None) for row in rows)
        table.add_column(key, justify="right" if numeric else "left", overflow="fold")
    for row in rows[:_MAX_ROWS]:
        table.add_row(*(_cell(row.get(key)) for key in keys))
    return table


def _keys_with_values(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the keys, in order of appearance, leaving out those that no row has a value for."""
    keys: dict[str, None] = {}
    for row in rows:
        keys |= dict.fromkeys(key for key, value in row.items() if value is not None and value != [] and value != {})
    return list(keys)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(entry) for entry in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_cell(entry)}" for key, entry in value.items())
    return from_here(str(value))
