from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ad.core.dataset import Split, load_dataset
from l1ad.data.split import assign, count_duplicates, event_keys, part_keys
from tests.field_files import prepared


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


def test_a_block_of_numbers_stays_together() -> None:
    event = np.arange(64_000)
    parts = assign(part_keys(np.full(len(event), 3), event, 64), 1, 0.5, 0.1).reshape(-1, 64)
    assert (parts == parts[:, :1]).all()
    assert len(np.unique(parts[:, 0])) == 3
    np.testing.assert_array_equal(part_keys(event, event, 1), event_keys(event, event))


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


def test_without_runs_copies_have_the_same_number_and_objects(tmp_path: Path) -> None:
    np.save(tmp_path / "event.npy", np.array([5, 5, 5, 6, 5]))
    np.save(tmp_path / "x_hw.npy", np.array([[1, -2, 3], [1, -2, 4], [1, -2, 3], [1, -2, 3], [-2, 1, 3]], dtype=np.int16))
    assert count_duplicates(tmp_path, tmp_path / "keys", 5, by_run=False) == 1


def write_numbered(path: Path, numbers: np.ndarray, run: int | None = None) -> None:
    """Write 40 MHz events whose missing E_T follows from their number."""
    particles = np.zeros((len(numbers), 19, 4))
    particles[:, 0, 0], particles[:, 0, 3] = numbers + 10, 1
    with h5py.File(path, "w") as file:
        file["Particles"], file["EvtId"] = particles, numbers
        if run is not None:
            file["RunId"] = np.full(len(numbers), run)


@pytest.mark.parametrize("run", [None, 7])
def test_the_same_event_of_two_files_falls_into_one_part(tmp_path: Path, run: int | None) -> None:
    write_numbered(tmp_path / "a.h5", np.arange(300), run)
    write_numbered(tmp_path / "b.h5", np.arange(100, 400))
    result = prepared(tmp_path, "fortymhz57", "  background: {a: a.h5, b: b.h5}")
    data = load_dataset(result.path)
    split = data.column("split")[:]
    np.testing.assert_array_equal(split[100:300], split[300:500])
    assert result.summary["duplicates"] == 200
    assert {int(part) for part in split} == {0, 1, 2}


def test_prepare_keeps_blocks_of_numbers_together(tmp_path: Path) -> None:
    write_numbered(tmp_path / "a.h5", np.arange(320), 7)
    found = prepared(tmp_path, "fortymhz57", "  background: {a: a.h5}\n  split: {block: 32}")
    data = load_dataset(found.path)
    parts = data.column("split")[np.argsort(data.column("event")[:])].reshape(-1, 32)
    assert (parts == parts[:, :1]).all()
    assert len(np.unique(parts)) > 1
