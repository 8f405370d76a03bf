"""Run Python functions in processes of our own that end with us, however we end."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from l1ad.core.errors import ToolFailedError
from l1ad.toolchain.signals import handled

#: Option of Linux' ``prctl``, see prctl(2): the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1


@contextmanager
def worker_processes(number: int) -> Iterator[ProcessPoolExecutor]:
    """Return processes to submit functions to; when the body fails or a signal comes, they are ended at once.

    Args:
        number: how many.

    Raises:
        ToolFailedError: somebody else ended one of them.
    """
    before = set(multiprocessing.active_children())
    with handled(), ProcessPoolExecutor(number, multiprocessing.get_context("spawn"), _begin, (os.getpid(),)) as pool:
        _start_all(pool, number)
        try:
            yield pool
        except BrokenProcessPool:
            raise ToolFailedError(
                "A worker process was ended before its work was done, often for lack of memory; run the same command again to go on, with "
                "fewer processes."
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.kill()
            raise


def _start_all(pool: ProcessPoolExecutor, number: int) -> None:
    """Start the processes now, with SIGINT blocked, which they inherit: Ctrl-C in the terminal is the parent's business."""
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        for _ in range(number):
            pool.submit(_nothing)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _nothing() -> None:
    """Do nothing: a first piece of work."""


def _begin(parent: int) -> None:
    """Make a worker end with its parent: one whose parent was killed would wait for work for ever."""
    _ask_the_kernel(parent)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


def _ask_the_kernel(parent: int) -> None:
    """Have Linux kill this worker when the thread that started it ends: a thread of our own does not run while Pythia computes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended before that
            os._exit(1)


def _end_with_parent(parent: int) -> None:
    process = multiprocessing.parent_process()
    if process is not None and process.pid == parent:
        process.join()
    os._exit(1)
