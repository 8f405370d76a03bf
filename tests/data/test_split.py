from pathlib import Path

import numpy as np

from l1ad.core.dataset import Split
from l1ad.data.split import assign, count_duplicates, event_keys


def keys(n_events: int) -> np.ndarray:
    return event_keys(np.full(n_events, 3), np.arange(n_events))


def test_parts_have_their_shares() -> None:
    parts = assign(keys(100_000), 1, 0.5, 0.1)
    shares = [(parts == part).mean() for part in Split]
    np.testing.assert_allclose(shares, [0.5, 0.1, 0.4], atol=0.005)


def test_an_event_keeps_its_part_in_any_order() -> None:
    parts = assign(keys(1000), 1, 0.5, 0.1)
    np.testing.assert_array_equal(assign(keys(1000)[::-1], 1, 0.5, 0.1), parts[::-1])


def test_seeds_give_other_partitions() -> None:
    assert (assign(keys(1000), 1, 0.5, 0.1) != assign(keys(1000), 2, 0.5, 0.1)).any()


def test_run_and_event_are_not_exchangeable() -> None:
    assert event_keys(np.array([1]), np.array([2]))[0] != event_keys(np.array([2]), np.array([1]))[0]


def test_duplicates_are_counted(tmp_path: Path) -> None:
    np.save(tmp_path / "run.npy", np.array([1, 1, 2, 1, 1]))
    np.save(tmp_path / "event.npy", np.array([5, 6, 5, 5, 5]))
    assert count_duplicates(tmp_path, tmp_path / "keys", 5) == 2


def test_duplicates_are_counted_over_parts(tmp_path: Path) -> None:
    n_events = 2_000_100
    np.save(tmp_path / "run.npy", np.ones(n_events, dtype=np.int64))
    np.save(tmp_path / "event.npy", np.arange(n_events) % 2_000_000)
    assert count_duplicates(tmp_path, tmp_path / "keys", n_events) == 100
