"""Run jobs one after another, or on a Dask cluster; the results are the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from l1ad.core.errors import InputError, L1adError, ToolFailedError

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Sequence[tuple[Item, Path]]

#: Names that stand for a cluster of this machine's cores, and for no cluster.
LOCAL, SERIAL = "local", "none"
#: Events of a job: what is lost, at most, when a run is stopped or a worker dies.
PIECE_EVENTS = 524_288
#: Jobs from which a local cluster wins more than the seconds that it takes to start.
_WORTH_A_CLUSTER = 40
_RETRIES = 3


def pieces(n_events: int, block: int | None = None) -> list[range]:
    """Split a file's events into ranges, each the work of one job.

    Args:
        n_events: events of the file.
        block: events that are stored together; pieces end where blocks do, so that none is unpacked twice.
    """
    size = -(-PIECE_EVENTS // (block or 1)) * (block or 1)
    return [range(first, min(first + size, n_events)) for first in range(0, n_events, size)]


def cluster_for(scheduler: str | None, n_jobs: int) -> str | None:
    """Choose where jobs run: as asked, else on this machine's cores where that helps.

    Args:
        scheduler: ``none`` for one after another, ``local``, a Dask scheduler's address, or None to choose.
        n_jobs: how many jobs there are.

    Returns:
        ``local``, an address, or None for one after another.
    """
    if scheduler is None:
        return LOCAL if n_jobs >= _WORTH_A_CLUSTER and (os.cpu_count() or 1) > 1 else None
    return None if scheduler == SERIAL else scheduler


def execute(
    function: Callable[[Item, Path], Result],
    work: Work[Item],
    cluster: str | None,
    done: Callable[[int], None] = lambda number: None,
    *,
    keep_errors: bool = False,
) -> list[Result | L1adError]:
    """Run a function over jobs.

    Args:
        function: must give the same whenever it is called again, so that a job whose worker died can be repeated.
        work: a job and the place for what it writes, each.
        cluster: what `cluster_for` gives; workers of a cluster must see the same folders.
        done: called with the number of each finished job.
        keep_errors: whether a job's mistake becomes its result and the others go on; else the first one ends everything.

    Returns:
        Each job's result, or the error it ended with, in the order of the jobs.

    Raises:
        InputError: no cluster at that address.
        L1adError: what the first failing job raised, unless errors are kept.
        ToolFailedError: the cluster lost workers again and again, or went away.
    """
    with workers(cluster) as crew:
        return crew.run(function, work, done, keep_errors=keep_errors)


@contextmanager
def workers(cluster: str | None) -> Iterator[Crew]:
    """Keep a cluster for several runs: its workers keep what they have loaded.

    Args:
        cluster: as for `execute`.

    Raises:
        InputError: no cluster at that address.
    """
    if cluster is None:
        yield Crew(None)
        return
    with _client(cluster) as client:
        yield Crew(client)


@dataclass(frozen=True, slots=True)
class Crew:
    """Those that run jobs: the workers of a cluster, or this process.

    Attributes:
        client: Dask's client; None for this process.
    """

    client: Any

    def run(
        self,
        function: Callable[[Item, Path], Result],
        work: Work[Item],
        done: Callable[[int], None] = lambda number: None,
        *,
        keep_errors: bool = False,
    ) -> list[Result | L1adError]:
        """Run a function over jobs; arguments, result and errors as for `execute`."""
        results: list[Result | L1adError] = []
        with closing(_here(function, work) if self.client is None else _there(function, work, self.client)) as stream:
            for number, result in enumerate(stream):
                if isinstance(result, L1adError) and not keep_errors:
                    raise result
                results.append(result)
                done(number)
        return results


def _here(function: Callable[[Item, Path], Result], work: Work[Item]) -> Generator[Result | L1adError, None, None]:
    for item, place in work:
        yield _attempt(function, item, place)


def _there(function: Callable[[Item, Path], Result], work: Work[Item], client: Any) -> Generator[Result | L1adError, None, None]:
    futures = [client.submit(_attempt, function, item, place, pure=False, retries=_RETRIES) for item, place in work]
    for number in range(len(futures)):
        yield _gathered(futures, number)


def _gathered(futures: list[Any], number: int) -> Any:
    import distributed
    from distributed.client import CancelledError

    try:
        return futures[number].result()
    except distributed.KilledWorker:
        raise ToolFailedError(
            f"Job {number + 1} of {len(futures)} ended every Dask worker that took it; give workers more memory, and run the same "
            "command to go on with what is left."
        ) from None
    except CancelledError:
        raise ToolFailedError(
            f"The Dask scheduler went away at job {number + 1} of {len(futures)}; start one and run the same command to go on."
        ) from None
    finally:
        futures[number] = None


def _attempt(function: Callable[[Item, Path], Result], item: Item, place: Path) -> Result | L1adError:
    """Return a user's mistake back as a value, so that other jobs go on; anything else is a fault and raises."""
    try:
        return function(item, place)
    except L1adError as error:
        return error


@contextmanager
def _client(cluster: str) -> Iterator[Any]:
    import distributed

    if cluster == LOCAL:
        with (
            distributed.LocalCluster(threads_per_worker=1, dashboard_address=":0") as local,
            distributed.Client(local) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(cluster, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"No Dask scheduler answers at {cluster!r} ({reason}); start one or give '{LOCAL}'.") from None
    with client:
        yield client
