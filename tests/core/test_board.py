from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.core.board import board_names, check_part, load_anchors, load_board, part_totals
from l1ad.core.errors import ConfigError

BOARDS = ("alveo_u200", "alveo_u250", "alveo_u280", "alveo_u55c", "cms_ugt", "l1topo", "l1topo_5ns", "vu13p")


def test_every_shipped_board_loads() -> None:
    assert board_names() == BOARDS
    for name in BOARDS:
        board = load_board(name)
        assert board.name == name
        assert board.totals.part == board.part
        assert board.totals.ff == 2 * board.totals.lut
        assert board.yosys_family in {"xcup", "xc7"}


def test_l1topo() -> None:
    board = load_board("l1topo")
    totals = board.totals
    assert (totals.lut, totals.ff, totals.dsp, totals.bram18, totals.uram) == (1182240, 2364480, 6840, 4320, 960)
    assert (board.clock_ns, board.latency_budget_ns, board.yosys_family) == (25.0, 25.0, "xcup")
    assert board.lut_budget == 1182240


@pytest.mark.parametrize(
    ("part", "clbs", "tiles", "dsp", "uram"),
    [
        ("xcvu9p", 147780, 2160, 6840, 960),
        ("xcu200", 147780, 2160, 6840, 960),
        ("xcvu13p", 216000, 2688, 12288, 1280),
        ("xcu250", 216000, 2688, 12288, 1280),
        ("xcu280", 162960, 2016, 9024, 960),
        ("xcu55c", 162960, 2016, 9024, 960),
        ("xc7vx690t", 54150, 1470, 3600, 0),
    ],
)
def test_totals_are_those_of_the_public_device_list(part: str, clbs: int, tiles: int, dsp: int, uram: int) -> None:
    totals = part_totals(part)
    assert (totals.lut, totals.ff, totals.bram18, totals.dsp, totals.uram) == (8 * clbs, 16 * clbs, 2 * tiles, dsp, uram)


def test_a_users_board_is_read_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "title: mine\npart: xc7vx690tffg1927-2\nclock_ns: 12.5\nclock_uncertainty: 0.1\nlatency_budget_ns: 100.0\n"
        "lut_budget_fraction: 0.05\nsource: me\n"
    )
    board = load_board(str(path))
    assert (board.name, board.lut_budget, board.totals.lut) == ("mine", 21660, 433200)


@pytest.mark.parametrize(
    ("part", "lut"),
    [
        ("xcvu9p-flga2104-2-e", 1182240),
        ("xcvu9p-flga2104-2L-e", 1182240),
        ("XCVU13P-FLGA2577-2-E", 1728000),
        ("xc7vx690tffg1927-2", 433200),
        ("7vx690tffg1927-2", 433200),
        ("7z020clg400-1", 53200),
        ("xc7z020-clg400-1", 53200),
        ("xcu250", 1728000),
        ("xcu55c-fsvh2892-2L-e", 1303680),
    ],
)
def test_parts_in_all_spellings(part: str, lut: int) -> None:
    assert part_totals(part).lut == lut


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("xcvu9p-flga2104-4-e", r"^There is no part 'xcvu9p-flga2104-4-e'; did you mean 'xcvu9p-flga2104-3-e' or 'xcvu9p-"),
        ("xcvu9-flga2104-2-e", r"^There is no part 'xcvu9-flga2104-2-e'; did you mean 'xcvu9p-flga2104-2-e' or "),
        ("xcvu9p", r"^There is no part 'xcvu9p'; valid are 'xcvu9p-flga2104-1-e', "),
        ("", r"^There is no part ''; valid are "),
    ],
)
def test_a_wrong_part_names_the_nearest(part: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_part(part)


def test_a_wrong_board_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"^There is no board 'l1topos'; did you mean 'l1topo' or 'l1topo_5ns'\?$"):
        load_board("l1topos")


GOOD = "title: t\npart: xcvu9p-flga2104-2-e\nclock_ns: 5.0\nclock_uncertainty: 0.1\nlatency_budget_ns: null\nlut_budget_fraction: null\nsource: s\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("clock_ns: 5.0", "clock_ns: 0.0"),
            r"^.*bad\.yaml needs a finite clock_ns above 0, got 0\.0; give the clock period in ns$",
        ),
        (
            GOOD.replace("clock_ns: 5.0", "clock_ns: .inf"),
            r"^.*bad\.yaml needs a finite clock_ns above 0, got inf; give the clock",
        ),
        (GOOD.replace("0.1", "1.5"), r"^.*bad\.yaml needs a clock_uncertainty from 0 to below 1, got 1\.5; 0\.27 is usual$"),
        (GOOD.replace("title", "titel"), r"^.*bad\.yaml is wrong at title: .*required.*; see l1ad/boards for the form$"),
        (
            GOOD.replace("5.0", "fast"),
            r"^.*bad\.yaml is wrong at clock_ns: Input should be a valid number, got 'fast'; see l1ad/boards",
        ),
        ("- [", r"^.*bad\.yaml is not YAML: "),
        (GOOD.replace("vu9p", "vu9q"), r"^There is no part 'xcvu9q-flga2104-2-e'; did you mean 'xcvu9p-flga2104-2-e'"),
    ],
)
def test_a_wrong_board_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_board(str(path))


def test_a_missing_board_file_is_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^Cannot read the board 'nowhere\.yaml': No such file or directory; shipped boards are "
    ):
        load_board("nowhere.yaml")


def test_anchors_have_sources_and_levels() -> None:
    anchors = load_anchors()
    assert {anchor.level for anchor in anchors} == {"csynth", "routed", "open", "estimate", "published"}
    assert {anchor.confirmed for anchor in anchors} == {"primary", "secondary"}
    assert all(anchor.source for anchor in anchors)
    routed = next(anchor for anchor in anchors if anchor.name == "GELATO L1Topo R&D, routed")
    assert (routed.lut, routed.latency_ns) == (23917, 18.972)
