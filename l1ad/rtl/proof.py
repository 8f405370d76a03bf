"""Prove by simulation that the RTL is the network: data and adversarial events, against the reference and the C simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from l1ad.config import Config
from l1ad.core.agreement import Agreement, compare
from l1ad.core.artefact import is_artefact
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.scoreset import ScoreSet, Source, load_scores
from l1ad.firmware.golden import Golden, adversarial_events, golden_of
from l1ad.firmware.target import absent_inputs
from l1ad.rtl.ghdl import run_vhdl_bench
from l1ad.rtl.project import RtlProject
from l1ad.rtl.simulate import RtlSimulation, compile_simulation
from l1ad.toolchain import GHDL, find
from l1ad.toolchain.timing import timed


@dataclass(frozen=True, slots=True, eq=False)
class ProvingEvents:
    """The events on which RTL and netlist are proved: data, then adversarial ones.

    Attributes:
        rows: numbers of the data in the dataset, spread evenly over it.
        golden: all events, with what the reference computes for them.
    """

    rows: IntArray
    golden: Golden


def proving_events(network: Network, config: Config, dataset: Dataset | None) -> ProvingEvents:
    """Choose as many data and make as many adversarial events as the configuration says; without data, all are made."""
    made, rows = config.synthesis.adversarial_events, np.empty(0, dtype=np.int64)
    data = np.empty((0, network.n_inputs), dtype=np.int64)
    if dataset is None:
        made += config.synthesis.rtl_events
    else:
        rows = _rows(dataset.n_events, config.synthesis.rtl_events)
        data = np.asarray(dataset.x_hw[rows], dtype=np.int64)
    made_events = adversarial_events(network, made, absent=absent_inputs(config, network.layout))
    return ProvingEvents(rows, golden_of(network, np.concatenate([data, made_events])))


def compare_rtl(project: RtlProject, config: Config, events: ProvingEvents, seconds: dict[str, float]) -> list[Agreement]:
    """Simulate data and adversarial events and compare them, as integers, with the reference and the C simulation's scores.

    Args:
        project: the RTL.
        config: timeout and threads, and where the C simulation's scores are.
        events: what is simulated.
        seconds: gets the wall time of compilation and simulation.

    Returns:
        One comparison each of scores, trigger bits and, where the C simulation has run on this model, its scores.

    Raises:
        ToolMissingError: there is no Verilator or no C++ compiler.
        ToolFailedError: one of them failed.
    """
    work = project.path / "simulation"
    with timed(seconds, "simulation_compile_s"):
        compile_simulation(project, work, timeout_s=config.synthesis.timeout_s)
    golden = events.golden
    with timed(seconds, "simulation_s"):
        scores, bits = RtlSimulation.open(project.path, threads=config.synthesis.processes).run(golden.x_hw)
    agreements = [
        compare("REFERENCE", "RTL", golden.scores, scores),
        compare("score >= threshold", "RTL trigger bits", golden.bits.astype(np.int64), bits.astype(np.int64)),
    ]
    return agreements + _against_csim(config, project.network, events.rows, scores[: len(events.rows)])


def _rows(n_events: int, wanted: int) -> IntArray:
    """Choose that many events, spread evenly over the dataset, so that every sample takes part."""
    n = min(wanted, n_events)
    return np.arange(n, dtype=np.int64) * n_events // max(n, 1)


def _against_csim(config: Config, network: Network, rows: IntArray, scores: IntArray) -> list[Agreement]:
    """Compare with the scores of the C simulation, for the events that it took; nothing where it has not run on this model."""
    folder = config.run / "csim"
    if len(rows) == 0 or not is_artefact(folder, "csim"):
        return []
    csim: ScoreSet = load_scores(folder, Source.CSIM)
    if csim.model_digest != network.digest:
        return []
    _, here, there = np.intersect1d(rows, csim.rows, return_indices=True)
    return [compare("CSIM", "RTL", np.asarray(csim.values)[there], scores[here])] if len(here) else []


def simulate_vhdl(project: RtlProject, config: Config) -> str:
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
