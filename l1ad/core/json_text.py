"""Read JSON of artefacts, which may be a stranger's: whatever is wrong with it is a ``ValueError`` of one line."""

from __future__ import annotations

import json
from typing import Any

from l1ad.core.errors import one_line

#: Digits of a whole number at most; Python may refuse to print one that is much longer.
MOST_DIGITS = 100


def parse_json(text: str | bytes) -> Any:
    """Read JSON text into plain data; ``NaN`` and infinities are read, as ``json`` writes them.

    Raises:
        ValueError: not JSON, nested too deeply, a key that is there twice, or a number of more than 100 digits.
    """
    try:
        return json.loads(text, object_pairs_hook=_mapping, parse_int=_whole)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(one_line(error)) from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number has {len(text)} digits, more than {MOST_DIGITS}")
    return int(text)
