"""The driver against stand-in tools: they take the real arguments, read the real scripts and leave the files the real ones do."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.errors import ConfigError, InputError, MismatchError, ToolFailedError, ToolMissingError
from l1ad.resources import Level
from l1ad.vendor.driver import phase_of, synthesise
from l1ad.vendor.project import Step, VendorProject

GOLDEN = Path(__file__).parents[1] / "golden"
STAND_IN = """#!@PYTHON@
import json, re, shutil, sys, time
from pathlib import Path

name = Path(sys.argv[0]).name
home = Path(sys.argv[0]).parent.parent
plan = json.loads((home / "plan.json").read_text())
if sys.argv[1:] == ["-version"]:
    print(f"{name} v{plan['version']} (64-bit)")
    sys.exit(0)
with (home / "calls.txt").open("a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
script = Path(sys.argv[-1])
text, step = script.read_text(), script.stem
trouble = plan.get(step, {})
print("INFO: [HLS 200-10] -- " + step, flush=True)
for line in trouble.get("prints", []):
    print(line, flush=True)
if "sleeps" in trouble:
    Path("started").write_text("yes\\n")
    time.sleep(trouble["sleeps"])
if "exits" in trouble:
    sys.exit(trouble["exits"])
def leave(golden, target):
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    data = (Path(plan["golden"]) / golden).read_bytes() if golden else b"x"
    target.write_bytes(data[: trouble.get("cut", len(data))])
if not trouble.get("silent"):
    if name == "vivado":
        for state, util, timing in (
            ("synth", "vivado/2018.3/tiny_utilization_synth.rpt", "vivado/2021.2/tiny_timing_synth.rpt"),
            ("placed", "vivado/2020.2/tiny_utilization_placed.rpt", "vivado/2020.2/tiny_timing_placed.rpt"),
            ("routed", "vivado/2024.2/tiny_utilization_routed.rpt", "vivado/2024.2/tiny_timing_routed.rpt"),
        ):
            for path in re.findall(r"-file \\\\{(.*_" + state + r"\\\\.rpt)\\\\}", text):
                hierarchical = "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt"
                if "hierarchical" in path and state != "routed":
                    changed = (Path(plan["golden"]) / hierarchical).read_text()
                    Path(path).write_text(changed.replace(": Routed", {"synth": ": Synthesized", "placed": ": Fully Placed"}[state]))
                else:
                    leave(hierarchical if "hierarchical" in path else timing if "timing" in path else util, path)
        leave(None, re.search(r"write_checkpoint -force \\\\{(.*)\\\\}", text).group(1))
    else:
        project = re.search(r"open_project (?:-reset )?\\\\{(.*)\\\\}", text).group(1)
        root = Path("hls_component/tiny/hls") if plan.get("new_tree") else Path(project) / "solution1"
        if "csim_design" in text:
            leave(None, root / "csim/report/tiny_csim.log")
        if "csynth_design" in text:
            leave("vitis_hls/2022.2/tiny_csynth.rpt", root / "syn/report/tiny_csynth.rpt")
            leave("vitis_hls/2022.2/tiny_csynth.xml", root / "syn/report/tiny_csynth.xml")
            leave(None, root / "syn/verilog/tiny.v")
        if "cosim_design" in text:
            leave(plan.get("cosim_report", "vitis_hls/2024.1/tiny_cosim.rpt"), root / "sim/report/tiny_cosim.rpt")
        if "export_design" in text:
            leave(None, root / "impl/export.zip")
"""


class Machine:
    """A machine with stand-in tools, a design and a work folder."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.monkeypatch, self.work = root, monkeypatch, root / "work"
        (root / "tools").mkdir()
        self.plan(version="2024.1")
        for variable in ("XILINX_VITIS", "XILINX_HLS", "XILINX_VIVADO"):
            monkeypatch.delenv(variable, raising=False)

    def plan(self, **values: object) -> None:
        """Say what the tools shall do."""
        known = {"golden": str(GOLDEN), "version": "2024.1", **values}
        (self.root / "plan.json").write_text(json.dumps(known))

    def install(self, hls: str = "vitis_hls") -> None:
        for name, variable in ((hls, "L1AD_VITIS_HLS"), ("vivado", "L1AD_VIVADO")):
            path = self.root / "tools" / name
            path.write_text(STAND_IN.replace("@PYTHON@", sys.executable).replace("\\\\", "\\"))
            path.chmod(0o755)
            self.monkeypatch.setenv(variable, str(path))

    @property
    def calls(self) -> list[list[str]]:
        path = self.root / "calls.txt"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def steps(self) -> list[str]:
        """Names of the scripts that were run, in order."""
        return [Path(call[-1]).stem for call in self.calls]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine(tmp_path, monkeypatch)
    found.install()
    return found


@pytest.fixture
def design(tmp_path: Path) -> VendorProject:
    folder = tmp_path / "my_design"
    for name in ("firmware/l1ad_top.cpp", "firmware/l1ad_top.h", "firmware/weights/w2.h", "l1ad_test.cpp", "tb_data/in.dat"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"// {name}\n")
    return VendorProject(
        name="tiny",
        folder=folder,
        top="tiny",
        sources=("firmware/l1ad_top.cpp",),
        part="xcvu9p-flga2104-2-e",
        clock_ns=25.0,
        test_bench=("l1ad_test.cpp",),
        test_data=("tb_data",),
        include_dirs=("firmware",),
    )


@pytest.fixture
def rtl(tmp_path: Path) -> VendorProject:
    folder = tmp_path / "rtl"
    folder.mkdir()
    for name in ("adder.v", "tiny.vhd"):
        (folder / name).write_text("-- nothing\n")
    return VendorProject("tiny", folder, "tiny", ("adder.v", "tiny.vhd"), "xcu250-figd2104-2L-e", 5.0, clock_port="clk")


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


def test_a_failed_step_names_itself_and_is_tried_again(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"prints": ["ERROR: [HLS 207-1] syntax error"], "exits": 1})
    message = (
        r"^The step csynth of tiny failed: \S+/vitis_hls ended with exit code 1; the last lines of \S+/logs/csynth\.log are:\n"
        r"INFO: \[HLS 200-10\] -- csynth\nERROR: \[HLS 207-1\] syntax error$"
    )
    with pytest.raises(ToolFailedError, match=message) as caught:
        synthesise(design, [Step.COSIM], machine.work)
    assert caught.value.exit_code == 1
    assert not (machine.work / "steps").exists()
    machine.plan()
    assert len(synthesise(design, [Step.COSIM], machine.work)) == 2
    assert machine.steps() == ["csynth", "csynth", "cosim"]


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcvu9p'. Please run the manager.",
        "ERROR: Could not obtain the necessary license for Simulator.",
        "@E [HLS-72] License checkout failed.",
    ],
)
def test_a_missing_licence_is_said_as_such(machine: Machine, rtl: VendorProject, line: str) -> None:
    machine.plan(synth={"prints": ["Attempting to get a license for feature 'Synthesis'", line], "exits": 1})
    message = rf"^The step synth of tiny found no licence \({re.escape(line)}\); set XILINXD_LICENSE_FILE to your licence file or server; "
    with pytest.raises(ToolFailedError, match=message):
        synthesise(rtl, [Step.SYNTH], machine.work)


def test_asking_for_a_licence_is_no_error(machine: Machine, rtl: VendorProject) -> None:
    machine.plan(synth={"prints": ["Attempting to get a license for feature 'Synthesis'", "Got license for feature 'Synthesis'"]})
    assert len(synthesise(rtl, [Step.SYNTH], machine.work)) == 1
    machine.plan(impl={"prints": ["Attempting to get a license for feature 'Implementation'"], "exits": 1})
    with pytest.raises(ToolFailedError, match=r"^The step impl of tiny failed: "):
        synthesise(rtl, [Step.IMPL], machine.work)


@pytest.mark.parametrize("step", [Step.CSIM, Step.CSYNTH, Step.COSIM, Step.EXPORT, Step.SYNTH, Step.IMPL])
def test_exit_code_0_without_a_report_is_a_failure(machine: Machine, design: VendorProject, step: Step) -> None:
    synthesise(design, [step], machine.work)
    machine.plan(**{step.value: {"silent": True}})
    with pytest.raises(
        ToolFailedError, match=rf"^The step {step.value} of tiny ended with exit code 0 but left no report below \S+/work; "
    ):
        synthesise(replace(design, uncertainty=0.1) if step.is_hls else replace(design, clock_ns=5.0), [step], machine.work)


def test_a_report_that_is_cut_off_is_a_failure_each_time(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"cut": 3000})
    message = (
        r"^The step csynth of tiny left a report that cannot be read: The report \S+/tiny_csynth\.rpt is cut off or damaged: "
    )
    for _ in range(2):
        with pytest.raises(ToolFailedError, match=message):
            synthesise(design, [Step.CSYNTH], machine.work)
    assert machine.steps() == ["csynth", "csynth"]


def test_a_failed_cosimulation_is_a_mismatch(machine: Machine, design: VendorProject) -> None:
    machine.plan(cosim_report="vitis_hls/2023.1/tiny_cosim.rpt")
    with pytest.raises(
        MismatchError,
        match=r"^The step cosim of tiny found that the RTL does not compute what the C\+\+ does; see \S+/cosim\.log$",
    ):
        synthesise(design, [Step.COSIM], machine.work)


def test_a_slow_step_meets_its_timeout(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"sleeps": 60})
    start = time.monotonic()
    with pytest.raises(
        ToolFailedError, match=r"^The step csynth of tiny did not finish within 1 s and was stopped; the last lines of "
    ):
        synthesise(design, [Step.CSYNTH], machine.work, timeout_s=1)
    assert time.monotonic() - start < 20


def test_a_killed_tool_is_said_as_such(machine: Machine, rtl: VendorProject) -> None:
    path = machine.root / "tools" / "vivado"
    path.write_text("#!/bin/sh\necho busy\nkill -9 $$\n")
    with pytest.raises(
        ToolFailedError, match=r"^The step synth of tiny failed: \S+/vivado was ended by SIGKILL \(often: out of memory\); "
    ):
        synthesise(rtl, [Step.SYNTH], machine.work)


def test_ctrl_c_leaves_nothing_that_looks_done(machine: Machine, rtl: VendorProject) -> None:
    machine.plan(synth={"sleeps": 60})
    program = (
        "from pathlib import Path\nfrom l1ad.vendor.driver import synthesise\nfrom l1ad.vendor.project import Step, VendorProject\n"
        f"design = VendorProject('tiny', Path({str(rtl.folder)!r}), 'tiny', ('adder.v',), {rtl.part!r}, 5.0)\n"
        f"synthesise(design, [Step.SYNTH], Path({str(machine.work)!r}))\n"
    )
    ours = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (machine.work / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(ours.pid, signal.SIGINT)
    assert ours.wait(20) != 0
    assert not (machine.work / "steps").exists()
    machine.plan()
    assert len(synthesise(replace(rtl, sources=("adder.v",), clock_port=None), [Step.SYNTH], machine.work)) == 1


@pytest.mark.parametrize(
    ("changes", "steps", "error", "message"),
    [
        ({}, [], ConfigError, r"^No synthesis step was chosen; choose of csim, csynth, cosim, export, synth and impl$"),
        (
            {"part": "xcvu9p-flga2104-2"},
            [Step.CSYNTH],
            ConfigError,
            r"^There is no part 'xcvu9p-flga2104-2'; did you mean 'xcvu9p-flga2104-2-",
        ),
        ({"clock_ns": 0.0}, [Step.CSYNTH], ConfigError, r"^A synthesis needs a clock period above 0 ns, got 0\.0; set clock_ns$"),
        (
            {"clock_ns": float("nan")},
            [Step.CSYNTH],
            ConfigError,
            r"^A synthesis needs a clock period above 0 ns, got nan; set clock_ns$",
        ),
        (
            {"uncertainty": 27.0},
            [Step.CSYNTH],
            ConfigError,
            r"^The clock uncertainty must be a part of the period from 0 to below 1, got 27\.0$",
        ),
        (
            {"top": "a;exec rm"},
            [Step.CSYNTH],
            ConfigError,
            r"^The name of a synthesis top must be letters, digits and _, got 'a;exec rm'$",
        ),
        (
            {"test_bench": ()},
            [Step.COSIM],
            ConfigError,
            r"^The step 'cosim' needs a test bench, which the design 'tiny' does not have$",
        ),
        (
            {"sources": ()},
            [Step.CSYNTH],
            InputError,
            r"^The sources of a synthesis must be all C\+\+ or all Verilog and VHDL, got \[\]$",
        ),
        (
            {"sources": ("a.v", "b.cpp")},
            [Step.CSYNTH],
            InputError,
            r"^The sources of a synthesis must be all C\+\+ or all Verilog",
        ),
        (
            {"sources": ("x.cpp",)},
            [Step.CSYNTH],
            InputError,
            r"^The synthesis of 'tiny' needs 'x\.cpp', which is not in .*; run 'l1ad convert' first$",
        ),
    ],
)
def test_bad_projects_are_refused_before_a_tool_is_started(
    machine: Machine, design: VendorProject, changes: dict[str, object], steps: list[Step], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        synthesise(replace(design, **changes), steps, machine.work)  # type: ignore[arg-type]
    assert machine.calls == []
    assert not machine.work.exists()


def test_rtl_has_no_steps_of_hls(machine: Machine, rtl: VendorProject) -> None:
    with pytest.raises(
        ConfigError, match=r"^The design 'tiny' is RTL, for which there is no step 'csynth'; choose of synth and impl$"
    ):
        synthesise(rtl, [Step.CSYNTH], machine.work)


@pytest.mark.parametrize("name", ["a}b", "a b"])
def test_a_path_that_the_tools_refuse_is_refused(machine: Machine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "tiny.v").write_text("")
    design = VendorProject("tiny", folder, "tiny", ("tiny.v",), "xcvu9p-flga2104-2-e", 25.0)
    message = rf"^The path '.*/{name}/tiny\.v' has a blank, brace or backslash, which AMD's tools refuse; move it$"
    with pytest.raises(InputError, match=message):
        synthesise(design, [Step.SYNTH], machine.work)


def test_steps_are_read_from_text() -> None:
    assert Step.parse("impl") is Step.IMPL
    with pytest.raises(ConfigError, match=r"^There is no synthesis step 'csyn'; did you mean 'csynth' or"):
        Step.parse("csyn")


def test_an_hls_tool_of_another_name_is_refused(machine: Machine, design: VendorProject) -> None:
    machine.install("my_hls")
    message = r"^The HLS tool must be called vitis-run, vitis_hls, vivado_hls, since each takes other arguments, got '\S+/my_hls'; set L1AD_VITIS_HLS"
    with pytest.raises(ToolMissingError, match=message):
        synthesise(design, [Step.CSYNTH], machine.work)


def test_a_missing_tool_is_named_before_anything_runs(
    machine: Machine, design: VendorProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("L1AD_VIVADO")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        ToolMissingError, match=r"^No vivado was found, which is needed to run logic synthesis, place and route of AMD: "
    ):
        synthesise(design, [Step.CSYNTH, Step.IMPL], machine.work)
    assert machine.calls == []


def test_a_work_folder_that_cannot_be_written_is_an_error(machine: Machine, design: VendorProject, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^Cannot make the folder \S+/file/work: Not a directory; choose another one$"):
        synthesise(design, [Step.CSYNTH], tmp_path / "file" / "work")


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
