"""One sentence for a file that cannot be read, whatever the layers below raise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from l1ad.core.errors import InputError, L1adError


@contextmanager
def told_by_name(path: Path, form: str) -> Iterator[None]:
    """Turn what a damaged file makes a library raise into a sentence; our own errors pass.

    Args:
        path: the file.
        form: its format's name.

    Raises:
        InputError: the file is missing, cut off or damaged, also when that shows only while reading.
    """
    try:
        yield
    except L1adError:
        raise
    # A damaged file can make every layer below raise anything.
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{str(path)!r} cannot be read as {form} ({type(error).__name__}: {reason}); it may be cut off, fetch it again."
        ) from None
