"""Real reports of public origin, one of each kind that was once read wrongly or refused; skipped where the folder is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
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
