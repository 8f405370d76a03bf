"""Prove a network of the front: synthesise it by the open flow, and compare every implementation, event by event."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from l1ad.config import Config
from l1ad.core.agreement import Agreement, compare
from l1ad.core.artefact import writing
from l1ad.core.board import load_anchors, load_board
from l1ad.core.dataset import Dataset, Role, load_dataset
from l1ad.core.network import Network
from l1ad.core.resources import ResourceReport
from l1ad.core.trained import NETWORK_FILE
from l1ad.firmware.golden import make_golden
from l1ad.firmware.target import resolve_target
from l1ad.hls.project import KIND as HLS_KIND
from l1ad.hls.project import project_files, write_files
from l1ad.reporting.comparison import entries_of
from l1ad.reporting.document import Page
from l1ad.reporting.model_sections import exactness_section, model_section
from l1ad.reporting.render import write_page
from l1ad.reporting.resource_sections import resources_section
from l1ad.reporting.runs import Run, Synthesis
from l1ad.rtl.flow import synthesise_open, write_rtl
from l1ad.rtl.proof import compare_rtl, proving_events
from l1ad.scores.events import comparison_events
from l1ad.scores.implementations import find_implementations
from l1ad.search.judge import test_jury
from l1ad.search.storage import write_json
from l1ad.spec import reference

#: What was found of a point, and its page.
POINT, PAGE = "point.json", "report"
#: Events, half of them data, on which all implementations are compared; vectors of the HLS test bench.
EVENTS, N_GOLDEN = 20_000, 256


@dataclass(frozen=True, slots=True)
class Proof:
    """All that proving a point needs.

    Attributes:
        config: the configuration at the point.
        dataset: folder of the dataset.
        network: file of the network.
        fraction: background fraction of the working point.
    """

    config: Config
    dataset: Path
    network: Path
    fraction: float


def prove(proof: Proof, place: Path) -> dict[str, Any]:
    """Prove a point and write its page, or read what was found before.

    Args:
        proof: the point.
        place: folder of what is found; sources and logs of tools stay, what they compiled does not.

    Returns:
        LUTs and path by the open flow, efficiencies on events that the search did not look at, and every comparison; plain data.

    Raises:
        MismatchError: two implementations differ.
        ToolMissingError: Yosys, Verilator or g++ is not here.
        ToolFailedError: one of them failed.
        ConversionError: the network cannot be exact in firmware.
    """
    from l1ad.core.json_text import parse_json

    if (place / POINT).is_file():
        found: dict[str, Any] = parse_json((place / POINT).read_text(encoding="utf-8"))
        return found
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    dataset, network = load_dataset(proof.dataset), Network.load(proof.network)
    network.save(place / NETWORK_FILE)
    report, agreements = _synthesised(proof.config, dataset, network, place)
    agreements += _compared(proof.config, dataset, network, place)
    found = {
        "lut": report.lut,
        "logic_cells": dict(report.others).get("yosys_logic_cells"),
        "path_ns": report.path_ns,
        "latency_ns": report.latency_ns if report.latency_max_cycles else report.path_ns,
        "latency_cycles": report.latency_max_cycles,
        "ff": report.ff,
        "agreements": [agreement.to_dict() for agreement in agreements],
        "n_different": sum(agreement.n_different for agreement in agreements),
        **_unseen(dataset, network, proof),
    }
    _write_page(proof.config, network, report, tuple(agreements), place)
    for compiled in ("hls", "rtl/simulation", "yosys"):
        shutil.rmtree(place / compiled, ignore_errors=True)
    write_json(place / POINT, found)
    return found


def _synthesised(config: Config, dataset: Dataset, network: Network, place: Path) -> tuple[ResourceReport, list[Agreement]]:
    """Write, simulate and synthesise the RTL, as 'l1ad synth --tool open' does."""
    board = load_board(config.board)
    target = resolve_target(config.firmware, board)
    project = write_rtl(place / "rtl", config, network, target)
    events = proving_events(network, config, dataset)
    simulated = compare_rtl(project, config, events, {})
    for agreement in simulated:
        agreement.require()
    report, mapped = synthesise_open(place / "yosys", config, project, board, target.clock_ns, events.golden, lambda name: None)
    return report, [*simulated, *mapped]


def _compared(config: Config, dataset: Dataset, network: Network, place: Path) -> list[Agreement]:
    """Convert the network and compare reference, emulator, QKeras, C simulation and RTL pairwise."""
    target = resolve_target(config.firmware, load_board(config.board))
    with writing(place / "hls", HLS_KIND, key="point", inputs={}, config={}) as draft:
        write_files(project_files(network, target, make_golden(network, N_GOLDEN)).files, draft.path)
    found = find_implementations(network, place / "hls", place / "rtl", csim_events=EVENTS, rtl_events=EVENTS)
    x_hw = comparison_events(network, dataset, 0, EVENTS)
    codes = {one.name: one.scores(x_hw) for one in found.implementations}
    return [compare(left, right, a, b).require() for (left, a), (right, b) in itertools.combinations(codes.items(), 2)]


def _unseen(dataset: Dataset, network: Network, proof: Proof) -> dict[str, Any]:
    """Evaluate the network on events that the search did not look at: background for testing, and signals where there are some."""

    def scores(x_hw: Any) -> Any:
        return reference.scores(network, np.asarray(x_hw, dtype=np.int64))

    efficiency, behind = test_jury(dataset, "mixed").measured(scores, proof.fraction)
    found = {"test_efficiency": efficiency, "test_n_effective": behind}
    if any(sample.role is not Role.BACKGROUND for sample in dataset.samples):
        found["signal_efficiency"] = test_jury(dataset, "signals").efficiency(scores, proof.fraction)
    return found


def _write_page(config: Config, network: Network, report: ResourceReport, compared: tuple[Agreement, ...], place: Path) -> None:
    """Write the point's own report: the network, every comparison, the resources."""
    board = load_board(config.board)
    run = Run(
        config.name, place, {}, board, network, agreements={"scan": compared}, syntheses=(Synthesis("open", (report,), ()),)
    )
    entries = entries_of(run, None)
    made = (
        model_section(run),
        exactness_section(run),
        resources_section(entries, None, [run], load_anchors()),
    )
    lead = f"One network of the scan, digest {network.digest[:16]}."
    write_page(Page(config.name, lead, tuple(section for section in made if section is not None)), place, PAGE)
