"""The benchmark measures what is right, and says what it promised."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from l1ad.benchmarks import emulator
from l1ad.benchmarks.networks import bench_events, bench_network
from l1ad.benchmarks.timing import Timing, timed
from l1ad.core.errors import MismatchError
from l1ad.core.network import Score
from l1ad.emulator import build
from l1ad.ranges import float32_exact, require_safe

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Measure small networks, and keep their emulators away from the user's cache."""
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.getbasetemp() / "bench_cache"))
    small = {"l1topo44": (4, 3), "gelato60": (4, 60)}
    monkeypatch.setattr(emulator, "bench_network", lambda layout, widths, score: bench_network(layout, small[layout], score))
    monkeypatch.setattr(emulator, "BATCH", 3000)
    monkeypatch.setattr(emulator, "GROWTH_BATCH", 4000)


@needs_compiler
def test_figures_targets_and_growth() -> None:
    result = emulator.run(seconds=0.01, peers=False, sizes=(1000, 5000, 9000))
    whats = [row["what"] for row in result["rows"]]
    assert whats == ["emulator, 44-4-3 with latent_l2", "emulator, 60-4-60 with masked_mse", "one event per call from C++"]
    assert [row["target"] for row in result["rows"]] == [40e6, 10e6, 2.0]
    for row in result["rows"]:
        assert row["value"] > 0
        assert row["met"] == (row["value"] <= row["target"] if row["unit"] == "us" else row["value"] >= row["target"])
    assert [row["events"] for row in result["growth"]] == [1000, 5000, 9000]


@needs_compiler
def test_instructions_are_named_and_take_turns() -> None:
    rows = emulator.run(seconds=0.01, march=("native", "plain"))["rows"]
    assert [row["march"] for row in rows] == ["native", "plain"] * 2
    assert {row["instructions"] for row in rows[1::2]} == {"the compiler's vectors"}
    assert all(row["value"] > 0 for row in rows)


@needs_compiler
@pytest.mark.slow
def test_peers_give_the_same_values() -> None:
    rows = emulator.run(seconds=0.05, sizes=(1000,))["rows"]
    assert [row["what"] for row in rows[-2:]] == ["emulator over hls4ml predict", "emulator over alkaid's interpreter"]
    assert all(row["peer"] > 0 for row in rows[-2:])


@needs_compiler
def test_a_wrong_implementation_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator.Emulator, "scores", lambda self, x: np.full(len(x), -1))
    with pytest.raises(
        MismatchError, match=r"^A measured implementation differs from the specification in 2000 of 2000 events; "
    ):
        emulator.run(seconds=0.01, peers=False, sizes=(10,))


def test_a_wrong_peer_is_not_measured() -> None:
    with pytest.raises(
        MismatchError, match=r"^alkaid gives 1 of 2 other values than the specification; its speed would mean nothing\.$"
    ):
        emulator._require_equal("alkaid", np.array([1.0, 2.0]), np.array([1, 3]))


def test_the_measured_networks_are_exact_and_have_no_zero_weight() -> None:
    network = bench_network("l1topo44", (32, 16, 3), Score.LATENT_L2)
    require_safe(network)
    assert network.shape == "44-32-16-3"
    assert float32_exact(network)
    assert all(layer.weight.all() for layer in network.layers)
    network.layout.check(bench_events(network.layout, 500), "events")


def test_the_best_and_the_median_run() -> None:
    timing = timed(lambda: None, seconds=0.0, least=5)
    assert timing.repeats == 5
    assert 0 < timing.best_s <= timing.median_s
    assert Timing(0.5, 2.0, 3).rate(10) == 20
    assert Timing(0.5, 2.0, 3).median_rate(10) == 5
