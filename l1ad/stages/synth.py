"""Synthesise: the HLS project with AMD's HLS, the RTL with Vivado, or the RTL by the open flow; prove that the RTL is the network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from l1ad.config import Config
from l1ad.core.agreement import AGREEMENT_FILE, Agreement, read_agreements
from l1ad.core.artefact import Draft, origin_of, writer_of
from l1ad.core.board import Board, load_board
from l1ad.core.choices import Step
from l1ad.core.dataset import Dataset
from l1ad.core.errors import ConfigError, nearest
from l1ad.core.network import Network
from l1ad.core.plain import Origin, Plain, plain
from l1ad.core.resources import REPORTS_FILE, ResourceReport
from l1ad.core.stage import StageResult, Summary, run_stage
from l1ad.core.trained import TrainedModel, load_trained
from l1ad.firmware.target import target_of, thresholds_note, with_configured_thresholds, with_style_kept
from l1ad.reporting.comparison import NAMES, require_within, resource_entries
from l1ad.reporting.condition import parse_condition
from l1ad.rtl.ecp5 import route as route_ecp5
from l1ad.rtl.flow import synthesise_open, vivado_project, with_latency, write_rtl
from l1ad.rtl.project import RtlProject
from l1ad.rtl.proof import ProvingEvents, compare_rtl, proving_events, simulate_vhdl
from l1ad.scores.events import data_of_run
from l1ad.toolchain import GHDL, GXX, NEXTPNR_ECP5, VERILATOR, VITIS_HLS, VIVADO, YOSYS, FoundTool, find, require, tool_threads
from l1ad.toolchain.progress import progress
from l1ad.toolchain.timing import timed
from l1ad.vendor.driver import make_portable
from l1ad.vendor.driver import synthesise as run_vendor
from l1ad.vendor.project import VendorProject

KIND = "synth"
TOOLS = ("auto", "vitis", "vivado", "open")
#: Families that a design can be routed on without a licence.
ROUTES = ("ecp5",)
PROJECT = "rtl"
#: A log, so that it does not enter the artefact's digest: equal runs take different times.
TIMING = "timing.log"


@dataclass(frozen=True, slots=True)
class SynthSummary(Plain):
    """What the manifest says.

    Attributes:
        agreements: every comparison.
        levels: level of each report.
        lut: LUTs of each report.
        vhdl: what became of the VHDL; None where no RTL is written.
        thresholds_note: says that plain thresholds are bound to no network; None where they are, or there are none.
    """

    agreements: tuple[Agreement, ...]
    levels: tuple[str, ...]
    lut: tuple[int | None, ...]
    vhdl: str | None = None
    thresholds_note: str | None = None


@dataclass(frozen=True, slots=True)
class SynthResult(StageResult):
    """What was synthesised.

    Attributes:
        path: the artefact.
        fresh: whether it was made now; else nothing had changed.
        summary: comparisons, levels and LUTs, and the two last of these.
        tool: ``vitis``, ``vivado`` or ``open``.
        reports: resource reports, one a tool and level.
        agreements: comparisons of the RTL with the network's reference and, where there are scores, with the C simulation.
        seconds: wall time of each part when it was made.
        vhdl: what became of the VHDL: simulated, or why not; None where no RTL is written.
        thresholds_note: says that plain thresholds are bound to no network; None where they are, or there are none.
    """

    tool: str
    reports: tuple[ResourceReport, ...]
    agreements: tuple[Agreement, ...]
    seconds: Mapping[str, float]
    vhdl: str | None
    thresholds_note: str | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What exceeds the clock, the board's budgets or the part, as the reports' notes say it."""
        return tuple(dict.fromkeys(note for report in self.reports for note in report.notes if note.startswith("Warning:")))

    @classmethod
    def found(cls, path: Path, fresh: bool, summary: dict[str, Any]) -> SynthResult:
        """Read what the artefact holds beside its summary."""
        known = SynthSummary.read(summary, origin_of(path, KIND))
        reports, seconds = (Origin(path / name, writer_of(KIND)).json() for name in (REPORTS_FILE, TIMING))
        agreements = read_agreements(Origin(path / AGREEMENT_FILE, writer_of(KIND)))
        tool, read = path.name.removeprefix(f"{KIND}_"), tuple(map(ResourceReport.from_dict, reports))
        return cls(path, fresh, summary, tool, read, agreements, seconds, known.vhdl, known.thresholds_note)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "path": str(self.path),
            "fresh": self.fresh,
            "tool": self.tool,
            "warnings": list(self.warnings),
            "reports": [report.to_dict() for report in self.reports],
            "agreements": plain(self.agreements),
            "seconds": dict(self.seconds),
            "vhdl": self.vhdl,
        } | ({} if self.thresholds_note is None else {"thresholds_note": self.thresholds_note})


def synth(
    config: Config, *, tool: str | None = None, route: str | None = None, fail_if: str | None = None, force: bool = False
) -> SynthResult:
    """Synthesise a configuration's model.

    Args:
        config: the configuration.
        tool: one of ``TOOLS``; None takes the configuration's.
        route: ``ecp5`` also places and routes the open flow's RTL on that family; None takes the configuration's.
        fail_if: a limit such as ``lut_high > 700 or latency_of_budget > 1``; the names are those of ``comparison.Entry``, without physics.
        force: do it again even if nothing has changed.

    Returns:
        What came of it.

    Raises:
        LimitError: the limit is exceeded; the artefact is made all the same.
        InputError: an impossible condition, or one on a number that no report gives.
        ConfigError: no such tool, board, part, step or family to route on.
        ArtefactError: there is no model, none of the data that the configuration names, or for ``vitis`` no HLS project.
        ConversionError: the network cannot be exact in RTL; says why.
        ToolMissingError: a tool that is needed is not here.
        ToolFailedError: a tool failed or took too long.
        MismatchError: the RTL, or the netlist mapped from it, does not compute what the network does.
    """
    chosen = choose_tool(config.synthesis.tool if tool is None else tool)
    routed = _route(config.synthesis.route if route is None else route, chosen)
    condition = parse_condition(fail_if, NAMES) if fail_if is not None else None
    trained, board = load_trained(config.run / "model"), load_board(config.board)
    dataset = None if chosen == "vitis" else data_of_run(config, trained.network.layout)
    network = with_configured_thresholds(trained.network, config)
    target = config.run / f"{KIND}_{chosen}"
    inputs = {"model": trained.digest} | ({"dataset": dataset.digest} if dataset else {})
    inputs |= {"hls_project": _project_digest(config, trained)} if chosen == "vitis" else {}
    settings = {
        "synthesis": config.synthesis.plain() | {"route": routed},
        "firmware": config.firmware.plain(),
        "board": board.plain(),
        "target": target_of(config, network.layout).to_dict(),
        "thresholds": network.trigger_bits,
        "tools": _versions(chosen, config.synthesis.vhdl, routed),
    }

    def write(draft: Draft) -> Summary:
        if chosen == "vitis":
            made = _finish(draft, _run_hls(draft, config), [], {})
        else:
            made = _run_rtl(draft, config, chosen, routed, network, board, dataset)
        return made.to_dict() | thresholds_note(config)

    result = run_stage(
        SynthResult,
        target,
        KIND,
        write,
        code="l1ad.stages.synth",
        inputs=inputs,
        settings=settings,
        force=force,
        resumable=chosen != "open",
    )
    if condition is not None:
        require_within(resource_entries(config.name, board, result.reports), condition)
    return result


def choose_tool(text: str) -> str:
    """Return the tool that is meant: ``auto`` takes HLS where it is, else Vivado, else the open flow.

    Raises:
        ConfigError: there is no such tool.
    """
    if text not in TOOLS:
        raise ConfigError(f"There is no synthesis tool {text!r}; {nearest(text, TOOLS)}")
    if text != "auto":
        return text
    return "vitis" if find(VITIS_HLS) else "vivado" if find(VIVADO) else "open"


def _route(text: str | None, chosen: str) -> str | None:
    """Return the family that the design is routed on besides, None for none."""
    if text is None:
        return None
    if text not in ROUTES:
        raise ConfigError(f"There is no family {text!r} to route on; {nearest(text, ROUTES)}")
    if chosen != "open":
        raise ConfigError(
            f"Routing on {text} belongs to the open flow, got the tool {chosen!r}; give --tool open, or leave the route out."
        )
    return text


def _project_digest(config: Config, trained: TrainedModel) -> str:
    from l1ad.hls.project import load_project

    return load_project(config.project).require_network(trained.network).digest


def _tools(chosen: str, routed: str | None) -> tuple[FoundTool, ...]:
    """Find every tool that a flow needs, before anything is begun."""
    needed = {"vitis": [VITIS_HLS], "vivado": [VIVADO, VERILATOR, GXX], "open": [YOSYS, VERILATOR, GXX]}[chosen]
    return tuple(require(tool) for tool in [*needed, *([NEXTPNR_ECP5] if routed else [])])


def _versions(chosen: str, vhdl: bool, routed: str | None) -> dict[str, str | None]:
    ghdl = find(GHDL) if vhdl and chosen != "vitis" else None
    return {found.tool.key: found.version for found in (*_tools(chosen, routed), *([ghdl] if ghdl else []))}


def _run_hls(draft: Draft, config: Config) -> list[ResourceReport]:
    """Run AMD's HLS, and what else the configuration asks for, on the converted project."""
    from l1ad.hls.project import load_project, vendor_project

    steps = [Step.parse(step) for step in config.synthesis.steps]
    style = load_project(config.project).target.style
    return [with_style_kept(report, style) for report in _vendor(vendor_project(config.project), steps, draft, config)]


def _vendor(project: VendorProject, steps: Sequence[Step], draft: Draft, config: Config) -> list[ResourceReport]:
    with _progress("synth", len(steps)) as advance:
        began: set[Step] = set()

        def tell(step: Step, line: str) -> None:
            if step not in began:
                began.add(step)
                advance(step.value)

        folder = draft.path / "vendor"
        reports = run_vendor(project, steps, folder, timeout_s=config.synthesis.timeout_s, progress=tell)
        make_portable(folder, draft.path)
        return reports


def _run_rtl(
    draft: Draft, config: Config, chosen: str, routed: str | None, network: Network, board: Board, dataset: Dataset | None
) -> SynthSummary:
    """Write the RTL, then simulate and synthesise it side by side."""
    seconds: dict[str, float] = {}
    target = target_of(config, network.layout)
    with _progress("synth", len(network.layers) + 6) as advance:
        with timed(seconds, "trace_s"):
            project = write_rtl(draft.path / PROJECT, config, network, target)
        advance("RTL")
        events = proving_events(network, config, dataset)
        with tool_threads(1) as pool:
            simulated = pool.submit(compare_rtl, project, config, events, seconds)
            with timed(seconds, "synthesis_s"):
                reports, mapped = _synthesise(draft, config, chosen, project, board, target.clock_ns, events, advance)
            if routed:
                with timed(seconds, "route_s"):
                    reports.append(
                        route_ecp5(project, draft.path / "ecp5", target.clock_ns, timeout_s=config.synthesis.timeout_s)
                    )
            found = simulated.result() + mapped
        advance("simulation")
        with timed(seconds, "vhdl_s"):
            vhdl = simulate_vhdl(project, config)
        advance("VHDL")
    return replace(_finish(draft, reports, found, seconds), vhdl=vhdl)


def _synthesise(
    draft: Draft,
    config: Config,
    chosen: str,
    project: RtlProject,
    board: Board,
    clock_ns: float,
    events: ProvingEvents,
    advance: Callable[[str], None],
) -> tuple[list[ResourceReport], list[Agreement]]:
    """Return the reports, and the comparisons of what was mapped."""
    if chosen == "open":
        report, agreements = synthesise_open(draft.path / "yosys", config, project, board, clock_ns, events.golden, advance)
        return [report], agreements
    steps = [step for step in map(Step.parse, config.synthesis.steps) if not step.is_hls] or [Step.SYNTH]
    reports = _vendor(vivado_project(project, board, clock_ns), steps, draft, config)
    return [with_latency(report, project, clock_ns) for report in reports], []


def _finish(draft: Draft, reports: list[ResourceReport], agreements: list[Agreement], seconds: dict[str, float]) -> SynthSummary:
    """Write down what was found; a difference ends the stage before the artefact is made."""
    for agreement in agreements:
        agreement.require()
    _write_json(draft.path / REPORTS_FILE, [report.to_dict() for report in reports])
    _write_json(draft.path / AGREEMENT_FILE, plain(agreements))
    _write_json(draft.path / TIMING, seconds)
    for scratch in [*draft.path.glob(f"{PROJECT}/simulation/*.o"), *draft.path.glob(f"{PROJECT}/simulation/Vtop*")]:
        shutil.rmtree(scratch) if scratch.is_dir() else scratch.unlink()
    levels, luts = tuple(report.level.value for report in reports), tuple(report.lut for report in reports)
    return SynthSummary(tuple(agreements), levels, luts)


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


@contextmanager
def _progress(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """Show on standard error, where it is a terminal, what has ended."""
    with progress(total=total, desc=title, unit="step", leave=False) as bar:

        def advance(what: str) -> None:
            bar.set_postfix_str(what)
            bar.update()

        yield advance
