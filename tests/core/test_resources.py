from __future__ import annotations

import json
from typing import Any

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import LayerResources, Level, PartTotals, ResourceReport

FULL = ResourceReport(
    tool="Vitis HLS",
    level=Level.CSYNTH,
    tool_version="2024.1",
    top="l1ad_top",
    part="xcvu9p-flga2104-2-e",
    clock_target_ns=25.0,
    clock_uncertainty_ns=6.75,
    clock_estimate_ns=19.86,
    slack_ns=-0.1,
    path_ns=18.972,
    lut=188486,
    ff=0,
    carry=3845,
    dsp=0,
    bram18=1,
    uram=0,
    latency_min_cycles=0,
    latency_max_cycles=3,
    latency_ns=75.1,
    ii_min=1,
    ii_max=2,
    available=PartTotals("xcvu9p", 1182240, 2364480, 6840, 4320, 960),
    breakdown=(LayerResources("dense1", lut=120567, latency_max_cycles=0), LayerResources("relu")),
    others=(("clb", 4543), ("tns_ns", 0.1)),
    sources=("a.rpt",),
    notes=("An estimate.",),
)


@pytest.mark.parametrize("report", [FULL, ResourceReport(tool="Yosys", level=Level.OPEN)])
def test_json_round_trip_is_exact(report: ResourceReport) -> None:
    assert ResourceReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_absent_is_none_and_zero_stays_zero() -> None:
    report = ResourceReport(tool="Vivado", level=Level.ROUTED, ff=0)
    values = report.to_dict()
    assert (values["ff"], values["lut"]) == (0, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"latency_max_cycles": 3, "latency_ns": 75.0, "path_ns": 4.0}, 75.0),
        ({"latency_max_cycles": 0, "latency_ns": 0.0, "clock_estimate_ns": 19.86}, 19.86),
        ({"path_ns": 18.972}, None),
        ({"path_ns": 18.972, "ff": 0, "dsp": 0, "bram18": 0}, 18.972),
        ({"path_ns": 18.972, "ff": 0, "dsp": 3, "bram18": 0}, None),
        ({"path_ns": 18.972, "ff": 0, "dsp": 0, "bram18": 0, "others": (("srl", 8),)}, None),
        ({"path_ns": 4.026, "ff": 83713, "clock_target_ns": 5.0, "clock_estimate_ns": 4.153}, None),
        ({"path_ns": 18.972, "latency_max_cycles": 0}, 18.972),
        ({"latency_max_cycles": 0, "latency_ns": 41.9, "clock_estimate_ns": 25.0}, 41.9),
        ({"clock_estimate_ns": 4.0}, None),
    ],
)
def test_result_time(fields: dict[str, Any], expected: float | None) -> None:
    assert ResourceReport(tool="x", level=Level.CSYNTH, **fields).result_ns == expected


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lut": -1}, r"^A resource report's lut must be a whole number of at least 0 or absent, got -1$"),
        ({"dsp": 1.5}, r"^A resource report's dsp must be a whole number of at least 0 or absent, got 1\.5$"),
        ({"path_ns": float("nan")}, r"^A resource report's path_ns must be a finite time in ns or absent, got nan$"),
        ({"latency_ns": -1.0}, r"^A resource report's latency_ns must be a finite time in ns or absent, got -1\.0$"),
        ({"ii_min": 3, "ii_max": 2}, r"^A resource report's smallest ii must not exceed its largest, got 3 > 2$"),
    ],
)
def test_impossible_numbers_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ReportError, match=message):
        ResourceReport(tool="x", level=Level.CSYNTH, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lutt": 3}, r"^A ResourceReport has no field 'lutt'; did you mean 'lut'\?"),
        ({"spec_version": 2}, r"^A resource report of spec_version 1 is wanted, got 2; read it with the newer l1ad$"),
        ({"level": "rooted"}, r"^There is no level 'rooted'; did you mean 'routed'\?"),
        ({"available": {"part": "x"}}, r"^A PartTotals needs the field 'lut', got only \['part'\]$"),
    ],
)
def test_foreign_json_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ReportError, match=message):
        ResourceReport.from_dict(FULL.to_dict() | change)
