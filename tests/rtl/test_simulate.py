"""Verilator's simulation of the RTL gives the reference's integers and bits; broken tools are named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.core.errors import LayoutError, ToolFailedError
from l1ad.core.network import Network, Score
from l1ad.rtl.design import Interface
from l1ad.rtl.driver import driver_source
from l1ad.rtl.simulate import LIBRARY, RtlSimulation, compile_simulation, include_folder, simulation_library
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events
from tests.planted import plant
from tests.rtl.projects import make_project

pytestmark = pytest.mark.skipif(
    toolchain.find("verilator") is None or toolchain.find("g++") is None, reason="there is no Verilator or no C++ compiler"
)


MASKED = make_network(widths=(4, 8), score=Score.MASKED_MSE, phi_reference="jet")
LATENT = make_network(widths=(4, 2))
LEAST_PT = make_network(widths=(4, 8), score=Score.MASKED_MSE, min_pt_hw=(("jet", 40), ("met", 7)))
CASES = {
    "columns": (MASKED, None, Interface()),
    "packed": (MASKED, None, Interface(packed=True)),
    "threshold ports": (LATENT, None, Interface(threshold_ports=True)),
    "packed, threshold ports": (LATENT, None, Interface(packed=True, threshold_ports=True)),
    "pipelined": (LATENT, 4.0, Interface()),
    "pipelined, packed, threshold ports": (LATENT, 4.0, Interface(packed=True, threshold_ports=True)),
    "pt thresholds": (LEAST_PT, 4.0, Interface()),
}


@pytest.mark.parametrize(("network", "clock_ns", "interface"), CASES.values(), ids=CASES)
def test_every_event_agrees(tmp_path: Path, network: Network, clock_ns: float | None, interface: Interface) -> None:
    make_project(tmp_path, network, clock_ns, interface=interface)
    simulation = RtlSimulation.open(tmp_path)
    x_hw = make_threshold_events(network, 10_001)
    scores, bits = simulation.run(x_hw)
    np.testing.assert_array_equal(scores, reference.scores(network, x_hw))
    np.testing.assert_array_equal(bits, reference.bits(network, scores))
    np.testing.assert_array_equal(simulation.scores(x_hw[:1]), scores[:1])
    assert len(simulation.scores(x_hw[:0])) == 0


def test_a_library_that_came_with_a_project_is_not_loaded(tmp_path: Path) -> None:
    project = make_project(tmp_path / "rtl", LATENT)
    planted = project.path / "simulation" / LIBRARY
    plant(planted, tmp_path / "sign")
    before = planted.read_bytes()
    x_hw = make_events(LATENT.layout, 100)
    np.testing.assert_array_equal(RtlSimulation.open(project.path).scores(x_hw), reference.scores(LATENT, x_hw))
    assert not (tmp_path / "sign").exists()
    assert planted.read_bytes() == before
    compiled = simulation_library(project, project.path / "simulation")
    assert compiled != planted
    top = project.path / "verilog" / "l1ad_top.v"
    top.write_text(top.read_text(encoding="utf-8") + "\n// other sources\n", encoding="utf-8")
    assert simulation_library(project, project.path / "simulation") != compiled


def test_thresholds_come_with_the_event(tmp_path: Path) -> None:
    """The ports decide: the same library judges by other thresholds."""
    make_project(tmp_path, LATENT, interface=Interface(threshold_ports=True))
    made = RtlSimulation.open(tmp_path)
    other = LATENT.with_thresholds(tuple(replace(t, value=v) for t, v in zip(LATENT.thresholds, (0, 77, 40_000), strict=True)))
    x_hw = make_events(LATENT.layout, 500)
    scores, bits = replace(made, network=other).run(x_hw)
    np.testing.assert_array_equal(bits, reference.bits(other, scores))
    assert (bits != made.run(x_hw)[1]).any()


def test_events_of_another_layout_are_refused(tmp_path: Path) -> None:
    simulation = RtlSimulation(make_network(widths=(4, 2)), None, 1)
    with pytest.raises(LayoutError, match=r"^Events to simulate: layout 'tiny8' needs shape \(n_events, 8\), got \(2, 3\)"):
        simulation.run(np.zeros((2, 3), dtype=np.int64))


def test_signed_ports_are_masked_and_signed_scores_extended(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(4, 2)))
    source = driver_source(project)
    assert "top.jet_eta_0 = (static_cast<uint64_t>(x[1]) & 0x7full);" in source
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
