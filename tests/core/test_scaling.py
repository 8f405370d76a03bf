import numpy as np
import pytest

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout, parse_layout
from l1ad.core.scaling import Scaling, pt_thresholds

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
    with pytest.raises(LayoutError, match=r"^Scaling shift needs 4 values for layout 'two', got 3\.$"):
        Scaling((0,) * 4, (0,) * 3, TYPE).check(LAYOUT)
    with pytest.raises(LayoutError, match=r"^Scaling shift needs values from -62 to 62, got -1e\+30\.$"):
        Scaling((0,) * 4, (0, 1, 63, -(10**30)), TYPE).check(LAYOUT)
    with pytest.raises(
        LayoutError, match=r"^Scaling offset needs values from -4611686018427387904 to 4611686018427387904, got 1e\+19\.$"
    ):
        Scaling((0, 10**19, 0, 0), (0,) * 4, TYPE).check(LAYOUT)
    with pytest.raises(LayoutError, match=r"^Layout 'l1topo44' has no object 'photon'"):
        Scaling((0,) * 44, (0,) * 44, TYPE, "photon").check(load_layout("l1topo44"))


CUT = Scaling((0,) * 4, (0,) * 4, TYPE, min_pt_hw=(("met", 3), ("muon", 40)))


def test_an_object_below_its_pt_threshold_reads_zero_in_every_feature() -> None:
    x = np.array([[39, 7, 3, 5], [40, 7, 2, 5], [41, 7, 0, 5], [0, 7, 4, 5]])
    assert CUT.surviving(LAYOUT, x).tolist() == [[0, 0, 3, 5], [40, 7, 0, 0], [41, 7, 0, 0], [0, 0, 4, 5]]
    absent_muon, absent_met = [False, False, True, True], [True, True, False, False]
    assert CUT.present(LAYOUT, x).tolist() == [absent_muon, absent_met, absent_met, absent_muon]
    assert CUT.apply_float(LAYOUT, x).tolist() == CUT.surviving(LAYOUT, x).tolist()


def test_objects_behind_one_below_threshold_do_not_move_up() -> None:
    layout = load_layout("l1topo44")
    zeros = (0,) * layout.n_columns
    x = np.zeros((1, layout.n_columns), dtype=np.int64)
    x[0, :9] = [10, 1, 1, 50, 2, 2, 49, 3, 3]
    kept = Scaling(zeros, zeros, TYPE, min_pt_hw=(("jet", 50),)).surviving(layout, x)
    assert kept[0, :9].tolist() == [0, 0, 0, 50, 2, 2, 0, 0, 0]


def test_the_threshold_comes_before_the_rotation() -> None:
    scaling = Scaling((0,) * 4, (0,) * 4, TYPE, "met", (("met", 6),))
    turned = scaling.rotated(LAYOUT, np.array([[1, 10, 5, 143], [1, 10, 6, 1]]))
    assert turned.tolist() == [[1, 10, 0, 0], [1, 6, 6, 0]]


def test_thresholds_survive_the_file_and_are_absent_without_them() -> None:
    assert Scaling.from_dict(CUT.to_dict()) == CUT
    assert "min_pt_hw" not in Scaling((0,) * 4, (0,) * 4, TYPE).to_dict()


def test_thresholds_in_gev_are_whole_counts_of_the_layout() -> None:
    assert pt_thresholds(LAYOUT, {"muon": 3}, {"met": 2.5}) == (("met", 5), ("muon", 3))
    message = r"^A pt threshold of 2\.3 GeV for 'met' is 4\.6 hardware counts of 0\.5 GeV; give a whole number of counts, or min_pt_hw\.$"
    with pytest.raises(LayoutError, match=message):
        pt_thresholds(LAYOUT, {}, {"met": 2.3})
    with pytest.raises(LayoutError, match=r"^Layout 'two' has no object 'jet'"):
        pt_thresholds(LAYOUT, {}, {"jet": 2.0})


@pytest.mark.parametrize("count", [0, 512])
def test_a_threshold_no_object_can_pass_is_refused(count: int) -> None:
    message = rf"^The pt threshold of 'met' needs 1 to 511 hardware counts in layout 'two', got {count}\.$"
    with pytest.raises(LayoutError, match=message):
        Scaling((0,) * 4, (0,) * 4, TYPE, min_pt_hw=(("met", count),)).check(LAYOUT)
