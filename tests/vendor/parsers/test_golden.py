"""Self-made reports, one a variation that is met in the wild; every number by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from l1ad.core.resources import LayerResources, Level, PartTotals
from l1ad.vendor.parsers import parse_report

GOLDEN = Path(__file__).parents[2] / "golden"
NO_COST = {"lut": None, "ff": None, "dsp": None, "bram18": None, "uram": None}
V690 = PartTotals("xc7vx690tffg1927-2", 433200, 866400, 3600, 2940, 0)
U250 = PartTotals("xcu250-figd2104-2L-e", 1728000, 3456000, 12288, 5376, 1280)
VU13P = PartTotals("xcvu13p-flga2577-2-e", 1728000, 3456000, 12288, 5376, 1280)
ROUTED_LUT = {"lut": 30100, "ff": 9100, "dsp": 129, "bram18": 3, "uram": 1}

HLS_2018 = {
    **{"tool": "Vivado HLS", "level": Level.CSYNTH, "tool_version": "2018.2", "top": "tiny", "part": "xc7vx690tffg1927-2"},
    **{"clock_target_ns": 6.25, "clock_uncertainty_ns": 0.78, "clock_estimate_ns": 5.47, "slack_ns": None, "path_ns": None},
    **{"lut": 1212, "ff": 388, "carry": None, "dsp": 4, "bram18": 2, "uram": 0},
    **{"latency_min_cycles": 7, "latency_max_cycles": 7, "latency_ns": None, "ii_min": 1, "ii_max": 1, "available": V690},
}
VITIS_2022 = {
    **{"tool": "Vitis HLS", "tool_version": "2022.2", "part": "xcu250-figd2104-2L-e"},
    **{"clock_target_ns": 3.33, "clock_uncertainty_ns": 0.9, "clock_estimate_ns": 4.12},
    **{"lut": 41000, "ff": 10000, "dsp": 130, "bram18": 3, "uram": 1, "available": U250},
    **{"latency_min_cycles": 15, "latency_max_cycles": 320, "latency_ns": 1318.0, "ii_min": 16, "ii_max": 321},
}
VITIS_2025 = {
    **{"tool": "Vitis HLS", "tool_version": "2025.1", "clock_target_ns": 5.0, "clock_estimate_ns": 3.64, "available": VU13P},
    **{"lut": 2, "ff": 64, "dsp": 0, "bram18": 0, "uram": 0},
    **{"latency_min_cycles": None, "latency_max_cycles": None, "latency_ns": None, "ii_min": None, "ii_max": None},
}
EXPORT_2019 = {
    **{"tool": "Vivado", "level": Level.LOGIC, "tool_version": "2019.2", "clock_target_ns": 6.25, "clock_estimate_ns": 4.911},
    **{"lut": 612, "ff": 290, "dsp": 4, "bram18": 2, "uram": None, "notes": (), "others": (("slice", 0), ("srl", 8))},
}
EXPORT_2023 = {
    **ROUTED_LUT,
    **{"level": Level.ROUTED, "tool_version": "2023.2", "part": "xcu250-figd2104-2L-e"},
    **{"clock_target_ns": 3.333, "clock_estimate_ns": 3.481, "notes": ()},
}
EXPECTED: dict[str, dict[str, Any]] = {
    "vivado_hls/2018.2/tiny_csynth.rpt": {
        **HLS_2018,
        "breakdown": (
            LayerResources("grp_dense_latency_fu_40", 1000, 200, None, 4, 0, 0, 4),
            LayerResources("grp_score_fu_52", 200, 100, None, 0, 2, 0, 2),
        ),
    },
    "vivado_hls/2018.2/tiny_csynth.xml": {**HLS_2018, "breakdown": ()},
    "vitis_hls/2022.2/tiny_csynth.rpt": {
        **VITIS_2022,
        "breakdown": (
            LayerResources("grp_dense_fu_40", 39000, 8000, None, 130, 3, 0, 300),
            LayerResources("softmax_U0", 1000, 1000, None, 0, 0, 1, 2),
        ),
    },
    "vitis_hls/2022.2/tiny_csynth.xml": VITIS_2022,
    "vitis_hls/2025.1/tiny_csynth.rpt": {**VITIS_2025, "breakdown": ()},
    "vitis_hls/2025.1/tiny_csynth.xml": VITIS_2025,
    "vivado/2019.2/tiny_export.rpt": {**EXPORT_2019, "part": "xc7vx690tffg1927-2"},
    "vivado/2019.2/tiny_export.xml": EXPORT_2019,
    "vivado/2023.2/tiny_export.rpt": EXPORT_2023,
    "vivado/2023.2/export_impl.xml": {
        **EXPORT_2023,
        **{"slack_ns": -0.148, "path_ns": 3.302, "available": U250},
        "others": (("clb", 6020), ("latch", 0), ("srl", 40), ("wns_synth_ns", 0.231)),
        "breakdown": (
            LayerResources("grp_dense_fu_40", 29000, 8000, None, 129, 3, 0),
            LayerResources("softmax_U0", 900, 1000, None, 0, 0, 1),
        ),
    },
    "vivado/2025.1/export_impl.rpt": {
        **EXPORT_2023,
        **{"tool_version": "2025.1", "slack_ns": -0.148, "path_ns": 3.302, "notes": ("The timing is not met.",)},
        **{"result_ns": None, "others": (("srl", 40),)},
    },
    "vivado/2022.2/export_syn.rpt": {
        **{"level": Level.LOGIC, "tool_version": "2022.2", "part": "xcvu9p-flga2104-2-e", "lut": 812, "ff": 0, "dsp": 0},
        **{"clock_target_ns": 25.0, "clock_estimate_ns": None, "slack_ns": 6.028, "path_ns": 18.972, "result_ns": 18.972},
        **{"notes": ("Vivado gives no achieved clock period: the design has no path between registers.",)},
    },
    "vivado/2018.3/tiny_utilization_synth.rpt": {
        **{"level": Level.LOGIC, "tool_version": "2018.3", "part": "7vx690tffg1927-2", "top": "tiny"},
        **{"lut": 612, "ff": 290, "carry": 33, "dsp": 4, "bram18": 3, "uram": None},
        "available": PartTotals("7vx690tffg1927-2", 433200, 866400, 3600, 2940, 0),
    },
    "vivado/2020.2/tiny_utilization_placed.rpt": {
        **ROUTED_LUT,
        **{"level": Level.PLACED, "ff": 9098, "carry": 1500, "notes": ()},
        "others": (("latch", 2), ("lut_logic", 30060), ("lut_memory", 40), ("clb", 6020)),
    },
    "vivado/2024.2/tiny_utilization_routed.rpt": {**ROUTED_LUT, "level": Level.ROUTED, "carry": 1500, "available": U250},
    "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt": {
        **ROUTED_LUT,
        "level": Level.ROUTED,
        "breakdown": (
            LayerResources("(tiny)", 200, 100, None, 0, 0, 0),
            LayerResources("grp_dense_fu_40", 29000, 8000, None, 129, 3, 0),
            LayerResources("softmax_U0", 900, 1000, None, 0, 0, 1),
        ),
    },
    "vivado/2022.1/tiny_timing_summary_routed.rpt": {
        **NO_COST,
        **{"level": Level.ROUTED, "clock_target_ns": 5.0, "slack_ns": 0.752, "path_ns": 4.094, "notes": ()},
        "others": (("tns_ns", 0.0), ("tns_failing_endpoints", 0), ("whs_ns", 0.071), ("wpws_ns", 4.02)),
    },
    "vivado/2024.2/tiny_timing_routed.rpt": {
        **{"level": Level.ROUTED, "clock_target_ns": 3.333, "slack_ns": -0.148, "path_ns": 3.302},
        **{"notes": ("The timing is not met.",)},
    },
    "vivado/2021.2/tiny_timing_synth.rpt": {
        **{"level": Level.LOGIC, "clock_target_ns": 25.0, "slack_ns": 11.77, "path_ns": 13.23},
        "others": (("tns_ns", 0.0), ("tns_failing_endpoints", 0)),
    },
    "vivado/2020.2/tiny_timing_placed.rpt": {
        **{"level": Level.PLACED, "clock_target_ns": None, "slack_ns": None, "path_ns": None},
        **{"notes": ("The design has no timing constraints: there is no slack.",)},
    },
    "vivado/2023.2/tiny_failfast_routed.rpt": {
        **NO_COST,
        **{"level": Level.ROUTED, "part": "xcu250-figd2104-2L-e"},
        "others": tuple(
            (f"failfast_{name}_per_cent", share)
            for name, share in {"lut": 1.74, "ff": 0.26, "carry": 0.69, "dsp": 1.05, "bram": 0.06, "uram": 0.08}.items()
        ),
    },
    "vivado_hls/2019.2/tiny_cosim.rpt": {
        **NO_COST,
        **{"level": Level.COSIM, "latency_min_cycles": 7, "latency_max_cycles": 7, "ii_min": 1, "ii_max": 1, "notes": ()},
        "others": (("cosim_passed", 1), ("latency_average_cycles", 7)),
    },
    "vitis_hls/2024.1/tiny_cosim.rpt": {
        **{"latency_min_cycles": 15, "latency_max_cycles": 320, "ii_min": None, "ii_max": None, "notes": ()},
        "others": (("cosim_passed", 1), ("latency_average_cycles", 100), ("total_cycles", 6400)),
    },
    "vitis_hls/2023.1/tiny_cosim.rpt": {
        **{"latency_min_cycles": None, "others": (("cosim_passed", 0),)},
        "notes": (
            "The C/RTL cosimulation failed without a latency: the RTL does not compute what the C++ does, or the simulation itself "
            "broke off; its log says which.",
        ),
    },
    "vitis_hls/2022.2/tiny_cosim.rpt": {
        **{"latency_max_cycles": None, "others": (), "notes": ("The C/RTL cosimulation was not run.",)},
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_number_of_a_golden_report(name: str) -> None:
    report = parse_report(GOLDEN / name)
    assert {field: getattr(report, field) for field in EXPECTED[name]} == EXPECTED[name]
    assert report.sources == (Path(name).name,)


def test_every_golden_report_is_expected() -> None:
    found = {
        str(path.relative_to(GOLDEN)) for tool in ("vivado", "vivado_hls", "vitis_hls") for path in (GOLDEN / tool).rglob("*.*")
    }
    reports = {name for name in found if name.endswith((".rpt", ".xml"))}
    assert reports - set(EXPECTED) == {"vitis_hls/2022.2/csynth.rpt"}


def test_line_ends_of_windows_change_nothing(tmp_path: Path) -> None:
    for name in EXPECTED:
        path = tmp_path / Path(name).name
        path.write_bytes((GOLDEN / name).read_bytes().replace(b"\n", b"\r\n"))
        assert parse_report(path) == parse_report(GOLDEN / name)
