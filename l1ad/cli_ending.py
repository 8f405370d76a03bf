"""How a command ends: its exit code, and the sentence that says why it failed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import typer

from l1ad.core.errors import FAILURE, USER_MISTAKE, L1adError, reason_of
from l1ad.toolchain import EndedBySignal, handled
from l1ad.toolchain.progress import from_here

#: Exit code of a command that Ctrl-C ended, as shells give it.
INTERRUPTED = 130


def ended(command: Callable[[], Any]) -> int:
    """Run a command and return its exit code; an error is one sentence on standard error."""
    try:
        with handled():
            code = command()
        # typer (0.29) makes this exit code of a KeyboardInterrupt, which it does not let through.
        return _interrupted("") if code == INTERRUPTED else code if isinstance(code, int) else 0
    except L1adError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted("")
    except EndedBySignal as signal:
        return _interrupted(f" by {signal.signal_name}", int(signal.code or 0))
    except BrokenPipeError:
        return FAILURE
    except OSError as error:
        place = "" if error.filename is None else f": {str(error.filename)!r}"
        return _fail(f"{reason_of(error)}{place}; free space or choose another place.", USER_MISTAKE)
    except typer.TyperException as error:
        return _fail(f"{str(error).rstrip('.')}; run it with --help.", USER_MISTAKE)


def general_first(words: list[str]) -> list[str]:
    """Put --quiet and --verbose in front of the command; they may be given anywhere."""
    general = [word for word in words if word in ("--quiet", "--verbose")]
    return [*general, *(word for word in words if word not in general)]


def _interrupted(by: str, code: int = INTERRUPTED) -> int:
    return _fail(f"interrupted{by}; finished stages are kept, run the same command again to resume.", code)


def _fail(sentence: str, code: int) -> int:
    with suppress(OSError):  # a terminal that was closed
        typer.echo(f"l1ad: {from_here(sentence)}", err=True)
    return code
