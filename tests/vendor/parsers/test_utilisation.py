"""Utilisation reports in the forms of every version: each number as it was put in, what contradicts itself refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.core.errors import ReportError
from l1ad.core.resources import Level, ResourceReport
from l1ad.vendor.parsers import parse_report
from tests.vendor.utilisation_made import Made

V690 = Made(device="7vx690tffg1927-2", seven=True)
PADS = (("71", "49", "0"), ("70", "48", "0"), ("8", "4", "0"))


def read(folder: Path, made: Made) -> ResourceReport:
    path = folder / "tiny_utilization.rpt"
    path.write_text(made.text())
    return parse_report(path)


@pytest.mark.parametrize("pads", [(), PADS], ids=["out of context", "with pads"])
@pytest.mark.parametrize("family", [Made(), V690], ids=["UltraScale+", "7 series"])
@pytest.mark.parametrize(
    ("state", "level"), [("Synthesized", Level.LOGIC), ("Fully Placed", Level.PLACED), ("Routed", Level.ROUTED)]
)
@pytest.mark.parametrize(
    ("version", "prohibited"),
    [("2018.3", False), ("2019.2", False), ("2020.2", False), ("2021.2", True), ("2023.2", True), ("2025.2", True)],
)
def test_every_form_gives_what_was_put_in(
    tmp_path: Path, family: Made, version: str, prohibited: bool, state: str, level: Level, pads: tuple[tuple[str, ...], ...]
) -> None:
    report = read(tmp_path, replace(family, version=version, prohibited=prohibited, state=state, pads=pads))
    assert (report.level, report.tool_version, report.part) == (level, version, family.device)
    assert (report.lut, report.ff, report.carry, report.dsp, report.bram18) == (120, 64, 10, 2, 3)
    assert dict(report.others)["lut_memory"] == 8


@pytest.mark.parametrize(
    ("made", "fits"),
    [
        (Made(pads=PADS, extra_ff=13), True),
        (Made(pads=PADS, extra_ff=3 * 250), True),
        (Made(pads=PADS, extra_ff=3 * 250 + 1), False),
        (Made(extra_ff=13, crossings=(13, 0, 0)), True),
        (Made(extra_ff=13, crossings=(3, 4, 3)), True),
        (Made(extra_ff=14, crossings=(3, 4, 3)), False),
        (Made(extra_ff=1), False),
        (Made(pads=PADS, extra_ff=-1), False),
    ],
)
def test_flip_flops_outside_the_logic_must_have_a_place(tmp_path: Path, made: Made, fits: bool) -> None:
    if fits:
        assert read(tmp_path, made).ff == 64
        return
    with pytest.raises(ReportError, match=rf"contradicts itself: 64 flip-flops but {64 + made.extra_ff} flip-flop primitives$"):
        read(tmp_path, made)


def test_a_wrapper_around_black_boxes_has_no_counts(tmp_path: Path) -> None:
    report = read(tmp_path, Made(state="Synthesized", boxes={"bd_0_hls_inst_0": 1, "fadd": 5}))
    assert (report.lut, report.ff, report.carry, report.dsp, report.bram18, report.uram) == (None,) * 6
    assert report.others == (("black_boxes", 6), ("lut_outside_black_boxes", 120))
    assert report.notes[-1].startswith(
        "The design holds black boxes, bd_0_hls_inst_0 (1), fadd (5), whose resources Vivado did not count"
    )
    assert read(tmp_path, Made()).lut == 120


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| Ref Name | Used |\n", "| Reg Name | Used |\n", r"is cut off or damaged: the table of black boxes is missing"),
        ("|  112 |", "|  113 |", r"contradicts itself: LUTs are not the sum"),
        (": Routed", ": Half routed", r"is cut off or damaged: the design state 'Half routed' is unknown"),
        ("Table of Contents", "Contents", r"is cut off or damaged: no table of contents"),
        ("| Ref Name ", "| Primitive ", r"is cut off or damaged: no table of primitives"),
        ("| DSPs ", "| MULs ", r"is cut off or damaged: must have one whole number for "),
        ("v.2024.1", "v.24.1", r"is cut off or damaged: no line of the form "),
        ("Block RAM Tile", "Block RAM Tiles", r"is cut off or damaged: (no row 'Block RAM Tile'|line \d+ does not fit)"),
    ],
)
def test_an_unknown_form_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "u.rpt"
    text = Made().text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ReportError, match=rf"^The report {path} {message}"):
        parse_report(path)
