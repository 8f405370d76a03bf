from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers import merge, parse_folder, parse_report
from l1ad.vendor.parsers.identity import check_one_design

GOLDEN = Path(__file__).parents[2] / "golden"


def place(name: str, target: Path, *changes: tuple[str, str]) -> Path:
    """Copy a golden report, with some text changed so that it fits those beside it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = (GOLDEN / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    target.write_text(text)
    return target


@pytest.fixture
def old_tree(tmp_path: Path) -> Path:
    solution = tmp_path / "tiny_prj" / "solution1"
    place("vivado_hls/2018.2/tiny_csynth.rpt", solution / "syn" / "report" / "tiny_csynth.rpt")
    place("vivado_hls/2018.2/tiny_csynth.xml", solution / "syn" / "report" / "tiny_csynth.xml")
    place("vivado_hls/2019.2/tiny_cosim.rpt", solution / "sim" / "report" / "tiny_cosim.rpt")
    place("vivado/2019.2/tiny_export.rpt", solution / "impl" / "report" / "verilog" / "tiny_export.rpt")
    place("vivado/2019.2/tiny_export.xml", solution / "impl" / "report" / "verilog" / "tiny_export.xml")
    return tmp_path


def test_the_old_tree(old_tree: Path) -> None:
    reports = parse_folder(old_tree)
    assert [report.level for report in reports] == [Level.CSYNTH, Level.COSIM, Level.LOGIC]
    assert [report.lut for report in reports] == [1212, None, 612]
    assert reports[0].sources == ("tiny_csynth.rpt", "tiny_csynth.xml")
    assert len(reports[0].breakdown) == 2


def test_the_new_tree_with_its_summary_and_run_folders(tmp_path: Path) -> None:
    hls = tmp_path / "hls_component" / "tiny" / "hls"
    place("vitis_hls/2022.2/tiny_csynth.rpt", hls / "syn" / "report" / "tiny_csynth.rpt")
    place("vitis_hls/2022.2/csynth.rpt", hls / "syn" / "report" / "csynth.rpt")
    place("vivado/2023.2/export_impl.xml", hls / "impl" / "report" / "verilog" / "export_impl.xml", ("2023.2", "2024.2"))
    place("vivado/2024.2/tiny_utilization_routed.rpt", hls / "impl" / "verilog" / "report" / "tiny_utilization_routed.rpt")
    place("vivado/2024.2/tiny_timing_routed.rpt", hls / "impl" / "verilog" / "report" / "tiny_timing_routed.rpt")
    place(
        "vivado/2018.3/tiny_utilization_synth.rpt", hls / "impl" / "verilog" / "project.runs" / "ip" / "x_utilization_synth.rpt"
    )
    csynth, logic, routed = parse_folder(tmp_path)
    assert (csynth.level, csynth.lut) == (Level.CSYNTH, 41000)
    assert (logic.level, logic.lut, logic.slack_ns) == (Level.LOGIC, None, 0.231)
    assert (routed.lut, routed.carry, routed.slack_ns, routed.path_ns, len(routed.breakdown)) == (30100, 1500, -0.148, 3.302, 2)


def test_functions_below_the_top_are_left_out(old_tree: Path) -> None:
    folder = old_tree / "tiny_prj" / "solution1" / "syn" / "report"
    for name in ("dense_latency", "score"):
        text = (folder / "tiny_csynth.rpt").read_text()
        (folder / f"{name}_csynth.rpt").write_text(text.replace("1212", "1213").replace("12|       -|", "13|       -|"))
    assert parse_folder(old_tree)[0].lut == 1212


def test_two_designs_need_the_tops_name(old_tree: Path) -> None:
    folder = old_tree / "tiny_prj" / "solution1" / "syn" / "report"
    place("vivado_hls/2018.2/tiny_csynth.xml", folder / "other_csynth.xml", ("<LUT>1212<", "<LUT>1213<"))
    message = r"^There are C synthesis reports of several designs, \['other', 'tiny'\]; say which one with top$"
    with pytest.raises(ReportError, match=message):
        parse_folder(old_tree)
    assert parse_folder(old_tree, top="tiny")[0].lut == 1212
    with pytest.raises(ReportError, match=r"^There is no C synthesis report of 'tinny'; there are \['other', 'tiny'\]$"):
        parse_folder(old_tree, top="tinny")


def test_reports_of_different_runs_are_not_joined(old_tree: Path) -> None:
    path = old_tree / "tiny_prj" / "solution1" / "syn" / "report" / "tiny_csynth.xml"
    path.write_text(path.read_text().replace("<LUT>1212</LUT>", "<LUT>1213</LUT>"))
    message = (
        r"^The reports 'tiny_csynth\.rpt' and 'tiny_csynth\.xml' disagree on lut: 1212 and 1213; they are of different runs$"
    )
    with pytest.raises(ReportError, match=message):
        parse_folder(old_tree)


def test_further_numbers_must_agree_too() -> None:
    reports = [
        parse_report(GOLDEN / "vivado/2020.2/tiny_utilization_placed.rpt"),
        parse_report(GOLDEN / "vivado/2023.2/export_impl.xml"),
    ]
    with pytest.raises(
        ReportError, match=r"^The reports 'tiny_utilization_placed\.rpt' and 'export_impl\.xml' disagree on ff: 9098 and 9100"
    ):
        merge(reports)
    latches = [parse_report(GOLDEN / "vivado/2019.2/tiny_export.rpt"), parse_report(GOLDEN / "vivado/2019.2/tiny_export.rpt")]
    changed = type(latches[1]).from_dict(latches[1].to_dict() | {"others": [["slice", 1]]})
    with pytest.raises(ReportError, match=r"^The report 'tiny_export\.rpt' disagrees with those beside it on slice: 1 and 0$"):
        merge([latches[0], changed])


def test_a_folder_without_reports_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.rpt").write_text("nothing\n")
    with pytest.raises(
        ReportError, match=r"^No report of Vivado or Vitis was found below .*; give the folder of a finished run$"
    ):
        parse_folder(tmp_path)
    with pytest.raises(ReportError, match=r"^The folder .*/nowhere with reports of Vivado or Vitis does not exist$"):
        parse_folder(tmp_path / "nowhere")


def test_one_damaged_report_spoils_the_folder(old_tree: Path) -> None:
    path = old_tree / "tiny_prj" / "solution1" / "sim" / "report" / "tiny_cosim.rpt"
    path.write_text(path.read_text()[:-60])
    with pytest.raises(ReportError, match=r"^The report .*/tiny_cosim\.rpt is cut off or damaged: its table is not complete"):
        parse_folder(old_tree)


@pytest.mark.parametrize(
    ("name", "change", "what"),
    [
        ("tiny_timing_routed.rpt", (": tiny\n", ": other\n"), "top differs: 'tiny' and 'other'"),
        ("tiny_timing_routed.rpt", ("v.2024.2", "v.2019.1"), r"tool_version differs: '2024\.2' and '2019\.1'"),
        (
            "tiny_timing_routed.rpt",
            ("xcu250-figd2104", "xcu50-figd2104"),
            "part differs: 'xcu250-figd2104-2L-e' and 'xcu50-figd2104'",
        ),
    ],
)
def test_reports_of_two_designs_are_not_one_row(tmp_path: Path, name: str, change: tuple[str, str], what: str) -> None:
    place("vivado/2024.2/tiny_utilization_routed.rpt", tmp_path / "a_utilization_routed.rpt")
    place(f"vivado/2024.2/{name}", tmp_path / name)
    assert parse_folder(tmp_path)[0].slack_ns == -0.148
    place(f"vivado/2024.2/{name}", tmp_path / name, change)
    message = (
        rf"^The reports 'a_utilization_routed\.rpt' and '{name}' must be of one design to be read together, but their {what}"
    )
    with pytest.raises(ReportError, match=message):
        parse_folder(tmp_path)


def test_two_levels_of_two_parts_are_not_one_design(old_tree: Path) -> None:
    place("vivado/2024.2/tiny_utilization_routed.rpt", old_tree / "tiny_utilization_routed.rpt", ("2024.2", "2019.2"))
    with pytest.raises(
        ReportError, match=r"but their part differs: '7?x?c?7?vx690tffg1927-2' and 'xcu250-figd2104-2L-e'; give each"
    ):
        parse_folder(old_tree)


def test_spellings_of_one_part_and_version_are_one() -> None:
    spelt = [
        ResourceReport("Vivado", Level.ROUTED, top="t", part=part, tool_version=version, sources=(part,))
        for part, version in (("xc7z020-clg400-1", "2019.2"), ("7z020clg400-1", "2019.2.1"), ("7z020-clg400", "2019.2"))
    ]
    check_one_design(spelt)
