"""The stage synth: open flow on a tiny model, up to date, compared with the C simulation, vendor tools wired, mistakes named."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad import cli, toolchain
from l1ad.config import Config
from l1ad.core.agreement import Agreement
from l1ad.core.artefact import writing
from l1ad.core.choices import Step
from l1ad.core.errors import ArtefactError, ConfigError, InputError, LayoutError, LimitError, MismatchError, ToolMissingError
from l1ad.core.resources import Level, ResourceReport
from l1ad.core.scoreset import ScoreSet, Source
from l1ad.hls import project as hls_project
from l1ad.hls.project import HlsProject
from l1ad.rtl import flow
from l1ad.rtl.delay import Cell
from l1ad.rtl.project import load_project
from l1ad.spec import reference
from l1ad.stages import synth as stage
from l1ad.stages.synth import choose_tool, synth
from l1ad.vendor.project import VendorProject
from tests.networks import make_events, make_network
from tests.projects import TARGET
from tests.runs_made import TEXT, make_run

NETWORK = make_network("l1topo44", (2, 2), zero_fraction=0.9)
GOLDEN = Path(__file__).parents[1] / "golden" / "vitis_hls" / "2022.2"
needs_tools = pytest.mark.skipif(
    any(toolchain.find(tool) is None for tool in ("yosys", "verilator", "g++")), reason="Yosys, Verilator or g++ is missing"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, stage.SynthResult]:
    config = make_run(tmp_path_factory.mktemp("synth"), NETWORK, 500)
    rows = np.arange(0, 500, 2)
    with writing(config.run / "csim", "csim", key="k", inputs={}, config={}) as draft:
        scores = reference.scores(NETWORK, make_events(NETWORK.layout, 500, seed=11)[rows])
        ScoreSet(Source.CSIM, scores, 1.0, rows, "d", NETWORK.digest).save(draft.path)
    return config, synth(config, tool="open")


@needs_tools
def test_the_open_flow_reports_and_proves_the_rtl(made: tuple[Config, stage.SynthResult]) -> None:
    config, result = made
    assert result.fresh
    assert result.path == config.run / "synth_open"
    (report,) = result.reports
    assert (report.level, report.part, report.dsp, report.bram18) == (Level.OPEN, "xcvu9p-flga2104-2-e", 0, 0)
    assert report.lut == sum(layer.lut or 0 for layer in report.breakdown) > 0
    compared = {(a.left, a.right): (a.n_events, a.n_different) for a in result.agreements}
    assert compared == {
        ("REFERENCE", "RTL"): (2500, 0),
        ("score >= threshold", "RTL trigger bits"): (2500, 0),
        ("CSIM", "RTL"): (250, 0),
        ("REFERENCE", "NETLIST"): (2500, 0),
        ("score >= threshold", "NETLIST trigger bits"): (2500, 0),
    }
    assert json.loads(json.dumps(result.to_dict()))["tool"] == "open"


@needs_tools
def test_sources_and_logs_stay_and_scratch_goes(made: tuple[Config, stage.SynthResult]) -> None:
    _, result = made
    names = {file.relative_to(result.path).as_posix() for file in result.path.rglob("*") if file.is_file()}
    assert {"rtl/rtl.json", "rtl/verilog/l1ad_top.v", "rtl/vivado/build.tcl", "rtl/testbench/testbench.sv"} <= names
    assert {"yosys/l1ad_top_dense1.ys", "yosys/l1ad_top_dense1.yosys.log", "rtl/simulation/rtl.so"} <= names
    assert [name for name in names if "timing" in name] == ["timing.log"]  # no time in what is digested
    assert not [name for name in names if name.endswith((".o", ".netlist.json")) or "/Vtop" in name]
    assert load_project(result.path / "rtl").network.digest == NETWORK.digest


@needs_tools
def test_a_limit_that_is_exceeded_fails_and_leaves_the_artefact(made: tuple[Config, stage.SynthResult]) -> None:
    config, result = made
    report = result.reports[0]
    assert report.lut_low is not None
    assert report.lut_high is not None
    assert report.lut is not None
    assert report.lut_low < report.lut
    assert report.lut_low < report.lut_high
    again = synth(config, tool="open", fail_if=f"lut > {report.lut} or latency_of_budget > 1")
    assert not again.fresh
    with pytest.raises(
        LimitError, match=rf"^The limit 'lut_high > {report.lut_high - 1}' is exceeded by \S+ \(Yosys .*, open\); make the"
    ):
        synth(config, tool="open", fail_if=f"lut_high > {report.lut_high - 1}")
    with pytest.raises(InputError, match=r"efficiency"):
        synth(config, tool="open", fail_if="efficiency < 0.1")
    assert (result.path / "reports.json").is_file()


@needs_tools
def test_a_second_run_does_nothing(made: tuple[Config, stage.SynthResult]) -> None:
    config, result = made
    again = synth(config, tool="open")
    assert not again.fresh
    assert again.reports == result.reports


@needs_tools
def test_a_difference_ends_the_stage_and_leaves_no_artefact(
    tmp_path: Path, made: tuple[Config, stage.SynthResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_run(tmp_path, NETWORK, 10)
    wrong = Agreement("REFERENCE", "RTL", 10, 1, 3, ((4, 5, 8),))
    monkeypatch.setattr(stage, "compare_rtl", lambda *args: [wrong])
    monkeypatch.setattr(stage, "_synthesise", lambda *args: (list(made[1].reports), []))
    with pytest.raises(MismatchError, match=r"^REFERENCE and RTL must be equal as integers; 1 of 10 events differ"):
        synth(config, tool="open")
    assert not (config.run / "synth_open").exists()


@needs_tools
@pytest.mark.parametrize("style", ["combinational", "pipelined"])
def test_one_inverted_cell_of_the_netlist_ends_the_command_with_a_sentence(
    tmp_path: Path, style: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_run(tmp_path, NETWORK, 100)
    clock = "clock_ns: 5.0, style: pipelined" if style == "pipelined" else "style: combinational"
    (tmp_path / "tiny.yaml").write_text(f"{TEXT.replace('POLICY', 'refuse')}firmware: {{{clock}}}\n")
    plain = flow.synthesise

    def inverted(cell: Cell) -> Cell:
        return replace(cell, parameters={"INIT": "".join("10"[int(bit)] for bit in cell.parameters["INIT"])})

    def faulty(*args, **options):
        *modules, last = plain(*args, **options)
        cells = list(last.netlist.cells)
        place = next(i for i, c in enumerate(cells) if c.type.startswith("LUT") and c.outputs["O"][0] in last.netlist.outputs)
        cells[place] = inverted(cells[place])
        return (*modules, replace(last, netlist=replace(last.netlist, cells=tuple(cells))))

    monkeypatch.setattr(stage, "compare_rtl", lambda *args: [])
    monkeypatch.setattr(flow, "synthesise", faulty)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["l1ad", "synth", "tiny.yaml", "--tool", "open"])
    assert cli.main() == 1
    said = capsys.readouterr()
    assert re.search(
        r"^l1ad: (REFERENCE and NETLIST|score >= threshold and NETLIST trigger bits) must be equal as integers; \d+ of",
        said.err,
        re.M,
    )
    assert "LUT" not in said.out
    assert not (config.run / "synth_open").exists()


def test_auto_takes_the_vendor_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    here: set[str] = set()
    monkeypatch.setattr(stage, "find", lambda tool: tool if tool.key in here else None)
    assert choose_tool("auto") == "open"
    here.add("vivado")
    assert choose_tool("auto") == "vivado"
    here.add("vitis_hls")
    assert choose_tool("auto") == "vitis"


def test_a_changed_file_of_the_users_board_is_synthesised_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_run(tmp_path, NETWORK, 10)
    board = tmp_path / "mine.yaml"
    text = "title: t\npart: xcvu9p-flga2104-2-e\nclock_ns: 25.0\nclock_uncertainty: 0.1\nlatency_budget_ns: null\nlut_budget_fraction: null\nsource: s\n"
    board.write_text(text)
    config = config.model_copy(update={"firmware": config.firmware.model_copy(update={"board": str(board)})})
    monkeypatch.setattr(stage, "_tools", lambda chosen, routed: ())
    monkeypatch.setattr(stage, "compare_rtl", lambda *args: [])
    monkeypatch.setattr(stage, "_synthesise", lambda *args: ([ResourceReport("Yosys", Level.OPEN, lut=7)], []))
    assert [synth(config, tool="open").fresh for _ in range(2)] == [True, False]
    board.write_text(text.replace("25.0", "20.0"))
    made = synth(config, tool="open")
    assert made.fresh
    assert "thresholds_note" not in made.to_dict()
    firmware = config.firmware.model_copy(update={"thresholds": {"nominal": 3}})
    note = synth(config.model_copy(update={"firmware": firmware}), tool="open").to_dict()["thresholds_note"]
    assert note.startswith("The thresholds are plain integers of the configuration, bound to no network:")


def test_an_unknown_tool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^There is no synthesis tool 'viteis'; did you mean 'vitis'\?$"):
        synth(make_run(tmp_path, NETWORK, 10), tool="viteis")


def test_a_missing_model_or_dataset_is_named(tmp_path: Path) -> None:
    config = make_run(tmp_path, NETWORK, 0)
    with pytest.raises(ArtefactError, match=r"dataset"):
        synth(config, tool="open")


def test_data_of_another_layout_are_refused(tmp_path: Path) -> None:
    config = make_run(tmp_path, make_network(widths=(2, 2)), 10)
    (config.run / "model" / "network.json").unlink()
    NETWORK.save(config.run / "model" / "network.json")
    with pytest.raises(LayoutError, match=r"^The dataset has layout 'tiny8', the model 'l1topo44'; prepare or train again\.$"):
        synth(config, tool="open")


def test_a_vendor_tool_that_is_not_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain.tools, "find", lambda tool: None)
    config = make_run(tmp_path, NETWORK, 10)
    with pytest.raises(ToolMissingError, match=r"^No vivado was found, which is needed to run logic synthesis"):
        synth(config, tool="vivado")


def test_a_project_that_was_not_converted_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ArtefactError,
        match=r"^Expected a 'hls_project' artefact at '.*', found no manifest\.json there; run 'l1ad convert' first\.$",
    ):
        synth(make_run(tmp_path, NETWORK, 0), tool="vitis")


def test_a_project_of_another_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = HlsProject(tmp_path, make_network("l1topo44", (3, 2)), TARGET, "bit_exact", "d")
    monkeypatch.setattr(hls_project, "load_project", lambda folder: other)
    with pytest.raises(
        ArtefactError, match=r"^HLS project '.*' holds network \w+, the model is \w+: its weights or types no longer"
    ):
        synth(make_run(tmp_path, NETWORK, 0), tool="vitis")


HLS = """#!@PYTHON@
import re, shutil, sys
from pathlib import Path
if sys.argv[1:] == ["-version"]:
    print("vitis_hls v2022.2 (64-bit)")
    sys.exit(0)
project = re.search(r"open_project .*?(\\w+_prj)", Path(sys.argv[-1]).read_text()).group(1)
reports = Path(project) / "solution1" / "syn" / "report"
reports.mkdir(parents=True)
for suffix in ("rpt", "xml"):
    shutil.copy(f"@GOLDEN@/tiny_csynth.{suffix}", reports / f"l1ad_top_csynth.{suffix}")
"""


def test_hls_runs_on_the_converted_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "vitis_hls"
    tool.parent.mkdir()
    tool.write_text(HLS.replace("@PYTHON@", sys.executable).replace("@GOLDEN@", str(GOLDEN)))
    tool.chmod(0o755)
    monkeypatch.setenv("L1AD_VITIS_HLS", str(tool))
    config = make_run(tmp_path, NETWORK, 0)
    with writing(config.project, "hls_project", key="k", inputs={}, config={}) as draft:
        (draft.path / "top.cpp").write_text("void l1ad_top() {}\n")
    described = VendorProject("tiny_hls", config.project, "l1ad_top", ("top.cpp",), "xcvu9p-flga2104-2-e", 25.0)
    converted = HlsProject(config.project, NETWORK, TARGET, "bit_exact", "d")
    monkeypatch.setattr(hls_project, "load_project", lambda folder: converted)
    monkeypatch.setattr(hls_project, "vendor_project", lambda folder: described)
    result = synth(config, tool="vitis")
    assert [report.level for report in result.reports] == [Level.CSYNTH]
    assert any("should be combinational, but HLS gave it a latency of 320 cycles" in note for note in result.reports[0].notes)
    assert result.agreements == ()
    assert (result.path / "vendor" / "logs" / "csynth.log").is_file()


def test_vivado_gets_the_same_rtl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_run(tmp_path, NETWORK, 10)
    seen: list[tuple[VendorProject, list[Step]]] = []

    def run_vendor(project: VendorProject, steps: list[Step], folder: Path, **options: object) -> list[ResourceReport]:
        seen.append((project, steps))
        return [ResourceReport("Vivado", Level.LOGIC, lut=7)]

    exact = Agreement("REFERENCE", "RTL", 10, 0, 0)
    monkeypatch.setattr(stage, "_tools", lambda chosen, routed: ())
    monkeypatch.setattr(stage, "compare_rtl", lambda *args: [exact])
    monkeypatch.setattr(stage, "run_vendor", run_vendor)
    config = config.model_copy(update={"synthesis": config.synthesis.model_copy(update={"steps": ("csynth", "impl")})})
    result = synth(config, tool="vivado")
    project, steps = seen[0]
    assert (project.top, project.clock_port, project.is_rtl, steps) == ("l1ad_top", None, True, [Step.IMPL])
    assert result.reports[0].lut == 7
    assert result.agreements == (exact,)
