"""The scripts in a real Tcl interpreter, where every command of the tools only records how it was called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.choices import Step
from l1ad.vendor import tcl
from l1ad.vendor.project import VendorProject

FOLDER = Path("/a/folder/with$odd[names];x")
HLS = VendorProject(
    name="tiny",
    folder=FOLDER,
    top="l1ad_top",
    sources=("firmware/l1ad_top.cpp", "firmware/l1ad_network.cpp"),
    part="xcvu9p-flga2104-2-e",
    clock_ns=25.0,
    test_bench=("l1ad_test.cpp",),
    include_dirs=("firmware",),
)
RTL = VendorProject("tiny", FOLDER, "tiny", ("a.v", "b.sv", "c.vhd"), "xcu250-figd2104-2L-e", 3.333, clock_port="clk")


def run_tcl(script: str, ports: str = "") -> list[tuple[str, ...]]:
    """Run a script and list its commands as Tcl saw them, each a tuple of words."""
    tkinter = pytest.importorskip("tkinter", reason="needs Python's Tcl interpreter")
    interpreter = tkinter.Tcl()
    calls: list[tuple[str, ...]] = []
    interpreter.createcommand("record", lambda *words: calls.append(tuple(str(word) for word in words)) or "")
    interpreter.eval(
        "catch {rename exit {}}\nrename file file_of_tcl\nproc unknown args {record {*}$args}\n"
        f"proc get_ports args {{record get_ports {{*}}$args; return [list {ports}]}}\nproc all_inputs {{}} {{return IN}}\n"
        "proc all_outputs {} {return OUT}"
    )
    interpreter.eval(script)
    return calls


@pytest.mark.parametrize("executable", ["vitis-run", "vitis_hls", "vivado_hls"])
@pytest.mark.parametrize("step", [step for step in Step if step.is_hls])
def test_every_hls_script_is_valid_tcl(step: Step, executable: str) -> None:
    calls = run_tcl(tcl.hls_script(HLS, step, executable))
    fresh = step in {Step.CSIM, Step.CSYNTH}
    assert calls[0] == ("open_project", *(["-reset"] if fresh else []), "tiny_csim" if step is Step.CSIM else "tiny_prj")
    assert calls[-1] == ("exit",)
    assert calls[-2][0] == {"csim": "csim_design", "csynth": "csynth_design", "cosim": "cosim_design"}.get(
        step.value, "export_design"
    )
    sources = [call[1] for call in calls if call[0] == "add_files" and call[1] != "-tb"]
    assert sources == ([str(FOLDER / name) for name in HLS.sources] if fresh else [])


def test_synthesis_is_valid_tcl() -> None:
    sources = [FOLDER / name for name in RTL.sources]
    calls = run_tcl(tcl.vivado_script(RTL, Step.SYNTH, sources, FOLDER / "vivado" / "reports"))
    assert [call for call in calls if call[0].startswith("read_")] == [
        ("read_verilog", str(sources[0])),
        ("read_verilog", "-sv", str(sources[1])),
        ("read_vhdl", "-vhdl2008", str(sources[2])),
        ("read_xdc", "-unmanaged", str(FOLDER / "vivado" / "constraints.tcl")),
    ]
    written = [call[-1] for call in calls if call[0].startswith("report_")]
    assert written == [str(FOLDER / "vivado" / "reports" / name) for name in tcl.report_names(RTL, "synth")]
    assert calls[-2] == ("write_checkpoint", "-force", str(FOLDER / "vivado" / "tiny_synth.dcp"))


def test_implementation_is_valid_tcl() -> None:
    calls = run_tcl(tcl.vivado_script(RTL, Step.IMPL, [], FOLDER / "vivado" / "reports"))
    done = [call[0] for call in calls if call[0].endswith("_design")]
    assert done == ["opt_design", "place_design", "phys_opt_design", "route_design"]
    assert ("open_checkpoint", str(FOLDER / "vivado" / "tiny_synth.dcp")) in calls
    written = [Path(call[-1]).name for call in calls if call[0].startswith("report_")]
    assert written == [*tcl.report_names(RTL, "placed"), *tcl.report_names(RTL, "routed")]


def test_constraints_of_a_clocked_design() -> None:
    calls = run_tcl(tcl.constraints(RTL), ports="clk")
    assert calls == [
        ("get_ports", "-quiet", "clk"),
        ("create_clock", "-period", "3.333", "-name", "clk", "clk"),
        ("get_ports", "-filter", "DIRECTION == IN && NAME != clk"),
        ("set_input_delay", "-clock", "clk", "0", "clk"),
        ("set_output_delay", "-clock", "clk", "0", "OUT"),
    ]


def test_constraints_of_a_combinational_design() -> None:
    calls = run_tcl(tcl.constraints(HLS))
    assert calls == [("get_ports", "-quiet", "ap_clk"), ("set_max_delay", "25", "-from", "IN", "-to", "OUT")]


def test_the_script_that_a_project_carries_serves_old_and_new_tools(tmp_path: Path) -> None:
    """Run it from a file, as the tool does: paths are relative to it, and what only old tools know may fail."""
    (tmp_path / "a b").mkdir()
    file = tmp_path / "a b" / "build.tcl"
    file.write_text(tcl.build_script(replace(HLS, folder=Path())), encoding="utf-8")
    run = f"rename file_of_tcl file\nset saved [pwd]\nsource {{{file}}}\ncd $saved"
    calls = run_tcl(run)
    flags = ("-cflags", f"-std=c++0x -I{file.parent}/firmware")
    assert [call for call in calls if call[0] == "add_files"] == [
        ("add_files", "firmware/l1ad_top.cpp", *flags),
        ("add_files", "firmware/l1ad_network.cpp", *flags),
        ("add_files", "-tb", "l1ad_test.cpp", *flags),
    ]
    assert ("config_array_partition", "-maximum_size", "4096") in calls
    assert ("open_solution", "-reset", "solution1") in calls
    assert [call[0] for call in calls[-3:]] == ["csim_design", "csynth_design", "exit"]
    refusing = "proc config_array_partition args {error {unknown option}}\n"
    assert [call[0] for call in run_tcl(refusing + run)][-1] == "exit"
