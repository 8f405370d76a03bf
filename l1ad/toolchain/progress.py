"""Progress: a bar in a terminal, nothing or an occasional line in a log file, as --quiet and --verbose ask."""

from __future__ import annotations

import enum
import os
import sys
from pathlib import Path
from typing import Any

#: Environment variable of the command line's --quiet and --verbose; children of a command inherit it.
VARIABLE = "L1AD_VERBOSITY"
#: Share of the work after which a log file gets a line, with --verbose.
_STEP = 0.1


class Verbosity(enum.Enum):
    """How much a command says beside its errors."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


def verbosity() -> Verbosity:
    """Read how much is to be said; what the variable does not name is normal."""
    text = os.environ.get(VARIABLE, "")
    return next((level for level in Verbosity if level.value == text), Verbosity.NORMAL)


def detail(text: str) -> None:
    """Say something on standard error that only --verbose asks for."""
    if verbosity() is Verbosity.VERBOSE:
        sys.stderr.write(f"{text}\n")


def from_here(text: str) -> str:
    """Write the paths in a text relative to the current directory, where they are below it."""
    try:
        here = f"{Path.cwd()}/"
    except OSError:  # the current directory is gone
        return text
    return text if here == "//" else text.replace(here, "")


def progress(iterable: Any = None, **settings: Any) -> Any:
    """Make a progress bar: tqdm's in a terminal; elsewhere nothing, or with --verbose a line for every tenth of the work.

    Args:
        iterable: what is gone through; None for a bar that is updated by hand.
        settings: tqdm's, as ``total``, ``desc`` and ``unit``.

    Returns:
        A ``tqdm`` bar.
    """
    from tqdm import tqdm

    level = verbosity()
    if level is Verbosity.QUIET or (not sys.stderr.isatty() and level is Verbosity.NORMAL):
        return tqdm(iterable, **settings, disable=True)
    if sys.stderr.isatty():
        return tqdm(iterable, **settings)
    total = settings.get("total") or (len(iterable) if hasattr(iterable, "__len__") else 0)
    lines = {"mininterval": 0.0, "miniters": max(1, int(total * _STEP)), "ncols": 80, "file": _Lines(), "leave": True}
    return tqdm(iterable, **settings | lines)


class _Lines:
    """Write a bar's states to standard error one below the other instead of one over the other."""

    def write(self, text: str) -> None:
        state = text.strip("\r\n ")
        if state:
            sys.stderr.write(f"{state}\n")

    def flush(self) -> None:
        sys.stderr.flush()
