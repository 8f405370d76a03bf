"""The readers of file formats: one module a format, found by its name; a new one is a new module here and nothing else."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

from l1ad.core.formats import input_formats
from l1ad.data.formats import Reader


@functools.cache
def readers() -> tuple[Reader, ...]:
    """Return the reader of every format."""
    return tuple(map(reader, input_formats()))


@functools.cache
def reader(name: str) -> Reader:
    """Return the reader of a format: the class of its module that declares the format."""
    module = importlib.import_module(f"{__name__}.{name}")
    classes: list[Any] = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    made: Reader = next(kind() for kind in classes if hasattr(kind, "chunks"))
    return made
