"""Describe a page before it is written: sections of text, verdicts, tables and figures; HTML, Markdown and LaTeX are made from it."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

#: What an absent number looks like; never 0.
ABSENT = "–"


class State(enum.Enum):
    """How a verdict reads: a check that holds, one that fails, a limit of the statistics, or a remark."""

    GOOD = "good"
    BAD = "bad"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence with how it reads."""

    state: State
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """Name a column; numbers are set flush right."""

    title: str
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table of cells that are already text.

    Attributes:
        title: what it shows.
        columns: one for each cell of a row.
        rows: the cells.
        note: what a reader must know below it.
        marked: numbers of the rows that are emphasised.
        links: by number of a row, the file its first cell leads to, relative to the page.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    marked: frozenset[int] = frozenset()
    links: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong:
            raise ValueError(f"Table {self.title!r} has {len(self.columns)} columns and a row of {len(wrong[0])} cells.")


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot.

    Attributes:
        name: file name without ending, unique in its page.
        caption: what it shows.
        svg: the picture; ink that follows the page's theme is ``plots.INK``.
    """

    name: str
    caption: str
    svg: str


Block: TypeAlias = Text | Verdict | Table | Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A titled run of blocks; a folded one shows its title alone until it is asked for."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False

    @property
    def anchor(self) -> str:
        """The name links use."""
        return "".join(c if c.isalnum() else "-" for c in self.title.lower()).strip("-")


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One of the figures at the head of a page.

    Attributes:
        title: what it says.
        value: the figure, as text.
        text: what belongs to it.
        state: how it reads.
        anchor: the section that says more.
    """

    title: str
    value: str
    text: str
    state: State
    anchor: str


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page.

    Attributes:
        title: its title.
        lead: one or two sentences below the title.
        sections: its contents.
        footer: lines at the end: versions, digests.
        key_figures: figures on the first screen.
    """

    title: str
    lead: str
    sections: tuple[Section, ...]
    footer: tuple[str, ...] = field(default=())
    key_figures: tuple[KeyFigure, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Figure))

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Table))


def text_columns(*titles: str) -> tuple[Column, ...]:
    """Make columns of text."""
    return tuple(Column(title, numeric=False) for title in titles)


def number_columns(*titles: str) -> tuple[Column, ...]:
    """Make columns of numbers."""
    return tuple(Column(title) for title in titles)


def number(value: float | int | None, digits: int = 3) -> str:
    """Write a number for people: whole numbers in groups of three, others with significant digits, absent as a dash."""
    if value is None:
        return ABSENT
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f").replace("-", "−")
    if math.isnan(value):
        return "not a number"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 10**6 or size < 10**-4:
        mantissa, exponent = f"{value:.{max(digits - 1, 0)}e}".split("e")
        return f"{mantissa}·10{superscript(int(exponent))}"
    places = max(0, digits - 1 - math.floor(math.log10(size)))
    return f"{value:,.{places}f}".replace(",", "\u202f").replace("-", "−")


def superscript(exponent: int) -> str:
    """Write a whole number raised."""
    return str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def percent(value: float | None, digits: int = 3) -> str:
    """Write a fraction in per cent."""
    return ABSENT if value is None else f"{number(100.0 * value, digits)} %"


def signed_percent(value: float | None) -> str:
    """Write a relative difference in per cent, with its sign; a dash where there is none."""
    if value is None:
        return ABSENT
    return f"{100.0 * value:+.1f} %".replace("-", "−")


def with_error(value: float, error: float, scale: float = 1.0) -> str:
    """Write a value and its error with the error's first two digits."""
    value, error = value * scale, error * scale
    if not error > 0 or math.isinf(error):
        return number(value, 4)
    places = max(0, 1 - int(f"{error:e}".split("e")[1]))
    return f"{value:.{places}f} ± {error:.{places}f}"


def between(value: float, low: float, high: float, scale: float = 100.0) -> str:
    """Write a value with the distances to the ends of its interval, in per cent unless scaled otherwise."""
    down, up = (value - low) * scale, (high - value) * scale
    smallest = min(d for d in (down, up) if d > 0) if max(down, up) > 0 else 0.0
    places = max(0, 1 - int(f"{smallest:e}".split("e")[1])) if smallest > 0 else 1
    return f"{value * scale:.{places}f} +{up:.{places}f} −{down:.{places}f}"
