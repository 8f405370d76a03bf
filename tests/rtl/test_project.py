"""The folder of an RTL project: named ports, test bench words, Vivado scripts, VHDL beside Verilog, and what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.choices import Style
from l1ad.core.errors import ArtefactError
from l1ad.firmware.golden import Golden
from l1ad.firmware.target import Target
from l1ad.hls.top import top_ports
from l1ad.rtl.bench import bench_files
from l1ad.rtl.design import Interface
from l1ad.rtl.project import load_project
from l1ad.rtl.verilog import top, verilog_files
from l1ad.rtl.vhdl import top as vhdl_top
from l1ad.rtl.vhdl import vhdl_files
from l1ad.rtl.vivado import vivado_files
from tests.networks import make_network
from tests.rtl.projects import PART, make_design, make_project

NETWORK = make_network(widths=(4, 2))


def test_the_top_has_the_ports_of_the_layout_and_one_bit_a_threshold() -> None:
    text = top(make_design(NETWORK))
    ports = re.findall(r"^    (input|output) \[(\d+):0\] (\w+),?$", text, re.MULTILINE)
    assert [name for way, _, name in ports if way == "input"] == list(NETWORK.layout.ports)
    assert [int(high) + 1 for way, high, _ in ports if way == "input"] == [c.type.width for c in NETWORK.layout.columns]
    assert ("output", str(NETWORK.score.total.width - 1), "score") in ports
    assert re.findall(r"^    output (\w+),?$", text, re.MULTILINE) == ["trigger_loose", "trigger_nominal", "trigger_tight"]
    assert "clk" not in text


@pytest.mark.parametrize("packed", [False, True], ids=["columns", "packed"])
@pytest.mark.parametrize("thresholds", [False, True], ids=["constants", "threshold ports"])
@pytest.mark.parametrize("clock_ns", [None, 3.0], ids=["combinational", "pipelined"])
def test_the_ports_are_those_of_the_hls_top(packed: bool, thresholds: bool, clock_ns: float | None) -> None:
    target = Target("xcvu9p-flga2104-2-e", 25.0, 0.27, Style.COMBINATIONAL, packed=packed, threshold_ports=thresholds)
    data, limits, outputs = top_ports(NETWORK, target)
    design = make_design(NETWORK, clock_ns, Interface(packed, thresholds))
    clock = [("input", "clk")] if clock_ns else []
    wanted = clock + [("input", port.name) for port in (*data, *limits)] + [("output", port.name) for port in outputs]
    assert re.findall(r"^    (input|output) (?:\[\d+:0\] )?(\w+),?$", top(design), re.MULTILINE) == wanted
    entity = vhdl_top(design).split("end entity")[0]
    assert re.findall(r"^        (\w+) : (in|out) ", entity, re.MULTILINE) == [(n, way.removesuffix("put")) for way, n in wanted]
    widths = {name: int(high) + 1 for high, name in re.findall(r"input \[(\d+):0\] (\w+)", top(design))}
    assert widths == {port.name: port.width for port in (*data, *limits)}


def test_a_project_of_form_1_has_one_port_a_column(tmp_path: Path) -> None:
    make_project(tmp_path, NETWORK)
    data = json.loads((tmp_path / "rtl.json").read_text())
    del data["interface"]
    for stage in data["stages"]:
        del stage["formats"]
    (tmp_path / "rtl.json").write_text(json.dumps(data | {"spec_version": 1}))
    project = load_project(tmp_path)
    assert project.interface == Interface(packed=False, threshold_ports=False)
    assert project.stages[0].formats == ()


def test_registers_stand_before_between_and_after_the_stages() -> None:
    design = make_design(NETWORK, 3.0)
    text = top(design)
    assert text.count("always @(posedge clk)") == len(design.stages) + 1
    assert "    input clk,\n" in text


def test_constant_outputs_are_driven() -> None:
    text = top(make_design(make_network(widths=(4, 2), zero_fraction=1.0)))
    for output in ("score", "trigger_loose", "trigger_nominal", "trigger_tight"):
        assert re.search(rf"assign {output} = ", text)


def test_tables_are_indexed_constants() -> None:
    files = verilog_files(make_design(NETWORK))
    tables = files["l1ad_top_tables.v"]
    assert "case" not in tables
    assert re.search(r"wire \[\d+:0\] bit_0 = \d+'b[01]+;", tables)


def test_vhdl_has_the_same_entities_and_ports() -> None:
    design = make_design(NETWORK)
    verilog, vhdl = verilog_files(design), vhdl_files(design)
    modules = {name.removesuffix(".v") for name in verilog if name.startswith("l1ad_top")}
    assert {name.removesuffix(".vhd") for name in vhdl if name.startswith("l1ad_top")} == modules
    text = vhdl_top(design)
    for port in (*NETWORK.layout.ports, "score"):
        assert re.search(rf"\b{port} : (in|out) std_logic_vector", text)
    assert "rising_edge(clk)" in vhdl_top(make_design(NETWORK, 3.0))


def test_golden_words_hold_the_columns_lowest_first() -> None:
    columns = NETWORK.layout.columns
    x_hw = np.array([[1, -1, 0, 0, 0, 0, 0, 3]])
    files = bench_files(make_design(NETWORK), Golden(x_hw, np.array([5]), np.array([[True, False, True]])))
    word = int(files["golden_inputs.hex"], 16)
    assert word & 0x3FF == 1
    assert (word >> columns[0].type.width) & 0x7F == 0x7F
    assert word >> sum(c.type.width for c in columns[:-1]) == 3
    assert int(files["golden_outputs.hex"], 16) == 5 | (0b101 << NETWORK.score.total.width)
    assert "localparam N = 1;" in files["testbench.sv"]


def test_the_bench_feeds_words_and_thresholds() -> None:
    golden = Golden(np.zeros((1, 8), dtype=np.int64), np.array([5]), np.zeros((1, 3), dtype=bool))
    bench = bench_files(make_design(NETWORK, interface=Interface(True, True)), golden)["testbench.sv"]
    assert ".jet_0(event_in[22:0]),\n        .jet_1(event_in[45:23]),\n        .met(event_in[60:46])" in bench
    total = NETWORK.score.total.width
    assert f".threshold_tight({total}'b{NETWORK.thresholds[2].value:0{total}b})" in bench


def test_vivado_bounds_the_paths_or_makes_the_clock() -> None:
    loose = vivado_files(make_design(NETWORK), PART)
    assert loose["constraints.xdc"] == "set_max_delay 25 -from [all_inputs] -to [all_outputs]\n"
    assert "synth_design -top l1ad_top -part xcvu9p-flga2104-2-e -mode out_of_context" in loose["build.tcl"]
    clocked = vivado_files(make_design(NETWORK, 3.0), replace(PART, clock_ns=3.0))
    assert clocked["constraints.xdc"].splitlines() == [
        "create_clock -name clk -period 3 [get_ports clk]",
        'set_input_delay -clock clk 0 [get_ports -filter "DIRECTION == IN && NAME != clk"]',
        "set_output_delay -clock clk 0 [all_outputs]",
    ]


def test_a_project_reads_back(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK, 3.0, vhdl=True)
    assert project.network.digest == NETWORK.digest
    assert project.latency_cycles == len(project.stages)
    widths = sum(width for stage in project.stages for _, width in stage.outputs)
    assert project.register_bits == sum(c.type.width for c in NETWORK.layout.columns) + widths
    assert (tmp_path / "vhdl" / "l1ad_top.vhd").is_file()


def test_combinational_logic_has_no_registers(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK)
    assert (project.register_bits, project.latency_cycles) == (0, 0)
    assert [stage.name for stage in project.stages] == ["scaling", "dense1", "dense2", "score"]


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ArtefactError, match=r"^Expected an RTL project at '.*', found no readable rtl\.json there; run 'l1ad synth"
    ):
        load_project(tmp_path)


def test_a_newer_form_is_refused(tmp_path: Path) -> None:
    make_project(tmp_path, NETWORK)
    data = json.loads((tmp_path / "rtl.json").read_text())
    (tmp_path / "rtl.json").write_text(json.dumps(data | {"spec_version": 99}))
    with pytest.raises(ArtefactError, match=r"has format version 99, this version of l1ad reads up to 2; update l1ad\.$"):
        load_project(tmp_path)
