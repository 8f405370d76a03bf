"""Thresholds that follow an event's counts: every implementation gives the bits of a loop written out by hand."""

from __future__ import annotations

import itertools
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.choices import Strategy
from l1ad.core.errors import ConfigError, ConversionError, InputError, LayoutError, ModelError
from l1ad.core.fixed import IntArray
from l1ad.core.follow import Follow
from l1ad.core.network import Network, Score, Threshold
from l1ad.core.thresholds import ThresholdsFile, load_thresholds
from l1ad.emulator.package import package_files
from l1ad.firmware.golden import INPUTS, SCORES, make_golden
from l1ad.graph import lower
from l1ad.graph.run import evaluate
from l1ad.graph.run_float import evaluate_float
from l1ad.hls.csim import Csim
from l1ad.rtl.design import Interface
from l1ad.rtl.project import source_files, write_project
from l1ad.rtl.simulate import RtlSimulation
from l1ad.rtl.strategies import trace_strategy
from l1ad.spec import reference
from tests.networks import make_events, make_network
from tests.projects import make_project
from tests.rtl import projects

NO_COMPILER = pytest.mark.skipif(toolchain.find("g++") is None, reason="there is no C++ compiler")
NO_VERILATOR = pytest.mark.skipif(toolchain.find("verilator") is None, reason="there is no Verilator")
FOLLOWS = {
    "plain": None,
    "met": Follow(3, pt=(("met", 171),)),
    "all": Follow(6, pt=(("met", -900), ("jet", 313)), count=(("jet", 40_000), ("met", -7))),
    "objects": Follow(0, count=(("jet", 9000),)),
}


def by_hand(network: Network, follow: Follow | None, codes: IntArray, x_hw: IntArray) -> list[int]:
    """Loop over events and columns, as the definition reads."""
    if follow is None:
        return [int(code) for code in codes]
    pt, count = dict(follow.pt), dict(follow.count)
    out = []
    for code, event in zip(codes.tolist(), x_hw.tolist(), strict=True):
        value = code * 2**follow.shift
        for column, number in zip(network.layout.columns, event, strict=True):
            if column.feature == "pt":
                value -= pt.get(column.kind, 0) * number + count.get(column.kind, 0) * (number != 0)
        out.append(value)
    return out


def followed_network(score: Score = Score.LATENT_L2, widths: tuple[int, ...] = (4, 2)) -> Network:
    """Return a network whose thresholds stand at values that events reach exactly, and one beside."""
    network = make_network(widths=widths, score=score)
    x_hw = make_events(network.layout, 400, seed=21)
    codes = reference.scores(network, x_hw)
    thresholds = []
    for name, follow in FOLLOWS.items():
        values = sorted(by_hand(network, follow, codes, x_hw))
        thresholds += [Threshold(f"{name}_{i}", values[250] + i, follow) for i in (0, 1)]
    return network.with_thresholds(tuple(thresholds))


@pytest.fixture(scope="module")
def network() -> Network:
    return followed_network()


def wanted_bits(network: Network, x_hw: IntArray) -> IntArray:
    codes = reference.scores(network, x_hw)
    compared = [by_hand(network, t.follow, codes, x_hw) for t in network.thresholds]
    return np.array([[value >= t.value for value in values] for t, values in zip(network.thresholds, compared, strict=True)]).T


def events(network: Network) -> IntArray:
    return np.concatenate([make_events(network.layout, 400, seed=21), make_events(network.layout, 1500, seed=22)])


def test_the_reference_is_the_loop_and_each_threshold_decides_otherwise(network: Network) -> None:
    x_hw = events(network)
    wanted = wanted_bits(network, x_hw)
    np.testing.assert_array_equal(reference.bits(network, reference.scores(network, x_hw), x_hw), wanted)
    for i, j in itertools.combinations(range(wanted.shape[1]), 2):
        assert (wanted[:, i] != wanted[:, j]).any()
    with pytest.raises(InputError, match=r"^Threshold 'met_0' follows the event's counts; give them beside the scores\.$"):
        reference.bits(network, reference.scores(network, x_hw))


@pytest.mark.parametrize("score", [Score.LATENT_L2, Score.MASKED_MSE])
def test_the_graph_gives_them_in_int64_and_float64(score: Score) -> None:
    network = followed_network(score, (4, 2) if score is Score.LATENT_L2 else (4, 8))
    x_hw = events(network)
    for run in (evaluate, evaluate_float):
        np.testing.assert_array_equal(run(lower(network), x_hw)["trigger"].astype(bool), wanted_bits(network, x_hw))


@NO_COMPILER
def test_the_c_simulation_gives_them(tmp_path: Path, network: Network) -> None:
    x_hw = events(network)
    _, bits = Csim(make_project(tmp_path, network, packed=True)).run(x_hw)
    np.testing.assert_array_equal(bits, wanted_bits(network, x_hw))


@NO_COMPILER
@NO_VERILATOR
@pytest.mark.parametrize("clock_ns", [pytest.param(None, marks=pytest.mark.slow), 4.0])
def test_the_rtl_gives_them(tmp_path: Path, network: Network, clock_ns: float | None) -> None:
    projects.make_project(tmp_path, network, clock_ns, interface=Interface(packed=clock_ns is None))
    x_hw = events(network)
    _, bits = RtlSimulation.open(tmp_path).run(x_hw)
    np.testing.assert_array_equal(bits, wanted_bits(network, x_hw))


@NO_COMPILER
@NO_VERILATOR
def test_the_rtl_of_shared_multipliers_gives_them(tmp_path: Path, network: Network) -> None:
    write_project(source_files(trace_strategy(network, Strategy.RESOURCE, 4)), tmp_path)
    x_hw = events(network)
    _, bits = RtlSimulation.open(tmp_path).run(x_hw)
    np.testing.assert_array_equal(bits, wanted_bits(network, x_hw))


@NO_COMPILER
def test_the_emulator_s_package_gives_them(tmp_path: Path, network: Network) -> None:
    golden = make_golden(network, 500)
    np.testing.assert_array_equal(golden.bits, wanted_bits(network, golden.x_hw))
    files = golden.files()
    for name, text in package_files(network, files[INPUTS].decode(), files[SCORES].decode()).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(["make", "-j2", "CXXFLAGS=-O1", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ", 0 differences," in done.stdout


def test_thresholds_by_ports_follow_nothing(network: Network) -> None:
    with pytest.raises(
        ConversionError, match=r"^Threshold 'met_0' follows the event's counts, and its constants are in the firmware;"
    ):
        lower(network, threshold_ports=True)


def test_they_come_back_from_json_and_yaml(tmp_path: Path, network: Network) -> None:
    again = Network.from_dict(json.loads(json.dumps(network.to_dict())))
    assert again.thresholds == network.thresholds
    assert again.digest == network.digest == network.with_thresholds(()).digest
    file = ThresholdsFile(network.digest, network.thresholds)
    (tmp_path / "t.yaml").write_text(file.text("t", [""] * len(network.thresholds)), encoding="utf-8")
    assert load_thresholds(tmp_path / "t.yaml") == file


@pytest.mark.parametrize(
    ("follows", "message"),
    [
        (
            "{a: {shift: 1, pt: {met: 1.5}}}",
            r"key 'follows': What a threshold follows needs 'shift', 'pt' and 'count' with whole numbers",
        ),
        ("{a: {shift: 1, Pt: {met: 1}}}", r"key 'follows': What a threshold follows needs"),
        ("{a: {pt: {met: 1}}}", r"key 'follows': What a threshold follows needs"),
        ("{a: 3}", r"key 'follows': "),
        ("{b: {shift: 1}}", r"has 'b' under 'follows', which is not a threshold of it; valid are 'a'"),
    ],
)
def test_a_file_that_says_it_wrongly_is_refused(tmp_path: Path, follows: str, message: str) -> None:
    (tmp_path / "t.yaml").write_text(f"network: ab\nthresholds: {{a: 1}}\nfollows: {follows}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load_thresholds(tmp_path / "t.yaml")


def test_what_cannot_be_followed_is_refused(network: Network) -> None:
    threshold = network.thresholds[2]
    with pytest.raises(LayoutError, match="'tau'"):
        network.with_thresholds((replace(threshold, follow=Follow(1, pt=(("tau", 1),))),))
    with pytest.raises(
        ModelError, match=r"^A threshold that follows with shift 60 compares values from .* must fit 62 bits: use smaller"
    ):
        network.with_thresholds((replace(threshold, follow=Follow(60)),))
    with pytest.raises(ModelError, match="with shift -1 "):
        network.with_thresholds((replace(threshold, follow=Follow(-1)),))
