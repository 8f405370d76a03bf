"""Kill processes while they work: a worker of a Dask cluster, or a whole run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SECONDS = 120.0


@contextmanager
def two_workers() -> Iterator[Any]:
    """Return a client of a cluster whose two workers are processes of one thread each."""
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def run_and_kill_a_worker(client: Any, run: Callable[[str], object]) -> tuple[object, int]:
    """Run something on a cluster and end one of its workers with SIGKILL as soon as that has a job.

    Args:
        client: of the cluster.
        run: called with the scheduler's address.

    Returns:
        What it gave, and the process that was killed.
    """
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(run(client.scheduler.address)))
    pids = client.run(os.getpid)
    thread.start()
    victim = _a_busy_worker(client)
    os.kill(pids[victim], signal.SIGKILL)
    thread.join(_SECONDS)
    assert results, "the run has not ended"
    return results[0], pids[victim]


def _a_busy_worker(client: Any) -> str:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        busy = [address for address, keys in client.processing().items() if keys]
        if busy:
            return str(busy[0])
        time.sleep(0.005)
    raise AssertionError("no worker got a job")


def run_until_killed(script: str, argument: Path, folder: Path, pattern: str, number: int) -> int:
    """Run a script in its own process and end it with SIGKILL when it has made some files.

    Args:
        script: Python source; gets the argument as ``sys.argv[1]``.
        argument: of the script.
        folder: where the files appear.
        pattern: which files count.
        number: how many there must be before it is killed.

    Returns:
        How many files there were after its end; it had not finished.
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", script, str(argument)], env=environment, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + _SECONDS
        while len(list(folder.glob(pattern))) < number:
            assert process.poll() is None, process.communicate()[1].decode()
            assert time.monotonic() < until, "the script made no files"
            time.sleep(0.001)
        process.kill()
        process.wait()
    return len(list(folder.glob(pattern)))
