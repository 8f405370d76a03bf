"""The open flow's report warns of what is slower than the clock, by the estimate."""

from pathlib import Path

import pytest

from l1ad.core.board import load_board
from l1ad.rtl import report as module
from l1ad.rtl.delay import ULTRASCALE_PLUS, Netlist
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
