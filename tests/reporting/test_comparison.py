"""Differences to a baseline are to its row of the same level and, where it has one, of the same tool."""

from __future__ import annotations

from dataclasses import replace

import pytest

from l1ad.core.resources import Level
from l1ad.reporting.comparison import NAMES, Entry, differences, pareto

EMPTY = Entry(**dict.fromkeys(NAMES))  # type: ignore[arg-type]


def row(tool: str, level: Level, lut: int, **values: object) -> Entry:
    return replace(EMPTY, run="r", level=level.value, tool=tool, lut=lut, **values)  # type: ignore[arg-type]


BASELINE = [
    row("Vivado 2024.1", Level.LOGIC, 200, latency_cycles=0),
    row("Yosys 0.70", Level.LOGIC, 100, latency_cycles=0),
    row("Vivado 2024.1", Level.ROUTED, 50),
]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("tool", "change"), [("Yosys 0.33", 0.5), ("Vivado 2023.2", -0.25)])
def test_the_same_tools_row_is_preferred(tool: str, change: float, order: int) -> None:
    found = differences(row(tool, Level.LOGIC, 150), BASELINE[::order])
    assert found is not None
    assert found["lut"] == pytest.approx(change)


def test_another_tools_row_serves_where_there_is_no_other() -> None:
    found = differences(row("Yosys 0.70", Level.ROUTED, 75), BASELINE)
    assert found is not None
    assert found["lut"] == pytest.approx(0.5)
    assert found["ff"] is None
    assert differences(row("Yosys 0.70", Level.OPEN, 75), BASELINE) is None


def test_zero_of_zero_is_no_difference_and_of_something_none() -> None:
    same, more = (differences(row("Yosys 0.70", Level.LOGIC, 100, latency_cycles=n), BASELINE) for n in (0, 3))
    assert same is not None
    assert more is not None
    assert (same["latency_cycles"], more["latency_cycles"]) == (0.0, None)


def test_no_point_of_the_front_is_beaten_in_both() -> None:
    points = [(3.0, 0.5), (1.0, 0.2), (2.0, 0.6), (1.0, 0.3), (4.0, 0.6)]
    assert pareto(points) == [3, 2]
