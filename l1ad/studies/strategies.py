"""What do hls4ml's strategies cost for one network, and what do fewer bits and pruning do to each?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from l1ad.core.agreement import compare
from l1ad.core.board import Board, load_board
from l1ad.core.choices import Strategy
from l1ad.core.fixed import IntArray, Overflow, Rounding
from l1ad.core.network import Dense, Network
from l1ad.firmware.golden import Golden, adversarial_events, golden_of
from l1ad.physics.judge import judge_of
from l1ad.reporting.document import State, Table, Text, number, number_columns, text_columns
from l1ad.reporting.drawing import Axes, bar_plot
from l1ad.rtl.delay import ULTRASCALE_PLUS
from l1ad.rtl.netlist import compare_netlist
from l1ad.rtl.project import RtlProject, source_files, write_project
from l1ad.rtl.report import resource_report
from l1ad.rtl.simulate import RtlSimulation, compile_simulation
from l1ad.rtl.strategies import trace_strategy
from l1ad.rtl.yosys import synthesise
from l1ad.spec import reference
from l1ad.studies.result import Material, StudyResult, as_scores, evaluation_rows
from l1ad.toolchain import GXX, VERILATOR, YOSYS, require
from l1ad.toolchain.progress import progress

QUESTION = "What do hls4ml's strategies cost for one network, and what do fewer bits and pruning do to each?"
#: Products that share a multiplier in the resource strategy, where the configuration has no reuse factor.
REUSE_FACTOR = 4
#: Bits taken from each weight, and parts of the weights that pruning takes, beside the network as it is.
BITS_LESS = (1,)
SPARSITIES = (0.75,)
#: Bits that a weight keeps at least: a sign and a value.
_LEAST_BITS = 2
#: Events, half of them data, that each RTL must compute as the reference does.
SIMULATED = 2_000


@dataclass(frozen=True, slots=True)
class Row:
    """One network in one form.

    Attributes:
        network: what was done to the network.
        strategy: the form.
        dsp_allowed: whether products may become DSP blocks.
        reuse_factor: products that share a multiplier.
        weight_bits: bits of each layer's weights.
        sparsity: part of the weights that is 0.
        lut: look-up tables by the open flow.
        ff: flip-flops as written.
        dsp: DSP blocks.
        path_ns: longest path by the delay model; None with DSP blocks, which the model does not know.
        latency_cycles: clock cycles from inputs to score; 0 for combinational logic.
        ii: clock cycles between events, None for combinational logic.
        latency_ns: the path, or the cycles at the clock that the path allows.
        n_simulated: events whose score and bits are those of the reference.
    """

    network: str
    strategy: str
    dsp_allowed: bool
    reuse_factor: int
    weight_bits: tuple[int, ...]
    sparsity: float
    lut: int
    ff: int
    dsp: int
    path_ns: float | None
    latency_cycles: int
    ii: int | None
    latency_ns: float | None
    n_simulated: int

    @property
    def form(self) -> str:
        """Name the form for plots and tables."""
        reuse = f", R = {self.reuse_factor}" if self.reuse_factor > 1 else ""
        return self.strategy.replace("_", " ") + reuse + (", DSP" if self.dsp_allowed else "")


@dataclass(frozen=True, slots=True)
class Task:
    """Name one synthesis: which network, in which form, with DSP blocks or without."""

    network: str
    strategy: Strategy
    dsp: bool


def study_strategies(material: Material) -> StudyResult:
    """Write, simulate and synthesise the network in every form: as it is, with fewer bits, and pruned.

    Every point is kept as soon as it is done; a study that was ended goes on with the next.

    Raises:
        ToolMissingError: Yosys, Verilator or g++ is not here.
        ConversionError: the network's sums are not exact.
        MismatchError: a form does not compute the network.
    """
    for tool in (YOSYS, VERILATOR, GXX):
        require(tool)
    networks, board = variants(material), load_board(material.config.board)
    physics = {name: _physics(material, network) for name, network in networks.items()}
    rows = []
    with progress(tasks(networks), desc="strategies", unit="synthesis", leave=False) as bar:
        for task in bar:
            bar.set_postfix_str(f"{task.network}, {task.strategy.value}")
            rows.append(measured(material, networks[task.network], task, board))
    numbers = {"rows": [asdict(row) for row in rows], "physics": physics, "board": board.name, "part": board.part}
    blocks = (_table(rows, physics), _figure(rows), Text(_NOTE))
    return StudyResult("strategies", QUESTION, _finding(rows), State.NOTE, numbers, blocks)


def variants(material: Material) -> dict[str, Network]:
    """Return the network as it is, with fewer bits a weight, and pruned."""
    network = material.model.network
    found = {"as trained": network}
    for bits in BITS_LESS:
        found[f"weights of {bits} bit{'s' * (bits > 1)} less"] = rounded(network, bits)
    for sparsity in SPARSITIES:
        found[f"pruned to {100 * sparsity:.0f} %"] = pruned(network, sparsity)
    return found


def rounded(network: Network, bits: int) -> Network:
    """Take the lowest bits from every weight, ties to even, without training again; two bits stay at least.

    Args:
        network: the network.
        bits: how many.
    """
    return replace(network, layers=tuple(_rounded(layer, bits) for layer in network.layers))


def _rounded(layer: Dense, bits: int) -> Dense:
    less = max(0, min(bits, layer.weight_type.width - _LEAST_BITS))
    kept = replace(layer.weight_type, width=layer.weight_type.width - less)
    rounding = kept.with_modes(Rounding.RND_CONV, Overflow.SAT)
    return replace(layer, weight_type=kept, weight=rounding.cast(layer.weight, layer.weight_type.fractional))


def pruned(network: Network, sparsity: float) -> Network:
    """Set the smallest weights of every layer but the last to 0, without training again.

    Args:
        network: the network.
        sparsity: part of each layer's weights that is 0 afterwards, at least.
    """
    *layers, last = network.layers
    return replace(network, layers=(*(_pruned(layer, sparsity) for layer in layers), last))


def _pruned(layer: Dense, sparsity: float) -> Dense:
    order = np.argsort(np.abs(layer.weight), axis=None, kind="stable")
    weight: IntArray = layer.weight.copy()
    weight.ravel()[order[: round(sparsity * weight.size)]] = 0
    return replace(layer, weight=weight)


def tasks(networks: Mapping[str, Network]) -> list[Task]:
    """List the syntheses: every network in every form; the first one with DSP blocks as well, where there are products."""
    plain = [Task(name, strategy, False) for name in networks for strategy in Strategy]
    first = next(iter(networks))
    return plain + [Task(first, strategy, True) for strategy in (Strategy.LATENCY, Strategy.RESOURCE)]


def measured(material: Material, network: Network, task: Task, board: Board) -> Row:
    """Synthesise and simulate one form, or read what an earlier run found."""
    reuse = max(material.config.firmware.reuse_factor, 2) if material.config.firmware.reuse_factor > 1 else REUSE_FACTOR
    reuse = reuse if task.strategy is Strategy.RESOURCE else 1
    name = f"{network.digest[:12]}_{task.strategy.value}_{reuse}_{'dsp' if task.dsp else 'lut'}"
    folder = material.work / name
    done = folder / "row.json"
    if done.is_file():
        found = json.loads(done.read_text(encoding="utf-8"))
        return Row(**found | {"network": task.network, "weight_bits": tuple(found["weight_bits"])})
    project = write_project(source_files(trace_strategy(network, task.strategy, reuse)), folder)
    golden = _golden(project, material)
    if not task.dsp:
        _simulate(project, material, golden)
    row = _synthesised(project, task, board, reuse, golden, material.config.synthesis.timeout_s)
    partial = folder / "row.json.partial"
    partial.write_text(json.dumps(asdict(row)), encoding="utf-8")
    partial.rename(done)
    return row


def _golden(project: RtlProject, material: Material) -> Golden:
    """Take data and make adversarial events."""
    rows = evaluation_rows(material.dataset)[: SIMULATED // 2]
    data = np.asarray(material.dataset.x_hw[rows], dtype=np.int64)
    return golden_of(project.network, np.concatenate([data, adversarial_events(project.network, SIMULATED - len(data))]))


def _simulate(project: RtlProject, material: Material, golden: Golden) -> None:
    """Require that the RTL computes the network."""
    compile_simulation(project, project.path / "simulation", timeout_s=material.config.synthesis.timeout_s)
    scores, bits = RtlSimulation.open(project.path, threads=1).run(golden.x_hw)
    compare("REFERENCE", f"RTL ({project.path.name})", golden.scores, scores).require()
    if project.network.thresholds:
        compare("score >= threshold", "RTL trigger bits", golden.bits.astype(np.int64), bits.astype(np.int64)).require()


def _synthesised(project: RtlProject, task: Task, board: Board, reuse: int, golden: Golden, timeout_s: float) -> Row:
    """Synthesise, and require the network's bits of the mapped netlist."""
    modules = synthesise(project, project.path / "yosys", board.yosys_family, timeout_s=timeout_s, dsp=task.dsp)
    for agreement in compare_netlist(project, modules, golden):
        agreement.require()
    report = resource_report(project, modules, board, board.clock_ns, ULTRASCALE_PLUS, require(YOSYS).version)
    path_ns = report.path_ns if not report.dsp else None
    cycles = project.latency_cycles
    weights = np.concatenate([layer.weight.ravel() for layer in project.network.layers])
    return Row(
        task.network,
        task.strategy.value,
        task.dsp,
        reuse,
        tuple(layer.weight_type.width for layer in project.network.layers),
        float(np.mean(weights == 0)),
        report.lut or 0,
        report.ff or 0,
        report.dsp or 0,
        path_ns,
        cycles,
        project.interval if cycles else None,
        None if path_ns is None else path_ns * max(cycles, 1),
        len(golden.x_hw),
    )


def _physics(material: Material, network: Network) -> dict[str, float | None]:
    """Evaluate a network's exact scores: mean efficiency over signals at every rate, and mean AUC."""
    dataset, judge = material.dataset, judge_of(material.config, material.dataset)
    rows = evaluation_rows(dataset)
    scores = reference.scores(network, np.asarray(dataset.x_hw[rows]))
    found = judge.performance(as_scores(dataset, scores, rows, network.name))
    return {target.label: found.mean_efficiency(target) for target in judge.targets} | {"AUC": found.mean_auc()}


def _table(rows: list[Row], physics: Mapping[str, Mapping[str, float | None]]) -> Table:
    columns = (
        *text_columns("Network", "Form", "weight bits"),
        *number_columns("zeros [%]", "LUT", "FF", "DSP", "path [ns]", "cycles", "II", "latency [ns]"),
        *number_columns(
            *(f"mean {'AUC' if name == 'AUC' else f'efficiency, {name}'} [%]" for name in next(iter(physics.values())))
        ),
    )
    cells = tuple(
        (
            row.network,
            row.form,
            ", ".join(str(bits) for bits in row.weight_bits),
            *(number(value) for value in (round(100 * row.sparsity), row.lut, row.ff, row.dsp)),
            *(number(value) for value in (row.path_ns, row.latency_cycles, row.ii, row.latency_ns)),
            *(number(None if value is None else 100 * value, 4) for value in physics[row.network].values()),
        )
        for row in rows
    )
    return Table("Strategies by network, open flow (Yosys cells and the delay model; not a vendor's numbers)", columns, cells)


def _figure(rows: list[Row]) -> Any:
    forms = list(dict.fromkeys(row.form for row in rows))
    networks = list(dict.fromkeys(row.network for row in rows))
    luts = {(row.network, row.form): float(row.lut) for row in rows}
    groups = {name: [luts.get((name, form)) for form in forms] for name in networks}
    return bar_plot("strategies", "Look-up tables of each form, before any vendor's tool.", Axes("LUT", ""), forms, groups)


def _finding(rows: list[Row]) -> str:
    """Compare the forms of the network as it is."""
    luts = {Strategy(row.strategy): row.lut for row in rows if row.network == rows[0].network and not row.dsp_allowed}
    base = luts[Strategy.DISTRIBUTED_ARITHMETIC]
    ratio = {strategy: lut / base for strategy, lut in luts.items()}
    changed = [row for row in rows if row.strategy == Strategy.DISTRIBUTED_ARITHMETIC.value and row.network != rows[0].network]
    others = ", ".join(f"{row.lut} LUT ({row.network})" for row in changed)
    return (
        f"As adder graph with shared terms the network takes {base} LUT; with a multiplier for each weight "
        f"{ratio[Strategy.LATENCY]:.2f} times that, with shared multipliers {ratio[Strategy.RESOURCE]:.2f} times. "
        f"Changed without training again, the adder graph takes {others}."
    )


_NOTE = (
    "Every form was simulated against the reference, event by event, before it was synthesised (the DSP rows are the same RTL), and so was "
    "the netlist that each count belongs to. "
    "Rounding and pruning are without training again: the AUC beside them is what that costs. 'latency' is what hls4ml's latency "
    "strategy describes, built by Yosys; HLS compilers share and schedule differently. Latency of a clocked form is its cycles at "
    "the period its longest path needs."
)
