"""Name everything that can go wrong, with the exit code the command line gives it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

USER_MISTAKE = 2
FAILURE = 1


#: Characters of a line of a message at most; what is quoted from a file may be of any length.
MOST_CHARACTERS = 1200


class L1adError(Exception):
    """An error that says in one sentence what was expected, what was found and what to do; whatever it quotes is safe to print on a terminal."""

    exit_code = USER_MISTAKE

    def __str__(self) -> str:
        return "\n".join(bounded(line) for line in super().__str__().split("\n"))


def bounded(line: str) -> str:
    """Write a line so that a terminal obeys nothing in it and shows all of it: characters that cannot be printed as their codes."""
    if not line.isprintable():
        line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in line)
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS // 2]} … {line[-MOST_CHARACTERS // 2 :]}"


def one_line(error: object) -> str:
    """Write what a library says of a file on one line, for a place inside a sentence."""
    text = bounded(" ".join(str(error).split()))
    return text if len(text) <= 300 else text[:297] + "..."


class ConfigError(L1adError):
    """Refuse a configuration: unknown key, wrong type, missing key, impossible value."""


class InputError(L1adError):
    """Refuse an input file or array."""


class LayoutError(L1adError):
    """Refuse an object layout, or data that do not fit one."""


class ArtefactError(L1adError):
    """Refuse a folder that is not the expected artefact."""


class ModelError(L1adError):
    """Refuse a model: not understood, not convertible, or not fitting its layout."""


class ConversionError(L1adError):
    """Refuse a conversion that cannot be exact; names the layer and the reason."""


class ReportError(L1adError):
    """Refuse a tool's report that is cut off, of another kind or inconsistent."""


class ToolMissingError(L1adError):
    """Name a tool that is not there, where it was looked for and how to override."""


class ExtraMissingError(L1adError, ImportError):
    """Name a Python package that is not installed and the extra that brings it."""


class ToolFailedError(L1adError):
    """Report the failure of an external tool, with the last lines of its log."""

    exit_code = FAILURE


class MismatchError(L1adError):
    """Report two implementations that must agree and do not."""

    exit_code = FAILURE


class LimitError(L1adError):
    """Report a limit that was set and is exceeded."""

    exit_code = FAILURE


class TrainingError(L1adError):
    """Report a training that cannot go on, with the state that was kept: its data or its settings are to be changed."""


def reason_of(error: OSError) -> str:
    """Explain why the system refused something: in its own words, also where a library (HDF5) wraps them."""
    wrapped = re.search(r"error message = '([^']+)'", str(error))
    return error.strerror or (wrapped.group(1) if wrapped else " ".join(str(error).split()))


#: Valid choices that a message lists at most.
_MOST_CHOICES = 40


def nearest(name: str, valid: Iterable[str]) -> str:
    """Phrase the valid choices, the nearest ones first, as the end of a sentence.

    Args:
        name: what the user wrote.
        valid: what would have been accepted.

    Returns:
        ``did you mean 'a' or 'b'?`` when something is near, else ``valid are 'a', 'b'.`` or ``there is none.``, with that final mark.
    """
    choices = sorted(valid)
    near = difflib.get_close_matches(name, choices, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(choice) for choice in near) + "?"
    if not choices:
        return "there is none."
    more = f" and {len(choices) - _MOST_CHOICES} more" if len(choices) > _MOST_CHOICES else ""
    return "valid are " + ", ".join(repr(choice) for choice in choices[:_MOST_CHOICES]) + f"{more}."
