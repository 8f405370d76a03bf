"""Run HLS and Vivado on a design, step by step, and give what they report.

The work folder holds the scripts, ``logs/<step>.log``, ``steps/<step>.json`` (what is done, with which tool) and the tools' own
trees: ``<name>_prj/solution1`` of HLS (or ``hls_component/…``, as the newest versions lay it out) and ``vivado``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from l1ad import toolchain
from l1ad.core.choices import Step
from l1ad.core.errors import ConfigError, MismatchError, ReportError, ToolFailedError, ToolMissingError
from l1ad.core.resources import ResourceReport
from l1ad.vendor import tcl
from l1ad.vendor.diagnosis import diagnose
from l1ad.vendor.marker import Marker, digest, make_folder, read_marker, write_marker, write_text
from l1ad.vendor.parsers import combine, parse_report, read_parts
from l1ad.vendor.parsers.cosim import FAILED, NO_RESULT
from l1ad.vendor.project import VendorProject

#: Steps that must be done before one.
_NEEDS = {Step.COSIM: Step.CSYNTH, Step.EXPORT: Step.CSYNTH, Step.SYNTH: Step.CSYNTH, Step.IMPL: Step.SYNTH}
_HLS_COMMANDS = {"vitis-run": ("--mode", "hls", "--tcl"), "vitis_hls": ("-f",), "vivado_hls": ("-f",)}

_MISMATCH = "found that the RTL does not compute what the C++ does"
_NO_RESULT = "failed without a latency: the RTL does not compute what the C++ does, or the simulation broke off"
_PHASE = re.compile(
    r"^(Starting \S.* Task)|^Phase (\d[\d.]* .+)|^Start(?:ed)? (\S.+)|INFO: \[HLS 200-10\] (-- .+)|INFO: \[HLS 200-111\] (Finished .+?):? CPU"
)

#: Called with the step and each line that its tool prints.
Progress = Callable[[Step, str], None]


@dataclass(frozen=True, slots=True)
class _Run:
    """What all steps of one call share."""

    project: VendorProject
    folder: Path
    timeout_s: float | None
    progress: Progress | None
    force: bool

    def marker_path(self, step: Step) -> Path:
        return self.folder / "steps" / f"{step.value}.json"

    @property
    def vivado_reports(self) -> Path:
        return self.folder / "vivado" / "reports"


def synthesise(
    project: VendorProject,
    steps: Sequence[Step],
    workdir: Path,
    *,
    timeout_s: float | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> list[ResourceReport]:
    """Run the chosen steps, and those that they need, and read their reports.

    A step is passed over when it is done already with the same files, settings and tool.

    Args:
        project: the design.
        steps: what to run; the order does not matter.
        workdir: folder for scripts, logs and the tools' files.
        timeout_s: seconds that a step may take.
        progress: told of each line of output.
        force: run every step again.

    Returns:
        One report a level, in the order of ``Level``; C simulation and export have none.

    Raises:
        ConfigError: no step, a step that the sources do not allow, a wrong part or clock.
        InputError: a source is missing or a file cannot be written.
        ToolMissingError: a tool that is needed is not here.
        ToolFailedError: a step failed, took too long, had no licence, or left no report.
        MismatchError: the cosimulation found a difference.
    """
    project.check()
    run = _Run(project, workdir.resolve(), timeout_s, progress, force)
    todo = _plan(project, steps)
    tools = {step: _tool(step) for step in todo}
    make_folder(run.folder)
    digests: dict[Step, str] = {}
    reports: list[ResourceReport] = []
    for step in todo:
        need = _need(project, step)
        digests[step] = _do(run, step, tools[step], digests[need] if need else "")
        reports += _read(run, step)
    return combine(reports)


def make_portable(workdir: Path, root: Path) -> None:
    """Let the scripts of finished steps run again in the work folder wherever that is moved to together with a folder above it.

    Args:
        workdir: the work folder, as given to ``synthesise``.
        root: the folder that will be moved.

    Raises:
        InputError: a script cannot be written.
    """
    for script in sorted(workdir.glob("*.tcl")):
        write_text(script, tcl.portable(script.read_text(encoding="utf-8"), workdir.resolve(), root.resolve()))


def phase_of(line: str) -> str | None:
    """Return the phase that a line of a tool's output announces, for a progress display; ``None`` for any other line."""
    match = _PHASE.search(line)
    return next(filter(None, match.groups())).strip(" -.") if match else None


def _plan(project: VendorProject, steps: Sequence[Step]) -> list[Step]:
    """Order the steps and add what they need.

    Raises:
        ConfigError: no step, or one of HLS for a design in RTL.
    """
    if not steps:
        raise ConfigError("No synthesis step was chosen; choose of csim, csynth, cosim, export, synth and impl")
    wanted = set(steps)
    if project.is_rtl and (wrong := [step.value for step in Step if step in wanted and step.is_hls]):
        raise ConfigError(f"The design {project.top!r} is RTL, for which there is no step {wrong[0]!r}; choose of synth and impl")
    if not project.test_bench and (wrong := [step.value for step in (Step.CSIM, Step.COSIM) if step in wanted]):
        raise ConfigError(f"The step {wrong[0]!r} needs a test bench, which the design {project.top!r} does not have")
    for step in reversed(Step):  # a step comes after what it needs, so that one pass finds all
        if step in wanted and (need := _need(project, step)):
            wanted.add(need)
    return [step for step in Step if step in wanted]


def _need(project: VendorProject, step: Step) -> Step | None:
    need = _NEEDS.get(step)
    return None if need is None or (project.is_rtl and need.is_hls) else need


def _tool(step: Step) -> toolchain.FoundTool:
    found = toolchain.require(toolchain.VITIS_HLS if step.is_hls else toolchain.VIVADO)
    if step.is_hls and found.name not in _HLS_COMMANDS:
        raise ToolMissingError(
            f"The HLS tool must be called {', '.join(_HLS_COMMANDS)}, since each takes other arguments, got {str(found.path)!r}; "
            "set L1AD_VITIS_HLS to one of them"
        )
    return found


def _do(run: _Run, step: Step, tool: toolchain.FoundTool, before: str) -> str:
    """Run one step unless it is done, and give its digest."""
    script = _script(run, step, tool)
    files = [part for path in run.project.inputs() for part in (str(path).encode(), path.read_bytes())]
    now = digest(
        [step.value.encode(), script.encode(), tool.name.encode(), (tool.version or "").encode(), before.encode(), *files]
    )
    done = read_marker(run.marker_path(step))
    if not run.force and done is not None and done.digest == now and _outputs(run, step) == list(done.outputs):
        return now
    _clear(run, step)
    write_text(run.folder / f"{step.value}.tcl", script)
    completed = _start(run, step, tool)
    _check_outcome(run, step, completed)
    outputs = tuple(_outputs(run, step))
    write_marker(run.marker_path(step), Marker(step.value, now, tool.name, tool.version, completed.seconds, outputs))
    return now


def _script(run: _Run, step: Step, tool: toolchain.FoundTool) -> str:
    if step.is_hls:
        return tcl.hls_script(run.project, step, tool.name)
    if step is Step.SYNTH:
        write_text(run.folder / "vivado" / "constraints.tcl", tcl.constraints(run.project))
    sources = [run.project.folder.resolve() / name for name in run.project.sources] if run.project.is_rtl else _hls_rtl(run)
    # The constraints are part of what a result depends on, so they stand in the script too.
    notes = "".join(f"# {line}\n" for line in tcl.constraints(run.project).splitlines())
    return tcl.vivado_script(run.project, step, sources, run.vivado_reports) + notes


def _hls_rtl(run: _Run) -> list[Path]:
    """Find the Verilog that C synthesis made."""
    return sorted(path for folder in _hls_folders(run, Step.CSYNTH) for path in (folder / "syn" / "verilog").glob("*.v"))


def _hls_folders(run: _Run, step: Step) -> list[Path]:
    """List where HLS may have put its files: the tree of solutions, or that of components."""
    return [
        run.folder / tcl.hls_project(run.project, step) / "solution1",
        run.folder / "hls_component" / run.project.top / "hls",
        run.folder / tcl.hls_project(run.project, step) / "hls",
    ]


def _outputs(run: _Run, step: Step) -> list[str]:
    """List the files that prove a step done, relative to the work folder."""
    return sorted(str(path.relative_to(run.folder)) for path in _report_paths(run, step) if path.is_file())


def _report_paths(run: _Run, step: Step) -> list[Path]:
    top = run.project.top
    if step in {Step.SYNTH, Step.IMPL}:
        states = ("synth",) if step is Step.SYNTH else ("placed", "routed")
        reports = [run.vivado_reports / name for state in states for name in tcl.report_names(run.project, state)]
        return [*reports, run.folder / "vivado" / f"{top}_{states[-1]}.dcp"]
    patterns = {
        Step.CSIM: [f"csim/report/{top}_csim.log"],
        Step.CSYNTH: [f"syn/report/{top}_csynth.rpt", f"syn/report/{top}_csynth.xml"],
        Step.COSIM: [f"sim/report/{top}_cosim.rpt"],
        Step.EXPORT: ["impl/*.zip", "impl/ip/*.zip"],
    }
    return [path for folder in _hls_folders(run, step) for pattern in patterns[step] for path in folder.glob(pattern)]


def _clear(run: _Run, step: Step) -> None:
    """Take away what an earlier run of a step left, so that it cannot pass for the result of this one."""
    run.marker_path(step).unlink(missing_ok=True)
    for path in _report_paths(run, step):
        path.unlink(missing_ok=True)
    if step in {Step.CSIM, Step.CSYNTH}:
        for folder in _hls_folders(run, step):
            shutil.rmtree(folder, ignore_errors=True)


def _start(run: _Run, step: Step, tool: toolchain.FoundTool) -> toolchain.Completed:
    args = _HLS_COMMANDS[tool.name] if step.is_hls else ("-mode", "batch", "-notrace", "-nojournal", "-nolog", "-source")

    def tell(line: str) -> None:
        if run.progress is not None:
            run.progress(step, line)

    return toolchain.run(
        tool,
        [*args, f"{step.value}.tcl"],
        cwd=run.folder,
        log=_log(run, step),
        timeout_s=run.timeout_s,
        on_line=tell,
        step=_title(run, step),
        check=False,
    )


def _log(run: _Run, step: Step) -> Path:
    return run.folder / "logs" / f"{step.value}.log"


def _title(run: _Run, step: Step) -> str:
    return f"The step {step.value} of {run.project.top}"


def _check_outcome(run: _Run, step: Step, completed: toolchain.Completed) -> None:
    """Refuse a run that failed, or that says it did not but left nothing.

    Raises:
        ToolFailedError: with the reason, a missing licence said as such, the tool's errors and the last lines of the log.
        MismatchError: the cosimulation's test bench found a difference, which it says by its exit code.
    """
    missing = not _outputs(run, step) or not all(path.is_file() for path in _report_paths(run, step))
    if completed.returncode == 0 and not missing:
        return
    found = diagnose(completed.log)
    lines = toolchain.tail(completed.log)
    tail = f"{found.told(lines)}the last lines of {completed.log} are:\n{lines}"
    if step is Step.COSIM and (found.is_mismatch or _reports_difference(run, step)):
        raise MismatchError(f"{_title(run, step)} {_MISMATCH}; {tail}")
    if found.licence is not None:
        raise ToolFailedError(
            f"{_title(run, step)} found no licence ({found.licence}); set XILINXD_LICENSE_FILE to your licence file or server; {tail}"
        )
    if completed.returncode == 0:
        raise ToolFailedError(f"{_title(run, step)} ended with exit code 0 but left no report below {run.folder}; {tail}")
    raise ToolFailedError(
        f"{_title(run, step)} failed: {completed.command[0]} {toolchain.describe_exit(completed.returncode)}; {tail}"
    )


def _reports_difference(run: _Run, step: Step) -> bool:
    """Return whether a cosimulation that failed left a report of having come to its end."""
    try:
        return any(FAILED in parse_report(path).notes for path in _report_paths(run, step) if path.is_file())
    except ReportError:
        return False


def _read(run: _Run, step: Step) -> list[ResourceReport]:
    """Read the reports of a finished step.

    Raises:
        ToolFailedError: the tool wrote one that cannot be right.
        MismatchError: the cosimulation failed, by a difference or by a simulation that broke off.
    """
    paths = [path for path in _report_paths(run, step) if path.is_file() and path.suffix in {".rpt", ".xml"}]
    try:
        reports = [report for path in paths for report in read_parts(path)]
    except ReportError as error:
        run.marker_path(step).unlink(missing_ok=True)
        raise ToolFailedError(f"{_title(run, step)} left a report that cannot be read: {error}") from error
    for report in reports:
        if ("cosim_passed", 0) in report.others:
            run.marker_path(step).unlink(missing_ok=True)
            what = _NO_RESULT if NO_RESULT in report.notes else _MISMATCH
            raise MismatchError(f"{_title(run, step)} {what}; see {_log(run, step)}")
    return reports
