"""Efficiencies with too few background events behind them are marked and warned of, weights counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.physics.rates import RateSample, rate_curve, rate_point
from l1ad.physics.rates_page import SourceRates, points_table, poor_points
from l1ad.reporting.document import State, Verdict
from l1ad.reporting.physics_sections import efficiency_table, few_events
from l1ad.scores.performance import Performance, evaluate
from l1ad.scores.targets import Kind, Target
from tests.datasets_made import make_dataset, make_scores


def performance(folder: Path, heavy: float) -> Performance:
    """Evaluate 10 000 background events, the highest of weight ``heavy``, at fractions that about 100 and 5 equal events reach."""
    weight = np.ones(10_100)
    weight[9_999] = heavy
    dataset = make_dataset(folder, 10_000, 100, signals=("ttbar",), split=np.full(10_100, 2), weight=weight)
    return evaluate(dataset, make_scores(dataset, np.arange(10_100)), (Target(1e-2), Target(5e-4)))


def test_a_fraction_with_too_few_events_is_marked_and_warned_of(tmp_path: Path) -> None:
    found = performance(tmp_path / "d", 1.0)
    cells = [row[2] for row in efficiency_table([found]).rows]
    assert cells == ["100", "5.00 (too few)"] * 2  # the mean, then the signal
    (warning,) = few_events([found])
    assert isinstance(warning, Verdict)
    assert warning.state is State.WARNING
    assert warning.text == "Too few background events to mean anything at background fraction 0.0005 (5 events, n_eff 5)."


def test_many_events_of_which_one_carries_the_weight_are_too_few(tmp_path: Path) -> None:
    found = performance(tmp_path / "d", 50.0)
    point = found.signals[0].points[0]
    assert (point.background.n_passed, round(point.background.n_effective, 1)) == (51, 3.9)
    assert efficiency_table([found]).rows[0][2] == "3.92 (too few)"


@pytest.mark.parametrize(("target", "warned"), [(50.0, False), (9.0, True)])
def test_rates_with_too_few_events_are_warned_of(target: float, warned: bool) -> None:
    sample = RateSample(np.arange(1000), np.ones(1000), None, 1000.0)
    source = SourceRates("csim", 1.0, rate_curve(sample), (rate_point(sample, target, Kind.TOTAL),), {}, {}, ())
    texts = [block.text for block in poor_points([source]) if isinstance(block, Verdict)]
    assert texts == ([f"Fewer than ten effective events are behind csim total_{target:g}khz."] if warned else [])


def test_the_table_of_thresholds_has_the_effective_number_behind_the_wanted_rate() -> None:
    """Half of the events are the menu's: behind a pure rate are only the others."""
    sample = RateSample(np.arange(1000), np.ones(1000), np.arange(1000) % 2 == 0, 1000.0)
    points = (rate_point(sample, 50.0, Kind.TOTAL), rate_point(sample, 50.0, Kind.PURE))
    table = points_table([SourceRates("csim", 1.0, rate_curve(sample), points, {}, {}, ())])
    assert [column.title for column in table.columns][-2:] == ["Events selected", "n_eff"]
    assert [row[-2:] for row in table.rows] == [("50", "50.0"), ("100", "50.0")]
