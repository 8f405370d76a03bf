"""Test the comparison of two scores as physics, with constructed scores of known AUC, efficiency and flips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from l1ad.core.dataset import Dataset
from l1ad.core.errors import InputError
from l1ad.core.scoreset import Source
from l1ad.scores.closeness import Closeness, Tolerances, compare_scores
from l1ad.scores.targets import Kind, Target
from tests.datasets_made import make_dataset, make_scores

N_BACKGROUND, N_SIGNAL = 400, 100
#: The menu takes every second background event and no signal.
TAKEN = np.concatenate([np.arange(N_BACKGROUND) % 2 == 0, np.zeros(N_SIGNAL, dtype=bool)])
TARGETS = (Target(0.1), Target(0.05, Kind.PURE, 2.0))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    flat = np.ones(N_BACKGROUND + N_SIGNAL)
    folder = tmp_path_factory.mktemp("closeness")
    return make_dataset(folder / "dataset", N_BACKGROUND, N_SIGNAL, signals=("ttbar",), weight=flat, split=np.full(len(flat), 2))


def ladder(n_signal_above: int) -> np.ndarray:
    """Return background 0 to 399 and signals of which this many are above all background, the others below."""
    signal = np.where(np.arange(N_SIGNAL) < n_signal_above, 1000, -1)
    return np.concatenate([np.arange(N_BACKGROUND), signal])


def compared(dataset: Dataset, right: np.ndarray, **limits: float) -> Closeness:
    left = make_scores(dataset, ladder(80).astype(np.float64), Source.FLOAT)
    return compare_scores(dataset, left, make_scores(dataset, right), Tolerances(**limits), TARGETS, TAKEN)


def test_equal_scores_keep_every_tolerance(dataset: Dataset) -> None:
    found = compared(dataset, ladder(80), max_auc_loss=1e-9, max_efficiency_loss=1e-9, max_flips=1e-9)
    assert found.violations == ()
    assert found.right.signals[0].auc.value == pytest.approx(0.8)
    assert {label: (one.n_both, one.n_different) for label, one in found.background_flips.items()} == {
        "background fraction 0.1": (40, 0),
        "2 kHz pure": (20, 0),
    }


def test_lost_signal_breaks_auc_and_efficiency(dataset: Dataset) -> None:
    found = compared(dataset, ladder(60), max_auc_loss=0.1, max_efficiency_loss=0.1)
    assert found.violations == (
        "the AUC of 'ttbar' drops by 0.2000 from float to csim, more than 0.1",
        "the efficiency of 'ttbar' at background fraction 0.1 drops from 0.8000 to 0.6000 from float to csim, more than 0.1 of it",
        "the efficiency of 'ttbar' at 2 kHz pure drops from 0.8000 to 0.6000 from float to csim, more than 0.1 of it",
    )


def test_a_loss_within_the_statistical_error_is_no_loss(dataset: Dataset) -> None:
    assert compared(dataset, ladder(77), max_efficiency_loss=1e-9).violations == ()
    assert len(compared(dataset, ladder(70), max_efficiency_loss=1e-9).violations) == len(TARGETS)


def test_a_gain_is_no_violation(dataset: Dataset) -> None:
    assert compared(dataset, ladder(100), max_auc_loss=1e-9, max_efficiency_loss=1e-9).violations == ()


def test_background_chosen_differently_is_counted(dataset: Dataset) -> None:
    moved = ladder(80)
    moved[360:380], moved[:20] = moved[:20].copy(), moved[360:380].copy()
    found = compared(dataset, moved, max_flips=0.5)
    counted = [(one.n_left_only, one.n_right_only, one.n_both) for one in found.background_flips.values()]
    assert counted == [(20, 20, 20), (10, 10, 10)]
    assert found.violations == tuple(
        f"at {label}, 0.667 of the background selected by float or csim is selected by one only, more than 0.5"
        for label in ("background fraction 0.1", "2 kHz pure")
    )
    assert compared(dataset, moved).violations == ()


def test_the_comparison_is_plain_data(dataset: Dataset) -> None:
    data = compared(dataset, ladder(60), max_auc_loss=0.1).to_dict()
    assert set(data) == {"float", "csim", "background_flips", "violations"}
    assert data["csim"]["signals"][0]["auc"]["value"] == pytest.approx(0.6)


def test_scores_of_another_dataset_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "dataset", N_BACKGROUND, N_SIGNAL, seed=2, signals=("ttbar",))
    with pytest.raises(
        InputError, match=r"^The csim scores belong to dataset \w{12}, not to \w{12}; score this dataset first\.$"
    ):
        compare_scores(dataset, make_scores(dataset, ladder(80)), make_scores(other, ladder(80)), Tolerances(), TARGETS, TAKEN)
