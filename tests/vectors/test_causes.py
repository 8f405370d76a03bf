"""What is done to words and values to name a cause is exact, whatever is in them."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.vectors.causes import bit_cause, causes, reversed_bits
from l1ad.vectors.frames import Frames
from l1ad.vectors.linkmap import load_link_map
from tests.networks import make_events, make_network

LINKS = load_link_map("l1topo")


@pytest.mark.parametrize("width", [1, 7, 32, 64])
def test_bits_are_reversed_within_the_width(width: int) -> None:
    values = np.random.default_rng(1).integers(0, 2**width, size=50, dtype=np.uint64)
    wanted = [int(format(int(value), f"0{width}b")[::-1], 2) for value in values]
    assert reversed_bits(values, width).tolist() == wanted


@pytest.mark.parametrize(("board", "width"), [("l1topo", 64), ("cms_ugt", 32)])
def test_a_stream_shifted_by_any_number_of_bits_is_taken_back(board: str, width: int) -> None:
    network = make_network("l1topo44" if board == "l1topo" else "axol1tl57")
    words = np.random.default_rng(2).integers(0, 2**width, size=(30, 2), dtype=np.uint64)
    stream = [sum(int(word) << width * i for i, word in enumerate(words[:, link])) for link in range(2)]
    found = 0
    for cause in causes(network, make_events(network.layout, 5, seed=1).astype(np.int64), load_link_map(board), {}):
        if cause.name.startswith("words shifted by "):
            bits = int(cause.name.split()[3])
            late = [[(s << bits) >> width * i & (2**width - 1) for s in stream] for i in range(30)]
            shifted = np.array(late, dtype=np.uint64)
            assert cause.mend is not None
            mended = cause.mend(Frames("", (0, 1), shifted, np.zeros((30, 2), dtype=np.uint8)))
            np.testing.assert_array_equal(mended.words[:-1], words[:-1])
            found += 1
    assert found == width - 1


def test_a_cause_that_changes_nothing_is_left_out() -> None:
    network = make_network("l1topo44")
    x_hw = np.zeros((4, network.n_inputs), dtype=np.int64)
    names = [cause.name for cause in causes(network, x_hw, LINKS, {})]
    assert not [name for name in names if "swapped" in name or "GeV" in name or "crossing" in name or "input" in name.split()[:3]]


def test_a_bit_that_does_not_follow_its_score_is_told() -> None:
    scores = np.array([1, 5, 9, 3], dtype=np.int64)
    assert bit_cause("t", 4, scores, np.array([0, 1, 1, 0])) is None
    told = bit_cause("t", 4, scores, np.array([1, 0, 0, 0]))
    assert told == "trigger bit 't' does not follow the score of its event in 3 of 4 events: another crossing or link"
    assert "above 5 and up to 9, not 4" in str(bit_cause("t", 4, scores, np.array([0, 0, 1, 0])))
    assert "is always 0" in str(bit_cause("t", 4, scores, np.zeros(4, dtype=np.int64)))
