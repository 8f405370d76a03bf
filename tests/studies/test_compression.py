import numpy as np
import pytest

from l1ad.studies import compression
from l1ad.studies.compression import MEASURES, TARGETS, compression_measures, finding, relate
from l1ad.studies.search import Proposal, Trial

PROPOSAL = Proposal(3, 8, 0, 1e-3, 1.0, 2)


def trial(number: int, loss: float | None = 1.0, **values) -> Trial:
    return Trial(number, PROPOSAL, loss, False, values)


def test_measures_are_the_published_formulas():
    scores, weight = np.array([1.0, 3.0]), np.array([3.0, 1.0])
    found = compression_measures(10.0, scores, weight)
    mean, variance = 1.5, 0.75
    assert found["m1"] == pytest.approx(10 / mean)
    assert found["m2"] == pytest.approx(10 / (1 + mean))
    assert found["m3"] == pytest.approx(10 / mean * variance)
    assert found["m4"] == pytest.approx(10 / (1 + mean) * variance)
    dead = compression_measures(10.0, np.zeros(4), np.ones(4))
    assert (dead["m1"], dead["m2"], dead["m3"], dead["m4"]) == (None, 10.0, None, 0.0)


def trials(sign: float) -> list[Trial]:
    rng = np.random.default_rng(1)
    return [trial(i, m1=float(i), m2=float(rng.random()), **{"efficiency_1e-4": sign * i, "auc": 0.5}) for i in range(20)]


def test_a_measure_that_orders_networks_is_found_with_its_sign():
    for sign in (1.0, -1.0):
        found = {(r.measure, r.target): r for r in relate(trials(sign))}
        assert found["m1", "efficiency_1e-4"].correlation.value == pytest.approx(sign)
        assert found["m1", "efficiency_1e-4"].n_trials == 20
        assert found["m1", "auc"].correlation is None
        assert found["m3", "auc"].n_trials == 0
    assert len(found) == len(MEASURES) * len(TARGETS)
    assert finding(relate(trials(1.0))).startswith("m1 goes best with the efficiency at 10⁻⁴: ρ = 1.00")


def test_measures_without_relation_allow_no_choice():
    rng = np.random.default_rng(2)
    noise = [trial(i, m1=float(rng.random()), **{"efficiency_1e-4": float(rng.random())}) for i in range(8)]
    text = finding(relate(noise))
    assert "do not allow to choose a network without signals" in text
    assert finding(relate(noise[:2])) == "There are too few trials for any correlation, so nothing can be said."


def test_failed_trials_and_values_that_are_not_finite_do_not_count():
    some = [*trials(1.0), trial(20, loss=None, failed="x"), trial(21, m1=float("inf"), **{"efficiency_1e-4": 3.0})]
    found = {(r.measure, r.target): r for r in relate(some)}
    assert found["m1", "efficiency_1e-4"].n_trials == 20


def test_efficiencies_with_few_effective_events_behind_them_are_warned_of():
    def warned(*behind):
        return [
            v.text
            for v in compression._few_background([trial(0, background_n_effective={"0.0001": b, "1e-05": c}) for b, c in behind])
        ]

    assert warned((50.0, 10.0), (40.0, 12.0)) == []
    assert warned((50.0, 9.9), (40.0, 12.0)) == [
        "Fewer than ten effective background events are behind the efficiencies at 1e-05."
    ]
    assert warned((5.0, 0.0))[0].endswith("at 0.0001, 1e-05.")
    assert warned() == []
