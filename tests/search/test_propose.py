"""Proposals: the same for the same trials, better with a model than without, around the front, pruned further."""

import numpy as np
import pytest

from l1ad.config.scan import ScanConfig
from l1ad.search.propose import SHRINKAGE, drawn, front, propose
from l1ad.search.space import Space
from l1ad.search.storage import Trial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SPACE = Space({"hidden": ("[2]", "[4]", "[8]", "[16]"), "weight_bits": (3, 4, 5)}, {"sparsity": (0.0, 0.8)})


def judged(trial: Trial) -> Trial:
    """Evaluate a made network: efficiency rises with size, but not beyond 8 neurons; more pruning than 0.5 hurts."""
    size, p = int(trial.parameters["hidden"][1:-1]), trial.parameters
    efficiency = min(size, 8) / 8 - 2 * max(p["sparsity"] - 0.5, 0) - 0.2 * (p["weight_bits"] == 3)
    lut = 100 * size * p["weight_bits"] * (1 - p["sparsity"])
    found = {"efficiency": efficiency, "lut": lut, "latency_ns": 10.0}
    return Trial(trial.number, p, trial.shrink, found)


SIZES = Space(
    {"hidden": tuple(range(3, 33)), "bits": (4, 5, 6), "codes": (1, 2, 3), "act": tuple(range(2, 9))}, {"sparsity": (0.0, 0.8)}
)


def judged_size(trial: Trial) -> Trial:
    """Evaluate a made network whose efficiency saturates with its weights and wants good codes and activations."""
    p = trial.parameters
    weights = p["hidden"] * (1 - p["sparsity"]) * (p["bits"] - 1)
    loss = 0.25 * (p["codes"] == 1) + 0.05 * (p["codes"] == 3) + 0.3 * max(0.0, p["sparsity"] - 0.7) + 0.1 * max(0, 4 - p["act"])
    lut = 40 * weights * (1 + 0.3 * p["act"]) + 150 * p["codes"]
    found = {"efficiency": 0.9 * (1 - np.exp(-weights / 12)) - loss, "lut": lut, "latency_ns": 8 + np.log2(p["hidden"])}
    return Trial(trial.number, p, (), found)


def searched(scan: ScanConfig, n: int, space=SPACE, judge=judged) -> list[Trial]:
    done: list[Trial] = []
    while len(done) < n:
        done += [judge(trial) for trial in propose(scan, space, done, len(done))]
    return done


def test_the_front_is_what_no_other_beats():
    points = [(0.5, 100, 5), (0.5, 100, 5), (0.6, 100, 6), (0.4, 90, 9), (0.4, 95, 9), (0.7, 300, 9)]
    trials = [Trial(i, {}, (), dict(zip(("efficiency", "lut", "latency_ns"), p, strict=True))) for i, p in enumerate(points)]
    trials.append(Trial(6, {}, (), {}, "failed"))
    assert [t.number for t in front(trials, ("efficiency", "lut", "latency_ns"))] == [3, 0, 2, 5]
    assert [t.number for t in front(trials, ("efficiency", "lut"))] == [3, 2, 5]
    assert [t.number for t in front(trials, ("lut",))] == [3]
    assert front(trials[-1:], ("lut",)) == []


@pytest.mark.parametrize("strategy", ["tuner", "random", "front", "shrink"])
def test_what_is_proposed_depends_on_what_was_found_before_and_the_seed_alone(strategy):
    scan = ScanConfig(strategy=strategy, batch=4, startup=4)
    done = searched(ScanConfig(strategy="random", batch=4), 8)
    first = propose(scan, SPACE, done, 8)
    assert first == propose(scan, SPACE, done, 8)
    assert first != propose(scan.model_copy(update={"seed": 2}), SPACE, done, 8)
    assert [trial.number for trial in first] == [8, 9, 10, 11]
    # A smaller batch begins with the same.
    assert propose(scan.model_copy(update={"batch": 2}), SPACE, done, 8) == first[:2]
    assert all(SPACE.contains(trial.parameters) for trial in first)


def test_the_configuration_itself_comes_first():
    own = {"hidden": "[4]", "weight_bits": 4, "sparsity": 0.1}
    trials = propose(ScanConfig(batch=3), SPACE, [], 0, own)
    assert trials[0].parameters == own
    assert trials[1].parameters != own


def test_a_tuner_finds_more_of_the_front_than_chance():
    def volume(trials):
        """Area under the front over the logarithm of LUTs."""
        points = sorted((np.log(t.found["lut"]), t.found["efficiency"]) for t in front(trials, ("efficiency", "lut")))
        edges = [*(lut for lut, _ in points), np.log(20000.0)]
        return sum((edges[i + 1] - edges[i]) * points[i][1] for i in range(len(points)))

    def found(strategy):
        return np.mean([volume(searched(ScanConfig(strategy=strategy, seed=seed), 64, SIZES, judged_size)) for seed in range(2)])

    assert found("tuner") > found("random") + 0.03


def test_refinement_changes_one_or_two_parameters_of_a_network_on_the_front():
    done = searched(ScanConfig(strategy="random", batch=4), 16)
    best = [trial.parameters for trial in front(done, ("efficiency", "lut", "latency_ns"))]
    for trial in propose(ScanConfig(strategy="front", batch=12), SPACE, done, 16):
        assert min(sum(trial.parameters[k] != one[k] for k in SPACE.keys) for one in best) in (1, 2)


def test_shrinking_prunes_a_part_of_what_is_left():
    done = [judged(Trial(0, {"hidden": "[4]", "weight_bits": 4, "sparsity": 0.4}, (0.5,)))]
    trials = propose(ScanConfig(strategy="shrink", batch=3), SPACE, done, 1)
    assert all(trial.parameters == done[0].parameters for trial in trials)
    assert sorted(trial.shrink for trial in trials) == [(0.5, pytest.approx(1 - 0.5 * (1 - s))) for s in SHRINKAGE]


def test_draws_are_even():
    random = np.random.default_rng(1)
    points = [drawn(SPACE, random) for _ in range(2000)]
    share = np.mean([p["hidden"] == "[16]" for p in points])
    assert share == pytest.approx(0.25, abs=0.04)
    assert np.mean([p["sparsity"] for p in points]) == pytest.approx(0.4, abs=0.02)
