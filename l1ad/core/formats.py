"""Names of the file formats that can be read."""

from __future__ import annotations

import functools
from importlib import resources


@functools.cache
def input_formats() -> tuple[str, ...]:
    """List the formats: one for each module in ``l1ad/data/readers``, which is not imported for that."""
    folder = resources.files("l1ad") / "data" / "readers"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".py") for name in names if name.endswith(".py") and not name.startswith("_")))
