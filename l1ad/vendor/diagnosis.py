"""Find in a tool's log why it failed: what it calls an error, no licence, a difference in the cosimulation, a known fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

#: Characters of a line that are looked at, and repeated in a message.
_LOOKED_AT = 2000
_REPEATED = 400
#: Errors that a message repeats.
_ERRORS = 5
_ERROR = re.compile(r"(ERROR\b|@E |FATAL\b|Abnormal program termination)")
#: What a tool says in passing, though a licence or an error is named in it.
_IN_PASSING = re.compile(r"(INFO|STATUS|@I)\b")
_LICENCE = re.compile(
    r"valid licen[sc]e was not found|licen[sc]e (?:was not found|checkout failed|has expired)|feature has expired|Common 17-345|Common 17-346"
    r"|(?:could not|cannot|can't|failed to|unable to) (?:obtain|check ?out|get|acquire|find)\b.{0,80}\blicen[sc]e"
    r"|no (?:valid )?licen[sc]e\b(?! (?:is |was |file )?(?:needed|required|necessary))|FLEX(?:lm|net).{0,200}error|invalid host\b"
    r"|(?:cannot|could not|failed to) connect to (?:the )?licen[sc]e server|licen[sc]e server .{0,200}(?:down|not)",
    re.IGNORECASE,
)
_MISMATCH = re.compile(r"COSIM 212-361|TB post check failed|post check failed, nonzero return value", re.IGNORECASE)
#: AMD's answer record 76960: a revision made of date and time, YYMMDDHHMM, has passed 2**31 since 2022.
_DATE_OVERFLOW = re.compile(r"'?2[2-9]\d{8}'? is an invalid argument\. Please specify an integer value")
_DATE_HINT = "this is the date overflow of tools before 2021.2: install AMD's patch y2k22 (answer record 76960)"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a log says.

    Attributes:
        errors: the first lines that the tool calls errors.
        licence: the first line that reports a missing licence.
        is_mismatch: whether the test bench found a difference between the RTL and the C++.
        hint: what is known of the fault, empty for an unknown one.
    """

    errors: tuple[str, ...] = ()
    licence: str | None = None
    is_mismatch: bool = False
    hint: str = ""

    def told(self, tail: str) -> str:
        """Say the errors, where the log's last lines do not show them already, and the hint; ends in ``; `` or is empty."""
        unseen = [error for error in self.errors if error not in tail]
        errors = f"its errors are:\n{chr(10).join(unseen)}\n" if unseen else ""
        return (f"{self.hint}; " if self.hint else "") + errors


def diagnose(log: Path) -> Diagnosis:
    """Read a log line by line; neither its length nor that of a line matters."""
    with log.open(encoding="utf-8", errors="replace") as stream:
        return _diagnose(stream)


def _diagnose(stream: Iterable[str]) -> Diagnosis:
    errors: list[str] = []
    licence, is_mismatch, hint = None, False, ""
    for line in _lines(stream):
        if _IN_PASSING.match(line):
            continue
        if len(errors) < _ERRORS and _ERROR.match(line):
            errors.append(line[:_REPEATED])
        licence = licence or (line[:_REPEATED] if _LICENCE.search(line) else None)
        is_mismatch = is_mismatch or _MISMATCH.search(line) is not None
        hint = hint or (_DATE_HINT if _DATE_OVERFLOW.search(line) else "")
    return Diagnosis(tuple(errors), licence, is_mismatch, hint)


def _lines(stream: Iterable[str]) -> Iterator[str]:
    return (line[:_LOOKED_AT].strip() for line in stream)
