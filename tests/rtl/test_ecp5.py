"""Routing on an ECP5: a tiny design with both tools, the wrapper around a pipeline, damaged reports, the stage's refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.core.errors import ConfigError, ReportError, ToolFailedError, ToolMissingError
from l1ad.core.resources import Level
from l1ad.reporting.comparison import NAMES, Entry, fired
from l1ad.reporting.condition import parse_condition
from l1ad.rtl.ecp5 import PART, read_report, route, wrapper
from l1ad.stages.synth import synth
from tests.networks import make_network
from tests.rtl.projects import make_project
from tests.runs_made import make_run

NETWORK = make_network(widths=(2, 2), zero_fraction=0.7)
PLACES = {
    name: {"used": used, "available": 83640}
    for name, used in (("TRELLIS_COMB", 40), ("TRELLIS_FF", 9), ("MULT18X18D", 0), ("DP16KD", 0))
}


@pytest.mark.skipif(
    any(toolchain.find(tool) is None for tool in ("yosys", "nextpnr-ecp5")), reason="Yosys or nextpnr-ecp5 is missing"
)
def test_a_tiny_design_is_routed_and_timed(tmp_path: Path) -> None:
    project = make_project(tmp_path / "rtl", NETWORK)
    report = route(project, tmp_path / "ecp5", 25.0)
    assert (report.level, report.part, report.dsp, report.bram18) == (Level.ECP5, PART, 0, 0)
    assert report.lut is not None
    assert 20 < report.lut < 2000
    inputs = sum(port.width for port in project.interface.inputs(project.network))
    results = project.network.score.total.width + len(project.network.thresholds)
    assert report.ff is not None
    assert results <= report.ff <= inputs + results
    assert report.path_ns is not None
    assert 1.0 < report.path_ns < 60.0
    log = (tmp_path / "ecp5" / "nextpnr.log").read_text()
    fmax = [float(mhz) for mhz in re.findall(r"Max frequency for clock .*?: +(\d+\.\d+) MHz", log)]
    assert dict(report.others)["fmax_mhz"] == pytest.approx(fmax[-1], abs=0.1)  # what nextpnr says to people


def test_all_ports_of_a_pipeline_are_connected_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK, 5.0)
    text = wrapper(project)
    top = (tmp_path / "verilog" / "l1ad_top.v").read_text()
    ports = set(re.findall(r"(?:input|output)\s+(?:\[\d+:0\]\s*)?(\w+)", top[: top.index(");")]))
    assert "clk" in ports
    assert sorted(re.findall(r"\.(\w+)\(", text)) == sorted(ports)
    bits = sorted(
        int(bit) for low, high in re.findall(r"\(shift\[(\d+):(\d+)\]\)", text) for bit in range(int(high), int(low) + 1)
    )
    assert bits == list(range(sum(column.type.width for column in project.network.layout.columns)))


def test_the_slowest_clock_decides_the_path(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK)
    file = tmp_path / "nextpnr.json"
    file.write_text(json.dumps({"fmax": {"a": {"achieved": 100.0}, "b": {"achieved": 50.0}}, "utilization": PLACES}))
    report = read_report(file, project, 25.0, "0.11")
    assert (report.path_ns, report.lut, report.ff, report.latency_ns) == (20.0, 40, 9, 0.0)
    assert any("another family" in note for note in report.notes)


@pytest.mark.parametrize("text", ['{"fmax": {"a": {"achieved"', "{}", '{"fmax": {"a": {"achieved": 0}}}'])
def test_a_damaged_report_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "nextpnr.json"
    file.write_text(text)
    with pytest.raises(
        ReportError, match=r"^'.*nextpnr\.json' holds no report of a routed ECP5 design \(.*\); synthesise again\.$"
    ):
        read_report(file, make_project(tmp_path / "rtl", NETWORK), 25.0, None)


def test_a_tool_that_leaves_no_report_has_failed(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match=r"^nextpnr ended without error and left no '.*'; see the log beside it\.$"):
        read_report(tmp_path / "nextpnr.json", make_project(tmp_path, NETWORK), 25.0, None)


def test_a_limit_is_not_held_against_another_family() -> None:
    def entry(lut: int, level: str) -> Entry:
        return Entry(**dict.fromkeys(NAMES) | {"run": "r", "tool": "t", "lut": lut, "level": level})  # type: ignore[arg-type]

    condition, other = parse_condition("lut > 500", NAMES), entry(900, "ecp5")
    assert fired((entry(400, "open"), other), condition) == ()
    assert [found.lut for found in fired((entry(600, "open"), other), condition)] == [600]


@pytest.mark.skipif(any(toolchain.find(tool) is None for tool in ("yosys", "verilator")), reason="Yosys or Verilator is missing")
def test_what_cannot_be_routed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_run(tmp_path, NETWORK, 10)
    with pytest.raises(ConfigError, match=r"^There is no family 'ecp6' to route on; did you mean 'ecp5'\?$"):
        synth(config, tool="open", route="ecp6")
    with pytest.raises(
        ConfigError, match=r"^Routing on ecp5 belongs to the open flow, got the tool 'vivado'; give --tool open, or "
    ):
        synth(config, tool="vivado", route="ecp5")
    monkeypatch.setenv("L1AD_NEXTPNR_ECP5", "/nowhere/nextpnr")
    with pytest.raises(ToolMissingError, match=r"^L1AD_NEXTPNR_ECP5 must lead to an executable of nextpnr-ecp5, got "):
        synth(config, tool="open", route="ecp5")
    assert not (config.run / "synth_open").exists()
