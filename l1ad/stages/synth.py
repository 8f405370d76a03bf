"""Synthesise: the HLS project with AMD's HLS, the RTL with Vivado, or the RTL by the open flow; prove that the RTL is the network."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.agreement import Agreement, compare
from l1ad.artefact import Draft, code_digest, is_artefact, is_current, read_manifest, stage_key, writing
from l1ad.board import Board, load_board
from l1ad.config import Config
from l1ad.dataset import Dataset, load_dataset
from l1ad.emulator import reference
from l1ad.emulator.golden import Golden, adversarial_events
from l1ad.errors import ConfigError, LayoutError, nearest
from l1ad.fixed import IntArray
from l1ad.hls.target import Style, Target, resolve_target, with_configured_thresholds
from l1ad.network import Network
from l1ad.resources import ResourceReport
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.design import Interface
from l1ad.rtl.ghdl import run_vhdl_bench
from l1ad.rtl.pipeline import trace_pipeline
from l1ad.rtl.project import RtlProject, project_files, write_project
from l1ad.rtl.report import resource_report
from l1ad.rtl.simulate import RtlSimulation, compile_simulation
from l1ad.rtl.trace import trace_network
from l1ad.rtl.vivado import Part
from l1ad.rtl.yosys import NETLIST_SUFFIX, synthesise
from l1ad.scoreset import ScoreSet, Source, load_scores
from l1ad.toolchain import GHDL, GXX, VERILATOR, VITIS_HLS, VIVADO, YOSYS, FoundTool, find, require
from l1ad.trained import TrainedModel, load_trained
from l1ad.vendor.driver import synthesise as run_vendor
from l1ad.vendor.project import Step, VendorProject

KIND = "synth"
TOOLS = ("auto", "vitis", "vivado", "open")
PROJECT = "rtl"
#: Golden vectors in the RTL's own test bench.
N_GOLDEN = 256


@dataclass(frozen=True, slots=True)
class SynthResult:
    """Say what was synthesised.

    Attributes:
        path: the artefact.
        fresh: whether it was made now; else nothing had changed.
        tool: ``vitis``, ``vivado`` or ``open``.
        reports: resource reports, one a tool and level.
        agreements: comparisons of the RTL with the network's reference and, where there are scores, with the C simulation.
        seconds: wall time of each part when it was made.
        vhdl: what became of the VHDL: simulated, or why not; None where no RTL is written.
    """

    path: Path
    fresh: bool
    tool: str
    reports: tuple[ResourceReport, ...]
    agreements: tuple[dict[str, Any], ...]
    seconds: dict[str, float]
    vhdl: str | None

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        return {
            "path": str(self.path),
            "fresh": self.fresh,
            "tool": self.tool,
            "reports": [report.to_dict() for report in self.reports],
            "agreements": list(self.agreements),
            "seconds": self.seconds,
            "vhdl": self.vhdl,
        }


def synth(config: Config, *, tool: str | None = None, force: bool = False) -> SynthResult:
    """Synthesise a configuration's model.

    Args:
        config: the configuration.
        tool: one of ``TOOLS``; None takes the configuration's.
        force: do it again even if nothing has changed.

    Returns:
        What came of it.

    Raises:
        ConfigError: no such tool, board, part or step.
        ArtefactError: there is no model or dataset, or for ``vitis`` no HLS project.
        ConversionError: the network cannot be exact in RTL; says why.
        ToolMissingError: a tool that is needed is not here.
        ToolFailedError: a tool failed or took too long.
        MismatchError: the RTL does not compute what the network does.
    """
    chosen = choose_tool(config.synthesis.tool if tool is None else tool)
    trained, board = load_trained(config.run / "model"), load_board(config.board)
    dataset = None if chosen == "vitis" else _dataset(config, trained)
    network = with_configured_thresholds(trained.network, config)
    target = config.run / f"{KIND}_{chosen}"
    inputs = {"model": trained.digest} | (
        {"dataset": dataset.digest} if dataset else {"hls_project": _project_digest(config, trained)}
    )
    settings = {
        "synthesis": config.synthesis.plain(),
        "firmware": config.firmware.plain(),
        "thresholds": network.trigger_bits,
        "tools": _versions(chosen, config.synthesis.vhdl),
    }
    key = stage_key(KIND, inputs, settings, None, code_digest("l1ad.stages.synth"))
    fresh = force or not is_current(target, KIND, key)
    if fresh:
        with writing(target, KIND, key=key, inputs=inputs, config=settings, resumable=chosen != "open") as draft:
            if dataset is None:
                _finish(draft, _run_hls(draft, config), [], {})
            else:
                _run_rtl(draft, config, chosen, network, board, dataset)
    return _result(target, fresh, chosen)


def choose_tool(text: str) -> str:
    """Give the tool that is meant: ``auto`` takes HLS where it is, else Vivado, else the open flow.

    Raises:
        ConfigError: there is no such tool.
    """
    if text not in TOOLS:
        raise ConfigError(f"There is no synthesis tool {text!r}; {nearest(text, TOOLS)}")
    if text != "auto":
        return text
    return "vitis" if find(VITIS_HLS) else "vivado" if find(VIVADO) else "open"


def _dataset(config: Config, trained: TrainedModel) -> Dataset:
    dataset = load_dataset(config.run / "dataset")
    if dataset.layout.to_dict()["slots"] != trained.network.layout.to_dict()["slots"]:
        raise LayoutError(
            f"The dataset has layout {dataset.layout.name!r}, the model {trained.network.layout.name!r}; prepare or train again."
        )
    return dataset


def _project_digest(config: Config, trained: TrainedModel) -> str:
    from l1ad.hls.project import load_project

    return load_project(config.project).require_network(trained.network).digest


def _tools(chosen: str) -> tuple[FoundTool, ...]:
    """Find every tool that a flow needs, before anything is begun."""
    needed = {"vitis": [VITIS_HLS], "vivado": [VIVADO, VERILATOR, GXX], "open": [YOSYS, VERILATOR, GXX]}[chosen]
    return tuple(require(tool) for tool in needed)


def _versions(chosen: str, vhdl: bool) -> dict[str, str | None]:
    ghdl = find(GHDL) if vhdl and chosen != "vitis" else None
    return {found.tool.key: found.version for found in (*_tools(chosen), *([ghdl] if ghdl else []))}


def _run_hls(draft: Draft, config: Config) -> list[ResourceReport]:
    """Run AMD's HLS, and what else the configuration asks for, on the converted project."""
    from l1ad.hls.project import vendor_project

    steps = [Step.parse(step) for step in config.synthesis.steps]
    return _vendor(vendor_project(config.project), steps, draft, config)


def _vendor(project: VendorProject, steps: Sequence[Step], draft: Draft, config: Config) -> list[ResourceReport]:
    with _progress("synth", len(steps)) as advance:
        began: set[Step] = set()

        def tell(step: Step, line: str) -> None:
            if step not in began:
                began.add(step)
                advance(step.value)

        return run_vendor(project, steps, draft.path / "vendor", timeout_s=config.synthesis.timeout_s, progress=tell)


def _run_rtl(draft: Draft, config: Config, chosen: str, network: Network, board: Board, dataset: Dataset) -> None:
    """Write the RTL, then simulate and synthesise it side by side."""
    seconds: dict[str, float] = {}
    target = resolve_target(config.firmware, board)
    with _progress("synth", len(network.layers) + 5) as advance:
        with _timed(seconds, "trace_s"):
            project = _write(draft.path / PROJECT, config, network, target)
        advance("RTL")
        with ThreadPoolExecutor(1) as pool:
            agreements = pool.submit(_simulate, project, network, config, dataset, seconds)
            with _timed(seconds, "synthesis_s"):
                reports = _synthesise(draft, config, chosen, project, board, target.clock_ns, advance)
            found = agreements.result()
        advance("simulation")
        with _timed(seconds, "vhdl_s"):
            draft.summary["vhdl"] = _simulate_vhdl(project, config)
        advance("VHDL")
    _finish(draft, reports, found, seconds)


def _write(folder: Path, config: Config, network: Network, target: Target) -> RtlProject:
    """Write the RTL with the ports and in the style that the HLS top has."""
    interface = Interface(target.packed, target.threshold_ports)
    pipelined = target.style is Style.PIPELINED
    design = trace_pipeline(network, target.clock_ns, interface) if pipelined else trace_network(network, interface)
    x_hw = adversarial_events(network, N_GOLDEN)
    scores = reference.scores(network, x_hw)
    golden = Golden(x_hw, scores, reference.bits(network, scores))
    return write_project(project_files(design, Part(target.part, target.clock_ns), golden, vhdl=config.synthesis.vhdl), folder)


def _synthesise(
    draft: Draft, config: Config, chosen: str, project: RtlProject, board: Board, clock_ns: float, advance: Callable[[str], None]
) -> list[ResourceReport]:
    if chosen == "vivado":
        steps = [step for step in map(Step.parse, config.synthesis.steps) if not step.is_hls] or [Step.SYNTH]
        return _vendor(_vivado_project(project, board, clock_ns), steps, draft, config)
    folder, settings = draft.path / "yosys", config.synthesis
    modules = synthesise(
        project, folder, board.yosys_family, timeout_s=settings.timeout_s, processes=settings.processes, progress=advance
    )
    for netlist in folder.glob(f"*{NETLIST_SUFFIX}"):
        netlist.unlink()  # tens of megabytes that the script beside them makes again
    report = resource_report(project, modules, board, clock_ns, ULTRASCALE_PLUS, require(YOSYS).version)
    return [replace(report, notes=(*report.notes, *_handshakes(config)))]


def _handshakes(config: Config) -> tuple[str, ...]:
    """Say where the HLS top has handshakes that the RTL does not have."""
    firmware = config.firmware
    asked = [text for text, plain in ((firmware.interface, "ap_none"), (firmware.control, "ap_ctrl_none")) if text != plain]
    return (f"The RTL's ports are plain; {' and '.join(asked)} are the HLS top's.",) if asked else ()


def _vivado_project(project: RtlProject, board: Board, clock_ns: float) -> VendorProject:
    sources = tuple(str(file.relative_to(project.path)) for file in project.verilog)
    clock = "clk" if project.latency_cycles else None
    return VendorProject(
        f"{project.network.name}_rtl",
        project.path,
        project.top,
        sources,
        board.part,
        clock_ns,
        board.clock_uncertainty,
        clock_port=clock,
    )


def _simulate(
    project: RtlProject, network: Network, config: Config, dataset: Dataset, seconds: dict[str, float]
) -> list[Agreement]:
    """Simulate data and adversarial events and compare them, as integers, with the reference and the C simulation's scores."""
    work = project.path / "simulation"
    with _timed(seconds, "simulation_compile_s"):
        compile_simulation(project, work, timeout_s=config.synthesis.timeout_s)
    rows = _rows(dataset.n_events, config.synthesis.rtl_events)
    data = np.asarray(dataset.x_hw[rows], dtype=np.int64)
    x_hw = np.concatenate([data, adversarial_events(network, config.synthesis.adversarial_events)])
    with _timed(seconds, "simulation_s"):
        scores, bits = RtlSimulation.open(project.path, threads=config.synthesis.processes).run(x_hw)
    wanted = reference.scores(network, x_hw)
    agreements = [
        compare("REFERENCE", "RTL", wanted, scores),
        compare(
            "score >= threshold", "RTL trigger bits", reference.bits(network, wanted).astype(np.int64), bits.astype(np.int64)
        ),
    ]
    return agreements + _against_csim(config, network, rows, scores[: len(rows)])


def _simulate_vhdl(project: RtlProject, config: Config) -> str:
    """Run the VHDL's own test bench where GHDL is, and say what came of it.

    Raises:
        MismatchError: the VHDL differs from the golden vectors.
        ToolFailedError: GHDL refuses the VHDL.
    """
    if not config.synthesis.vhdl:
        return "not written: synthesis.vhdl is false"
    ghdl = find(GHDL)
    if ghdl is None:
        return f"written, not simulated: no ghdl ({GHDL.hint}, or set {GHDL.variables[0]})"
    n_events = run_vhdl_bench(project, project.path / "simulation" / "ghdl", timeout_s=config.synthesis.timeout_s)
    return f"simulated: {n_events} golden events agree (GHDL {ghdl.version})"


def _rows(n_events: int, wanted: int) -> IntArray:
    """Choose that many events, spread evenly over the dataset, so that every sample takes part."""
    n = min(wanted, n_events)
    return np.arange(n, dtype=np.int64) * n_events // max(n, 1)


def _against_csim(config: Config, network: Network, rows: IntArray, scores: IntArray) -> list[Agreement]:
    """Compare with the scores of the C simulation, for the events that it took; nothing where it has not run on this model."""
    folder = config.run / "csim"
    if not is_artefact(folder, "csim"):
        return []
    csim: ScoreSet = load_scores(folder, Source.CSIM)
    if csim.model_digest != network.digest:
        return []
    _, here, there = np.intersect1d(rows, csim.rows, return_indices=True)
    return [compare("CSIM", "RTL", np.asarray(csim.values)[there], scores[here])] if len(here) else []


def _finish(draft: Draft, reports: list[ResourceReport], agreements: list[Agreement], seconds: dict[str, float]) -> None:
    """Write down what was found; a difference ends the stage before the artefact is made."""
    for agreement in agreements:
        agreement.require()
    plain = [agreement.to_dict() for agreement in agreements]
    _write_json(draft.path / "reports.json", [report.to_dict() for report in reports])
    _write_json(draft.path / "agreement.json", plain)
    _write_json(draft.path / "timing.json", seconds)
    for scratch in [*draft.path.glob(f"{PROJECT}/simulation/*.o"), *draft.path.glob(f"{PROJECT}/simulation/Vtop*")]:
        shutil.rmtree(scratch) if scratch.is_dir() else scratch.unlink()
    draft.summary.update(
        agreements=plain, levels=[report.level.value for report in reports], lut=[report.lut for report in reports]
    )


def _result(path: Path, fresh: bool, tool: str) -> SynthResult:
    reports, agreements, seconds = (
        json.loads((path / name).read_text(encoding="utf-8")) for name in ("reports.json", "agreement.json", "timing.json")
    )
    vhdl = read_manifest(path).summary.get("vhdl")
    return SynthResult(path, fresh, tool, tuple(map(ResourceReport.from_dict, reports)), tuple(agreements), seconds, vhdl)


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[name] = round(time.monotonic() - began, 3)


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show on standard error, where it is a terminal, what has ended."""
    from tqdm import tqdm

    with tqdm(total=total, desc=title, unit="step", leave=False, disable=None) as bar:

        def advance(what: str) -> None:
            bar.set_postfix_str(what)
            bar.update()

        yield advance
