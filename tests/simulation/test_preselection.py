"""What particles promise decides which crossings are detected: by hand, and with weights that still add up."""

import numpy as np
import pytest

from l1ad.scores.selection import effective_number
from l1ad.simulation.detector import Draws, Pool, draw_pileup
from l1ad.simulation.enhanced_bias import EnhancedBias, Measured, by_collision, tails
from l1ad.simulation.particles import ParticleKind, ParticleTable, Visible
from l1ad.simulation.preselection import PARTICLE_QUANTITIES, chosen, leading, particle_quantities


def table(*collisions: list[tuple[float, float, ParticleKind]]) -> ParticleTable:
    """Make collisions of particles (pt, φ, kind)."""
    flat = [particle for collision in collisions for particle in collision]
    pt, phi = (np.array([particle[i] for particle in flat], dtype=np.float32) for i in (0, 1))
    return ParticleTable(
        offsets=np.cumsum([0, *map(len, collisions)]),
        pt_gev=pt,
        eta=np.zeros_like(pt),
        phi=phi,
        phi_calo=phi,
        kind=np.array([particle[2] for particle in flat], dtype=np.int8),
        pthat_gev=np.arange(len(collisions), dtype=np.float32),
    )


PION, MUON = ParticleKind.PION, ParticleKind.MUON


def test_quantities_by_hand() -> None:
    pool = Visible.of(
        table([(3.0, 0.0, PION), (4.0, np.pi / 2, PION), (1.9, 0.0, PION)], [(6.0, 0.0, PION), (9.0, 0.0, MUON)], [])
    )
    hard = Visible.of(table([(10.0, np.pi, PION)]))
    # Crossing 0: pool collisions 0 and 1, the second turned by a quarter; 1: none; 2: collision 2 and the hard one.
    draws = Draws(np.array([0, 2, 2, 3]), np.array([0, 1, 2]), np.ones(3), np.array([0.0, np.pi / 2, 0.0]))
    found = particle_quantities(pool, draws, None, np.full(3, -1))
    assert found["met"] == pytest.approx([np.hypot(3.0, 4.0 + 6.0), 0.0, 0.0], abs=1e-6)
    assert found["ht"] == pytest.approx([13.0, 0.0, 0.0])
    assert found["collision"] == pytest.approx([7.0, 0.0, 0.0])
    assert found["particle"] == pytest.approx([6.0, 0.0, 0.0])
    assert found["muon"] == pytest.approx([9.0, 0.0, 0.0])
    with_hard = particle_quantities(pool, draws, hard, np.zeros(3, dtype=int))
    assert with_hard["met"] == pytest.approx([np.hypot(-7.0, 10.0), 10.0, 10.0], abs=1e-5)
    assert with_hard["collision"] == pytest.approx([10.0, 10.0, 10.0])
    assert tuple(found) == PARTICLE_QUANTITIES
    assert leading(pool, draws).tolist() == [0, -1, 2]


def test_chosen_crossings_keep_their_own_pile_up() -> None:
    pool = Pool.sort(table(*([[(2.0 + i, 0.1 * i, PION)] for i in range(50)])))
    draws = draw_pileup(pool, 20.0, np.full(40, 100.0), np.zeros(40, np.int64), np.random.default_rng(1))
    keep = np.arange(40) % 3 == 1
    left = chosen(draws, keep)
    assert len(left.numbers) == keep.sum()
    for new, old in enumerate(np.flatnonzero(keep)):
        rows, wanted = slice(*left.starts[new : new + 2]), slice(*draws.starts[old : old + 2])
        for name in ("collision", "sign", "turn"):
            np.testing.assert_array_equal(getattr(left, name)[rows], getattr(draws, name)[wanted])


def test_one_collision_in_many_crossings_counts_once() -> None:
    weight, collision = np.ones(100), np.repeat(np.arange(5), 20)
    assert effective_number(weight) == pytest.approx(100.0)
    assert effective_number(by_collision(weight, collision)) == pytest.approx(5.0)
    measured = Measured(weight, np.zeros(100, dtype=bool), collision)
    found = tails({"q": np.arange(100.0)}, measured, crossing_khz=24.7)["q"]
    # 10 of 24.7 kHz are the 40 largest, of two collisions; 1 kHz is four crossings of one.
    assert found == pytest.approx({"n_effective_1khz": 1.0, "n_effective_1khz_pure": 1.0, "largest_share_10khz": 0.5})


def test_the_sum_of_weights_is_that_of_all_crossings() -> None:
    random = np.random.default_rng(2)
    values = {"met": random.exponential(15.0, 100_000)}
    probability = EnhancedBias({"met": 60.0}, floor=0.03, power=5.0, known=PARTICLE_QUANTITIES).probability(values)
    keep = random.random(100_000) < probability
    assert keep.mean() < 0.1
    for cut in (0.0, 30.0, 70.0):
        there = values["met"] >= cut
        assert (1 / probability[keep & there]).sum() == pytest.approx(there.sum(), rel=0.1)
