"""Yosys' counts: a real synthesis of a tiny network, statistics that are damaged, chains of carries, failures."""

import json
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.core.board import load_board
from l1ad.core.errors import ReportError, ToolFailedError
from l1ad.core.resources import Level, ResourceReport
from l1ad.rtl.delay import ULTRASCALE_PLUS, Cell, Netlist
from l1ad.rtl.report import resource_report, stage_times
from l1ad.rtl.yosys import count_carry8, read_statistics, recipe, synthesise
from tests.networks import make_network
from tests.rtl.projects import make_project

needs_yosys = pytest.mark.skipif(toolchain.find("yosys") is None, reason="there is no Yosys")


@needs_yosys
def test_a_network_is_synthesised_and_reported(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(3, 2), zero_fraction=0.6))
    ended: list[str] = []
    modules = synthesise(project, tmp_path / "yosys", "xcup", progress=ended.append)
    assert sorted(ended) == ["dense1", "dense2", "scaling", "score"]
    assert [module.stage.name for module in modules] == ["scaling", "dense1", "dense2", "score"]
    assert all(module.dsp == module.bram18 == 0 for module in modules)
    assert all(set(module.cells) <= {*(f"LUT{i}" for i in range(1, 7)), "INV", "CARRY4"} for module in modules)
    ends = stage_times(project, modules, ULTRASCALE_PLUS)
    assert ends == sorted(ends)
    report = resource_report(project, modules, load_board("l1topo"), 25.0, ULTRASCALE_PLUS, "0.70")
    assert report.level is Level.OPEN
    assert report.lut == sum(layer.lut or 0 for layer in report.breakdown) > 100
    assert (report.ff, report.dsp, report.bram18, report.latency_max_cycles) == (0, 0, 0, 0)
    assert report.result_ns == report.path_ns == round(max(ends), 3)
    assert report.slack_ns == round(25.0 - max(ends), 3)
    assert any("estimates" in note for note in report.notes)
    assert ResourceReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


@needs_yosys
def test_a_constant_module_costs_nothing(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(2, 2), zero_fraction=1.0))
    modules = synthesise(project, tmp_path / "yosys", "xc7")
    assert modules[2].lut == 0


@needs_yosys
def test_a_failure_names_the_module_and_repeats_the_log(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(2, 2)))
    (tmp_path / "verilog" / "l1ad_top_dense1.v").write_text("module l1ad_top_dense1 (input x\n")
    with pytest.raises(ToolFailedError, match=r"(?s)^Synthesising '\w+' with Yosys failed: ended with .*syntax error"):
        synthesise(project, tmp_path / "yosys", "xcup", processes=1)


def test_too_few_addresses_for_webassembly_are_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "yosys"
    tool.write_text(
        '#!/bin/sh\n[ "$1" = -V ] && { echo Yosys 0.70; exit 0; }\necho "WasmtimeError: mmap failed to reserve 0x1 bytes"; exit 1\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("L1AD_YOSYS", str(tool))
    project = make_project(tmp_path / "p", make_network(widths=(2, 2)))
    with pytest.raises(ToolFailedError, match=r"with Yosys failed: Yosys as WebAssembly reserves 4 GB of address space, .*\.$"):
        synthesise(project, tmp_path / "out", "xcup", processes=1)


@needs_yosys
def test_a_timeout_is_said(tmp_path: Path) -> None:
    project = make_project(tmp_path, make_network(widths=(2, 2)))
    with pytest.raises(ToolFailedError, match=r"^Synthesising '\w+' with Yosys did not finish within 0\.01 s"):
        synthesise(project, tmp_path / "yosys", "xcup", timeout_s=0.01, processes=1)


def test_the_recipe_is_relative_and_leaves_both_files() -> None:
    text = recipe(["../verilog/a.v"], "mod")
    assert "read_verilog ../verilog/a.v\n" in text
    assert "mod.stat.json" in text
    assert text.endswith("write_json mod.netlist.json\n")


def test_statistics_are_read(tmp_path: Path) -> None:
    cells = {"LUT2": 5, "INV": 1, "CARRY4": 2, "$scopeinfo": 9}
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"design": {"num_cells_by_type": cells, "estimated_num_lc": 4}}))
    assert read_statistics(file) == ({"LUT2": 5, "INV": 1, "CARRY4": 2}, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"design": {', r"^'.*s\.json' is cut off or not JSON"),
        ('{"design": {}}', r"^'.*s\.json' holds no Yosys statistics of a Xilinx design \(KeyError"),
        ("[1]", r"^'.*s\.json' holds no Yosys statistics of a Xilinx design \(TypeError"),
        (
            '{"design": {"num_cells_by_type": {"LUT2": "many"}, "estimated_num_lc": 4}}',
            r"holds no Yosys statistics .*\(ValueError",
        ),
    ],
)
def test_damaged_statistics_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "s.json"
    file.write_text(text)
    with pytest.raises(ReportError, match=message):
        read_statistics(file)


def test_no_statistics_are_the_tools_failure(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"^Yosys ended without error and left no '.*s\.json'; see the log beside it\.$"):
        read_statistics(tmp_path / "s.json")


def carry(carry_in: int | str, first_out: int) -> Cell:
    return Cell(
        "CARRY4", {"CI": (carry_in,), "S": ("0",) * 4, "DI": ("0",) * 4}, {"CO": tuple(range(first_out, first_out + 4)), "O": ()}
    )


def test_two_carry4_in_a_row_are_one_carry8() -> None:
    chain_of_three = [carry("0", 10), carry(13, 20), carry(23, 30)]
    alone = [carry("0", 40)]
    assert count_carry8(Netlist((*chain_of_three, *alone), (), ())) == 3
    assert count_carry8(Netlist((), (), ())) == 0
