"""Read the next piece of a file while the present one is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Return what an iterator gives, having each next item made in a thread while the present one is used.

    HDF5 and the decompressors let other threads run while they read. One thread makes all items, one after another.

    Args:
        items: an iterator that nobody else uses.

    Raises:
        Exception: what the iterator raises, when its turn comes.
    """
    end = object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        waiting = thread.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = thread.submit(next, items, end)
            yield item  # type: ignore[misc]
