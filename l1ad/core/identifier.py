"""Check names at the door: what may become part of a source, a script, a page or a path, and nothing else.

Every name that comes from a file passes one of these before an object of this package holds it. Three kinds of name differ in where
they end up:

- a *name* is always used with something before or behind it (``trigger_<name>``, ``<name>_output``, a folder): reserved words are mangled
  by that, reversibly, and only characters and length matter;
- a *port name* stands alone or at the beginning of a firmware port: no reserved word, nothing the generated sources call so themselves,
  and legal in VHDL as well;
- a *file name* is one step of a path.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from l1ad.core.errors import ConfigError, L1adError
from l1ad.core.reserved_words import is_own, language_of

#: Characters of a name at most: with what is put around it, it stays below what file systems (255) and HLS tools take.
MOST_CHARACTERS = 80
FORM = "letters, digits and underscores, a letter first"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def name_fault(name: object) -> str | None:
    """Describe what a name should have been; None where it is one."""
    if not isinstance(name, str):
        return f"must be text of {FORM}"
    if not _NAME.fullmatch(name):
        return f"must consist of {FORM}{_foreign(name)}"
    return f"must have at most {MOST_CHARACTERS} characters" if len(name) > MOST_CHARACTERS else None


def word_fault(name: object) -> str | None:
    """Describe what is wrong with a name that must not be a reserved word either; None where nothing is."""
    fault = name_fault(name)
    if fault is not None:
        return fault
    language = language_of(str(name))
    return None if language is None else f"must not be a reserved word of {language}"


def port_fault(name: object) -> str | None:
    """Describe what is wrong with a name for a firmware port; None where nothing is."""
    fault = word_fault(name)
    if fault is not None:
        return fault
    if "__" in str(name) or str(name).endswith("_"):
        return "must have single underscores between other characters, as VHDL requires"
    return "must be a name that the generated sources do not use themselves" if is_own(str(name)) else None


def bit_fault(name: object) -> str | None:
    """Describe what is wrong with the name of a trigger bit, which stands behind ``trigger_`` and ``threshold_``; None where nothing is."""
    fault = name_fault(name)
    if fault is not None:
        return fault
    legal = "__" not in str(name) and not str(name).endswith("_")
    return None if legal else "must have single underscores between other characters, as VHDL requires"


def require(fault: str | None, name: object, what: str, error: type[L1adError] = ConfigError) -> str:
    """Return a name that has no fault.

    Args:
        fault: what one of the functions above said.
        name: the name.
        what: whose name it is, as the beginning of a sentence: ``The name of a layer``.
        error: what to raise.

    Raises:
        L1adError: of the kind that was asked for; one sentence with the name and what is wrong with it.
    """
    if fault is not None:
        raise error(f"{what} {fault}, got {shortened(name)}; rename it.")
    return str(name)


def require_name(name: object, what: str, error: type[L1adError] = ConfigError) -> str:
    """Return a name that is always used with something around it, see the module; raises as ``require`` does."""
    return require(name_fault(name), name, what, error)


def require_port_name(name: object, what: str, error: type[L1adError] = ConfigError) -> str:
    """Return a name that may stand alone as a port, see the module; raises as ``require`` does."""
    return require(port_fault(name), name, what, error)


def require_file_name(name: str, what: str, error: type[L1adError] = ConfigError) -> str:
    """Return a name that is one step of a path: no separator, no hidden file, nothing a shell or Make reads; raises as ``require`` does."""
    fault = None
    if not _FILE_NAME.fullmatch(name):
        fault = f"must consist of letters, digits, '_', '-', '+' and '.', a letter or digit first{_foreign(name)}"
    elif len(name) > MOST_CHARACTERS:
        fault = f"must have at most {MOST_CHARACTERS} characters"
    return require(fault, name, what, error)


def require_different(names: Iterable[str], what: str, error: type[L1adError] = ConfigError) -> None:
    """Refuse names of which two are one to a language that does not look at case.

    Args:
        names: the names.
        what: the beginning of the sentence; the name follows.
        error: what to raise.
    """
    known: set[str] = set()
    for name in names:
        if name.lower() in known:
            raise error(f"{what} {name!r}, capitals aside; rename one of the two.")
        known.add(name.lower())


def shortened(value: object) -> str:
    """Write a value for a message: on one line, not longer than 80 characters, nothing in it that a terminal obeys."""
    text = ascii(value if isinstance(value, str | int | float | list | tuple | dict | None) else str(value))
    return text if len(text) <= 80 else text[:77] + "..."


def _foreign(name: str) -> str:
    """Name the first character that only looks like one of ours: the reader cannot see it."""
    found = next((character for character in name if ord(character) > 127), None)
    if found is None:
        return ""
    return f" (ASCII; there is U+{ord(found):04X} {unicodedata.name(found, 'without a name')})"
