import numpy as np
import pytest

from l1ad.reporting.document import State
from l1ad.scores.metrics import Auc, WorkingPoint, efficiency
from l1ad.scores.performance import Performance, SignalPerformance
from l1ad.scores.targets import Target
from l1ad.studies.comparison import Variant, variant_blocks
from l1ad.studies.control import Swap, judge


def performance(auc: float, passed: int = 5) -> Performance:
    point = WorkingPoint(Target(0.1), 1.0, efficiency(np.arange(100) < 10), efficiency(np.arange(20) < passed))
    return Performance("float", 100, (SignalPerformance("s", "S", 20, Auc(auc, 0.01), (point,)),))


def variant(name, *aucs, lut=None) -> Variant:
    return Variant(name, tuple(performance(a) for a in aucs), tuple(1.0 for _ in aucs), lut)


def test_better_means_beyond_the_spread_between_seeds():
    low, high = variant("low", 0.70, 0.71, 0.69), variant("high", 0.80, 0.81, 0.79)
    noisy = variant("noisy", 0.60, 0.95, 0.80)
    assert high.clearly_better(low, "S")
    assert not low.clearly_better(high, "S")
    assert not noisy.clearly_better(low, "S")
    assert not variant("one", 0.99).clearly_better(variant("other", 0.1), "S")
    assert high.mean_auc == pytest.approx(0.8)


def test_the_blocks_show_means_and_spread():
    losses, table, figure = variant_blocks([variant("a", 0.5, 0.7, lut=1234.4), variant("b", 0.6, 0.6)], "network")
    assert [row[0] for row in table.rows] == ["mean", "mean", "S", "S"]
    assert table.rows[0] == ("mean", "a", "60.00 ± 14.14", "25.00 ± 0.00")
    assert table.note.endswith("Background behind it, n_eff: 10 at background fraction 0.1.")
    assert table.rows[2] == ("S", "a", "60.00 ± 14.14", "25.00 ± 0.00")
    assert losses.rows[0][-1] == "1\u202f234"
    assert losses.rows[1][-1] == "–"
    assert figure.svg.startswith("<?xml")


def swap(trained_on: str, value: float, error: float = 0.01) -> Swap:
    return Swap(trained_on, {"Zero bias": Auc(value, error)}, {})


@pytest.mark.parametrize(
    ("control", "usual", "state", "text"),
    [
        (
            0.9,
            0.2,
            State.GOOD,
            "The control passes: Zero bias scores above Z with probability 90.0 ± 1.0 % after training on Z, 20.0 ± 1.0 %",
        ),
        (0.45, 0.2, State.BAD, "The control fails: the training shows, but Zero bias still looks normal"),
        (0.2, 0.2, State.BAD, "The control fails, what a network is trained on does not show in its score"),
        (0.52, 0.2, State.BAD, "The control fails: the training shows"),
    ],
)
def test_the_control_passes_only_when_the_background_becomes_anomalous(control, usual, state, text):
    verdict = judge(swap("Z", control), swap("Zero bias", usual), "Z")
    assert verdict.state is state
    assert verdict.text.startswith(text)
