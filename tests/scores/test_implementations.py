"""What can compute the score is found, what cannot is named, and a simulation's trigger bits must fit its score."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ArtefactError, ConversionError, MismatchError
from l1ad.core.fixed import FixedPoint
from l1ad.emulator import build
from l1ad.rtl import simulate
from l1ad.scores import implementations
from l1ad.scores.implementations import Implementation, find_implementations
from l1ad.spec import reference
from tests.networks import make_events, make_network
from tests.rtl.projects import make_project

NETWORK = make_network(widths=(4, 2))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path_factory.getbasetemp() / "implementations_cache"))

    def absent(network: object) -> Implementation:
        raise ConversionError("left out of this test.")

    monkeypatch.setattr(implementations, "_qkeras", absent)


def found(tmp_path: Path, network=NETWORK):
    return find_implementations(network, tmp_path / "project", tmp_path / "rtl", csim_events=10, rtl_events=20)


def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    skipped = found(tmp_path).skipped
    assert skipped["csim"].endswith("run 'l1ad convert'.")
    assert skipped["rtl"].endswith("run 'l1ad synth --tool open'.")
    assert skipped["qkeras"] == "left out of this test."


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_a_network_without_an_exact_emulator_is_left_out(tmp_path: Path) -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<9,4>"))
    result = found(tmp_path, network)
    assert "emulator" not in [i.name for i in result.implementations]
    assert result.skipped["emulator"].startswith("Node 'dense1.accumulator' of network 'tiny' can wrap: ")


class Simulation:
    """Stand in for the RTL: right scores, and bits that may be flipped for one event."""

    def __init__(self, network, wrong: bool) -> None:
        self.network, self.wrong = network, wrong

    def run(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        codes = reference.scores(self.network, x)
        bits = reference.bits(self.network, codes)
        bits[3, 1] ^= self.wrong
        return codes, bits


def give_rtl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, simulation: Simulation, clock_ns: float | None = None) -> None:
    make_project(tmp_path / "rtl", simulation.network, clock_ns)
    monkeypatch.setattr(simulate.RtlSimulation, "open", classmethod(lambda cls, folder: simulation))


def test_types_that_qkeras_does_not_have_are_evaluated_in_float64(tmp_path: Path) -> None:
    network = make_network(widths=(4, 2), input_type=FixedPoint.parse("ap_fixed<9,5>"), may_wrap=True)
    x = make_events(network.layout, 500)
    (float64,) = [i for i in found(tmp_path, network).implementations if i.name == "float64"]
    np.testing.assert_array_equal(float64.scores(x), reference.scores(network, x))
    assert float64.nodes is not None
    assert set(float64.nodes(x)) == {"dense2.output", "score"}


def test_right_trigger_bits_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_rtl(monkeypatch, tmp_path, Simulation(NETWORK, wrong=False))
    rtl = found(tmp_path).implementations[-1]
    x = make_events(NETWORK.layout, 12)
    assert (rtl.name, rtl.limit) == ("rtl", 20)
    np.testing.assert_array_equal(rtl.scores(x), reference.scores(NETWORK, x))


def test_wrong_trigger_bits_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_rtl(monkeypatch, tmp_path, Simulation(NETWORK, wrong=True))
    message = r"^The trigger bits of rtl are wrong for 1 of 12 events: they must be set where its score reaches \{'loose': \d+, "
    with pytest.raises(MismatchError, match=message):
        found(tmp_path).implementations[-1].scores(make_events(NETWORK.layout, 12))


@pytest.mark.parametrize("clock_ns", [None, 4.0], ids=["combinational", "pipelined"])
def test_only_combinational_rtl_shows_its_inner_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock_ns: float | None
) -> None:
    give_rtl(monkeypatch, tmp_path, Simulation(NETWORK, wrong=False), clock_ns)
    rtl = found(tmp_path).implementations[-1]
    assert (rtl.nodes is None) == (clock_ns is not None)
    assert ("only the score is seen: The stages of a pipelined RTL end inside layers" in rtl.note) == (clock_ns is not None)


def test_rtl_of_another_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(NETWORK, may_wrap=True)
    give_rtl(monkeypatch, tmp_path, Simulation(other, wrong=False))
    message = rf"^The RTL in '.*rtl' holds network {other.digest[:12]}, the model is {NETWORK.digest[:12]}; run 'l1ad synth --tool open' again\.$"
    with pytest.raises(ArtefactError, match=message):
        found(tmp_path)
