from pathlib import Path

import pytest

from l1ad.core.history import Curves
from l1ad.reporting import model_sections
from l1ad.reporting.document import Text
from l1ad.reporting.model_sections import model_section, training_curve
from l1ad.reporting.runs import Run
from tests.networks import make_network


def sentences(**changes: object) -> list[str]:
    section = model_section(Run("r", Path(), {}, network=make_network("l1topo44", (4, 2), **changes)))  # type: ignore[arg-type]
    assert section is not None
    return [block.text for block in section.blocks if isinstance(block, Text)]


def test_pt_thresholds_stand_in_counts_and_gev() -> None:
    network, thresholds = sentences(min_pt_hw=(("jet", 150), ("tau", 40)))
    assert network.startswith("Network 44-4-2 with ")
    assert (
        thresholds
        == "Objects below these pT thresholds are absent for the chip: jet 150 counts (15.0 GeV), tau 40 counts (4.00 GeV)."
    )


def test_without_thresholds_nothing_is_said_of_them() -> None:
    assert len(sentences()) == 1


@pytest.mark.parametrize(
    ("loss", "is_log"),
    [([[900.0, 800.0], [3.0, 2.0], [2.5, 1.9]], True), ([[900.0], [0.0]], False), ([[5.0, -1.0], [4.0, 3.0]], False)],
)
def test_loss_curves_are_logarithmic_where_every_loss_is_above_0(
    loss: list[list[float]], is_log: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(model_sections, "line_plot", lambda name, caption, axes, series: drawn.append(axes))
    training_curve("float", Curves(tuple(map(tuple, loss)), ((1.0,) * len(loss[0]),) * len(loss)))
    (axes,) = drawn
    assert axes.log_y is is_log
