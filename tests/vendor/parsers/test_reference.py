"""Real reports of public origin; skipped where the reference folder is not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from l1ad.core.resources import Level
from l1ad.vendor.parsers import parse_folder, parse_report

ROOT = Path(__file__).parents[3]
REFERENCE = Path(os.environ.get("L1AD_REFERENCE_DIR", ROOT / ".." / "shared" / "reference"))
pytestmark = pytest.mark.skipif(
    not (REFERENCE / "gelato").is_dir(), reason="no reference folder; point L1AD_REFERENCE_DIR to it to compare with real reports"
)

ZERO = {"ff": 0, "dsp": 0, "bram18": 0, "uram": 0}
CSYNTH = {
    **{
        "tool": "Vitis HLS",
        "tool_version": "2024.1",
        "top": "Topo2A_AD_proj",
        "part": "xcvu9p-flga2104-2-e",
        "lut": 188486,
        **ZERO,
    },
    **{"clock_target_ns": 25.0, "clock_uncertainty_ns": 6.75, "clock_estimate_ns": 19.86},
    **{"latency_min_cycles": 0, "latency_max_cycles": 0, "latency_ns": 0.0, "ii_min": 1, "ii_max": 1, "slack_ns": None},
}
HLS4ML = {
    **{"tool": "Vivado HLS", "tool_version": "2020.1", "top": "myproject", "part": "xc7z020-clg400-1"},
    **{"clock_target_ns": 5.0, "clock_uncertainty_ns": 0.62, "clock_estimate_ns": 4.049, "lut": 2532, "ff": 7969, "dsp": 73},
    **{"bram18": 0, "uram": 0, "latency_min_cycles": 10, "latency_max_cycles": 10, "latency_ns": 50.0, "ii_min": 8, "ii_max": 8},
}
EXPECTED: dict[str, dict[str, Any]] = {
    "gelato/vitis_hls_2024.1/Topo2A_AD_proj_csynth.rpt": CSYNTH,
    "gelato/vitis_hls_2024.1/Topo2A_AD_proj_csynth.xml": CSYNTH,
    "gelato/vivado_2024.1/Topo2A_AD_proj_export.rpt": {
        **{"level": Level.ROUTED, "lut": 23917, **ZERO, "clock_target_ns": 25.0, "clock_estimate_ns": None},
        "others": (("slice", 0), ("clb", 4543), ("latch", 0), ("srl", 0)),
    },
    "gelato/vivado_2024.1/export_impl.xml": {
        **{"level": Level.ROUTED, "lut": 23917, **ZERO, "slack_ns": 6.028, "path_ns": 18.972, "clock_estimate_ns": None},
        "others": (("clb", 4543), ("latch", 0), ("srl", 0), ("wns_synth_ns", 11.77)),
    },
    "gelato/vivado_2024.1/Topo2A_AD_proj_utilization_routed.rpt": {"level": Level.ROUTED, "lut": 23917, "carry": 3845, **ZERO},
    "gelato/vivado_2024.1/Topo2A_AD_proj_utilization_synth.rpt": {"level": Level.LOGIC, "lut": 25423, "carry": 3877, **ZERO},
    "gelato/vivado_2024.1/Topo2A_AD_proj_timing_routed.rpt": {
        **{"level": Level.ROUTED, "slack_ns": 6.028, "path_ns": 18.972, "clock_target_ns": 25.0, "lut": None},
        "others": (("tns_ns", 0.0), ("tns_failing_endpoints", 0)),
    },
    "gelato/vivado_2024.1/Topo2A_AD_proj_failfast_routed.rpt": {
        "others": tuple(
            (f"failfast_{name}_per_cent", share)
            for name, share in {"lut": 2.02, "ff": 0.0, "carry": 2.6, "dsp": 0.0, "bram": 0.0, "uram": 0.0}.items()
        )
    },
    "hls4ml_vivado_2020.1/myproject_csynth.rpt": HLS4ML,
    "hls4ml_vivado_2020.1/myproject_csynth.xml": HLS4ML,
    "hls4ml_vivado_2020.1/vivado_synth.rpt": {
        **{"level": Level.LOGIC, "tool_version": "2020.1", "lut": 1526, "ff": 2428, "carry": 295, "dsp": 66, "bram18": 0},
        "uram": None,
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_number_of_a_real_report(name: str) -> None:
    report = parse_report(REFERENCE / name)
    assert {field: getattr(report, field) for field in EXPECTED[name]} == EXPECTED[name]


def test_every_real_report_is_read() -> None:
    found = {str(path.relative_to(REFERENCE)) for kind in ("*.rpt", "*.xml") for path in REFERENCE.rglob(kind)}
    assert found == set(EXPECTED)


def test_the_layers_of_the_reference_model() -> None:
    report = parse_report(REFERENCE / "gelato/vitis_hls_2024.1/Topo2A_AD_proj_csynth.rpt")
    assert [layer.lut for layer in report.breakdown] == [120567, 10688, 53295, 0, 0, 2624, 1312]
    assert sum(layer.lut or 0 for layer in report.breakdown) == report.lut


def test_a_folder_gives_one_report_a_level() -> None:
    csynth, logic, routed = parse_folder(REFERENCE / "gelato")
    assert (csynth.level, csynth.lut, csynth.result_ns) == (Level.CSYNTH, 188486, 19.86)
    assert (logic.level, logic.lut, logic.slack_ns) == (Level.LOGIC, 25423, 11.77)
    assert (routed.level, routed.lut, routed.carry, routed.slack_ns, routed.result_ns) == (
        Level.ROUTED,
        23917,
        3845,
        6.028,
        18.972,
    )
    assert routed.part == "xcvu9p-flga2104-2-e"
