"""Signed digits are counted and bounded as by brute force."""

from itertools import combinations, product

import numpy as np
import pytest

from l1ad.core.digits import nearest_of_digits, signed_digits


def fewest(limit: int, bits: int) -> dict[int, int]:
    """Find the fewest signed digits of every integer up to a limit by trying all sums of at most four."""
    found = {0: 0}
    for n in range(1, 5):
        for places in combinations(range(bits), n):
            for signs in product((1, -1), repeat=n):
                value = sum(s << p for s, p in zip(signs, places, strict=True))
                if abs(value) <= limit:
                    found.setdefault(value, n)
    return found


def test_digits_are_the_fewest() -> None:
    wanted = fewest(127, 9)
    values = np.arange(-127, 128)
    np.testing.assert_array_equal(signed_digits(values), [wanted[int(v)] for v in values])


@pytest.mark.parametrize("digits", [1, 2, 3])
@pytest.mark.parametrize(("width", "signed"), [(4, True), (6, True), (7, False)])
def test_the_nearest_is_taken(width: int, signed: bool, digits: int) -> None:
    table = nearest_of_digits(width, signed, digits)
    low = -(2 ** (width - 1)) if signed else 0
    values = np.arange(low, low + 2**width)
    wanted = fewest(255, 9)
    allowed = [v for v in values.tolist() if wanted[v] <= digits]
    for value, near in zip(values.tolist(), table.tolist(), strict=True):
        assert near in allowed
        assert abs(near - value) == min(abs(v - value) for v in allowed)
