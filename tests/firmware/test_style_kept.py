"""A combinational top that HLS cut into clock cycles is warned of."""

from __future__ import annotations

import pytest

from l1ad.core.choices import Style
from l1ad.core.resources import Level, ResourceReport
from l1ad.firmware.target import with_style_kept


@pytest.mark.parametrize(
    ("style", "level", "cycles", "warned"),
    [
        (Style.COMBINATIONAL, Level.CSYNTH, 3, True),
        (Style.COMBINATIONAL, Level.COSIM, 1, True),
        (Style.COMBINATIONAL, Level.CSYNTH, 0, False),
        (Style.COMBINATIONAL, Level.CSYNTH, None, False),
        (Style.PIPELINED, Level.CSYNTH, 3, False),
        (Style.COMBINATIONAL, Level.ROUTED, 3, False),
    ],
)
def test_only_cycles_of_hls_in_a_combinational_top(style: Style, level: Level, cycles: int | None, warned: bool) -> None:
    report = with_style_kept(ResourceReport("Vitis HLS", level, latency_max_cycles=cycles), style)
    assert [f"a latency of {cycles} cycles" in note for note in report.notes] == [True] * warned
