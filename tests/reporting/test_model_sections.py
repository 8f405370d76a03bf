from pathlib import Path

from l1ad.reporting.document import Text
from l1ad.reporting.model_sections import model_section
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
