import numpy as np
import pytest

from l1ad.core.choices import OutOfRange
from l1ad.core.errors import InputError
from l1ad.core.layout import load_layout, parse_layout
from l1ad.data.chunk import EventChunk, RangeTally, counts_from_physical, fit

LAYOUT = parse_layout(
    """
name: small
slots:
- {kind: jet, multiplicity: 2, phi_period: 8, features: {pt: {type: uint<4>, lsb: 0.5}, eta: {type: int<4>, lsb: 0.1}, phi: {type: uint<3>, lsb: 0.7853981633974483}}}
- {kind: met, multiplicity: 1, phi_period: 8, features: {pt: {type: uint<4>, lsb: 0.5}, phi: {type: uint<3>, lsb: 0.7853981633974483}}}
""",
    "small",
)


def chunk(jets: list[list[list[int]]], met: list[list[list[int]]]) -> EventChunk:
    return EventChunk({"jet": np.array(jets), "met": np.array(met)}, {})


def test_objects_go_to_the_columns_of_their_place() -> None:
    events = chunk([[[15, -8, 7], [1, 2, 3], [9, 9, 9]]], [[[4, 0, 5]]])
    x_hw = fit(events, LAYOUT, OutOfRange.REFUSE, RangeTally(), "f")
    np.testing.assert_array_equal(x_hw, [[15, -8, 7, 1, 2, 3, 4, 5]])
    assert x_hw.dtype == np.int16


@pytest.mark.parametrize(("policy", "expected"), [(OutOfRange.CLIP, [15, -8]), (OutOfRange.WRAP, [1, 7])])
def test_counts_outside_are_clipped_or_wrapped_and_counted(policy: OutOfRange, expected: list[int]) -> None:
    tally = RangeTally()
    x_hw = fit(chunk([[[17, -9, 0], [16, 0, 0]]], [[[0, 0, 0]]]), LAYOUT, policy, tally, "f")
    assert x_hw[0, :2].tolist() == expected
    assert tally.outside == {"jet.pt": 2, "jet.eta": 1}


def test_narrow_counts_are_wrapped_as_wide_ones_are() -> None:
    wide = chunk([[[32767, -32768, 7], [1, 32767, 0]]], [[[16, 0, 5]]])
    narrow = EventChunk({kind: counts.astype(np.int16) for kind, counts in wide.counts.items()}, {})
    results = [fit(events, LAYOUT, OutOfRange.WRAP, RangeTally(), "f") for events in (wide, narrow)]
    np.testing.assert_array_equal(*results)
    assert results[1][0].tolist() == [15, 0, 7, 1, -1, 0, 0, 5]


def test_counts_outside_are_refused_by_default() -> None:
    message = r"^f: 1 values of jet pt are outside the hardware range \[0, 15\] \(they span \[0, 16\]\); set data.out_of_range"
    with pytest.raises(InputError, match=message):
        fit(chunk([[[16, 0, 0], [0, 0, 0]]], [[[0, 0, 0]]]), LAYOUT, OutOfRange.REFUSE, RangeTally(), "f")


def test_too_few_places_are_refused() -> None:
    message = r"^f: the layout needs 2 objects of kind 'jet', the file has room for 1; choose a layout"
    with pytest.raises(InputError, match=message):
        fit(chunk([[[1, 0, 0]]], [[[0, 0, 0]]]), LAYOUT, OutOfRange.REFUSE, RangeTally(), "f")


def test_fitting_leaves_the_chunk_as_it_was() -> None:
    events = chunk([[[17, 0, 0], [0, 0, 0]]], [[[0, 0, 0]]])
    fit(events, LAYOUT, OutOfRange.CLIP, RangeTally(), "f")
    assert events.counts["jet"][0, 0, 0] == 17


def test_physical_values_are_rounded_and_phi_is_cyclic() -> None:
    slot = load_layout("l1topo44").slot("jet")
    objects = np.array([[[20.04, -2.5, -0.049], [20.06, 2.512, 3.14159], [0.0, 1.0, 1.0]]])
    counts = counts_from_physical(objects, slot, "f", "jets")
    np.testing.assert_array_equal(counts, [[[200, -100, 127], [201, 100, 64], [0, 0, 0]]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("feature", [0, 1, 2])
def test_values_that_are_not_finite_are_refused(bad: float, feature: int) -> None:
    objects = np.ones((4, 2, 3))
    objects[2, 1, feature] = bad
    with pytest.raises(InputError, match=rf"^f: 'jets' has {bad} at event 2; remove such events from the file\.$"):
        counts_from_physical(objects, LAYOUT.slot("jet"), "f", "jets")


def test_negative_momenta_are_refused() -> None:
    objects = np.ones((4, 2, 3))
    objects[3, 0, 0] = -0.5
    with pytest.raises(InputError, match=r"^f: 'jets' has the negative pT -0\.5 at event 3; remove"):
        counts_from_physical(objects, LAYOUT.slot("jet"), "f", "jets")


def test_first_events_of_a_chunk() -> None:
    events = EventChunk({"jet": np.arange(12).reshape(2, 2, 3)}, {"run": np.array([1, 2])}, 5).first_events(1)
    assert events.n_events == 1
    assert events.columns["run"].tolist() == [1]
    assert events.first == 5


@pytest.mark.parametrize("n_events", [1, 63, 64, 65, 200])
def test_a_count_outside_is_found_in_every_event(n_events: int) -> None:
    for event in {0, n_events // 2, n_events - 1}:
        for place, value in ((0, 16), (1, -9)):
            jets, met, tally = (
                np.zeros((n_events, 2, 3), dtype=np.int16),
                np.zeros((n_events, 1, 3), dtype=np.int16),
                RangeTally(),
            )
            jets[event, 1, place] = value
            x_hw = fit(EventChunk({"jet": jets, "met": met}, {}), LAYOUT, OutOfRange.CLIP, tally, "f")
            assert sum(tally.outside.values()) == 1
            assert x_hw[event, 3 + place] == np.clip(value, -8, 15)
