"""Turn the signals that end a program into exceptions, and tell every thread that runs a tool.

Python delivers signals to the main thread only, and tools also run in others. So the handler notes that the program is ending and
raises in the main thread; whoever follows a tool in another thread looks at the note and ends the tool.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

from l1ad.core.errors import ToolFailedError

#: Ctrl-C, what a batch system sends before it kills, and what a closed terminal sends.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], object]


class EndedBySignal(SystemExit):
    """End the program with the exit code that shells give for a signal.

    Attributes:
        signal_name: the signal, as ``SIGTERM``.
    """

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal_name = signal.Signals(number).name


_ending = threading.Event()
_handled = threading.Event()


def require_going_on(what: str) -> None:
    """Refuse to begin or to go on with something while the program is ending.

    Raises:
        ToolFailedError: a signal is ending the program.
    """
    if _ending.is_set():
        raise ToolFailedError(f"{what} was stopped because the program is being ended.")


@contextmanager
def handled() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end the tools of all threads and raise in the main thread, as long as the body runs.

    SIGINT raises ``KeyboardInterrupt`` as ever (or does what a handler of the caller does), the others ``EndedBySignal``. A signal that
    is ignored stays so, as ``nohup`` has it. In a thread that is not the main one, and inside another ``handled``, this has no effect.
    """
    if threading.current_thread() is not threading.main_thread() or _handled.is_set():
        yield
        return
    before = {number: signal.getsignal(number) for number in ENDING}
    _handled.set()
    try:
        for number, handler in before.items():
            if handler not in (signal.SIG_IGN, None):
                signal.signal(number, _raising(handler if callable(handler) else None))
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
        _ending.clear()
        _handled.clear()


def _raising(former: Handler | None) -> Handler:
    """Make a handler that does what the former one did, or ends the program, and lets other threads know if that raises."""

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            if former is None:
                raise EndedBySignal(number)
            former(number, frame)
        except BaseException:
            _ending.set()
            raise

    return handle


@contextmanager
def tool_threads(number: int) -> Iterator[ThreadPoolExecutor]:
    """Return threads in which tools run; when the body fails or a signal comes, what has not begun is not begun any more."""
    with handled(), ThreadPoolExecutor(number) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
