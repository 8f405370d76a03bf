"""Return the command line what a user gives by mistake: one sentence, the right exit code, nothing half-written."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from l1ad import cli, toolchain
from l1ad.core.artefact import writing
from l1ad.hls.project import HlsProject
from l1ad.vendor.project import VendorProject
from tests.networks import make_network
from tests.projects import TARGET
from tests.runs_made import TEXT, make_run

NETWORK = make_network("l1topo44", (2, 2), zero_fraction=0.9)
BOARD = "title: t\npart: {part}\nclock_ns: {clock}\nclock_uncertainty: 0.1\nlatency_budget_ns: null\nlut_budget_fraction: null\nsource: s\n"
PART = "xcvu9p-flga2104-2-e"
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a model, data and configurations that are wrong in one thing each."""
    make_run(tmp_path, NETWORK, 60)
    base = TEXT.replace("POLICY", "refuse")
    boards = {"part": ("xcvu9p-flga2104-4-e", "5.0"), "zero": (PART, "0"), "endless": (PART, ".inf")}
    for name, (part, clock) in boards.items():
        (tmp_path / f"{name}_board.yaml").write_text(BOARD.format(part=part, clock=clock))
    firmware = {
        "tiny": "",
        **{name: f"firmware: {{board: {name}_board.yaml}}\n" for name in boards},
        "clock": "firmware: {clock_ns: 0}\n",
        "infinite": "firmware: {clock_ns: .inf}\n",
        "board": "firmware: {board: l1topos}\n",
    }
    for name, text in firmware.items():
        (tmp_path / f"{name}.yaml").write_text(base + text)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("not a run\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def l1ad(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process; gives exit code and standard error."""

    def command(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["l1ad", *arguments])
        code = cli.main()
        return code, capsys.readouterr().err

    return command


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


NEAREST = "did you mean 'xcvu9p-flga2104-3-e' or 'xcvu9p-flga2104-2-e' or 'xcvu9p-flga2104-1-e'?"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("convert part.yaml", f"There is no part 'xcvu9p-flga2104-4-e'; {NEAREST}"),
        ("synth part.yaml --tool open", f"There is no part 'xcvu9p-flga2104-4-e'; {NEAREST}"),
        ("synth board.yaml --tool open", "There is no board 'l1topos'; did you mean 'l1topo' or 'l1topo_5ns'?"),
        ("synth clock.yaml --tool open", "clock.yaml: key 'firmware.clock_ns': input should be greater than 0, got 0."),
        ("convert infinite.yaml", "infinite.yaml: key 'firmware.clock_ns': input should be a finite number, got inf."),
        ("synth zero.yaml --tool open", "zero_board.yaml needs a finite clock_ns above 0, got 0.0; give the clock period in ns"),
        ("convert endless.yaml", "endless_board.yaml needs a finite clock_ns above 0, got inf; give the clock period in ns"),
        ("csim tiny.yaml", "found no manifest.json there; run 'l1ad convert' first."),
        ("synth tiny.yaml --tool vitis", "run 'l1ad convert' first."),
        ("synth tiny.yaml --tool viteis", "There is no synthesis tool 'viteis'; did you mean 'vitis'?"),
        ("report notes", "No report of Vivado or Vitis was found below notes; give the folder of a finished run"),
        ("report nowhere", "There is nothing at 'nowhere'; give a configuration, a run folder or a resource report."),
        ("report notes/notes.txt", "The report notes/notes.txt is not a C synthesis, export, utilisation, timing summary"),
        (
            "report runs/tiny/model",
            "'runs/tiny/model' is an artefact of kind 'model' without resource reports; give its run's folder.",
        ),
        ("report runs/tiny --baseline x", "There is no run 'x' with a resource report to compare with; there is none."),
    ],
)
def test_a_mistake_is_one_sentence_with_exit_code_2(place: Path, l1ad: Command, arguments: str, message: str) -> None:
    if toolchain.find("yosys") is None and "--tool open" in arguments:
        pytest.skip("the open flow's tools are asked for first")
    before = files(place)
    code, text = l1ad(*arguments.split())
    assert code == 2
    assert text.startswith("l1ad: ")
    assert text.count("\n") == 1
    assert message in text
    assert files(place) == before


def test_a_run_folder_of_something_else_is_left_alone(place: Path, l1ad: Command) -> None:
    with writing(place / "projects" / "tiny_l1topo", "dataset", key="k", inputs={}, config={}) as draft:
        (draft.path / "x.txt").write_text("x")
    before = files(place)
    for command in ("csim tiny.yaml", "synth tiny.yaml --tool vitis"):
        code, text = l1ad(*command.split())
        assert code == 2
        assert "Expected a 'hls_project' artefact at " in text
        assert "got one of kind 'dataset'; give the right folder." in text
    assert files(place) == before


def test_a_folder_in_the_place_of_an_artefact_is_left_alone(place: Path, l1ad: Command) -> None:
    (place / "runs" / "tiny" / "report").mkdir()
    (place / "runs" / "tiny" / "report" / "thesis.txt").write_text("mine")
    code, text = l1ad("report", "runs/tiny")
    assert (code, text) == (
        2,
        "l1ad: 'runs/tiny/report' exists and is not an artefact of this project; move it away or choose another output.\n",
    )
    assert (place / "runs" / "tiny" / "report" / "thesis.txt").read_text() == "mine"


SILENT = """#!@PYTHON@
import sys
if sys.argv[1:] in (["-version"], ["-V"], ["--version"]):
    print("@NAME@ 2024.1")
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Put a tool in place that does nothing and ends with exit code 0."""
    path = folder / "tools" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(SILENT.replace("@PYTHON@", sys.executable).replace("@NAME@", name))
    path.chmod(0o755)
    monkeypatch.setenv(f"L1AD_{name.upper()}", str(path))


def has_artefact(place: Path, name: str) -> bool:
    return (place / "runs" / "tiny" / name).exists()


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("yosys", "l1ad: Yosys ended without error and left no '"),
        ("verilator", "l1ad: Verilator ended without error and left no '"),
    ],
)
def test_an_open_tool_that_leaves_no_result_has_failed(
    place: Path, l1ad: Command, monkeypatch: pytest.MonkeyPatch, tool: str, message: str
) -> None:
    if any(toolchain.find(needed) is None for needed in ("verilator", "g++")):
        pytest.skip("Verilator or g++ is missing")
    root = next((value for name, value in toolchain.require("verilator").env if name == "VERILATOR_ROOT"), None)
    install(place, monkeypatch, tool)
    if root is not None:
        monkeypatch.setenv("VERILATOR_ROOT", root)
    other = "_synthesise" if tool == "verilator" else "compare_rtl"
    nothing: list[object] = []
    monkeypatch.setattr(f"l1ad.stages.synth.{other}", lambda *args: nothing if other == "compare_rtl" else (nothing, nothing))
    code, text = l1ad("synth", "tiny.yaml", "--tool", "open")
    assert code == 1
    assert text.startswith(message)
    assert not has_artefact(place, "synth_open")
    assert not list(place.rglob("*.partial"))


@pytest.mark.parametrize(("tool", "executable", "step"), [("vitis", "vitis_hls", "csynth"), ("vivado", "vivado", "synth")])
def test_a_vendor_tool_that_leaves_no_report_has_failed(
    place: Path, l1ad: Command, monkeypatch: pytest.MonkeyPatch, tool: str, executable: str, step: str
) -> None:
    if any(toolchain.find(needed) is None for needed in ("verilator", "g++")):
        pytest.skip("Verilator or g++ is missing")
    install(place, monkeypatch, executable)
    monkeypatch.setattr("l1ad.stages.synth.compare_rtl", lambda *args: [])
    converted = HlsProject(place, NETWORK, TARGET, "bit_exact", "d")
    (place / "top.cpp").write_text("void l1ad_top() {}\n")
    described = VendorProject("tiny_hls", place, "l1ad_top", ("top.cpp",), PART, 25.0)
    monkeypatch.setattr("l1ad.hls.project.load_project", lambda folder: converted)
    monkeypatch.setattr("l1ad.hls.project.vendor_project", lambda folder: described)
    code, text = l1ad("synth", "tiny.yaml", "--tool", tool)
    assert code == 1
    assert text.startswith(f"l1ad: The step {step} of l1ad_top ended with exit code 0 but left no report below ")
    assert not has_artefact(place, f"synth_{tool}")


@pytest.mark.parametrize(
    ("arguments", "size"),
    [("synth tiny.yaml --tool open", "60k"), ("emulator tiny.yaml", "16k"), ("report runs/tiny -o full/report", "12k")],
)
def test_a_full_disk_leaves_nothing_half_written(place: Path, arguments: str, size: str) -> None:
    """Let a file system in memory run full, where this user may mount one."""
    mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    if toolchain.find("yosys") is None or toolchain.find("verilator") is None:
        pytest.skip("Yosys or Verilator is missing")
    full = place / "full"
    full.mkdir()
    text = TEXT.replace("POLICY", "refuse").replace("runs: runs", f"runs: {full}")
    (place / "tiny.yaml").write_text(text)
    links = "".join(f"ln -s {place}/runs/tiny/{name} {full}/tiny/{name} && " for name in ("model", "dataset"))
    script = (
        f"mount -t tmpfs -o size={size} tmpfs {full} && mkdir {full}/tiny && {links} true; "
        f"{sys.executable} -m l1ad.cli {arguments}; echo code $?; find {full} -type f -o -type d"
    )
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False, cwd=place)
    assert "code 2\n" in done.stdout, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("l1ad: ")]
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert done.stdout.split("code 2\n")[1].split() == [str(full), f"{full}/tiny"]


def test_a_file_that_may_not_grow_ends_the_same_way(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "l1ad.cli", "report", "runs/tiny", "-o", "out"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert done.returncode == 2
    assert done.stderr.endswith("l1ad: Could not write 'out': File too large; free some disk space or choose another place.\n")
    assert not (place / "out").exists()
    assert not list(place.glob(".out*"))


def test_a_full_disk_behind_standard_output_is_said() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "l1ad.cli", "doctor", "--json"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "l1ad: No space left on device; free space or choose another place.\n")
