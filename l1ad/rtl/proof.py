"""Prove by simulation that the RTL is the network: data and adversarial events, against the reference and the C simulation."""

from __future__ import annotations

import numpy as np

from l1ad.config import Config
from l1ad.core.agreement import Agreement, compare
from l1ad.core.artefact import is_artefact
from l1ad.core.dataset import Dataset
from l1ad.core.fixed import IntArray
from l1ad.core.network import Network
from l1ad.core.scoreset import ScoreSet, Source, load_scores
from l1ad.firmware.golden import adversarial_events
from l1ad.rtl.ghdl import run_vhdl_bench
from l1ad.rtl.project import RtlProject
from l1ad.rtl.simulate import RtlSimulation, compile_simulation
from l1ad.spec import reference
from l1ad.toolchain import GHDL, find
from l1ad.toolchain.timing import timed


def compare_rtl(
    project: RtlProject, network: Network, config: Config, dataset: Dataset, seconds: dict[str, float]
) -> list[Agreement]:
    """Simulate data and adversarial events and compare them, as integers, with the reference and the C simulation's scores.

    Args:
        project: the RTL.
        network: what it must compute.
        config: how many events, and where the C simulation's scores are.
        dataset: the data.
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
    rows = _rows(dataset.n_events, config.synthesis.rtl_events)
    data = np.asarray(dataset.x_hw[rows], dtype=np.int64)
    x_hw = np.concatenate([data, adversarial_events(network, config.synthesis.adversarial_events)])
    with timed(seconds, "simulation_s"):
        scores, bits = RtlSimulation.open(project.path, threads=config.synthesis.processes).run(x_hw)
    wanted = reference.scores(network, x_hw)
    agreements = [
        compare("REFERENCE", "RTL", wanted, scores),
        compare(
            "score >= threshold", "RTL trigger bits", reference.bits(network, wanted).astype(np.int64), bits.astype(np.int64)
        ),
    ]
    return agreements + _against_csim(config, network, rows, scores[: len(rows)])


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
