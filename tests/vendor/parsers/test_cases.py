"""Real reports of public origin, one of each kind that was once read wrongly or refused; skipped where the folder is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level
from l1ad.vendor.parsers import parse_folder, parse_report

ROOT = Path(__file__).parents[3]
CASES = Path(os.environ.get("L1AD_CASES_DIR", ROOT / ".." / "shared" / "cases")) / "vendor"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases; point L1AD_CASES_DIR to it")


def test_two_designs_in_one_folder_are_refused() -> None:
    message = (
        r"^The reports 'Topo2A_AD_proj_utilization_routed\.rpt' and 'x_timing_routed\.rpt' must be of one design .* top differs"
    )
    with pytest.raises(ReportError, match=message):
        parse_folder(CASES / "folder_mixes_designs")


def test_the_critical_path_of_a_clocked_design_is_not_its_latency() -> None:
    report = parse_report(CASES / "latency_is_critical_path" / "x_timing_routed.rpt")
    assert (report.path_ns, report.clock_target_ns, report.latency_max_cycles, report.result_ns) == (4.026, 5.0, None, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("util_io_subrows/vivado_utilization.rpt", (7722, 4864, 467, 24, 0)),
        ("util_iob_flipflops/31_11_expPipeNegmax_util.rpt", (463438, 83700, 2605, 3, 0)),
        ("util_black_boxes/MPSQ_utilization_synth.rpt", (19707, 22184, 83, 38, 0)),
        ("util_black_boxes/bd_0_wrapper_utilization_synth.rpt", (None,) * 5),
    ],
)
def test_the_counts_of_a_real_report(name: str, expected: tuple[int | None, ...]) -> None:
    report = parse_report(CASES / name)
    assert (report.lut, report.ff, report.dsp, report.bram18, report.uram) == expected
    assert any("black boxes, bd_0_hls_inst_0 (1)" in note for note in report.notes) == (expected[0] is None)


def test_an_interval_with_a_range_is_read() -> None:
    report = parse_report(CASES / "csynth_xml_dataflow_range" / "JetTaggerNN_csynth.xml")
    assert (report.latency_min_cycles, report.latency_max_cycles, report.ii_min, report.ii_max) == (78, 80, 23, 24)
    assert (report.lut, report.ff, report.dsp, report.bram18) == (370104, 197198, 667, 10)


def test_the_text_form_of_the_export_is_read() -> None:
    routed = parse_report(CASES / "export_impl_text_form" / "export_impl.rpt")
    assert (routed.level, routed.lut, routed.ff, routed.dsp, routed.bram18, routed.uram) == (Level.ROUTED, 409, 262, 0, 0, 0)
    assert (routed.clock_target_ns, routed.clock_estimate_ns, routed.slack_ns, routed.path_ns) == (10.0, 5.182, 4.818, 4.939)
    assert (routed.part, routed.tool_version, routed.notes, routed.result_ns) == ("xa7s6-cpga196-2I", "2025.1", (), None)
    logic = parse_report(CASES / "export_impl_text_form" / "export_syn_2022.1.rpt")
    assert (logic.level, logic.lut, logic.ff, logic.clock_estimate_ns, logic.slack_ns) == (Level.LOGIC, 7401, 8272, 2.628, 2.372)


def test_a_single_failing_endpoint_is_read() -> None:
    report = parse_report(CASES / "timing_one_failing_endpoint" / "jsc_post_synth_timing.rpt")
    assert (report.slack_ns, report.clock_target_ns, report.notes) == (-0.18, 2.5, ("The timing is not met.",))
    assert dict(report.others)["tns_ns"] == -0.18
    assert dict(report.others)["tns_failing_endpoints"] == 1


def test_percentages_with_commas_are_no_part_of_the_counts() -> None:
    report = parse_report(CASES / "hierarchical_percentages" / "util_hierarchical_percentages.rpt")
    assert (report.lut, report.ff, report.dsp, report.bram18) == (17654, 18333, 21, 10)


def test_a_letter_of_a_code_page_in_a_path_is_read() -> None:
    assert parse_report(CASES / "codepage_1252" / "u_cp1252.rpt").lut == 23917


@pytest.mark.parametrize(
    ("folder", "name", "command"),
    [
        ("folder_dies_on_clock_utilization", "design_1_wrapper_clock_utilization_routed.rpt", "report_clock_utilization"),
        ("folder_dies_on_timing_paths", "chunkIter_timing_paths_routed.rpt", "report_timing"),
    ],
)
def test_a_report_of_another_command_is_passed_over_and_listed(folder: str, name: str, command: str) -> None:
    (report,) = parse_folder(CASES / folder)
    assert report.lut is not None
    assert report.notes[-1].startswith(f"Passed over: {name} is of Vivado's command {command}, from which nothing is read")


def test_an_interval_that_vivado_hls_prints_one_too_small_is_the_latency_and_one() -> None:
    folder = CASES / "folder_interval_rpt_xml_off_by_one"
    (report,) = parse_folder(folder)
    assert (report.latency_max_cycles, report.ii_min, report.ii_max) == (287, 288, 288)
    assert parse_report(folder / "myproject_axi_csynth.rpt").ii_max == 288
