"""Read report files: text, boxed tables, numbers; whatever is not exactly as a tool writes it is refused."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from l1ad.core.errors import ReportError

#: Control characters that no text has.
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_INTEGER = re.compile(r"(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-][0-9]{2})?\Z")
_TIME = re.compile(r"(?P<number>[0-9.]+(?:e[+-][0-9]{2})?) ?(?P<unit>ns|us|ms|sec|s)\Z")
_NS = {"ns": 1.0, "us": 1e3, "ms": 1e6, "sec": 1e9, "s": 1e9}


class ForeignReportError(ReportError):
    """A report that may be in order, but is of no kind that gives numbers here; in a folder it is passed over and listed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A report file's text under its name.

    Attributes:
        path: the file.
        lines: its lines without line ends and trailing blanks.
    """

    path: Path
    lines: tuple[str, ...]

    def error(self, reason: str) -> ReportError:
        """Make the error that names this file; ``reason`` is the rest of the sentence."""
        return ReportError(f"The report {self.path} {reason}")

    def foreign(self, reason: str) -> ForeignReportError:
        """Make the error for a file that is of no kind that is read; ``reason`` is the rest of the sentence."""
        return ForeignReportError(f"The report {self.path} {reason}")

    def cut_off(self, missing: str) -> ReportError:
        """Make the error for a file that ends too soon."""
        return self.error(f"is cut off or damaged: {missing}; run the tool again")

    def first(self, pattern: str) -> str:
        """Return the first group of the only kind of line that matches a pattern.

        Raises:
            ReportError: no line matches, or two say different things.
        """
        found = self.maybe(pattern)
        if found is None:
            raise self.cut_off(f"no line of the form {pattern!r}")
        return found

    def maybe(self, pattern: str) -> str | None:
        """Return the first group of the lines that match a pattern, ``None`` where none does.

        Raises:
            ReportError: two lines say different things.
        """
        found = {match.group(1).strip() for line in self.lines if (match := re.match(pattern, line))}
        if len(found) > 1:
            raise self.error(f"contradicts itself: {pattern!r} gives {sorted(found)!r}")
        return found.pop() if found else None


def read_source(path: Path) -> Source:
    """Read a report file.

    Raises:
        ReportError: no such file, no text or nothing in it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReportError(f"The report {path} cannot be read: {error.strerror or error}") from None
    text = _decode(data)
    if text is None or _BINARY.search(text):
        raise ReportError(f"The report {path} is not text, so no report of Vivado or Vitis")
    if not text.strip():
        raise ReportError(f"The report {path} is empty; the tool that should have written it did not finish")
    return Source(path, tuple(line.rstrip() for line in re.split(r"\r?\n", text)))


def _decode(data: bytes) -> str | None:
    """Decode a report: UTF-8, UTF-16 with its mark (as PowerShell redirects), or the code page of a Windows machine.

    Vivado writes paths, and nothing else, in the machine's code page: what is read is ASCII in each of them.
    """
    if data[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        try:
            return data.decode("utf-16") if len(data) > 2 else None
        except UnicodeDecodeError:
            return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


@dataclass(frozen=True, slots=True)
class Table:
    """One boxed table.

    Attributes:
        source: the file.
        head: cells of the header lines.
        rows: cells of the lines below the header, columns aligned with the box.
        groups: the number of the group (between two borders) of every row.
        closed: whether the bottom border is there.
        where: line number of the top border, from 0.
    """

    source: Source
    head: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    groups: tuple[int, ...]
    closed: bool
    where: int

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns: the header line with the most cells, the last of them."""
        return max(reversed(self.head), key=len, default=())

    def column(self, *names: str) -> int | None:
        """Return the position of the first of some column names, ``None`` when it has none of them."""
        return next((self.columns.index(name) for name in names if name in self.columns), None)


def tables(source: Source, start: int = 0, stop: int | None = None) -> Iterator[Table]:
    """Find the boxed tables in a stretch of a report.

    Args:
        source: the file.
        start: first line.
        stop: line after the last.

    Raises:
        ReportError: a line of a table does not fit its box: a column or a digit is missing or too many.
    """
    stop = len(source.lines) if stop is None else stop
    number = start
    while number < stop:
        if not _is_border(source.lines[number]):
            number += 1
            continue
        end = number
        while end < stop and source.lines[end].lstrip()[:1] in {"+", "|"}:
            end += 1
        yield _table(source, number, end)
        number = end


def _is_border(line: str) -> bool:
    return re.fullmatch(r"\s*\+(?:-+\+)+", line) is not None


def _table(source: Source, start: int, end: int) -> Table:
    lines = source.lines[start:end]
    edges = [position for position, mark in enumerate(lines[0]) if mark == "+"]
    head: list[tuple[str, ...]] = []
    rows: list[tuple[str, ...]] = []
    groups: list[int] = []
    borders = 0
    for offset, line in enumerate(lines):
        if _is_border(line):
            if line != lines[0]:
                raise source.cut_off(f"line {start + offset + 1} is not a border of the table above it")
            borders += 1
        elif borders == 1:
            head.append(tuple(cell.strip() for cell in line.strip().strip("|+").split("|")))
        else:
            rows.append(_cells(source, line, edges, start + offset))
            groups.append(borders)
    if rows and max(map(len, head), default=0) != len(edges) - 1:
        raise source.cut_off(f"the header of the table in line {start + 1} does not fit its columns")
    # An empty table has two borders, which one that was cut off below its head has too.
    closed = _is_border(lines[-1]) and (borders >= 3 or (borders == 2 and not rows))
    return Table(source, tuple(head), tuple(rows), tuple(groups), closed, start)


def _cells(source: Source, line: str, edges: Sequence[int], number: int) -> tuple[str, ...]:
    if len(line) != edges[-1] + 1 or any(line[edge] != "|" for edge in edges):
        raise source.cut_off(f"line {number + 1} does not fit its table's columns")
    return tuple(line[left + 1 : right].strip() for left, right in itertools.pairwise(edges))


def integer(source: Source, text: str, what: str) -> int:
    """Read a whole number of at least 0, written without leading zeros.

    Raises:
        ReportError: the text is something else.
    """
    if not _INTEGER.match(text):
        raise source.cut_off(f"{what} must be a whole number, got {text!r}")
    return int(text)


def integer_or_none(source: Source, text: str, what: str) -> int | None:
    """Read a whole number, or ``None`` for what tools write where they know none: ``-``, ``?``, ``NA``, ``undef``."""
    return None if text in {"-", "?", "NA", "undef", "unknown", "N/A"} else integer(source, text, what)


def decimal(source: Source, text: str, what: str) -> float:
    """Read a decimal number.

    Raises:
        ReportError: the text is something else.
    """
    if not _DECIMAL.match(text):
        raise source.cut_off(f"{what} must be a number, got {text!r}")
    return float(text)


def picoseconds(source: Source, text: str, what: str) -> float:
    """Read a time in ns as Vivado prints it, always with three digits.

    Raises:
        ReportError: the text is something else.
    """
    if not re.search(r"\.[0-9]{3}\Z", text):
        raise source.cut_off(f"{what} must be in ns with three digits, got {text!r}")
    return decimal(source, text, what)


def picoseconds_or_none(source: Source, text: str, what: str) -> float | None:
    """Read a time in ns with three digits, or ``None`` for ``NA`` and ``inf``."""
    return None if text in {"NA", "inf"} else picoseconds(source, text, what)


def decimal_or_none(source: Source, text: str, what: str) -> float | None:
    """Read a decimal number, or ``None`` for ``NA``, ``inf`` and the like."""
    return None if text in {"-", "?", "NA", "undef", "unknown", "N/A", "inf"} else decimal(source, text, what)


def time_ns(source: Source, text: str, what: str, bare: bool = False) -> float | None:
    """Read a time with its unit.

    Args:
        source: the file.
        text: e.g. ``50.000 ns`` or ``1.620 us``; ``?`` and ``undef`` for an unknown one.
        what: the field's name, for an error.
        bare: whether a number without unit is one in ns.

    Raises:
        ReportError: the text is something else.
    """
    if text in {"-", "?", "NA", "undef", "unknown"}:
        return None
    match = _TIME.match(text)
    if match is None and bare:
        return decimal(source, text, what)
    if match is None:
        raise source.cut_off(f"{what} must be a time, got {text!r}")
    value = decimal(source, match["number"], what)
    # Rounded to what the text can resolve, so that 1.620 us is 1620.0 and not 1620.0000000000002.
    return value if match["unit"] == "ns" else round(value * _NS[match["unit"]], 6)


def half_step_ns(text: str) -> float:
    """Return half a unit in the last place of a time as it is printed, in ns: how far the true value may be from it."""
    match = re.match(r"[0-9]+(?:\.(?P<decimals>[0-9]+))?(?:e(?P<exponent>[+-][0-9]{2}))? ?(?P<unit>[a-z]*)", text)
    if match is None:
        return 0.0
    places = int(match["exponent"] or 0) - len(match["decimals"] or "")
    return float(0.5 * 10.0**places * _NS.get(match["unit"], 1.0))
