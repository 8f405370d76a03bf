import numpy as np
import pytest

from l1ad.core.agreement import compare, merge
from l1ad.core.errors import MismatchError


def test_equal_integers_agree() -> None:
    found = compare("csim", "rtl", np.arange(5), np.arange(5)).require()
    assert found.exact
    assert found.to_dict()["n_different"] == 0


def test_a_difference_fails_and_says_where_and_by_how_much() -> None:
    left = np.arange(10)
    right = left.copy()
    right[[3, 7]] += [1, -4]
    found = compare("csim", "rtl", left, right, first_event=100)
    assert (found.n_different, found.max_ulp, found.first) == (2, 4, ((103, 3, 4), (107, 7, 3)))
    with pytest.raises(
        MismatchError, match=r"^csim and rtl must be equal as integers; 2 of 10 events differ, by up to 4 units"
    ) as caught:
        found.require()
    assert caught.value.exit_code == 1


def test_no_events_and_other_shapes_are_no_agreement() -> None:
    empty = np.zeros(0, dtype=np.int64)
    with pytest.raises(MismatchError, match=r"^a and b were compared on no events; give at least one\.$"):
        compare("a", "b", empty, empty).require()
    with pytest.raises(MismatchError, match=r"^a and b must give the same shape, got \(0,\) and \(1,\)\.$"):
        compare("a", "b", empty, np.zeros(1))


def test_outputs_of_several_columns_count_events_once() -> None:
    left = np.zeros((4, 3), dtype=np.int64)
    right = left.copy()
    right[2] = [0, 5, 6]
    found = compare("a", "b", left, right)
    assert (found.n_different, found.max_ulp, found.first) == (1, 6, ((2, 0, 5),))


def test_batches_add_up() -> None:
    parts = [compare("a", "b", np.arange(4), np.arange(4) + shift, first_event=4 * i) for i, shift in enumerate((0, 2, 1))]
    found = merge(parts)
    assert (found.n_events, found.n_different, found.max_ulp) == (12, 8, 2)
    assert [event for event, _, _ in found.first] == [4, 5, 6, 7, 8]
