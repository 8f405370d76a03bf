"""A board's clock and its uncertainty reach everything that is made for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from l1ad.config.firmware import FirmwareConfig
from l1ad.core.board import load_board
from l1ad.core.choices import Style
from l1ad.firmware.target import resolve_target
from tests.networks import make_network
from tests.rtl.projects import make_project


@pytest.mark.parametrize(
    ("name", "clock_ns", "uncertainty", "style"),
    [("l1topo", 25.0, 0.27, Style.COMBINATIONAL), ("vu13p", None, 0.125, Style.PIPELINED), ("cms_ugt", None, 0.125, None)],
)
def test_a_target_has_its_boards_clock(name: str, clock_ns: float | None, uncertainty: float, style: Style | None) -> None:
    board = load_board(name)
    target = resolve_target(FirmwareConfig(board=name), board)
    assert (target.part, target.clock_ns, target.clock_uncertainty) == (board.part, board.clock_ns, uncertainty)
    assert clock_ns in (None, target.clock_ns)
    assert style in (None, target.style)


def test_a_clock_of_the_configuration_comes_first() -> None:
    assert resolve_target(FirmwareConfig(board="l1topo", clock_ns=5.0), load_board("l1topo")).clock_ns == 5.0


@pytest.mark.parametrize("uncertainty", [0.125, 0.3])
def test_generated_rtl_is_constrained_with_its_boards_uncertainty(tmp_path: Path, uncertainty: float) -> None:
    from l1ad.rtl.flow import vivado_project

    board = replace(load_board("vu13p"), clock_uncertainty=uncertainty)
    project = vivado_project(make_project(tmp_path, make_network(widths=(2, 2))), board, 4.0)
    assert (project.part, project.clock_ns, project.uncertainty) == (board.part, 4.0, uncertainty)
