"""The test bench that goes with the RTL: its clock and start, and that it accepts what is right and stops at what is not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.core.choices import Strategy
from l1ad.core.errors import ConversionError
from l1ad.rtl.design import Design
from l1ad.rtl.project import project_files, write_project
from l1ad.rtl.strategies import trace_strategy
from tests.networks import make_network
from tests.rtl.projects import PART, make_design, make_golden

NETWORK = make_network(widths=(4, 2), zero_fraction=0.3)
DESIGNS = {
    "combinational": lambda: make_design(NETWORK),
    "pipelined": lambda: make_design(NETWORK, 3.0),
    "shared multipliers": lambda: trace_strategy(NETWORK, Strategy.RESOURCE, 3),
}


def files_of(design: Design) -> dict[str, str]:
    return project_files(design, PART, make_golden(NETWORK))


def test_shared_multipliers_get_clock_start_and_an_event_every_interval() -> None:
    files = files_of(DESIGNS["shared multipliers"]())
    bench = files["testbench/testbench.sv"]
    assert "localparam LATENCY = 7;\n    localparam INTERVAL = 3;" in bench
    assert ".clk(clk),\n        .start(start),\n" in bench
    assert "start = cycle % INTERVAL == 0;" in bench
    assert "testbench/testbench.vhd" not in files
    assert files["vivado/constraints.xdc"].splitlines() == [
        "create_clock -name clk -period 25 [get_ports clk]",
        'set_input_delay -clock clk 0 [get_ports -filter "DIRECTION == IN && NAME != clk"]',
        "set_output_delay -clock clk 0 [all_outputs]",
    ]


@pytest.mark.parametrize(("name", "clock"), [("combinational", False), ("pipelined", True)])
def test_other_designs_have_no_start(name: str, clock: bool) -> None:
    bench = files_of(DESIGNS[name]())["testbench/testbench.sv"]
    assert (".clk(clk)" in bench) == clock
    assert ".start(" not in bench
    assert "localparam INTERVAL = 1;" in bench


def test_shared_multipliers_have_no_vhdl() -> None:
    design = DESIGNS["shared multipliers"]()
    with pytest.raises(ConversionError, match=r"^A design that shares multipliers is written as Verilog only; leave VHDL out\.$"):
        project_files(design, PART, make_golden(NETWORK), vhdl=True)


@pytest.mark.slow
@pytest.mark.skipif(
    any(toolchain.find(tool) is None for tool in ("verilator", "g++", "make")), reason="Verilator, g++ or make is missing"
)
@pytest.mark.parametrize("name", DESIGNS)
def test_the_bench_takes_what_is_right_and_stops_at_what_is_not(tmp_path: Path, name: str) -> None:
    project = write_project(files_of(DESIGNS[name]()), tmp_path)
    folder, verilator = tmp_path / "testbench", toolchain.require("verilator")
    flags = ["--binary", "--timing", "-CFLAGS", "-std=c++20 -fcoroutines", "-Wno-fatal", "-Wno-lint", "--top-module", "testbench"]
    command = [*verilator.command, *flags, "-Mdir", "built", "testbench.sv", *map(str, project.verilog)]
    subprocess.run(command, cwd=folder, env={**os.environ, **dict(verilator.env)}, check=True, capture_output=True)

    def simulated() -> str:
        return subprocess.run(["built/Vtestbench"], cwd=folder, check=False, capture_output=True, text=True).stdout

    assert "20 events agree" in simulated()
    golden = folder / "golden_outputs.hex"
    lines = golden.read_text().splitlines()
    lines[7] = f"{int(lines[7], 16) ^ 1:0{len(lines[7])}x}"
    golden.write_text("\n".join(lines) + "\n")
    assert "event 7 differs" in simulated()
