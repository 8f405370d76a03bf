"""The compiled emulator reads events of every integer type, number and order, and refuses those that no hardware sends."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from l1ad.core.errors import ConversionError, LayoutError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import ObjectLayout, ObjectSlot
from l1ad.emulator.kernel import Emulator
from l1ad.spec import reference
from tests.emulator.cases import CASES
from tests.networks import make_events, make_network

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16, np.uint64])
def test_every_integer_type_is_read(dtype: type) -> None:
    network = CASES["latent"]
    x = np.maximum(make_events(network.layout, 50), 0)
    np.testing.assert_array_equal(Emulator(network).scores(x.astype(dtype)), reference.scores(network, x))


@pytest.mark.parametrize("n_events", [0, 1, 2, 15, 16, 17, 4095, 4096, 4097, 9001])
def test_any_number_of_events_on_any_number_of_threads(n_events: int) -> None:
    network = CASES["latent"]
    x = make_events(network.layout, n_events)
    wanted = reference.scores(network, x)
    for threads in (0, 1, 2, 3):
        np.testing.assert_array_equal(Emulator(network, threads=threads).scores(x), wanted)


def test_events_that_are_not_contiguous_are_read() -> None:
    network = CASES["latent"]
    x = make_events(network.layout, 60)
    np.testing.assert_array_equal(Emulator(network).scores(x[::3]), reference.scores(network, x[::3]))
    np.testing.assert_array_equal(Emulator(network).scores(np.asfortranarray(x)), reference.scores(network, x))


@pytest.mark.parametrize("dtype", [np.int16, np.int64])
@pytest.mark.parametrize(("column", "value"), [(0, 1024), (1, -65), (7, -1), (3, -1)])
@pytest.mark.parametrize("name", ["latent", "rotated"])
def test_values_outside_the_hardware_range_are_refused(name: str, dtype: type, column: int, value: int) -> None:
    network = CASES[name]
    x = make_events(network.layout, 5000).astype(dtype)
    x[4321, column] = value
    with pytest.raises(LayoutError, match=r"^Events to score: 1 values of \w+\[\d\]\.\w+_hw are outside the hardware range \["):
        Emulator(network).scores(x)


def test_values_that_look_right_in_their_low_bits_are_refused() -> None:
    x = np.zeros((20, 8), dtype=np.int64)
    x[3, 0] = 1 << 40
    with pytest.raises(
        LayoutError, match=r"^Events to score: 1 values of jet\[0\]\.pt_hw are outside the hardware range \[0, 1023\] "
    ):
        Emulator(CASES["latent"]).scores(x)


def test_values_beyond_int64_are_refused() -> None:
    with pytest.raises(
        LayoutError, match=r"^Events to score: values beyond int64 are not hardware integers; check where they come from\.$"
    ):
        Emulator(CASES["latent"]).scores(np.full((1, 8), 1 << 63, dtype=np.uint64))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 44), dtype=np.int16), r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(2, 44\); "),
        (np.zeros((2, 8)), r"^Events to score: hardware values must be integers, got dtype float64; "),
        (np.zeros(8, dtype=np.int16), r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(8,\); "),
    ],
)
def test_events_of_another_layout_or_type_are_refused(x: np.ndarray, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        Emulator(CASES["latent"]).scores(x)


@pytest.mark.parametrize("text", ["uint<32>", "int<32>", "int<40>"])
def test_columns_beyond_its_integers_are_refused(text: str) -> None:
    layout = ObjectLayout("wide", (ObjectSlot("jet", 4, ("pt",), (FixedPoint.parse(text),), (0.5,)),))
    message = (
        r"^The emulator takes hardware integers smaller than 2\*\*31, column 'jet\[0\]\.pt_hw' of layout 'wide' is "
        r"ap_u?fixed<\d+,\d+>; use a narrower type there, or the C simulation\.$"
    )
    with pytest.raises(ConversionError, match=message):
        Emulator(make_network(layout, widths=(3, 2)))
