"""Put what the open flow found into one resource report, which says what each number is."""

from __future__ import annotations

from collections.abc import Sequence

from l1ad.core.board import Board
from l1ad.core.resources import LayerResources, Level, ResourceReport
from l1ad.rtl.calibration import routed_interval
from l1ad.rtl.delay import DelayModel, output_times
from l1ad.rtl.design import input_nets
from l1ad.rtl.project import RtlProject
from l1ad.rtl.yosys import Synthesised

_LUT_NOTE = (
    "LUT counts Yosys' LUT1 to LUT6 cells and inverters, module by module, before any two share a place; Vivado's count of the same "
    "RTL differs."
)
_DELAY_NOTE = "Times are estimates: a static timing analysis of the mapped logic with mean cell and net delays of {source}; nothing was placed."
_COMBINATIONAL_NOTE = "Combinational: the result is there after the longest path, without a clock."
_PIPELINE_NOTE = "Flip-flops are the pipeline's register bits, as written; registers are timed as ideal."


def stage_times(project: RtlProject, modules: Sequence[Synthesised], model: DelayModel) -> list[float]:
    """Time every module.

    Args:
        project: the project the modules are from.
        modules: what Yosys made of them, in order.
        model: the delays.

    Returns:
        For each module the time in ns at which its last output is there: since its own inputs if there are registers between
        modules, else since the design's inputs.
    """
    arrival = {net.name: [0.0] * net.width for net in input_nets(project.network, project.interface)}
    ports = frozenset(arrival)
    ends = []
    for module in modules:
        names = [name for name, _ in module.stage.inputs]
        starts = [0.0 if project.pipelined else time for name in names for time in arrival[name]]
        external = not project.latency_cycles and ports.issuperset(names)
        times, latest = output_times(module.netlist, starts, model, external=external)
        place = 0
        for name, width in module.stage.outputs:
            arrival[name] = times[place : place + width]
            place += width
        ends.append(latest)
    return ends


def resource_report(
    project: RtlProject, modules: Sequence[Synthesised], board: Board, clock_ns: float, model: DelayModel, version: str | None
) -> ResourceReport:
    """Make the report.

    Args:
        project: what was synthesised.
        modules: what Yosys made of its modules, in order.
        board: part and totals.
        clock_ns: target clock period.
        model: the delays.
        version: Yosys' version.
    """
    ends = stage_times(project, modules, model)
    longest = round(max(ends, default=0.0), 3)
    cycles = project.latency_cycles
    kind = _PIPELINE_NOTE if cycles else _COMBINATIONAL_NOTE
    lut = sum(module.lut for module in modules)
    expected = routed_interval((lut, project.lut_estimate))
    said = (_LUT_NOTE, expected.sentence, _DELAY_NOTE.format(source=model.source), kind)
    late = _too_slow(project, modules, ends, clock_ns)
    notes = (*said, *late, *_over_budget(cycles * clock_ns if cycles else longest, lut, board, bool(late) and not cycles))
    return ResourceReport(
        tool="Yosys",
        level=Level.OPEN,
        tool_version=version,
        top=project.top,
        part=board.part,
        clock_target_ns=clock_ns,
        clock_estimate_ns=longest,
        slack_ns=round(clock_ns - longest, 3),
        path_ns=longest,
        lut=lut,
        lut_low=expected.low,
        lut_high=expected.high,
        ff=project.register_bits,
        carry=sum(module.carry for module in modules),
        dsp=sum(module.dsp for module in modules),
        bram18=sum(module.bram18 for module in modules),
        uram=0,
        latency_min_cycles=cycles,
        latency_max_cycles=cycles,
        latency_ns=cycles * clock_ns,
        ii_min=project.interval if cycles else None,
        ii_max=project.interval if cycles else None,
        available=board.totals,
        breakdown=_breakdown(modules),
        others=_others(project, modules, ends),
        sources=tuple(f"yosys/{module.stage.module}.stat.json" for module in modules),
        notes=notes,
    )


def _too_slow(project: RtlProject, modules: Sequence[Synthesised], ends: Sequence[float], clock_ns: float) -> tuple[str, ...]:
    """Warn of what takes longer than the clock period by the estimate: stages of a pipeline, or the whole of a combinational design."""
    slow = [f"{module.stage.name} {end:.2f} ns" for module, end in zip(modules, ends, strict=True) if end > clock_ns]
    if not slow:
        return ()
    if not project.latency_cycles:
        return (
            f"Warning: by the estimate the result is there after {max(ends):.2f} ns, later than the {clock_ns:g} ns asked for.",
        )
    return (
        f"Warning: by the estimate {len(slow)} of {len(ends)} stages miss the clock of {clock_ns:g} ns: {', '.join(slow)}; "
        "take a longer firmware.clock_ns, or let the vendor's tool move registers.",
    )


def _over_budget(result_ns: float, lut: int, board: Board, late: bool) -> tuple[str, ...]:
    """Warn of what exceeds the board's latency budget (unless ``late`` says so already for an equal clock), its LUT budget or the part."""
    warnings = []
    budget_ns = board.latency_budget_ns
    if budget_ns is not None and result_ns > budget_ns and not (late and budget_ns == board.clock_ns):
        warnings.append(f"Warning: {result_ns:.2f} ns exceed the latency budget of {board.title}, {budget_ns:g} ns.")
    if lut > board.lut_budget:
        whose = "part" if board.lut_budget_fraction is None else "LUT budget"
        warnings.append(f"Warning: {lut} LUT exceed the {whose} of {board.title}, {board.lut_budget} LUT.")
    return tuple(warnings)


def _breakdown(modules: Sequence[Synthesised]) -> tuple[LayerResources, ...]:
    return tuple(
        LayerResources(module.stage.name, lut=module.lut, carry=module.carry, dsp=module.dsp, bram18=module.bram18, uram=0)
        for module in modules
    )


def _others(project: RtlProject, modules: Sequence[Synthesised], ends: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """List what has no place of its own: Yosys' and alkaid's other counts, and when each module is done."""
    counts = (
        ("yosys_logic_cells", sum(module.logic_cells for module in modules)),
        ("alkaid_lut_estimate", round(project.lut_estimate, 1)),
    )
    return counts + tuple((f"{module.stage.name}_done_ns", round(end, 3)) for module, end in zip(modules, ends, strict=True))
