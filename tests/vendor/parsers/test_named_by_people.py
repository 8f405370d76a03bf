"""Folders whose reports have names of people's own, or that hold a hierarchical report alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.vendor.parsers import parse_folder
from tests.vendor.utilisation_made import Made

GOLDEN = Path(__file__).parents[2] / "golden"
HIERARCHY = GOLDEN / "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt"


def test_any_name_will_do_where_none_is_the_tools(tmp_path: Path) -> None:
    (tmp_path / "31_11_final.rpt").write_text(Made().text())
    (tmp_path / "notes.rpt").write_text("nothing\n")
    (report,) = parse_folder(tmp_path)
    assert (report.lut, report.sources) == (120, ("31_11_final.rpt",))
    assert report.notes[-1].startswith("Passed over: notes.rpt is not a C synthesis")


def test_a_hierarchical_report_alone_gives_its_totals(tmp_path: Path) -> None:
    (tmp_path / HIERARCHY.name).write_bytes(HIERARCHY.read_bytes())
    (report,) = parse_folder(tmp_path)
    assert (report.lut, report.ff, report.dsp, report.bram18) == (30100, 9100, 129, 3)


def test_it_gives_none_where_the_design_holds_black_boxes(tmp_path: Path) -> None:
    (tmp_path / HIERARCHY.name).write_bytes(HIERARCHY.read_bytes())
    around = Made(version="2024.2", device="xcu250-figd2104-2L-e", boxes={"ip": 1}, sizes=(1728000, 3456000, 12288, 5376))
    (tmp_path / "tiny_utilization_routed.rpt").write_text(around.text())
    (report,) = parse_folder(tmp_path)
    assert (report.lut, report.ff) == (None, None)


def test_a_vivado_project_is_told_its_run_folder(tmp_path: Path) -> None:
    run = tmp_path / "tiny.runs" / "impl_1"
    run.mkdir(parents=True)
    (run / "tiny_utilization_placed.rpt").write_text(Made(state="Fully Placed").text())
    with pytest.raises(
        ReportError, match=rf"^No report of Vivado or Vitis was found below {tmp_path}; give the folder of one run, as {run}$"
    ):
        parse_folder(tmp_path)
    assert parse_folder(run)[0].lut == 120
