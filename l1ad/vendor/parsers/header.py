"""Read the head that every report of Vivado starts with, and what it says of the design's state."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.resources import Level
from l1ad.vendor.parsers.text import Source

_STATES = {
    "Synthesized": Level.LOGIC,
    "Optimized": Level.LOGIC,
    "Fully Placed": Level.PLACED,
    "Placed": Level.PLACED,
    "Physopt postPlace": Level.PLACED,
    "Routed": Level.ROUTED,
    "Fully Routed": Level.ROUTED,
    "Physopt postRoute": Level.ROUTED,
}


@dataclass(frozen=True, slots=True)
class Header:
    """What the head says.

    Attributes:
        version: e.g. ``2024.1``.
        command: the Tcl command that wrote the report.
        design: name of the design.
        device: part as spelt there, without speed grade in some reports.
        level: state of the design; ``None`` where the head does not say.
    """

    version: str
    command: str
    design: str
    device: str
    level: Level | None


def has_command(source: Source, command: str) -> bool:
    """Recognise a report by the Tcl command in its head."""
    return any(line.startswith("| Command") and f": {command}" in line for line in source.lines[:20])


def read_header(source: Source) -> Header:
    """Read the head of a report.

    Raises:
        ReportError: a mandatory line is missing or the state is unknown.
    """
    state = source.maybe(r"\| Design State\s*: (.+)$")
    if state is not None and state not in _STATES:
        raise source.cut_off(f"the design state {state!r} is unknown")
    return Header(
        version=source.first(r"\| Tool Version\s*: Vivado v\.(20\d\d\.\d(?:\.\d)?)(?: |$)"),
        command=source.first(r"\| Command\s*: (.+)$"),
        design=source.first(r"\| Design\s*: (\S+)$"),
        device=source.first(r"\| Device\s*: (\S+)$"),
        level=_STATES[state] if state is not None else None,
    )


def level_of_name(text: str) -> Level | None:
    """Guess the state from a file name or command, as ``…_routed.rpt``."""
    for word, level in (("routed", Level.ROUTED), ("placed", Level.PLACED), ("synth", Level.LOGIC)):
        if word in text:
            return level
    return None
