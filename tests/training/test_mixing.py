"""Mixed events are made of background's objects, lie in the layout's range and keep its order."""

import numpy as np

from l1ad.core.layout import load_layout
from l1ad.training.mixing import mixed_events, overlaid
from tests.datasets_made import make_x
from tests.networks import tiny_layout

LAYOUT = tiny_layout()


def test_hardest_objects_stay_in_order() -> None:
    first = np.array([[30, 1, 1, 10, 2, 2, 0, 0]])
    second = np.array([[20, 3, 3, 0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(overlaid(LAYOUT, first, second), [[30, 1, 1, 20, 3, 3, 0, 0]])


def test_missing_energies_add_as_vectors() -> None:
    first, second = np.zeros((1, 8), dtype=int), np.zeros((1, 8), dtype=int)
    first[0, 6:], second[0, 6:] = (30, 0), (40, 8)  # a quarter of the turn of 32 apart
    assert overlaid(LAYOUT, first, second)[0, 6] == 50
    second[0, 6:] = (30, 16)  # opposite
    assert overlaid(LAYOUT, first, second)[0, 6] == 0


def test_missing_energy_stays_in_range() -> None:
    first = np.zeros((1, 8), dtype=int)
    first[0, 6:] = (1023, 31)
    out = overlaid(LAYOUT, first, first)
    LAYOUT.check(out, "mixed")
    assert tuple(out[0, 6:]) == (1023, 31)


def test_mixed_events_fit_the_layout_and_repeat() -> None:
    layout = load_layout("l1topo44")
    x = make_x(layout, np.random.default_rng(1), np.zeros(500, dtype=int))
    mixed = mixed_events(layout, x, 800, 3)
    layout.check(mixed, "mixed")
    assert mixed.shape == (800, 44)
    np.testing.assert_array_equal(mixed, mixed_events(layout, x, 800, 3))
    assert not np.array_equal(mixed, mixed_events(layout, x, 800, 4))
    pt = layout.feature_columns("pt")
    assert mixed[:, pt].sum(axis=1).mean() > 1.5 * x[:, pt].sum(axis=1).mean()
    jets = mixed[:, layout.feature_columns("pt", "jet")]
    assert (np.diff(jets, axis=1) <= 0).all()


def test_background_without_objects_can_be_mixed() -> None:
    assert not mixed_events(LAYOUT, np.zeros((10, 8), dtype=int), 5, 1).any()
