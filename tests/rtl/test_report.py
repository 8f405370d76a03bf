"""The open flow's report warns of what is slower than the clock, by the estimate."""

from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.board import Board, load_board
from l1ad.core.resources import Level, ResourceReport
from l1ad.rtl import report as module
from l1ad.rtl.delay import ULTRASCALE_PLUS, Netlist
from l1ad.rtl.flow import with_latency
from l1ad.rtl.pipeline import trace_pipeline
from l1ad.rtl.project import RtlProject
from l1ad.rtl.report import resource_report
from l1ad.rtl.yosys import Synthesised
from tests.networks import make_network
from tests.rtl.projects import make_project

NETWORK = make_network(widths=(4, 2))


def warnings(project: RtlProject, times: list[float], clock_ns: float, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(module, "stage_times", lambda *args: times)
    modules = [Synthesised(stage, 10, 1, 0, 0, {}, 8, Netlist((), (), ())) for stage in project.stages]
    report = resource_report(project, modules, load_board("l1topo"), clock_ns, ULTRASCALE_PLUS, "0.70")
    assert [layer.lut for layer in report.breakdown] == [10] * len(modules)
    return [note for note in report.notes if note.startswith("Warning")]


def test_slow_stages_of_a_pipeline_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, NETWORK, 8.0)
    times = [5.5] * len(project.stages)
    times[1] = 4.0
    found = warnings(project, times, 5.0, monkeypatch)
    assert len(found) == 1
    n = len(times)
    assert found[0].startswith(f"Warning: by the estimate {n - 1} of {n} stages miss the clock of 5 ns: stage_1 5.50 ns")
    assert "stage_2" not in found[0]
    assert warnings(project, [4.9] * n, 5.0, monkeypatch) == []


def test_a_combinational_design_that_is_late_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, NETWORK)
    assert warnings(project, [1.0, 9.0, 20.0, 28.8], 25.0, monkeypatch) == [
        "Warning: by the estimate the result is there after 28.80 ns, later than the 25 ns asked for."
    ]
    assert warnings(project, [1.0, 9.0, 20.0, 24.0], 25.0, monkeypatch) == []


def test_what_exceeds_the_boards_budgets_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path, NETWORK)
    board = load_board("cms_ugt")  # 25 ns clock, 50 ns budget
    monkeypatch.setattr(module, "stage_times", lambda *args: [51.0] * len(project.stages))

    def said(board: Board, lut: int) -> list[str]:
        modules = [Synthesised(stage, lut, 1, 0, 0, {}, 8, Netlist((), (), ())) for stage in project.stages]
        notes = resource_report(project, modules, board, board.clock_ns, ULTRASCALE_PLUS, "0.70").notes
        return [note for note in notes if note.startswith("Warning") and "asked for" not in note]

    budget = "Warning: 51.00 ns exceed the latency budget of CMS Level-1 Global Trigger (MP7, Virtex-7 690T), 50 ns."
    assert said(board, 10) == [budget]
    small = replace(board, latency_budget_ns=None, lut_budget_fraction=0.001)
    count, limit = 200 * len(project.stages), int(433_200 * 0.001)
    assert said(small, 200) == [f"Warning: {count} LUT exceed the LUT budget of {board.title}, {limit} LUT."]
    assert said(replace(small, lut_budget_fraction=None), 200) == []


def test_a_vivado_report_gets_the_latency_of_the_rtl_and_keeps_its_path_apart(tmp_path: Path) -> None:
    network = make_network("l1topo44", (2, 2), zero_fraction=0.9)
    routed = ResourceReport("Vivado", Level.ROUTED, lut=9, ff=90, path_ns=3.1, clock_target_ns=4.0)
    assert routed.result_ns is None
    pipelined = with_latency(routed, make_project(tmp_path / "pipelined", network, 4.0), 4.0)
    registered = len(trace_pipeline(network, 4.0).stages)
    assert registered > 1
    assert (pipelined.latency_max_cycles, pipelined.result_ns, pipelined.path_ns) == (registered, registered * 4.0, 3.1)
    assert (pipelined.ii_max, pipelined.lut) == (1, 9)
    plain = with_latency(replace(routed, ff=0, path_ns=19.0), make_project(tmp_path / "plain", network), 25.0)
    assert (plain.latency_max_cycles, plain.result_ns, plain.ii_max, plain.notes) == (0, 19.0, None, ())
