import numpy as np
import pytest

from l1ad.errors import LayoutError
from l1ad.fixed import FixedPoint
from l1ad.layout import load_layout, parse_layout
from l1ad.scaling import Scaling

LAYOUT = parse_layout(
    """
name: two
slots:
  - {kind: muon, multiplicity: 1, phi_period: 576, features: {pt: {type: uint<9>, lsb: 0.5}, phi: {type: uint<10>, lsb: 0.0109}}}
  - {kind: met, multiplicity: 1, phi_period: 144, features: {pt: {type: uint<9>, lsb: 0.5}, phi: {type: uint<8>, lsb: 0.0436}}}
""",
    "two",
)
TYPE = FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>")


def test_offset_and_shift_are_exact_and_cast_by_the_types_modes() -> None:
    scaling = Scaling((3, 0, 0, 0), (5, 7, -1, 0), TYPE)
    x = np.array([[3 + 1, 64, 3, 7], [3 - 3, 127, 200, 9]])
    # steps of 1/16: 1/32 is half a step -> even 0; 64/128 = 8/16; 3*2 = 6; 7; then -3/32 = -1.5 steps -> -2; 127/128 -> 15.875 -> 16.
    assert scaling.apply(LAYOUT, x).tolist() == [[0, 8, 96, 112], [-2, 16, 127, 127]]
    assert scaling.apply_float(LAYOUT, x).tolist() == [[1 / 32, 0.5, 6, 7], [-3 / 32, 127 / 128, 400, 9]]


def test_phi_is_rotated_to_the_reference_and_absent_objects_stay_zero() -> None:
    scaling = Scaling((0,) * 4, (0,) * 4, TYPE, "met")
    x = np.array([[10, 10, 5, 143], [10, 575, 5, 0], [0, 99, 5, 20], [7, 288, 5, 0], [7, 287, 5, 0]])
    turned = scaling.rotated(LAYOUT, x)
    assert turned[:, 1].tolist() == [10 - 143 * 4 + 576, -1, 0, -288, 287]
    assert turned[:, 3].tolist() == [0] * 5
    assert turned[:, [0, 2]].tolist() == x[:, [0, 2]].tolist()


def test_a_reference_on_a_finer_grid_is_truncated() -> None:
    scaling = Scaling((0,) * 4, (0,) * 4, TYPE, "muon")
    turned = scaling.rotated(LAYOUT, np.array([[1, 11, 1, 10]]))
    assert turned.tolist() == [[1, 0, 1, 10 - 2]]


def test_round_trip_and_refusals() -> None:
    scaling = Scaling((1, 2, 3, 4), (0, -1, 2, 3), TYPE, "met")
    assert Scaling.from_dict(scaling.to_dict()) == scaling
    with pytest.raises(LayoutError, match=r"^Scaling shift wants 4 values for layout 'two', got 3\.$"):
        Scaling((0,) * 4, (0,) * 3, TYPE).check(LAYOUT)
    with pytest.raises(LayoutError, match=r"^Layout 'l1topo44' has no object 'photon'"):
        Scaling((0,) * 44, (0,) * 44, TYPE, "photon").check(load_layout("l1topo44"))
