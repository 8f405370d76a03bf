import numpy as np
import pytest

from l1ad.core.layout import load_layout
from l1ad.simulation.detector import Objects
from l1ad.simulation.hardware import cms_counts, level1_counts, software_counts, to_counts

L1TOPO44 = load_layout("l1topo44")


def one_event() -> Objects:
    objects = Objects.empty(1)
    objects.l1_jets[0, :2] = [[500.0, -2.05, 3.1], [20.37, 1.0, -0.1]]
    objects.l1_taus[0, 0] = [30.19, 0.05, 1.0]
    objects.l1_muons[0, :3] = [[25.0, 0.5, 0.0], [13.9, 2.0, 0.0], [13.9, 0.5, 0.0]]
    objects.l1_met[0] = [33.33, -1.0]
    objects.hlt_jets[0, 0] = [123.46, -2.05, 3.1]
    return objects


def test_level1_energies_are_truncated_to_their_step_and_saturate() -> None:
    counts = level1_counts(one_event(), L1TOPO44)
    assert counts["jet"][0, :3].tolist() == [[4094, -82, 63], [202, 40, 126], [0, 0, 0]]
    assert counts["tau"][0, 0].tolist() == [301, 2, 20]
    assert counts["met"][0, 0].tolist() == [332, 0, 108]


def test_muons_carry_the_threshold_they_passed_and_are_ordered_by_it() -> None:
    counts = level1_counts(one_event(), L1TOPO44)
    assert counts["muon"][0, :, 0].tolist() == [140, 130, 120, 0]
    assert counts["muon"][0, :, 1].tolist() == [20, 80, 20, 0]


def test_a_coarser_step_can_be_asked_for() -> None:
    assert level1_counts(one_event(), L1TOPO44, 0.5)["jet"][0, 1, 0] == 200
    assert software_counts(one_event(), load_layout("gelato60"), 0.5)["jet"][0, 0, 0] == 1230
    assert software_counts(one_event(), load_layout("gelato60"))["jet"][0, 0, 0] == 1234


def test_cms_counts_are_half_gev_and_saturate() -> None:
    objects = one_event()
    objects.l1_jets[0, 0, 0] = 2000.0
    counts = cms_counts(objects, load_layout("axol1tl57"))
    assert counts["jet"][0, :2, 0].tolist() == [2047, 40]
    assert counts["jet"][0, 0, 1] == round(-2.05 / 0.0435)
    assert counts["met"][0, 0].tolist() == [66, 0, 121]


@pytest.mark.parametrize("count", [1, 3, 6, 777, 32767])
def test_a_value_on_the_grid_keeps_its_count(count: int) -> None:
    objects = np.array([[[count * 0.1, 0.0, 0.0]]])
    assert to_counts(objects, L1TOPO44.slot("jet"))[0, 0, 0] == count
