"""Forms that real reports take beside the usual one, made from the golden reports: each gives the same numbers, or is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import ResourceReport
from l1ad.vendor.parsers import parse_folder, parse_report
from l1ad.vendor.parsers.text import ForeignReportError
from tests.vendor.utilisation_made import Made, boxed

GOLDEN = Path(__file__).parents[2] / "golden"
HIERARCHY = "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt"
ROUTED = "vivado/2024.2/tiny_utilization_routed.rpt"
DATAFLOW = "<DataflowPipelineThroughput>{}</DataflowPipelineThroughput>\n<Interval-min>"
INTERVALS = "|    7|    7|    7|    7|   none   |"


def changed(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (GOLDEN / name).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / Path(name).name
    path.write_text(text)
    return path


def read_throughput(folder: Path, throughput: str) -> ResourceReport:
    return parse_report(changed(folder, "vitis_hls/2022.2/tiny_csynth.xml", ("<Interval-min>", DATAFLOW.format(throughput))))


@pytest.mark.parametrize("throughput", ["<range><min>16</min><max>321</max></range>", "16", "321", "NA"])
def test_a_dataflow_throughput_may_be_a_range(tmp_path: Path, throughput: str) -> None:
    report = read_throughput(tmp_path, throughput)
    assert (report.ii_min, report.ii_max) == (16, 321)


@pytest.mark.parametrize(
    ("throughput", "message"),
    [
        (
            "<range><min>17</min><max>321</max></range>",
            r"contradicts itself: a dataflow's throughput of 17 to 321 is not 16 or 321$",
        ),
        ("<range><min>16</min></range>", r"is cut off or damaged: range has 0 elements max, expected 1"),
        ("20", r"contradicts itself: a dataflow's throughput of 20 is not 16 or 321$"),
    ],
)
def test_another_throughput_than_the_interval_is_refused(tmp_path: Path, throughput: str, message: str) -> None:
    with pytest.raises(ReportError, match=message):
        read_throughput(tmp_path, throughput)


def test_one_failing_endpoint_is_written_in_the_singular(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        "vivado/2024.2/tiny_timing_routed.rpt",
        ("Setup :           11  Failing Endpoints,", "Setup :            1  Failing Endpoint ,"),
    )
    assert parse_report(path).slack_ns == -0.148


@pytest.mark.parametrize("share", ["(33,189211%)", "(33.19%)", " (<0.01%)", "(0%)"])
def test_shares_beside_the_counts_of_a_hierarchy_are_left_out(tmp_path: Path, share: str) -> None:
    head, rows = (GOLDEN / HIERARCHY).read_text().split("+-", 1)
    cells = [line.strip("|").split("|") for line in rows.splitlines() if line.startswith("| ")]
    names = tuple(cell.strip() for cell in cells[0])
    table = [(row[0][1:].rstrip(), row[1].strip(), *(cell.strip() + share for cell in row[2:])) for row in cells[1:]]
    path = tmp_path / "tiny_utilization_hierarchical_routed.rpt"
    path.write_text(head + "\n".join(boxed(names, table)) + "\n")
    assert parse_report(path) == parse_report(GOLDEN / HIERARCHY)


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-8", "utf-8-sig", "utf-16", "gbk"])
def test_a_path_in_the_code_page_of_the_machine_changes_nothing(tmp_path: Path, encoding: str) -> None:
    letters = "测试" if encoding == "gbk" else "Jürgen"
    text = Made().text().replace("-file u.rpt", rf"-file C:\Users\{letters}\u.rpt")
    path = tmp_path / "u.rpt"
    path.write_bytes(text.encode(encoding))
    assert (parse_report(path).lut, parse_report(path).ff) == (120, 64)


@pytest.mark.parametrize("data", [b"\xff\xfe|\x00\xd8", b"PK\x03\x04\x14\x08", b"\x89PNG\r\n\x1a\n\x00"])
def test_what_is_no_text_is_said_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "u.rpt"
    path.write_bytes(data)
    with pytest.raises(ReportError, match=rf"^The report {path} is not text, so no report of Vivado or Vitis$"):
        parse_report(path)


@pytest.mark.parametrize(
    "command", ["report_power", "report_drc", "report_timing", "report_clock_utilization", "report_methodology"]
)
def test_a_report_of_another_command_is_named_by_it(tmp_path: Path, command: str) -> None:
    path = changed(tmp_path, ROUTED, ("report_utilization ", f"{command} "), ("Utilization Design Information", "Something else"))
    with pytest.raises(
        ForeignReportError, match=rf"^The report {path} is of Vivado's command {command}, from which nothing is read"
    ):
        parse_report(path)


def test_a_folder_passes_over_what_nobody_asked_for_and_lists_it(tmp_path: Path) -> None:
    changed(tmp_path, ROUTED)
    expected = parse_folder(tmp_path)
    (tmp_path / "tiny_clock_utilization_routed.rpt").write_text(
        (GOLDEN / ROUTED).read_text().replace("report_utilization", "report_clock_utilization")
    )
    (tmp_path / "quartus_timing.rpt").write_text("Fitter report for tiny\n| Family | Stratix 10 |\n")
    (tmp_path / "my_failfast.rpt").write_text((GOLDEN / "vivado/2023.2/tiny_failfast_routed.rpt").read_text())
    (found,) = parse_folder(tmp_path)
    assert (found.lut, found.sources) == (expected[0].lut, expected[0].sources)
    listed = [re.match(r"Passed over: (\S+) ", note) for note in found.notes]
    assert [match[1] for match in listed if match] == [
        "my_failfast.rpt",
        "quartus_timing.rpt",
        "tiny_clock_utilization_routed.rpt",
    ]


def test_a_report_under_a_name_of_its_users_beside_those_of_the_tools_is_listed(tmp_path: Path) -> None:
    changed(tmp_path, ROUTED)
    (tmp_path / "before.rpt").write_text((GOLDEN / ROUTED).read_text())
    (tmp_path / "drc.rpt").write_text(
        (GOLDEN / ROUTED).read_text().replace("report_utilization", "report_drc").replace("Utilization", "D")
    )
    (found,) = parse_folder(tmp_path)
    assert [note for note in found.notes if note.startswith("Passed over")] == [
        "Passed over: before.rpt has none of the tools' own names; give it alone."
    ]


def test_a_folder_of_nothing_else_says_what_it_passed_over(tmp_path: Path) -> None:
    changed(tmp_path, ROUTED, ("report_utilization ", "report_power "), ("Utilization Design Information", "Power"))
    message = r"^No report of .* below .* \(passed over: tiny_utilization_routed\.rpt is of Vivado's command report_power, .*\); give the"
    with pytest.raises(ReportError, match=message):
        parse_folder(tmp_path)


def test_a_damaged_report_of_a_known_command_still_spoils_the_folder(tmp_path: Path) -> None:
    changed(tmp_path, ROUTED)
    changed(
        tmp_path,
        "vivado/2024.2/tiny_timing_routed.rpt",
        ("report_timing_summary", "report_timing_sumary"),
        ("| Command", "| Comand "),
    )
    with pytest.raises(ReportError, match=r"tiny_timing_routed\.rpt is not a .*, or its header is damaged$"):
        parse_folder(tmp_path)


@pytest.mark.parametrize(
    ("row", "interval"),
    [
        (INTERVALS, 8),
        (INTERVALS.replace("|    7|    7|   none", "|    8|    8|   none"), 8),
        (INTERVALS.replace("  none  ", "function"), 7),
    ],
)
def test_the_interval_that_vivado_hls_gives_a_top_that_is_no_pipeline(tmp_path: Path, row: str, interval: int) -> None:
    path = changed(tmp_path, "vivado_hls/2018.2/tiny_csynth.rpt", ("|    7|    7|    1|    1| function |", row))
    assert (parse_report(path).ii_min, parse_report(path).ii_max) == (interval, interval)


def test_both_forms_of_such_a_top_agree(tmp_path: Path) -> None:
    changed(tmp_path, "vivado_hls/2018.2/tiny_csynth.rpt", ("|    7|    7|    1|    1| function |", INTERVALS))
    changed(
        tmp_path,
        "vivado_hls/2018.2/tiny_csynth.xml",
        ("<PipelineInitiationInterval>1</PipelineInitiationInterval>\n", ""),
        ("<Interval-min>1<", "<Interval-min>8<"),
        ("<Interval-max>1<", "<Interval-max>8<"),
    )
    assert parse_folder(tmp_path)[0].ii_max == 8


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("LUT:              30100", "LUT:              30101", r"contradicts itself: LUT is 30101 but 30100 in the top module$"),
        (
            "* Timing was NOT met",
            "* Timing was met",
            r"contradicts itself: .* gives \['Timing was NOT met', 'Timing was met'\]$",
        ),
        ("| 3.481 ", "| 3.281 ", r"contradicts itself: 'Timing was NOT met' with a clock of 3\.281 ns for 3\.333 ns$"),
        ("| 3.333 ", "| 3.433 ", r"contradicts itself: a target clock of 3\.333 ns and of 3\.433 ns$"),
        ("| Path1 | -0.148", "| Path1 | -0.138", r"contradicts itself: 3\.481 ns of 3\.333 ns leave no slack of -0\.138 ns$"),
        ("1.302", "1.402", r"contradicts itself: a path of 3\.302 ns is not 1\.402 ns of logic and 2\.0 ns of nets$"),
        (
            "== Place & Route Vivado Reports",
            "== Reports",
            r"is cut off or damaged: the section 'Place & Route Vivado Reports' is missing",
        ),
        ("== Place & Route Timing Summary", "== Timing", r"is cut off or damaged: the table of clock periods is missing"),
        ("| SLACK ", "| SLOCK ", r"is cut off or damaged: the table of paths has other columns"),
    ],
)
def test_an_export_in_text_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = changed(tmp_path, "vivado/2025.1/export_impl.rpt", (old, new))
    with pytest.raises(ReportError, match=rf"^The report {path} {message}"):
        parse_report(path)


@pytest.mark.parametrize(
    ("names", "kinds"),
    [
        (("vitis_hls/2022.2/tiny_csynth.rpt", "vitis_hls/2024.1/tiny_cosim.rpt"), "C synthesis, cosimulation"),
        (("vitis_hls/2024.1/tiny_cosim.rpt", "vitis_hls/2022.2/tiny_csynth.rpt"), "cosimulation, C synthesis"),
        ((ROUTED, "vivado/2020.2/tiny_utilization_placed.rpt"), "Vivado, Vivado"),
        (("vivado/2025.1/export_impl.rpt", "vivado/2023.2/tiny_export.rpt"), "export, export"),
    ],
)
@pytest.mark.parametrize("before", ["", "INFO: starting\n" * 30])
def test_a_log_with_two_reports_is_not_read_in_half(tmp_path: Path, names: tuple[str, str], kinds: str, before: str) -> None:
    path = tmp_path / "vitis_hls.log"
    path.write_text(before + "".join((GOLDEN / name).read_text() for name in names))
    with pytest.raises(
        ReportError, match=rf"holds 2 reports \({kinds}\), of which only one can be read; give each in a file of its own$"
    ):
        parse_report(path)


def test_a_cosimulation_that_failed_at_its_end_is_a_difference(tmp_path: Path) -> None:
    report = parse_report(changed(tmp_path, "vitis_hls/2024.1/tiny_cosim.rpt", ("      Pass|", "      Fail|")))
    assert report.notes == ("The C/RTL cosimulation failed: the RTL does not compute what the C++ does.",)


@pytest.mark.parametrize(
    ("option", "where"),
    [
        ("-pblocks p_slr0", "-pblocks"),
        ("-cells [get_cells top/ip]", "-cells"),
        ("-slr", "-slr"),
        ("-hierarchical -cells x", "-cells"),
    ],
)
def test_a_report_of_a_part_of_the_design_is_not_of_the_design(tmp_path: Path, option: str, where: str) -> None:
    path = changed(tmp_path, ROUTED, ("report_utilization ", f"report_utilization {option} "))
    with pytest.raises(
        ForeignReportError, match=rf"^The report {path} is of a part of the design only \({where}\); give the one"
    ):
        parse_report(path)


def without_paths(folder: Path, option: str) -> Path:
    """Leave the paths of every group out, as an option of the command does."""
    name = "vivado/2024.2/tiny_timing_routed.rpt"
    path = changed(folder, name, ("report_timing_summary", f"report_timing_summary {option}"))
    path.write_text(
        re.sub(r"\nMax Delay Paths\n.*?\n(?=Min Delay Paths|Pulse Width Checks)", "\n", path.read_text(), flags=re.DOTALL)
    )
    return path


def test_paths_that_an_option_leaves_out_are_not_missing(tmp_path: Path) -> None:
    report = parse_report(without_paths(tmp_path, "-slack_lesser_than -0.2"))
    assert (report.slack_ns, report.path_ns, report.clock_target_ns) == (-0.148, None, 3.333)
    for option in ("-slack_lesser_than 0", "-max_paths 10"):
        with pytest.raises(ReportError, match=r"is cut off or damaged: the Max Delay Paths of a group are missing"):
            parse_report(without_paths(tmp_path, option))


def test_a_summary_without_any_path_is_read(tmp_path: Path) -> None:
    path = without_paths(tmp_path, "-no_detailed_paths")
    path.write_text(re.sub(r"\n(Min Delay Paths|Pulse Width Checks)\n", "\n", path.read_text()))
    assert parse_report(path).slack_ns == -0.148
