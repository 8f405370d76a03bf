"""Mixed events are made of background's objects, lie in the layout's range and keep its order."""

import numpy as np
import pytest

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


def one_kind_each(layout, n):
    """Make events of a single object each, of every kind in turn, all with a pt of 100 counts."""
    first = [layout.slot_columns(slot.kind).start + slot.features.index("pt") for slot in layout.slots]
    x = np.zeros((n, layout.n_columns), dtype=int)
    x[np.arange(n), np.array(first)[np.arange(n) % len(first)]] = 100
    return x


def kinds_in(layout, x):
    return np.stack([x[:, layout.feature_columns("pt", slot.kind)].any(axis=1) for slot in layout.slots]).sum(axis=0)


def test_half_of_the_mixed_events_meet_one_kind_and_half_any() -> None:
    """Of up to four single objects, three kinds or more meet in the half whose overlaid events vary, never in the other."""
    layout = load_layout("l1topo44")
    n_kinds, n = len(layout.slots), 40_000
    counts = kinds_in(layout, mixed_events(layout, one_kind_each(layout, 1000), n, 1))
    random = np.random.default_rng(5)
    drawn, overlaid_ = random.integers(0, n_kinds, (n, 4)), random.integers(0, 4, n)
    varied = np.array([len(set(kinds[: more + 1])) for kinds, more in zip(drawn, overlaid_, strict=True)])
    alike = np.array([len({kinds[0], kinds[1]}) if more else 1 for kinds, more in zip(drawn, overlaid_, strict=True)])
    for wanted in (1, 2, 3, 4):
        part = ((varied == wanted).mean() + (alike == wanted).mean()) / 2
        assert (counts == wanted).mean() == pytest.approx(part, abs=0.01), wanted


def test_half_of_the_mixed_events_are_scaled_by_up_to_four() -> None:
    """Events of one jet of 100 counts keep its pt or have it scaled, evenly in the logarithm; three quarters are overlaid."""
    x = np.zeros((10, 8), dtype=int)
    x[:, 0] = 100
    mixed = mixed_events(LAYOUT, x, 20_000, 1)
    factor = mixed[:, 0] / 100
    assert (factor == 1.0).mean() == pytest.approx(0.5, abs=0.015)
    assert factor.max() == pytest.approx(4.0, abs=0.05)
    assert factor.min() == 1.0
    assert np.log(factor[factor > 1.0]).mean() == pytest.approx(np.log(4.0) / 2, rel=0.03)
    assert (mixed[:, 3] > 0).mean() == pytest.approx(0.75, abs=0.015)
