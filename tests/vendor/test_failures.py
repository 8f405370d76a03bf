"""What goes wrong in a tool: the step is named, with the reason and the last lines of its log, and nothing looks done."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.choices import Step
from l1ad.core.errors import MismatchError, ToolFailedError
from l1ad.vendor.driver import synthesise
from l1ad.vendor.project import VendorProject
from tests.vendor.stand_in import Machine


def test_a_failed_step_names_itself_and_is_tried_again(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"prints": ["ERROR: [HLS 207-1] syntax error"], "exits": 1})
    message = (
        r"^The step csynth of tiny failed: \S+/vitis_hls ended with exit code 1; the last lines of \S+/logs/csynth\.log are:\n"
        r"INFO: \[HLS 200-10\] -- csynth\nERROR: \[HLS 207-1\] syntax error$"
    )
    with pytest.raises(ToolFailedError, match=message) as caught:
        synthesise(design, [Step.COSIM], machine.work)
    assert caught.value.exit_code == 1
    assert not (machine.work / "steps").exists()
    machine.plan()
    assert len(synthesise(design, [Step.COSIM], machine.work)) == 2
    assert machine.steps() == ["csynth", "csynth", "cosim"]


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or device 'xcvu9p'. Please run the manager.",
        "ERROR: Could not obtain the necessary license for Simulator.",
        "@E [HLS-72] License checkout failed.",
        "ERROR: [Common 17-348] Failed to get the license for feature 'Implementation' and/or device 'xcvu9p'",
        "ERROR: [HLS 200-101] Failed to get a license.",
        "Cannot connect to license server system.",
        "Invalid host.",
        "Feature has expired.",
        "License server machine is down or not responding.",
        "No license found for Vitis HLS",
    ],
)
def test_a_missing_licence_is_said_as_such(machine: Machine, rtl: VendorProject, line: str) -> None:
    machine.plan(synth={"prints": ["Attempting to get a license for feature 'Synthesis'", line], "exits": 1})
    message = rf"^The step synth of tiny found no licence \({re.escape(line)}\); set XILINXD_LICENSE_FILE to your licence file or server; "
    with pytest.raises(ToolFailedError, match=message):
        synthesise(rtl, [Step.SYNTH], machine.work)


def test_asking_for_a_licence_is_no_error(machine: Machine, rtl: VendorProject) -> None:
    machine.plan(synth={"prints": ["Attempting to get a license for feature 'Synthesis'", "Got license for feature 'Synthesis'"]})
    assert len(synthesise(rtl, [Step.SYNTH], machine.work)) == 1
    machine.plan(impl={"prints": ["Attempting to get a license for feature 'Implementation'"], "exits": 1})
    with pytest.raises(ToolFailedError, match=r"^The step impl of tiny failed: "):
        synthesise(rtl, [Step.IMPL], machine.work)


@pytest.mark.parametrize("step", [Step.CSIM, Step.CSYNTH, Step.COSIM, Step.EXPORT, Step.SYNTH, Step.IMPL])
def test_exit_code_0_without_a_report_is_a_failure(machine: Machine, design: VendorProject, step: Step) -> None:
    synthesise(design, [step], machine.work)
    machine.plan(**{step.value: {"silent": True}})
    with pytest.raises(
        ToolFailedError, match=rf"^The step {step.value} of tiny ended with exit code 0 but left no report below \S+/work; "
    ):
        synthesise(replace(design, uncertainty=0.1) if step.is_hls else replace(design, clock_ns=5.0), [step], machine.work)


def test_a_report_that_is_cut_off_is_a_failure_each_time(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"cut": 3000})
    message = (
        r"^The step csynth of tiny left a report that cannot be read: The report \S+/tiny_csynth\.rpt is cut off or damaged: "
    )
    for _ in range(2):
        with pytest.raises(ToolFailedError, match=message):
            synthesise(design, [Step.CSYNTH], machine.work)
    assert machine.steps() == ["csynth", "csynth"]


@pytest.mark.parametrize(
    "line",
    [
        "no license needed for this core",
        "No licence is required for the device xc7z020",
        "INFO: [Common 17-1223] The version limit for your license is '2024.05' and no license was found for newer versions.",
        "Got license for feature 'Synthesis' and/or device 'xcvu9p'",
        "Invalid hostname in the report",
    ],
)
def test_a_word_of_licences_is_no_missing_one(machine: Machine, rtl: VendorProject, line: str) -> None:
    machine.plan(synth={"prints": [line, "ERROR: [Synth 8-439] module 'x' not found"], "exits": 1})
    with pytest.raises(
        ToolFailedError, match=r"^The step synth of tiny failed: \S+/vivado ended with exit code 1; the last lines of "
    ):
        synthesise(rtl, [Step.SYNTH], machine.work)


def test_errors_before_a_long_traceback_are_said(machine: Machine, design: VendorProject) -> None:
    error = "ERROR: '2201011128' is an invalid argument. Please specify an integer value."
    trace = [
        "    while executing",
        '"rdi::set_property core_revision 2201011128 {component component_1}"',
        *(f"    line {n}" for n in range(20)),
    ]
    machine.plan(export={"prints": [error, *trace], "exits": 1})
    message = (
        r"^The step export of tiny failed: \S+/vitis_hls ended with exit code 1; this is the date overflow of tools before 2021\.2: "
        rf"install AMD's patch y2k22 \(answer record 76960\); its errors are:\n{re.escape(error)}\nthe last lines of \S+ are:\n(    line \d+\n)+"
    )
    with pytest.raises(ToolFailedError, match=message):
        synthesise(design, [Step.EXPORT], machine.work)


def test_a_log_with_one_endless_line_is_read_at_once(machine: Machine, rtl: VendorProject) -> None:
    path = machine.root / "tools" / "vivado"
    path.write_text("#!/bin/sh\necho ERROR: first\nhead -c 30000000 /dev/zero | tr '\\0' 'F'\necho\nexit 1\n")
    start = time.monotonic()
    with pytest.raises(
        ToolFailedError, match=r"; its errors are:\nERROR: first\nthe last lines of \S+ are:\nF{1000}…$"
    ) as caught:
        synthesise(rtl, [Step.SYNTH], machine.work)
    assert time.monotonic() - start < 10
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    "trouble",
    [
        {"prints": ["ERROR: [COSIM 212-361] C TB post check failed, nonzero return value '1'."], "exits": 1},
        {"prints": ["ERROR: [COSIM 212-4] *** C/RTL co-simulation finished: FAIL ***"], "exits_after": 1},
    ],
)
def test_a_cosimulation_that_differs_is_told_as_that_whatever_its_exit_code(
    machine: Machine, design: VendorProject, trouble: dict[str, object], tmp_path: Path
) -> None:
    text = (machine.golden / "vitis_hls/2024.1/tiny_cosim.rpt").read_text()
    (tmp_path / "fail.rpt").write_text(text.replace("      Pass|", "      Fail|"))
    machine.plan(cosim=trouble, cosim_report=str(tmp_path / "fail.rpt"))
    with pytest.raises(
        MismatchError, match=r"^The step cosim of tiny found that the RTL does not compute what the C\+\+ does; the last"
    ):
        synthesise(design, [Step.COSIM], machine.work)


def test_a_cosimulation_that_broke_off_is_no_mismatch_for_sure(machine: Machine, design: VendorProject) -> None:
    machine.plan(
        cosim={"prints": ["ERROR: [COSIM 212-4] simulation crashed"], "exits_after": 1},
        cosim_report="vitis_hls/2023.1/tiny_cosim.rpt",
    )
    with pytest.raises(ToolFailedError, match=r"^The step cosim of tiny failed: \S+/vitis_hls ended with exit code 1; "):
        synthesise(design, [Step.COSIM], machine.work)


def test_a_failed_cosimulation_is_a_mismatch(machine: Machine, design: VendorProject) -> None:
    machine.plan(cosim_report="vitis_hls/2023.1/tiny_cosim.rpt")
    with pytest.raises(
        MismatchError,
        match=r"^The step cosim of tiny failed without a latency: the RTL does not compute what the C\+\+ does, or the simulation broke "
        r"off; see \S+/cosim\.log$",
    ):
        synthesise(design, [Step.COSIM], machine.work)


def test_a_slow_step_meets_its_timeout(machine: Machine, design: VendorProject) -> None:
    machine.plan(csynth={"sleeps": 60})
    start = time.monotonic()
    with pytest.raises(
        ToolFailedError, match=r"^The step csynth of tiny did not finish within 1 s and was stopped; the last lines of "
    ):
        synthesise(design, [Step.CSYNTH], machine.work, timeout_s=1)
    assert time.monotonic() - start < 20


def test_a_killed_tool_is_said_as_such(machine: Machine, rtl: VendorProject) -> None:
    path = machine.root / "tools" / "vivado"
    path.write_text("#!/bin/sh\necho busy\nkill -9 $$\n")
    with pytest.raises(
        ToolFailedError, match=r"^The step synth of tiny failed: \S+/vivado was ended by SIGKILL \(often: out of memory\); "
    ):
        synthesise(rtl, [Step.SYNTH], machine.work)


def test_ctrl_c_leaves_nothing_that_looks_done(machine: Machine, rtl: VendorProject) -> None:
    machine.plan(synth={"sleeps": 60})
    program = (
        "from pathlib import Path\nfrom l1ad.vendor.driver import synthesise\nfrom l1ad.core.choices import Step\nfrom l1ad.vendor.project import VendorProject\n"
        f"design = VendorProject('tiny', Path({str(rtl.folder)!r}), 'tiny', ('adder.v',), {rtl.part!r}, 5.0)\n"
        f"synthesise(design, [Step.SYNTH], Path({str(machine.work)!r}))\n"
    )
    ours = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not (machine.work / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(ours.pid, signal.SIGINT)
    assert ours.wait(20) != 0
    assert not (machine.work / "steps").exists()
    machine.plan()
    assert len(synthesise(replace(rtl, sources=("adder.v",), clock_port=None), [Step.SYNTH], machine.work)) == 1
