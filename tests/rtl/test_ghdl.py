"""GHDL simulates the VHDL: every form agrees with the golden vectors, a planted fault is found, what goes wrong is named."""

import re
import sys
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.core.errors import ArtefactError, MismatchError, ToolFailedError
from l1ad.core.network import Network, Score
from l1ad.rtl.design import Interface
from l1ad.rtl.ghdl import in_order, run_vhdl_bench
from tests.networks import make_network
from tests.rtl.projects import make_project

needs_ghdl = pytest.mark.skipif(toolchain.find("ghdl") is None, reason="there is no GHDL")
NETWORK = make_network(widths=(4, 2))
MASKED = make_network(widths=(4, 8), score=Score.MASKED_MSE, phi_reference="jet")
CASES = {
    "columns": (MASKED, None, Interface()),
    "packed": (NETWORK, None, Interface(packed=True)),
    "threshold ports": (NETWORK, None, Interface(threshold_ports=True)),
    "pipelined": (NETWORK, 4.0, Interface()),
    "pipelined, packed, threshold ports": (NETWORK, 4.0, Interface(packed=True, threshold_ports=True)),
}


@needs_ghdl
@pytest.mark.parametrize(("network", "clock_ns", "interface"), CASES.values(), ids=CASES)
def test_the_vhdl_is_the_network(tmp_path: Path, network: Network, clock_ns: float | None, interface: Interface) -> None:
    project = make_project(tmp_path, network, clock_ns, vhdl=True, interface=interface)
    assert run_vhdl_bench(project, tmp_path / "ghdl") == 20


@needs_ghdl
def test_a_wrong_golden_vector_ends_the_simulation(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK, vhdl=True)
    golden = tmp_path / "testbench" / "golden_outputs.hex"
    words = golden.read_text().splitlines()
    words[3] = f"{int(words[3], 16) ^ 1:0{len(words[3])}x}"
    golden.write_text("\n".join(words) + "\n")
    with pytest.raises(MismatchError, match=r"^The VHDL is not the network: event 3 differs: expected \w+, got \w+; the log is"):
        run_vhdl_bench(project, tmp_path / "ghdl")


@needs_ghdl
def test_broken_vhdl_ends_with_the_log(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK, vhdl=True)
    (tmp_path / "vhdl" / "l1ad_top.vhd").write_text("entity l1ad_top is port (;\n")
    with pytest.raises(ToolFailedError, match=r"(?s)^Analysing the VHDL with GHDL failed: .*l1ad_top\.vhd"):
        run_vhdl_bench(project, tmp_path / "ghdl")


def stand_in(tmp_path: Path, said: str, code: int) -> str:
    """Write an executable that takes every step and says something when it runs the test bench."""
    tool = tmp_path / "ghdl-stand-in"
    tool.write_text(f"#!{sys.executable}\nimport sys\nif sys.argv[1] == '-r':\n    print({said!r})\n    sys.exit({code})\n")
    tool.chmod(0o755)
    return str(tool)


@pytest.mark.parametrize(
    ("said", "code", "error", "message"),
    [
        ("bench.vhd:9:assertion failure: event 7 differs: expected 0A, got 0B", 1, MismatchError, "event 7 differs: expected 0A"),
        ("ghdl:error: out of memory", 1, ToolFailedError, r"^The VHDL test bench did not come to its end; .*out of memory"),
        ("", 0, ToolFailedError, r"^The VHDL test bench did not come to its end"),
    ],
)
def test_what_the_simulation_says_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, code: int, error: type[Exception], message: str
) -> None:
    monkeypatch.setenv("L1AD_GHDL", stand_in(tmp_path, said, code))
    project = make_project(tmp_path / "rtl", NETWORK, vhdl=True)
    with pytest.raises(error, match=f"(?s){message}"):
        run_vhdl_bench(project, tmp_path / "ghdl")


def test_a_project_without_vhdl_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1AD_GHDL", stand_in(tmp_path, "", 0))
    project = make_project(tmp_path / "rtl", NETWORK)
    with pytest.raises(ArtefactError, match=r"^The RTL in '.*' has no VHDL; set synthesis\.vhdl and run 'l1ad synth' again\.$"):
        run_vhdl_bench(project, tmp_path / "ghdl")


def test_sources_come_after_what_they_use(tmp_path: Path) -> None:
    project = make_project(tmp_path, NETWORK, vhdl=True)
    names = [file.stem for file in in_order(project)]
    assert names[-1] == "l1ad_top"
    for number, file in enumerate(in_order(project)):
        used = re.findall(r"entity work\.(\w+)", file.read_text())
        assert not set(used) & set(names[number:]), file.name
