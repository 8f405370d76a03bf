import numpy as np
import pytest

from l1ad.simulation.detector import DetectorSettings, Objects, Pool, detect, draw_pileup
from l1ad.simulation.particles import ParticleTable


def collisions(events: list[list[tuple[float, float, float, int]]], hardness: list[float]) -> ParticleTable:
    flat = [particle for event in events for particle in event]
    pt, eta, phi, kind = (np.array(column) for column in zip(*flat, strict=True))
    offsets = np.concatenate([[0], np.cumsum([len(event) for event in events])]).astype(np.int64)
    floats = (pt.astype(np.float32), eta.astype(np.float32), phi.astype(np.float32), phi.astype(np.float32))
    return ParticleTable(offsets, *floats, kind.astype(np.int8), np.array(hardness, dtype=np.float32))


@pytest.fixture(scope="module")
def pool() -> Pool:
    rng = np.random.default_rng(4)
    events = [
        [(float(pt), float(eta), float(phi), 2) for pt, eta, phi in rng.random((40, 3)) * (1, 9, 6) - (-0.3, 4.5, 3)]
        for _ in range(50)
    ]
    return Pool.sort(collisions(events, rng.random(50).tolist()))


def test_the_pool_is_ordered_by_hardness() -> None:
    table = collisions([[(1, 0, 0, 0)], [(2, 0, 0, 0), (3, 0, 0, 0)], [(4, 0, 0, 0)]], [9.0, 1.0, 5.0])
    ordered = Pool.sort(table).particles
    assert ordered.pthat_gev.tolist() == [1.0, 5.0, 9.0]
    assert ordered.pt_gev.tolist() == [2.0, 3.0, 4.0, 1.0]
    assert ordered.offsets.tolist() == [0, 2, 3, 4]


def test_pileup_is_poisson_and_softer_than_its_limit(pool: Pool) -> None:
    limit = np.full(4000, float(pool.particles.pthat_gev[25]))
    draws = draw_pileup(pool, 20.0, limit, np.zeros(4000, np.int64), np.random.default_rng(1))
    assert draws.numbers.mean() == pytest.approx(10.0, rel=0.03)
    assert draws.numbers.var() == pytest.approx(10.0, rel=0.1)
    assert draws.collision.max() < 25
    assert set(draws.sign) == {-1.0, 1.0}
    assert draws.turn.min() >= 0
    assert draws.turn.max() < 2 * np.pi


def simulate(pool: Pool, hard: ParticleTable, mean: float, seed: int = 7) -> Objects:
    n_events = hard.n_events
    rng = np.random.default_rng(seed)
    draws = draw_pileup(pool, mean, np.full(n_events, np.inf), np.zeros(n_events, np.int64), rng)
    return detect(pool, draws, hard, np.arange(n_events), rng.integers(0, 2**31, n_events), DetectorSettings())


def test_objects_appear_where_particles_went(pool: Pool) -> None:
    electron = [(50.0, 0.55, 1.0, 1)]
    muon = [(30.0, 1.5, -2.0, 5)]
    jet = [(20.0, 2.01, 0.3, 2)] * 4 + [(20.0, 2.05, 0.25, 0)] * 2
    objects = simulate(pool, collisions([electron] * 200 + [muon] * 200 + [jet] * 200, [0.0] * 600), 0.0)
    electrons, muons, jets = slice(0, 200), slice(200, 400), slice(400, 600)
    assert objects.l1_egammas[electrons, 0, 0].mean() == pytest.approx(50, rel=0.02)
    assert (objects.hlt_electrons[electrons, 0, 0] > 40).mean() == pytest.approx(0.92, abs=0.06)
    assert (objects.hlt_photons[electrons] == 0).all()
    np.testing.assert_allclose(objects.l1_met[electrons, 0], objects.l1_jets[electrons, 0, 0] / 1.15, rtol=0.02)
    assert (objects.l1_muons[muons, 0, 0] > 0).mean() == pytest.approx(0.9, abs=0.07)
    assert np.median(objects.hlt_muons[muons, 0, 0]) == pytest.approx(30, rel=0.02)
    assert objects.l1_jets[jets, 0, 0].mean() == pytest.approx(120, rel=0.1)
    assert objects.hlt_jets[jets, 0, 0].mean() == pytest.approx(120, rel=0.1)
    np.testing.assert_allclose(objects.l1_jets[jets, 0, 1], 2.05, atol=0.11)
    np.testing.assert_allclose(objects.hlt_jets[jets, 0, 1], 2.05, atol=0.1)
    assert (objects.l1_jets[jets, 1] == 0).all()


def test_the_same_seed_gives_the_same_objects(pool: Pool) -> None:
    hard = collisions([[(40.0, 0.5, 1.0, 2)]] * 20, [0.0] * 20)
    first, again, other = (simulate(pool, hard, 10.0, seed) for seed in (1, 1, 2))
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, again.arrays()[name])
    assert (first.l1_met != other.l1_met).any()


def test_events_do_not_depend_on_those_before(pool: Pool) -> None:
    hard = collisions([[(40.0, 0.5, 1.0, 2)], [(60.0, -0.5, 2.0, 2)]], [0.0, 0.0])
    none = draw_pileup(pool, 0.0, np.full(2, np.inf), np.zeros(2, np.int64), np.random.default_rng(1))
    seeds = np.array([5, 6])
    both = detect(pool, none, hard, np.array([0, 1]), seeds, DetectorSettings())
    swapped = detect(pool, none, hard, np.array([1, 0]), seeds[::-1].copy(), DetectorSettings())
    np.testing.assert_array_equal(both.l1_jets, swapped.l1_jets[::-1])
