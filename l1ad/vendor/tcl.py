"""Make the Tcl scripts for HLS and Vivado; text only, nothing is written or run here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from l1ad.core.choices import Step
from l1ad.vendor.project import VendorProject

_LANGUAGES = {".v": "read_verilog", ".sv": "read_verilog -sv", ".vhd": "read_vhdl -vhdl2008", ".vhdl": "read_vhdl -vhdl2008"}


def quote(value: object) -> str:
    """Quote a word for Tcl; the project's check has refused what braces cannot hold."""
    return "{" + str(value) + "}"


def hls_script(project: VendorProject, step: Step, executable: str) -> str:
    """Make the script of one HLS step.

    C synthesis starts the project from scratch, the other steps open it; C simulation has a project of its own, so that it neither
    needs nor disturbs a synthesis.

    Args:
        project: the design.
        step: a step of HLS.
        executable: name of the tool, ``vitis-run``, ``vitis_hls`` or ``vivado_hls``: the last is older and takes less.
    """
    fresh = step in {Step.CSIM, Step.CSYNTH}
    lines = [f"open_project {'-reset ' if fresh else ''}{quote(hls_project(project, step))}"]
    lines += _hls_set_up(project, executable) if fresh else ["open_solution solution1"]
    commands = {
        Step.CSIM: "csim_design",
        Step.CSYNTH: "csynth_design",
        Step.COSIM: "cosim_design",
        Step.EXPORT: "export_design -format ip_catalog",
    }
    return _script([*lines, commands[step], "exit"])


def build_script(project: VendorProject) -> str:
    """Make the script that a project carries: C simulation and C synthesis by hand, with any version of the tool.

    Args:
        project: the design; its folder is that of the script, ``Path()``.
    """
    flags = _cflags(project, old=True)
    found = flags.replace("-I", "-I[pwd]/")
    set_up = [line.replace(quote(flags), "$flags") for line in _hls_set_up(project, "vivado_hls")]
    return _script(
        [
            "# vitis-run --mode hls --tcl build.tcl, or vitis_hls -f build.tcl, or vivado_hls -f build.tcl",
            "cd [file dirname [file normalize [info script]]]",
            f'set flags "{found}"',
            f"open_project -reset {quote(hls_project(project, Step.CSYNTH))}",
            *set_up,
            "csim_design",
            "csynth_design",
            "# Then, as far as they are needed: cosim_design, export_design -format ip_catalog",
            "exit",
        ]
    )


def hls_project(project: VendorProject, step: Step) -> str:
    """Name the folder of the tool's project that a step works in."""
    return f"{project.name}_csim" if step is Step.CSIM else f"{project.name}_prj"


def _hls_set_up(project: VendorProject, executable: str) -> list[str]:
    old = executable == "vivado_hls"
    flags = _cflags(project, old)
    lines = [f"set_top {project.top}"]
    lines += [f"add_files {quote(project.folder / name)} -cflags {quote(flags)}" for name in project.sources]
    lines += [f"add_files -tb {quote(project.folder / name)} -cflags {quote(flags)}" for name in project.test_bench]
    lines += [f"add_files -tb {quote(project.folder / name)}" for name in project.test_data]
    return [
        *lines,
        "open_solution -reset solution1" + ("" if old else " -flow_target vivado"),
        f"set_part {quote(project.part)}",
        f"create_clock -period {project.clock_ns:g} -name default",
        f"set_clock_uncertainty {100 * project.uncertainty:g}% default",
        "config_compile -name_max_length 80",
        # More than 1024 products in one layer fail to partition by default (hls4ml #134); Vitis HLS has no such limit.
        *(["catch {config_array_partition -maximum_size 4096}"] if old else []),
        # hls4ml's own choice for its multipliers; newer tools have dropped the option.
        "catch {config_schedule -enable_dsp_full_reg=false}",
    ]


def _cflags(project: VendorProject, old: bool) -> str:
    flags = [flag for flag in project.cflags if not (old and flag.startswith("-std="))]
    includes = [f"-I{project.folder / name}" for name in project.include_dirs]
    return " ".join((["-std=c++0x"] if old else []) + flags + includes)


def vivado_script(project: VendorProject, step: Step, sources: Sequence[Path], reports: Path) -> str:
    """Make the script of logic synthesis, or of place and route, out of context and without a project file.

    Args:
        project: the design.
        step: ``SYNTH`` or ``IMPL``.
        sources: RTL files.
        reports: folder for the reports; the checkpoints go beside it.
    """
    checkpoint = reports.parent / f"{project.top}_synth.dcp"
    lines = ["set_param general.maxThreads 4", f"file mkdir {quote(reports)}"]
    if step is Step.SYNTH:
        lines += [f"{_LANGUAGES[path.suffix]} {quote(path)}" for path in sources]
        lines += [
            f"read_xdc -unmanaged {quote(reports.parent / 'constraints.tcl')}",
            f"synth_design -mode out_of_context -top {project.top} -part {quote(project.part)}",
            *_reports(project, reports, "synth"),
            f"write_checkpoint -force {quote(checkpoint)}",
        ]
        return _script([*lines, "exit"])
    return _script([*lines, f"open_checkpoint {quote(checkpoint)}", *_implementation(project, reports), "exit"])


def _implementation(project: VendorProject, reports: Path) -> list[str]:
    return [
        "opt_design",
        "place_design",
        *_reports(project, reports, "placed"),
        "phys_opt_design",
        "route_design",
        *_reports(project, reports, "routed"),
        f"write_checkpoint -force {quote(reports.parent / f'{project.top}_routed.dcp')}",
    ]


def report_names(project: VendorProject, state: str) -> tuple[str, ...]:
    """Name the reports of a state: ``synth``, ``placed`` or ``routed``."""
    return (
        f"{project.top}_utilization_{state}.rpt",
        f"{project.top}_utilization_hierarchical_{state}.rpt",
        f"{project.top}_timing_{state}.rpt",
    )


def _reports(project: VendorProject, reports: Path, state: str) -> list[str]:
    commands = ("report_utilization", "report_utilization -hierarchical", "report_timing_summary -max_paths 10")
    names = report_names(project, state)
    return [f"{command} -file {quote(reports / name)}" for command, name in zip(commands, names, strict=True)]


def constraints(project: VendorProject) -> str:
    """Make the timing constraints: the clock where there is one, else the whole path in one period.

    A design of HLS has ``ap_clk`` only where it is not combinational, which the script finds out. Inputs and outputs count from
    and to the clock's edge, so that no part of a path is free.
    """
    period = f"{project.clock_ns:g}"
    port = project.clock_port or "ap_clk"
    lines = [
        f"set clock_ports [get_ports -quiet {port}]",
        "if {[llength $clock_ports] > 0} {",
        f"  create_clock -period {period} -name {port} $clock_ports",
        f"  set_input_delay -clock {port} 0 [get_ports -filter " + f'"DIRECTION == IN && NAME != {port}"]',
        f"  set_output_delay -clock {port} 0 [all_outputs]",
        "} else {",
        f"  set_max_delay {period} -from [all_inputs] -to [all_outputs]",
        "}",
    ]
    return "\n".join(lines) + "\n"


def portable(script: str, folder: Path, root: Path) -> str:
    """Write the paths below a folder that will be moved as paths from the work folder, in which the script is run.

    Args:
        script: text of a script.
        folder: the work folder, below ``root``.
        root: the folder that will be moved.
    """
    up = "/".join([".."] * len(folder.relative_to(root).parts))
    return script.replace(f"{folder}/", "").replace(f"{root}/", f"{up}/")


def _script(lines: Iterable[str]) -> str:
    return "# Written by l1ad; changes are lost with the next run.\n" + "\n".join(lines) + "\n"
