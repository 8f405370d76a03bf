"""What is refused before a tool is started."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.choices import Step
from l1ad.core.errors import ConfigError, InputError, ToolMissingError
from l1ad.vendor.driver import synthesise
from l1ad.vendor.project import VendorProject
from tests.vendor.stand_in import Machine


@pytest.mark.parametrize(
    ("changes", "steps", "error", "message"),
    [
        ({}, [], ConfigError, r"^No synthesis step was chosen; choose of csim, csynth, cosim, export, synth and impl$"),
        (
            {"part": "xcvu9p-flga2104-2"},
            [Step.CSYNTH],
            ConfigError,
            r"^There is no part 'xcvu9p-flga2104-2'; did you mean 'xcvu9p-flga2104-2-",
        ),
        ({"clock_ns": 0.0}, [Step.CSYNTH], ConfigError, r"^A synthesis needs a clock period above 0 ns, got 0\.0; set clock_ns$"),
        (
            {"clock_ns": float("nan")},
            [Step.CSYNTH],
            ConfigError,
            r"^A synthesis needs a clock period above 0 ns, got nan; set clock_ns$",
        ),
        (
            {"uncertainty": 27.0},
            [Step.CSYNTH],
            ConfigError,
            r"^The clock uncertainty must be a fraction of the period from 0 to below 1, got 27\.0$",
        ),
        (
            {"top": "a;exec rm"},
            [Step.CSYNTH],
            ConfigError,
            r"^The name of a synthesis top must be letters, digits and _, got 'a;exec rm'$",
        ),
        (
            {"test_bench": ()},
            [Step.COSIM],
            ConfigError,
            r"^The step 'cosim' needs a test bench, which the design 'tiny' does not have$",
        ),
        (
            {"sources": ()},
            [Step.CSYNTH],
            InputError,
            r"^The sources of a synthesis must be all C\+\+ or all Verilog and VHDL, got \[\]$",
        ),
        (
            {"sources": ("a.v", "b.cpp")},
            [Step.CSYNTH],
            InputError,
            r"^The sources of a synthesis must be all C\+\+ or all Verilog",
        ),
        (
            {"sources": ("x.cpp",)},
            [Step.CSYNTH],
            InputError,
            r"^The synthesis of 'tiny' needs 'x\.cpp', which is not in .*; run 'l1ad convert' first$",
        ),
    ],
)
def test_bad_projects_are_refused_before_a_tool_is_started(
    machine: Machine, design: VendorProject, changes: dict[str, object], steps: list[Step], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        synthesise(replace(design, **changes), steps, machine.work)  # type: ignore[arg-type]
    assert machine.calls == []
    assert not machine.work.exists()


def test_rtl_has_no_steps_of_hls(machine: Machine, rtl: VendorProject) -> None:
    with pytest.raises(
        ConfigError, match=r"^The design 'tiny' is RTL, for which there is no step 'csynth'; choose of synth and impl$"
    ):
        synthesise(rtl, [Step.CSYNTH], machine.work)


@pytest.mark.parametrize("name", ["a}b", "a b"])
def test_a_path_that_the_tools_refuse_is_refused(machine: Machine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "tiny.v").write_text("")
    design = VendorProject("tiny", folder, "tiny", ("tiny.v",), "xcvu9p-flga2104-2-e", 25.0)
    message = rf"^The path '.*/{name}/tiny\.v' has a blank, brace or backslash, which AMD's tools refuse; move it$"
    with pytest.raises(InputError, match=message):
        synthesise(design, [Step.SYNTH], machine.work)


def test_an_hls_tool_of_another_name_is_refused(machine: Machine, design: VendorProject) -> None:
    machine.install("my_hls")
    message = r"^The HLS tool must be called vitis-run, vitis_hls, vivado_hls, since each takes other arguments, got '\S+/my_hls'; set L1AD_VITIS_HLS"
    with pytest.raises(ToolMissingError, match=message):
        synthesise(design, [Step.CSYNTH], machine.work)


def test_a_missing_tool_is_named_before_anything_runs(
    machine: Machine, design: VendorProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("L1AD_VIVADO")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        ToolMissingError, match=r"^No vivado was found, which is needed to run logic synthesis, place and route of AMD: "
    ):
        synthesise(design, [Step.CSYNTH, Step.IMPL], machine.work)
    assert machine.calls == []


def test_a_work_folder_that_cannot_be_written_is_an_error(machine: Machine, design: VendorProject, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"^Cannot make the folder \S+/file/work: Not a directory; choose another one$"):
        synthesise(design, [Step.CSYNTH], tmp_path / "file" / "work")
