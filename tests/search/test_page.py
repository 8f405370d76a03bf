"""What the page says: how far the estimate is off, which parameters matter, where a point's report is."""

import json

import numpy as np
import pytest

from l1ad.reporting.render import html
from l1ad.search.page import Outcome, calibration, importances, make_page
from l1ad.search.space import Space
from l1ad.search.storage import Trial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
SPACE = Space({"hidden": ("[2]", "[4]", "[8]"), "weight_bits": (4, 5, 6)}, {"sparsity": (0.0, 0.8)})


def trial(number: int, efficiency: float, lut: float, **parameters) -> Trial:
    point = {"hidden": "[4]", "weight_bits": 5, "sparsity": 0.5} | parameters
    found = {
        "efficiency": efficiency,
        "lut": lut,
        "latency_ns": 9.0,
        "efficiencies": [efficiency - 0.1, efficiency + 0.1],
        "weights": 9,
    }
    return Trial(number, point, (), found)


def proof(lut: int, latency_ns: float = 10.0, **more) -> dict:
    return {"lut": lut, "latency_ns": latency_ns, "n_different": 0, "test_efficiency": 0.4} | more


def outcome(**changes) -> Outcome:
    front = [trial(0, 0.2, 100.0), trial(1, 0.4, 200.0), trial(2, 0.5, 400.0)]
    made = {
        "name": "t", "objectives": ("efficiency", "lut", "latency_ns"), "efficiency": "mixed", "fraction": 3e-5, "reference": 0.5,
        "trials": [*front, Trial(3, {"hidden": "[2]", "weight_bits": 4, "sparsity": 0.1}, (), {}, "the loss diverged.")],
        "front": front, "proved": {0: proof(110), 1: proof(250), 2: proof(240)}, "unproved": {},
    }  # fmt: skip
    return Outcome(**(made | changes))


def test_the_final_front_is_that_of_the_open_flow():
    # The second takes more LUTs than the third and lets less through.
    assert [one.number for one in outcome().final] == [0, 2]
    assert [one.number for one in outcome(proved={1: proof(250)}).final] == [1]


def test_estimates_are_compared_with_the_open_flow():
    found = calibration(outcome())["lut"]
    errors = np.array([100 / 110, 200 / 250, 400 / 240]) - 1
    assert found["n"] == 3
    assert found["mean_error"] == pytest.approx(errors.mean())
    assert found["spread"] == pytest.approx(errors.std())
    assert found["largest_error"] == pytest.approx(2 / 3)
    assert found["correlation"] == pytest.approx(np.corrcoef([100, 200, 400], [110, 250, 240])[0, 1])
    assert calibration(outcome())["latency_ns"]["correlation"] is None  # all alike
    assert calibration(outcome(proved={})) == {}


def test_the_parameter_that_decides_an_objective_is_the_most_important():
    random = np.random.default_rng(1)
    trials = []
    for number in range(60):
        hidden, bits, sparsity = random.integers(3), int(random.integers(4, 7)), float(random.uniform(0, 0.8))
        shape = SPACE.choices["hidden"][hidden]
        trials.append(
            trial(
                number,
                0.1 * hidden + 1e-3 * random.random(),
                1000 * (1 - sparsity),
                hidden=shape,
                weight_bits=bits,
                sparsity=sparsity,
            )
        )
    found = importances(trials, SPACE)
    assert max(found["efficiency"], key=found["efficiency"].get) == "hidden"
    assert max(found["lut"], key=found["lut"].get) == "sparsity"
    assert importances(trials[:10], SPACE) == {}


def test_the_page_links_every_proved_point_to_its_report_and_says_what_failed():
    text = html(make_page(outcome(unproved={1: "There is no Yosys."}), SPACE))
    assert '<a href="points/00002/report.html">2</a>' in text
    assert "the loss diverged." in text
    assert "Trial 1 is not proved: There is no Yosys." in text
    assert "from 110 to 240 LUT" in text
    assert "DNN VAE" in text  # a published design
    text = html(make_page(outcome(trials=[Trial(0, dict(trial(0, 0, 0).parameters), (), {}, "no.")], front=[], proved={}), SPACE))
    assert "None of 1 trials gave a network: no." in text
    json.dumps(outcome().to_dict())
