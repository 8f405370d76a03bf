"""The public GELATO encoder through the open flow, and the table that holds its numbers beside the vendor's."""

from pathlib import Path

import numpy as np
import pytest

from l1ad import toolchain
from l1ad.firmware.golden import Golden
from l1ad.rtl.calibration import load_calibration
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.netlist import compare_netlist
from l1ad.rtl.report import stage_times
from l1ad.rtl.simulate import RtlSimulation
from l1ad.rtl.yosys import synthesise
from l1ad.spec import reference
from tests.networks import make_events
from tests.reference_network import gelato_network
from tests.rtl.projects import make_project


def test_the_table_has_both_sides_and_the_ratio() -> None:
    design = load_calibration()[0]
    assert [measured.level for measured in design.vendor] == ["csynth", "logic", "routed"]
    assert design.routed_ratio == pytest.approx(23917 / 21608)
    assert "fitted" in design.note
    assert not design.calibrates  # another architecture on either side


@pytest.mark.slow
@pytest.mark.skipif(
    toolchain.find("verilator") is None or toolchain.find("yosys") is None, reason="Verilator or Yosys is missing"
)
def test_the_reference_design_is_exact_and_its_numbers_are_those_of_the_table(tmp_path: Path) -> None:
    network = gelato_network()
    project = make_project(tmp_path, network)
    x_hw = make_events(network.layout, 100_000)
    scores = reference.scores(network, x_hw)
    np.testing.assert_array_equal(RtlSimulation.open(tmp_path).scores(x_hw), scores)
    modules = synthesise(project, tmp_path / "yosys", "xcup")
    golden = Golden(x_hw, scores, reference.bits(network, scores, x_hw))
    assert [agreement.n_different for agreement in compare_netlist(project, modules, golden)] == [0, 0]
    design = load_calibration()[0]
    assert sum(module.lut for module in modules) == pytest.approx(design.open[1].lut, rel=0.005)
    assert stage_times(project, modules, ULTRASCALE_PLUS)[-1] == pytest.approx(design.open[1].delay_ns, rel=0.01)
    assert all(module.dsp == module.bram18 == 0 for module in modules)
