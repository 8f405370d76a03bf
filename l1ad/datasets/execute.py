"""Run jobs one after another, or on a Dask cluster; the results are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from l1ad.errors import InputError, L1adError

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Name of the scheduler that stands for a cluster of this machine's cores.
LOCAL = "local"
_RETRIES = 3


def execute(
    function: Callable[[Item, Path], Result],
    work: Sequence[tuple[Item, Path]],
    scheduler: str | None,
    done: Callable[[int], None] = lambda number: None,
) -> list[Result | L1adError]:
    """Run a function over jobs.

    Args:
        function: must give the same whenever it is called again, so that a job whose worker died can be repeated.
        work: a job and the folder for what it writes, each.
        scheduler: None for one after another, ``local`` for a cluster on this machine, or the address of a Dask scheduler whose
            workers see the same folders.
        done: called with the number of each finished job.

    Returns:
        Each job's result, or the error it ended with, in the order of the jobs.

    Raises:
        InputError: no cluster at that address.
    """
    if scheduler is None:
        results: list[Result | L1adError] = []
        for number, (item, folder) in enumerate(work):
            results.append(_attempt(function, item, folder))
            done(number)
        return results
    with _client(scheduler) as client:
        futures = [client.submit(_attempt, function, item, folder, pure=False, retries=_RETRIES) for item, folder in work]
        return [_gathered(future, number, done) for number, future in enumerate(futures)]


def _gathered(future: Any, number: int, done: Callable[[int], None]) -> Any:
    result = future.result()
    done(number)
    return result


def _attempt(function: Callable[[Item, Path], Result], item: Item, folder: Path) -> Result | L1adError:
    """Give a user's mistake back as a value, so that other jobs go on; anything else is a fault and raises."""
    try:
        return function(item, folder)
    except L1adError as error:
        return error


@contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    import distributed

    if scheduler == LOCAL:
        with (
            distributed.LocalCluster(threads_per_worker=1, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(scheduler, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"No Dask scheduler answers at {scheduler!r} ({reason}); start one or give '{LOCAL}'.") from None
    with client:
        yield client
