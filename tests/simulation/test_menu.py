import numpy as np
import pytest

from l1ad.simulation.menu import HLT_MENU, L1_MENU, MenuItem, decide, tune

ARRAYS = {
    "l1_jets": np.array([[[100, 0, 0], [50, 0, 0]], [[60, 0, 0], [60, 0, 0]], [[0, 0, 0], [0, 0, 0]]], dtype=float),
    "l1_met": np.array([[10, 0], [80, 0], [0, 0]], dtype=float),
}
MENU = (MenuItem("J", "l1_jets", 100.0), MenuItem("2J", "l1_jets", 60.0, 2), MenuItem("XE", "l1_met", 80.0))


def test_items_set_their_bits_at_the_threshold() -> None:
    assert decide(MENU, ARRAYS).tolist() == [0b001, 0b110, 0]


def test_a_menu_is_tuned_to_a_fraction() -> None:
    rng = np.random.default_rng(1)
    arrays = {"l1_met": rng.exponential(20.0, (20_000, 2))}
    weights = rng.random(20_000)
    menu = tune((MenuItem("XE", "l1_met", 10.0),), arrays, weights, 0.01)
    fraction = weights[decide(menu, arrays) > 0].sum() / weights.sum()
    assert 0.008 < fraction <= 0.01
    assert menu[0].threshold_gev == pytest.approx(20 * np.log(100), rel=0.05)
    assert menu[0].threshold_gev % 0.5 == 0


def test_the_menus_fit_a_word() -> None:
    assert len(L1_MENU) <= 64
    assert len({item.name for item in (*L1_MENU, *HLT_MENU)}) == len(L1_MENU) + len(HLT_MENU)
