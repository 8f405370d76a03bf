"""Take the wall time of the parts of a longer task."""

from __future__ import annotations

import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager


@contextmanager
def timed(seconds: MutableMapping[str, float], name: str) -> Iterator[None]:
    """Put the seconds that the body takes into a mapping, when it ends without an error."""
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 3)
