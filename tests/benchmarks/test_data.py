"""The data benchmark measures what it says, on small files."""

from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.benchmarks import data
from l1ad.config import load_config


@pytest.mark.slow
def test_reading_preparing_and_memory_are_measured() -> None:
    results = data.run(n_events=2_000, simulated=0, repeats=1)
    assert "simulation" not in results
    for form in ("hdf5", "root"):
        result = results[form]
        assert result["ratio"] == pytest.approx(result["prepare_s"] / result["read_s"])
        assert 20 < result["peak_mb"] < data.TARGETS["peak_mb"]
        assert 20 < result["peak_mb_ten_times"] < data.TARGETS["peak_mb"]


def test_the_million_is_the_one_that_is_shipped() -> None:
    shipped = load_config(Path(__file__).parents[2] / "configs" / "zero_bias_1m.yaml").simulation
    assert dict(shipped.background) == data.MILLION
    assert sum(data.MILLION.values()) == 1_000_000


@pytest.mark.slow
def test_the_simulation_is_timed() -> None:
    result = data.simulation(20)
    assert result["zero_bias_minutes_per_million"] == pytest.approx(1e6 / result["zero_bias_events_per_s_and_core"] / 120)
    assert result["hard_minutes_per_50k"] == pytest.approx(5e4 / result["hard_events_per_s_and_core"] / 120)
