"""The driver against stand-in tools: steps, arguments, scripts, trees, and which steps are run again."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.choices import Step
from l1ad.core.errors import ConfigError
from l1ad.core.resources import Level
from l1ad.vendor.driver import make_portable, phase_of, synthesise
from l1ad.vendor.project import VendorProject
from tests.vendor.stand_in import Machine


def test_all_steps_give_one_report_a_level(machine: Machine, design: VendorProject) -> None:
    lines: list[tuple[Step, str]] = []
    reports = synthesise(design, list(Step), machine.work, progress=lambda step, line: lines.append((step, line)))
    assert [report.level for report in reports] == [Level.CSYNTH, Level.COSIM, Level.LOGIC, Level.PLACED, Level.ROUTED]
    assert [report.lut for report in reports] == [41000, None, 612, 30100, 30100]
    assert [report.slack_ns for report in reports] == [None, None, 11.77, None, -0.148]
    assert reports[1].latency_max_cycles == 320
    assert [layer.name for layer in reports[4].breakdown] == ["(tiny)", "grp_dense_fu_40", "softmax_U0"]
    assert machine.steps() == ["csim", "csynth", "cosim", "export", "synth", "impl"]
    assert (Step.CSYNTH, "INFO: [HLS 200-10] -- csynth") in lines
    assert (machine.work / "logs" / "impl.log").read_text() == "INFO: [HLS 200-10] -- impl\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("vitis-run", ["--mode", "hls", "--tcl"]), ("vitis_hls", ["-f"]), ("vivado_hls", ["-f"])],
)
def test_every_name_of_the_tool_gets_its_own_arguments(
    machine: Machine, design: VendorProject, name: str, arguments: list[str]
) -> None:
    machine.install(name)
    (report,) = synthesise(design, [Step.CSYNTH], machine.work)
    assert report.lut == 41000
    assert machine.calls == [[name, *arguments, "csynth.tcl"]]
    script = (machine.work / "csynth.tcl").read_text()
    old = name == "vivado_hls"
    assert ("-flow_target" in script) != old
    assert ("catch {config_array_partition -maximum_size 4096}" in script) == old
    assert f"{'-std=c++0x' if old else '-std=c++14'} -I{design.folder}/firmware" in script


def test_the_script_of_c_synthesis(machine: Machine, design: VendorProject) -> None:
    synthesise(design, [Step.CSYNTH], machine.work)
    folder, flags = design.folder, f"{{-std=c++14 -I{design.folder}/firmware}}"
    assert (machine.work / "csynth.tcl").read_text().splitlines()[1:] == [
        "open_project -reset {tiny_prj}",
        "set_top tiny",
        f"add_files {{{folder}/firmware/l1ad_top.cpp}} -cflags {flags}",
        f"add_files -tb {{{folder}/l1ad_test.cpp}} -cflags {flags}",
        f"add_files -tb {{{folder}/tb_data}}",
        "open_solution -reset solution1 -flow_target vivado",
        "set_part {xcvu9p-flga2104-2-e}",
        "create_clock -period 25 -name default",
        "set_clock_uncertainty 27% default",
        "config_compile -name_max_length 80",
        "catch {config_schedule -enable_dsp_full_reg=false}",
        "csynth_design",
        "exit",
    ]


def test_the_new_tree_is_found(machine: Machine, design: VendorProject) -> None:
    machine.install("vitis-run")
    machine.plan(new_tree=True, version="2025.1")
    reports = synthesise(design, [Step.COSIM, Step.SYNTH], machine.work)
    assert [report.level for report in reports] == [Level.CSYNTH, Level.COSIM, Level.LOGIC]
    assert "hls_component/tiny/hls/syn/verilog/tiny.v" in (machine.work / "synth.tcl").read_text()


def test_rtl_goes_to_vivado_out_of_context(machine: Machine, rtl: VendorProject) -> None:
    reports = synthesise(rtl, [Step.IMPL], machine.work)
    assert [report.level for report in reports] == [Level.LOGIC, Level.PLACED, Level.ROUTED]
    flags = ["-mode", "batch", "-notrace", "-nojournal", "-nolog", "-source"]
    assert machine.calls == [["vivado", *flags, "synth.tcl"], ["vivado", *flags, "impl.tcl"]]
    script = (machine.work / "synth.tcl").read_text()
    assert f"read_verilog {{{rtl.folder}/adder.v}}\nread_vhdl -vhdl2008 {{{rtl.folder}/tiny.vhd}}\n" in script
    assert "synth_design -mode out_of_context -top tiny -part {xcu250-figd2104-2L-e}" in script
    constraints = (machine.work / "vivado" / "constraints.tcl").read_text()
    assert "create_clock -period 5 -name clk $clock_ports" in constraints
    assert "set_max_delay 5 -from [all_inputs] -to [all_outputs]" in constraints


def test_the_scripts_run_again_where_the_artefact_was_moved_to(machine: Machine, rtl: VendorProject, tmp_path: Path) -> None:
    draft, final = tmp_path / "runs" / ".synth.partial", tmp_path / "elsewhere" / "synth"
    shutil.copytree(rtl.folder, draft / "rtl")
    synthesise(replace(rtl, folder=draft / "rtl"), [Step.IMPL], draft / "vendor")
    make_portable(draft / "vendor", draft)
    final.parent.mkdir()
    draft.rename(final)
    reports = final / "vendor" / "vivado" / "reports"
    names = {path.name for path in reports.iterdir()}
    shutil.rmtree(reports)
    for step in ("synth", "impl"):
        script = (final / "vendor" / f"{step}.tcl").read_text()
        assert str(tmp_path) not in script
        sources = re.findall(r"^read_\S+ (?:-\S+ )?\{(.*)\}$", script, flags=re.MULTILINE)
        assert all((final / "vendor" / source).is_file() for source in sources)
        assert len(sources) == (3 if step == "synth" else 0)
        subprocess.run(
            [tmp_path / "tools" / "vivado", "-mode", "batch", "-source", f"{step}.tcl"], cwd=final / "vendor", check=True
        )
    assert {path.name for path in reports.iterdir()} == names
    assert not draft.exists()


def test_a_finished_step_is_not_run_again(machine: Machine, design: VendorProject) -> None:
    first = synthesise(design, [Step.CSYNTH, Step.COSIM], machine.work)
    assert synthesise(design, [Step.COSIM], machine.work) == first
    assert machine.steps() == ["csynth", "cosim"]
    synthesise(design, [Step.COSIM, Step.SYNTH], machine.work)
    assert machine.steps() == ["csynth", "cosim", "synth"]
    synthesise(design, [Step.CSYNTH], machine.work, force=True)
    assert machine.steps() == ["csynth", "cosim", "synth", "csynth"]


@pytest.mark.parametrize("change", ["header", "test data", "clock", "tool", "lost report"])
def test_a_step_whose_inputs_changed_is_run_again(machine: Machine, design: VendorProject, change: str) -> None:
    synthesise(design, [Step.COSIM], machine.work)
    if change == "header":
        (design.folder / "firmware" / "weights" / "w2.h").write_text("// other\n")
    elif change == "test data":
        (design.folder / "tb_data" / "in.dat").write_text("2\n")
    elif change == "clock":
        design = replace(design, clock_ns=5.0)
    elif change == "tool":
        machine.install("vitis-run")
    else:
        (machine.work / "tiny_prj" / "solution1" / "syn" / "report" / "tiny_csynth.xml").unlink()
    synthesise(design, [Step.COSIM], machine.work)
    assert machine.steps() == ["csynth", "cosim", "csynth", "cosim"]


def test_steps_are_read_from_text() -> None:
    assert Step.parse("impl") is Step.IMPL
    with pytest.raises(ConfigError, match=r"^There is no synthesis step 'csyn'; did you mean 'csynth' or"):
        Step.parse("csyn")


@pytest.mark.parametrize(
    ("line", "phase"),
    [
        ("Starting Placer Task", "Starting Placer Task"),
        ("Phase 1.2 IO Placement/ Clock Placement", "1.2 IO Placement/ Clock Placement"),
        ("INFO: [HLS 200-10] -- Implementing module 'dense' ", "Implementing module 'dense'"),
        ("INFO: [HLS 200-111] Finished Command csynth_design CPU user time: 1822.87 seconds.", "Finished Command csynth_design"),
        ("WARNING: something", None),
    ],
)
def test_phases_are_recognised(line: str, phase: str | None) -> None:
    assert phase_of(line) == phase
