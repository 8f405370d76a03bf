from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.vendor.parsers import parse_report

GOLDEN = Path(__file__).parents[2] / "golden"

CHANGES = [
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "|  12288|",
        "|  12289|",
        r"contradicts itself: it gives .*'dsp': 12289.* for xcu250-figd2104-2L-e, which has ",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "<FF>3456000<",
        "<FF>3456001<",
        r"contradicts itself: it gives .*'ff': 3456001.* for xcu250-figd2104-2L-e, ",
    ),
    (
        "vivado/2023.2/export_impl.xml",
        'count="2"',
        'count="3"',
        r"is cut off or damaged: the top module has 3 modules, 2 are listed",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "|    41000|",
        "|    42000|",
        r"contradicts itself: lut is 42000 in total but 41000 summed",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "1.318 us",
        "1.918 us",
        r"contradicts itself: a latency of 320 cycles is not 1\.918 us at any",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "== Interface",
        "== Interfaces",
        r"is cut off or damaged: the section 'Interface' is there 0 times",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "|  39000|",
        "|  38000|",
        r"contradicts itself: the instances' lut do not sum to their total",
    ),
    ("vitis_hls/2022.2/tiny_csynth.rpt", "Target device", "Target devise", r"is cut off or damaged: no line of the form "),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "3.33 ns",
        "0.00 ns",
        r"is cut off or damaged: the target clock must be a time above 0, got '0\.00 ns'",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.rpt",
        "BRAM_18K",
        "BRAM_18X",
        r"is cut off or damaged: the table in line \d+ has no column for bram18",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "<LUT>41000</LUT>",
        "",
        r"is cut off or damaged: Resources must have one of LUT, it has 0",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "<LUT>41000</LUT>",
        "<LUT>4e4</LUT>",
        r"is cut off or damaged: Resources LUT must be a whole number, got '4e4'",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "</profile>",
        "",
        r"is cut off or damaged: it is not well-formed \(.*\); run the tool again$",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "<unit>ns</unit>\n<ProductFamily>",
        "<unit>us</unit>\n<ProductFamily>",
        r"must give its clock in ns, got 'us'",
    ),
    (
        "vitis_hls/2022.2/tiny_csynth.xml",
        "<Interval-max>321<",
        "<Interval-max>3<",
        r"is damaged: A resource report's smallest ii must not exceed its largest",
    ),
    (
        "vivado_hls/2018.2/tiny_csynth.xml",
        "Interval>1<",
        "Interval>2<",
        r"contradicts itself: a pipeline's interval of 2 is not 1 to 1",
    ),
    ("vivado_hls/2018.2/tiny_csynth.xml", "<profile>", "<!DOCTYPE x>\n<profile>", r"declares entities, which no report does$"),
    (
        "vivado/2018.3/tiny_utilization_synth.rpt",
        "| Slice LUTs*                |  612 |",
        "| Slice LUTs*                |  613 |",
        r"contradicts itself: LUTs are not the sum",
    ),
    (
        "vivado/2018.3/tiny_utilization_synth.rpt",
        "|  1.5 |",
        "|  2.5 |",
        r"contradicts itself: Block RAM Tile 5/2 of 1470 is not '0\.10' per cent",
    ),
    (
        "vivado/2018.3/tiny_utilization_synth.rpt",
        "|  1.5 |",
        "|  1.7 |",
        r"is cut off or damaged: Block RAM Tile must be a whole or half number, got '1\.7'",
    ),
    (
        "vivado/2018.3/tiny_utilization_synth.rpt",
        ": Synthesized",
        ": Sythesized",
        r"is cut off or damaged: the design state 'Sythesized' is unknown",
    ),
    (
        "vivado/2018.3/tiny_utilization_synth.rpt",
        "\n4. Primitives\n---",
        "\n---",
        r"is cut off or damaged: the section '4\. Primitives' is missing",
    ),
    (
        "vivado/2024.2/tiny_utilization_hierarchical_routed.rpt",
        "|      29000 |",
        "|      29001 |",
        r"contradicts itself: the LUTs of grp_dense_fu_40 are not the sum",
    ),
    (
        "vivado/2022.1/tiny_timing_summary_routed.rpt",
        "      0.752        0.000",
        "      0.652        0.000",
        r"contradicts itself: the worst setup slack is 0\.652, that of its groups \[0\.752\]",
    ),
    (
        "vivado/2022.1/tiny_timing_summary_routed.rpt",
        "Pulse Width Checks",
        "",
        r"is cut off or damaged: the Pulse Width Checks of a group are missing",
    ),
    (
        "vivado/2022.1/tiny_timing_summary_routed.rpt",
        "All user specified timing constraints are met.",
        "",
        r"is cut off or damaged: it does not say whether the timing is met",
    ),
    (
        "vivado/2022.1/tiny_timing_summary_routed.rpt",
        "      5.000           200.000",
        "      6.000           200.000",
        r"contradicts itself: a period of 6 ns is not 200 MHz",
    ),
    (
        "vivado/2024.2/tiny_timing_routed.rpt",
        "Timing constraints are not met.",
        "All user specified timing constraints are met.",
        r"contradicts itself: 'All user",
    ),
    (
        "vivado/2023.2/tiny_export.rpt",
        "Timing not met",
        "Timing met",
        r"contradicts itself: 'Timing met' with a clock of 3\.481 ns for 3\.333 ns",
    ),
    (
        "vivado/2023.2/tiny_export.rpt",
        "Timing not met\n",
        "",
        r"is cut off or damaged: it does not end with a verdict on the timing",
    ),
    (
        "vivado/2023.2/export_impl.xml",
        'LUT="30100"',
        'LUT="30200"',
        r"contradicts itself: LUT is 30100 but 30200 in the top module",
    ),
    (
        "vivado/2023.2/export_impl.xml",
        "<RUN_TYPE>impl",
        "<RUN_TYPE>imp",
        r"is cut off or damaged: RUN_TYPE must be impl or syn, got 'imp'",
    ),
    ("vivado/2023.2/tiny_failfast_routed.rpt", "1.74%", "1.74 ", r"is cut off or damaged: LUT must be a percentage, got '1\.74'"),
    (
        "vitis_hls/2024.1/tiny_cosim.rpt",
        "Pass",
        "Pasd",
        r"is cut off or damaged: the status must be Pass, Fail or NA, got \['Pasd'\]",
    ),
    (
        "vitis_hls/2024.1/tiny_cosim.rpt",
        "|            100|",
        "|            900|",
        r"contradicts itself: 15, 900, 320 are not in order",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), CHANGES)
def test_a_damaged_report_is_refused_with_its_name(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    text = (GOLDEN / name).read_text()
    assert old in text
    path = tmp_path / Path(name).name
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ReportError, match=rf"^The report {path} (?:{message})"):
        parse_report(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty; the tool that should have written it did not finish$"),
        (b"\n \n", r"is empty; the tool that should have written it did not finish$"),
        (b"\x7fELF\x00\x01", r"is not text, so no report of Vivado or Vitis$"),
        (b"\xff\xfe", r"is not text, so no report of Vivado or Vitis$"),
        (
            b"hello\n",
            r"is not a C synthesis, export, utilisation, timing summary, failfast or cosimulation report of Vivado or Vitis, or its head",
        ),
        (b"<html></html>", r"is not a C synthesis, .*: its XML starts with 'html'$"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.rpt"
    path.write_bytes(content)
    with pytest.raises(ReportError, match=rf"^The report {path} {message}"):
        parse_report(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"^The report .*/none\.rpt cannot be read: No such file or directory$"):
        parse_report(tmp_path / "none.rpt")


def test_the_summary_of_vitis_names_the_right_file() -> None:
    with pytest.raises(
        ReportError,
        match=r"csynth\.rpt is Vitis' summary of all modules; read the top function's own report, <top>_csynth\.rpt, beside it$",
    ):
        parse_report(GOLDEN / "vitis_hls/2022.2/csynth.rpt")


def test_a_failfast_report_needs_a_name_that_tells_its_level(tmp_path: Path) -> None:
    path = tmp_path / "failfast.rpt"
    path.write_bytes((GOLDEN / "vivado/2023.2/tiny_failfast_routed.rpt").read_bytes())
    with pytest.raises(
        ReportError, match=r"has a name that does not say whether the design was synthesised or routed; give it …_routed\.rpt$"
    ):
        parse_report(path)


def test_an_old_export_without_its_kind_is_refused(tmp_path: Path) -> None:
    text = (GOLDEN / "vivado/2019.2/tiny_export.xml").read_text()
    path = tmp_path / "tiny_export.xml"
    path.write_text(text[: text.index("<RunData>")] + text[text.index("</RunData>") + len("</RunData>") :])
    with pytest.raises(
        ReportError, match=r"does not say whether it is after synthesis or implementation; read the \.rpt beside it$"
    ):
        parse_report(path)
