"""Verilator's simulation of the RTL gives the reference's integers and bits; broken tools are named."""

from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.emulator import reference
from l1ad.errors import LayoutError, ToolFailedError
from l1ad.network import Network, Score
from l1ad.rtl.simulate import LIBRARY, RtlSimulation, compile_simulation, driver_source, include_folder
from tests.networks import make_events, make_network
from tests.rtl.projects import make_project

pytestmark = pytest.mark.skipif(
    toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="there is no Verilator or no C++ compiler"
)


@pytest.mark.parametrize(
    ("network", "clock_ns"),
    [
        (make_network(widths=(4, 8), score=Score.MASKED_MSE, phi_reference="jet"), None),
        (make_network(widths=(4, 2)), 4.0),
    ],
    ids=["combinational", "pipelined"],
)
def test_every_event_agrees(tmp_path: Path, network: Network, clock_ns: float | None) -> None:
    make_project(tmp_path, network, clock_ns)
    simulation = RtlSimulation.open(tmp_path)
    x_hw = make_events(network.layout, 10_001)
    scores, bits = simulation.run(x_hw)
    np.testing.assert_array_equal(scores, reference.scores(network, x_hw))
    np.testing.assert_array_equal(bits, reference.bits(network, scores))
    np.testing.assert_array_equal(simulation.scores(x_hw[:1]), scores[:1])
    assert len(simulation.scores(x_hw[:0])) == 0


def test_events_of_another_layout_are_refused(tmp_path: Path) -> None:
    simulation = RtlSimulation(make_network(widths=(4, 2)), None, 1)
    with pytest.raises(LayoutError, match=r"^Events to simulate: layout 'tiny8' wants shape \(n_events, 8\), got \(2, 3\)"):
        simulation.run(np.zeros((2, 3), dtype=np.int64))


def test_signed_ports_are_masked_and_signed_scores_extended(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(4, 2)))
    source = driver_source(project)
    assert "top.jet_eta_0 = static_cast<uint64_t>(x[1]) & 0x7full;" in source
    assert "bits[2] = top.trigger_tight;" in source


def test_broken_verilog_ends_with_the_log(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(4, 2)))
    (tmp_path / "verilog" / "l1ad_top.v").write_text("module l1ad_top (;\nendmodule\n")
    with pytest.raises(ToolFailedError, match=r"(?s)^Translating the RTL with Verilator failed: .*%Error"):
        compile_simulation(project, tmp_path / "work")
    assert not (tmp_path / "work" / LIBRARY).exists()


def test_a_verilator_without_its_sources_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    found = toolchain.FoundTool(toolchain.VERILATOR, tmp_path / "bin" / "verilator", ("verilator",))
    with pytest.raises(ToolFailedError, match=r"^Verilator at '.*' has no include/verilated\.cpp beside it; set VERILATOR_ROOT"):
        include_folder(found)
