"""Enhanced bias keeps sums of weights, has no blind spot, and says what it measures."""

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.errors import ConfigError
from l1ad.scores.selection import effective_number
from l1ad.simulation.detector import SHAPES
from l1ad.simulation.enhanced_bias import QUANTITIES, EnhancedBias, Measured, quantities, tail, tails
from l1ad.simulation.production import Plan, load_batch, produce

ENHANCED = EnhancedBias({"jet": 60.0, "met": 50.0, "sum_pt": 250.0}, floor=0.02, power=3.0)


def arrays(n: int = 40_000) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    made = {name: np.zeros((n, *shape)) for name, shape in SHAPES.items()}
    for name in ("l1_jets", "l1_taus", "l1_egammas", "l1_muons"):
        made[name][:, :, 0] = -np.sort(-random.exponential(4.0, made[name].shape[:2]), axis=1)
    made["l1_met"][:, 0] = random.exponential(15.0, n)
    return made


def test_probabilities_are_one_above_the_full_values_and_never_zero() -> None:
    found = arrays()
    probability = ENHANCED.probability(quantities(found))
    values = quantities(found)
    full = (values["jet"] >= 60.0) | (values["met"] >= 50.0) | (values["sum_pt"] >= 250.0)
    assert full.any()
    assert (probability[full] == 1.0).all()
    assert probability.min() >= 0.02
    assert (probability[~full] < 1.0).all()
    i = int(np.flatnonzero(~full & (probability > 0.02))[0])
    hardness = max(values["jet"][i] / 60.0, values["met"][i] / 50.0, values["sum_pt"][i] / 250.0)
    assert probability[i] == pytest.approx(hardness**3, rel=1e-5)


def test_weighted_spectra_are_those_of_all_crossings_with_far_fewer_events() -> None:
    found = arrays(200_000)
    probability = ENHANCED.probability(quantities(found))
    keep = np.random.default_rng(2).random(len(probability)) < probability
    weight = 1.0 / probability[keep]
    assert keep.mean() < 0.5
    assert weight.sum() == pytest.approx(len(keep), rel=0.02)
    for name, quantity in QUANTITIES.items():
        values = quantity(found)
        cut = np.quantile(values, 0.9)
        error = np.sqrt((weight[values[keep] >= cut] ** 2).sum())
        assert abs(weight[values[keep] >= cut].sum() - (values >= cut).sum()) < 4 * error, name
        assert weight[values[keep] >= cut].max() <= 1 / 0.02


def test_effective_numbers_and_tails_by_hand() -> None:
    assert effective_number(np.array([2.0, 2.0, 2.0])) == pytest.approx(3.0)
    assert effective_number(np.array([3.0, 1.0])) == pytest.approx(16.0 / 10.0)
    assert effective_number(np.zeros(2)) == 0.0
    values, weight = np.array([5.0, 9.0, 1.0, 7.0]), np.array([1.0, 0.5, 8.0, 0.5])
    np.testing.assert_array_equal(tail(values, weight, 1.0), [1])
    np.testing.assert_array_equal(tail(values, weight, 1.1), [1, 3])
    measured = Measured(weight, np.array([False, True, False, False]), np.arange(4))
    found = tails({"q": values}, measured, crossing_khz=10.0)["q"]
    assert found["largest_share_10khz"] == pytest.approx(0.5)
    assert found["n_effective_1khz_pure"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"floor": 0.0},
            r"^The least probability of enhanced bias is above 0 and at most 1, got 0\.0: 0 would be a blind spot\.$",
        ),
        ({"full_gev": {}}, r"^Enhanced bias needs at least one quantity with a full value above 0 GeV, and a power above 0\.$"),
        ({"full_gev": {"jets": 50.0}}, r"^Enhanced bias has no quantity 'jets'; "),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EnhancedBias(**({"full_gev": {"jet": 50.0}} | changes))


def test_fresh_pools_take_over() -> None:
    plan = Plan(events={"minbias": 10_000, "qcd1": 4_000}, pool=100, batch=2_000, pool_serves=6_000)
    pools = [plan.pool_of(task) for task in plan.tasks()]
    assert pools == [0, 0, 0, 1, 1, 1, 2]
    assert plan.n_pools == 3
    numbers = [{task.batch for task in plan.pool_tasks(pool)} for pool in range(3)]
    assert not numbers[0] & numbers[1]
    assert not numbers[1] & numbers[2]
    assert {task.batch for task in plan.pool_tasks()} == numbers[0] | numbers[1] | numbers[2]


@pytest.mark.slow
def test_kept_events_are_those_of_the_whole_production(tmp_path: Path) -> None:
    """The same seeds with and without selection: what is kept is a part of all, and its factor is one over its probability."""
    events = {"minbias": 400, "qcd3": 200}
    everything = Plan(events=events, pool=200, pileup=30.0, batch=200)
    kept = Plan(events=events, pool=200, pileup=30.0, batch=200, enhanced=EnhancedBias({"sum_pt": 150.0}, floor=0.1))
    for plan, folder in ((everything, tmp_path / "all"), (kept, tmp_path / "kept")):
        produce(plan, folder)
    for task in everything.tasks():
        whole, part = load_batch(everything, tmp_path / "all", task), load_batch(kept, tmp_path / "kept", task)
        assert part.n_generated == whole.n_generated == 200
        assert 0 < len(part.factor) < 200
        rows = {tuple(row) for row in whole.objects.l1_jets[:, :, 0].round(4)}
        assert all(tuple(row) in rows for row in part.objects.l1_jets[:, :, 0].round(4))
        assert part.factor.sum() == pytest.approx(200, rel=0.5)
