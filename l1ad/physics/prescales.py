"""Read prescale tables of CMS menus, a column by its name: CSV as the menus' makers publish them, XML of the run settings, JSON."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from l1ad.core.errors import InputError, nearest

#: Heads of the columns that are not prescales, in small letters.
_NOT_PRESCALES = {
    "index",
    "bit",
    "name",
    "seed",
    "algo",
    "algo/prescale-index",
    "comment",
    "comments",
    "pog",
    "pag",
    "description",
}
_NAMES = ("name", "seed", "algo", "algo/prescale-index")


def load_prescales(path: Path, column: str) -> Mapping[str, float]:
    """Read one column of a table.

    Args:
        path: a ``.csv`` file, the ``.xml`` of a run's settings, or a ``.json``: a list of records, one a seed; ``columns`` with ``data`` or
            ``rows``; or the prescales by column and seed, or by seed and column.
        column: the column's name, as ``2p0E34``.

    Returns:
        Prescale by seed; 0 is off, 1 is unprescaled.

    Raises:
        InputError: no such file or column, names that are missing or come twice, or a prescale that is none; names the seed.
    """
    head, rows = {".xml": _xml, ".json": _json}.get(path.suffix.lower(), _csv)(path)
    plain = [name.lower() for name in head]
    names = next((plain.index(name) for name in _NAMES if name in plain), None)
    if names is None:
        raise InputError(f"{str(path)!r} has no column of seeds ('Name'), only {head!r}; give a prescale table.")
    choices = [name for name in head if name.lower() not in _NOT_PRESCALES]
    if column not in choices:
        raise InputError(f"{str(path)!r} has no prescale column {column!r}; {nearest(column, choices)}")
    if head.count(column) > 1:
        raise InputError(f"{str(path)!r} has {head.count(column)} columns {column!r}; give each its own name.")
    return _column(path, rows, len(head), names, head.index(column))


def _column(path: Path, rows: Sequence[tuple[int, list[str]]], width: int, names: int, values: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for number, row in rows:
        if len(row) != width:
            raise InputError(f"{str(path)!r}, row {number}: expected {width} cells, got {len(row)}; the table is damaged.")
        name = row[names]
        if name.isdigit():
            raise InputError(
                f"{str(path)!r}, row {number}: the seed is the number {name}, and which one that is stands in the menu; give a table with names."
            )
        if name in found:
            raise InputError(f"{str(path)!r} has the seed {name!r} twice; keep one row.")
        if name:
            found[name] = _prescale(path, name, row[values])
    if not found:
        raise InputError(f"{str(path)!r} has no seeds below its header; it was cut off.")
    return found


def _prescale(path: Path, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"{str(path)!r}: the prescale of {name!r} is {text!r}, expected a number from 0; correct the table.")
    return value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"Cannot read the prescale table {str(path)!r}: {reason}; give a CSV, XML or JSON file.") from None


def _csv(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    lines = [line for line in _text(path).splitlines() if line.strip() and not line.startswith("#")]
    separator = max(",;\t", key=lines[0].count) if lines else ","
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator)]
    except csv.Error as error:
        raise InputError(f"{str(path)!r} is not a table of cells ({error}); give a prescale table.") from None
    if len(rows) < 2:
        raise InputError(f"{str(path)!r} needs a header and a row for each seed, got {len(rows)} rows; it was cut off.")
    return rows[0], list(enumerate(rows[1:], 2))


def _xml(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    text = _text(path)
    if "<!ENTITY" in text or "<!DOCTYPE" in text:
        raise InputError(f"{str(path)!r} declares a document type, which no prescale table needs; remove the declaration.")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"{str(path)!r} is not XML: {error}; it was cut off or edited.") from None
    table = next((one for one in root.iter("param") if one.get("id") == "prescales"), None)
    columns = None if table is None else table.findtext("columns")
    if table is None or columns is None:
        raise InputError(f"{str(path)!r} has no table 'prescales' with columns; give the settings of the Global Trigger.")
    rows = [[cell.strip() for cell in (row.text or "").split(",")] for row in table.iter("row")]
    return [name.strip() for name in columns.split(",")], list(enumerate(rows, 1))


def _json(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        data = json.loads(_text(path), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is not a JSON table: {error}; it was cut off or edited.") from None
    head, rows = _table(data, path)
    return head, [(number, [_cell(cell) for cell in row]) for number, row in enumerate(rows, 1)]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping; a name that is there twice would lose its first value without a word."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _table(data: Any, path: Path) -> tuple[list[str], list[list[Any]]]:
    """Bring the forms a table may have to a head and rows."""
    match data:
        case [dict() as first, *_] if all(isinstance(row, dict) and row.keys() == first.keys() for row in data):
            return list(first), [[row[name] for name in first] for row in data]
        case {"columns": [*head], "data": [*rows]} | {"columns": [*head], "rows": [*rows]} if all(
            isinstance(r, list) for r in rows
        ):
            return [_cell(name) for name in head], rows
        case {**outer} if outer and all(isinstance(inner, dict) and inner for inner in outer.values()):
            return _nested({str(name): dict(inner) for name, inner in data.items()})
        case _:
            raise InputError(
                f"{str(path)!r} is not a prescale table: expected a list of records with the same names, 'columns' with 'data' or 'rows', or "
                "prescales by column and seed."
            )


def _nested(outer: dict[str, dict[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """Read prescales by column and seed, or by seed and column; seeds are what begins with ``L1_``. What is left out is not a number."""
    by_seed = outer if all(name.startswith("L1_") for name in outer) else _turned(outer)
    columns = list(dict.fromkeys(column for inner in by_seed.values() for column in inner))
    return ["Name", *columns], [[seed, *(inner.get(column, "") for column in columns)] for seed, inner in by_seed.items()]


def _turned(outer: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    seeds = dict.fromkeys(seed for inner in outer.values() for seed in inner)
    return {seed: {column: inner[seed] for column, inner in outer.items() if seed in inner} for seed in seeds}


def _cell(value: Any) -> str:
    return value.strip() if isinstance(value, str) else str(value)
