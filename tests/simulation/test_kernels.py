"""The compiled loops, on towers with known answers."""

import math
from pathlib import Path

import numpy as np
import pytest

from l1ad.simulation import kernels as k

ETA = (np.arange(k.N_ETA) + 0.5) * k.ETA_STEP - k.ETA_MAX


def grid() -> k.Grid:
    return np.zeros((k.N_ETA, k.N_PHI))


def test_sums_of_nine_are_cyclic_in_phi_and_end_in_eta() -> None:
    towers = np.random.default_rng(1).random((k.N_ETA, k.N_PHI))
    total = grid()
    k.sum3(towers, total)
    padded = np.pad(towers, ((1, 1), (0, 0)))
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    np.testing.assert_allclose(total, rows + np.roll(rows, 1, axis=1) + np.roll(rows, -1, axis=1), rtol=1e-12)


def test_of_equal_towers_the_first_is_the_peak() -> None:
    towers = grid()
    towers[40, 63] = towers[40, 0] = towers[41, 62] = 5.0
    peaks = [(r, c) for r, c in ((40, 63), (40, 0), (41, 62)) if k.is_peak(towers, r, c, 2)]
    assert peaks == [(40, 63)]


def test_objects_are_kept_sorted_and_the_least_is_dropped() -> None:
    objects = np.zeros((3, 3))
    for energy in (5.0, 9.0, 1.0, 7.0, 9.0):
        k.insert(objects, energy, energy / 10, -energy)
    assert objects[:, 0].tolist() == [9.0, 9.0, 7.0]
    assert objects[2].tolist() == [7.0, 0.7, -7.0]


def test_a_jet_is_the_energy_within_a_radius_of_four_towers() -> None:
    towers, sums, jets = grid(), grid(), np.zeros((10, 3))
    towers[50, 10], towers[50, 14], towers[52, 12], towers[50, 15] = 30.0, 4.0, 2.0, 8.0
    k.sum3(towers, sums)
    k.find_jets(towers, sums, 1.0, 20.0, False, jets)
    assert jets[0].tolist() == pytest.approx([36.0, ETA[51], 11.5 * k.PHI_STEP])
    assert (jets[1:] == 0).all()


def test_a_centroid_lies_between_the_towers() -> None:
    towers, sums, jets = grid(), grid(), np.zeros((10, 3))
    towers[50, 63], towers[50, 0] = 20.0, 20.0
    k.sum3(towers, sums)
    k.find_jets(towers, sums, 1.0, 20.0, True, jets)
    assert jets[0, 0] == 40.0
    assert abs(k.wrap(jets[0, 2])) < 1e-9


def test_the_same_energy_is_found_once() -> None:
    towers, sums, jets = grid(), grid(), np.zeros((10, 3))
    towers[48:51, 20:23] = 10.0
    k.sum3(towers, sums)
    k.find_jets(towers, sums, 1.0, 20.0, False, jets)
    assert (jets[:, 0] > 0).sum() == 1
    assert jets[0, 0] == pytest.approx(90.0)


@pytest.mark.parametrize(("around", "behind", "found"), [(0.0, 0.0, 1), (30.0, 0.0, 0), (0.0, 20.0, 0)])
def test_electrons_want_isolation_and_little_behind(around: float, behind: float, found: int) -> None:
    em, had, objects = grid(), grid(), np.zeros((4, 3))
    em[50, 10], em[50, 11], em[52, 12], had[49, 9] = 30.0, 5.0, around * 0.9, behind
    k.find_egamma(em, had, 8.0, 0.25, 0.15, objects)
    ours = np.isclose(objects[:, 0], 35.0).sum()
    assert ours == found


def test_taus_are_narrow() -> None:
    towers, sums = grid(), grid()
    towers[50, 10], towers[50, 11] = 30.0, 10.0
    towers[70, 39:44] = 9.0, 10.0, 10.0, 10.0, 9.0
    k.sum3(towers, sums)
    taus = np.zeros((6, 3))
    k.find_taus(towers, sums, 1.0, 15.0, 0.2, taus)
    assert taus[0].tolist() == pytest.approx([40.0, ETA[49], 10.5 * k.PHI_STEP])
    assert (taus[1:, 0] == 0).all()


def test_missing_energy_is_opposite_to_what_is_seen() -> None:
    towers = grid()
    towers[30, 5], towers[60, 5], towers[20, 40] = 30.0, 10.0, 0.9
    size, angle = k.missing_energy(towers, 1.0)
    assert size == pytest.approx(40.0)
    assert k.wrap(angle - 5.5 * k.PHI_STEP - math.pi) == pytest.approx(0.0, abs=1e-9)


def test_the_density_of_a_flat_ring_is_subtracted_and_a_jet_stays() -> None:
    towers = np.full((k.N_ETA, k.N_PHI), 0.5)
    towers[50, 10] += 40.0
    k.subtract_density(towers)
    assert towers[50, 10] == pytest.approx(40.0, abs=0.2)
    assert abs(np.delete(towers.ravel(), 50 * k.N_PHI + 10)).max() < 0.05


def test_shares_are_whole_for_photons_and_low_for_hadrons() -> None:
    k.seed(1)
    assert k.shares(10.0, 0) == (10.0, 0.0)
    assert k.shares(10.0, 1) == (10.0, 0.0)
    shares = np.array([k.shares(10.0, 2) for _ in range(4000)])
    assert shares[:, 0].mean() == pytest.approx(2.6, rel=0.05)
    np.testing.assert_allclose(shares[:, 0] + shares[:, 1] / 0.8, 10.0)


def test_smearing_has_the_width_of_its_terms() -> None:
    k.seed(2)
    calo, flow = np.full((2, k.N_ETA, k.N_PHI), 25.0), np.full((2, k.N_ETA, k.N_PHI), 10.0)
    resolution = np.zeros((2, k.N_ETA, 3))
    resolution[:, :, 0], resolution[:, :, 1], resolution[:, :, 2] = 0.5, 0.05, 1.0
    k.smear(calo, flow, resolution, 0.5)
    assert calo.mean() == pytest.approx(25.0, rel=0.005)
    assert calo.std() == pytest.approx(math.sqrt(0.25 * 25 + 1.25**2 + 1.0), rel=0.03)
    np.testing.assert_allclose(flow / 10.0 - 1.0, 0.5 * (calo / 25.0 - 1.0))


def test_a_collision_is_deposited() -> None:
    k.seed(3)
    kinds = np.array([0, 1, 5, 1, 0], dtype=np.int8)
    pt = np.array([10.0, 20.0, 15.0, 6.0, 3.0], dtype=np.float32)
    eta = np.array([1.05, -0.55, 0.3, 1.5, 4.85], dtype=np.float32)
    phi = np.full(5, 0.05, dtype=np.float32)
    calo, flow = np.zeros((2, k.N_ETA, k.N_PHI)), np.zeros((2, k.N_ETA, k.N_PHI))
    tracks, muons, n = np.zeros((4, 3)), np.zeros((4, 4)), np.zeros(2, np.int64)
    k.deposit((pt, eta, phi, phi, kinds), 0, 5, -1.0, k.PHI_STEP, False, calo, flow, tracks, muons, n)
    assert calo[0, int((-1.05 + 4.9) * 10), 1] == 10.0
    assert calo[0].sum() == pytest.approx(39.0)
    assert flow[0].sum() == pytest.approx(13.0)
    assert n.tolist() == [2, 1]
    assert muons[0].tolist() == pytest.approx([15.0, -0.3, 0.05 + k.PHI_STEP, 0.0])
    k.deposit((pt, eta, phi, phi, kinds), 0, 5, 1.0, 0.0, True, calo, flow, tracks, muons, n)
    assert flow[0].sum() == pytest.approx(13.0 + 39.0)


def test_kept_code_is_in_a_folder_that_nobody_else_can_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("L1AD_CACHE_DIR", str(tmp_path))
    folder = Path(k._kept_code.__wrapped__() or "")
    assert folder.parent == tmp_path / "simulation"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert k._kept_code.__wrapped__() is None
