"""The scaling rule: quantiles of present objects only, whole turns of phi, constant columns left out."""

from typing import Any

import numpy as np
import pytest

from l1ad.config.base import MinifloatConfig
from l1ad.config.imported import ScalingFile
from l1ad.config.model import ScalingConfig
from l1ad.core.codes import Minifloat
from l1ad.core.errors import InputError, LayoutError, ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.training.preprocessing import choose_scaling, informative_columns
from tests.networks import make_events, tiny_layout

INPUT = FixedPoint.parse("ap_fixed<6,3,AP_RND_CONV,AP_SAT>")
LAYOUT = tiny_layout()


def events(n: int = 1000) -> np.ndarray:
    """Make jets with pt 100 … 299 in half of the places, eta within ±20, phi and MET everywhere."""
    random = np.random.default_rng(1)
    x = np.zeros((n, 8), dtype=np.int64)
    for jet in (0, 3):
        present = random.random(n) < 0.5
        x[:, jet] = random.integers(100, 300, n) * present
        x[:, jet + 1] = random.integers(-20, 21, n) * present
        x[:, jet + 2] = random.integers(0, 64, n) * present
    x[:, 6], x[:, 7] = random.integers(1, 500, n), random.integers(0, 32, n)
    return x


def choose(x: np.ndarray, weight: np.ndarray | None = None, input_type: FixedPoint = INPUT, **config: Any) -> Any:
    return choose_scaling(ScalingConfig(**config), input_type, LAYOUT, x, np.ones(len(x)) if weight is None else weight)


def test_range_is_filled_and_zeros_are_ignored() -> None:
    x = events()
    choice = choose(x)
    scaled = INPUT.from_int(choice.scaling.apply(LAYOUT, x))
    jets = x[:, 0] > 0
    assert scaled[jets, 0].min() < -2.5
    assert scaled[jets, 0].max() > 2.5
    assert abs(choice.scaling.offset[0] - 200) <= 3
    assert choice.scaling.shift[0] == 5  # 100 counts on either side within 4
    assert choice.columns == tuple(range(8))


def test_phi_takes_the_whole_turn() -> None:
    choice = choose(events())
    assert [(choice.scaling.offset[i], choice.scaling.shift[i]) for i in (2, 5, 7)] == [(32, 3), (32, 3), (16, 2)]


def test_phi_reference_centres_phi() -> None:
    choice = choose(events(), phi_reference="met")
    assert choice.scaling.phi_reference == "met"
    assert [choice.scaling.offset[i] for i in (2, 5, 7)] == [0, 0, 0]


@pytest.mark.parametrize(("n", "own"), [(499, False), (500, True)])
def test_a_place_that_is_seldom_taken_uses_all_places_of_its_kind(n: int, own: bool) -> None:
    """The second jet is soft: with 500 of them its own quantiles count, with fewer both jets'."""
    x = events(4000)
    x[:, 3:6] = 0
    x[:n, 3] = np.arange(n) % 20 + 1
    x[:n, 4], x[:n, 5] = np.arange(n) % 7 - 3, np.arange(n) % 64
    offset = choose(x).scaling.offset
    assert offset[0] > 150
    assert (offset[3] < 15) is own
    assert (offset[3] > 60) is not own


def test_weights_count() -> None:
    x = events()
    light = np.where(x[:, 6] > 250, 0.0, 1.0)
    assert choose(x, light).scaling.offset[6] < 150 < choose(x).scaling.offset[6]


def test_given_numbers_are_taken() -> None:
    choice = choose(events(), rule="given", shift=(1,) * 8, offset=(2,) * 8)
    assert (choice.scaling.shift, choice.scaling.offset) == ((1,) * 8, (2,) * 8)
    assert choose(events(), rule="given", shift=(1,) * 8).scaling.offset == (0,) * 8


def test_given_numbers_must_fit() -> None:
    with pytest.raises(LayoutError, match=r"^Scaling offset needs 8 values for layout 'tiny8', got 2\.$"):
        choose(events(), rule="given", shift=(1, 2))


def test_rule_is_robust_against_outliers() -> None:
    x = events()
    with_outlier = x.copy()
    with_outlier[np.argmax(x[:, 6]), 6] = 1023
    assert choose(with_outlier).scaling == choose(x).scaling


def test_empty_column_is_refused() -> None:
    x = events()
    x[:, 3:6] = 0
    with pytest.raises(
        InputError, match=r"^Column 'jet\[1\].pt_hw' \(and 2 more\) is 0 in all 1000 training background events; .*$"
    ):
        choose(x)
    assert choose(x, empty_columns="ignore").columns == (0, 1, 2, 6, 7)


def test_missing_energy_has_no_eta() -> None:
    layout = load_layout("gelato60")
    x = make_events(layout, 400)
    eta = layout.index("met[0].eta_hw")
    x[:, eta] = 0
    assert informative_columns(layout, x, ignore_empty=False) == tuple(i for i in range(60) if i != eta)


def test_nothing_varies() -> None:
    with pytest.raises(InputError, match=r"^No column varies over 3 training background events; there is nothing to learn\.$"):
        informative_columns(LAYOUT, np.ones((3, 8), dtype=np.int64), ignore_empty=False)


def test_too_few_bits_are_refused() -> None:
    narrow = FixedPoint.parse("ap_fixed<2,2,AP_RND_CONV,AP_SAT>")
    with pytest.raises(
        ModelError, match=r"^Input type 'ap_fixed<2,2.*>' leaves [\d.]+ codes for jet\[0\].pt_hw, .*use more input bits\.$"
    ):
        choose(events(), input_type=narrow)


def test_quantiles_are_those_of_objects_above_their_threshold() -> None:
    x = events()
    soft = x.copy()
    soft[1::2, 0] = np.where(x[1::2, 0] > 0, 49, 0)  # below threshold: as good as absent
    soft[1::2, 1] = np.where(x[1::2, 0] > 0, 60, 0)
    gone = x.copy()
    gone[1::2, :3] = 0
    assert choose(soft, min_pt_hw={"jet": 50}) == choose(gone, min_pt_hw={"jet": 50})
    assert choose(soft, min_pt_hw={"jet": 50}).scaling.offset == choose(gone).scaling.offset
    assert choose(soft).scaling.offset[0] != choose(gone).scaling.offset[0]


def test_thresholds_in_gev_become_counts() -> None:
    choice = choose(events(), min_pt_gev={"met": 2.0}, min_pt_hw={"jet": 120})
    assert choice.scaling.min_pt_hw == (("jet", 120), ("met", 4))
    given = choose(events(), rule="given", shift=(3,) * 8, min_pt_gev={"met": 2.0})
    assert given.scaling.min_pt_hw == (("met", 4),)


def test_a_threshold_that_empties_a_column_is_refused() -> None:
    message = r"^Column 'jet\[0\]\.pt_hw' \(and 5 more\) is 0 in all 1000 .*; read the right file, lower its pt threshold if it has one,"
    with pytest.raises(InputError, match=message):
        choose(events(), min_pt_hw={"jet": 300})


@pytest.mark.parametrize("section", [ScalingConfig, ScalingFile])
def test_thresholds_in_both_units_are_refused(section: type[ScalingConfig | ScalingFile]) -> None:
    values = {} if section is ScalingConfig else {"shift": (0,)}
    with pytest.raises(ValueError, match=r"'jet' has a threshold in min_pt_hw and in min_pt_gev; give one"):
        section(min_pt_hw={"jet": 3}, min_pt_gev={"jet": 1.5}, **values)


def test_coded_columns_fill_the_input_type_and_columns_left_out_take_no_part() -> None:
    layout, x = LAYOUT, events()
    config = ScalingConfig(codes={"pt": MinifloatConfig(linear_bits=4, mantissa_bits=2, octaves=4)}, leave_out=["eta"])
    choice = choose_scaling(config, INPUT, layout, x, np.ones(len(x)))
    code = Minifloat(4, 2, 4)
    for i, column in enumerate(layout.columns):
        if column.feature == "pt":
            assert choice.scaling.codes[i] == code
            assert choice.scaling.offset[i] == 0
            scaled = INPUT.cast(np.arange(code.largest + 1), choice.scaling.shift[i])
            assert len(np.unique(scaled)) == code.largest + 1
            assert not INPUT.holds(0, code.largest, choice.scaling.shift[i] - 1) or choice.scaling.shift[i] == -INPUT.fractional
        assert (i in choice.scaling.left_out) == (column.feature == "eta")
        assert column.feature != "eta" or i not in choice.columns


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"codes": {"pz": MinifloatConfig()}}, LayoutError, r"^Layout 'tiny8' has no columns 'pz'; "),
        (
            {"leave_out": ["pt", "eta", "phi"]},
            LayoutError,
            r"^All columns of layout 'tiny8' are left out; leave the network something",
        ),
        (
            {"through": "ap_fixed<18,13>"},
            ModelError,
            r"^Key 'scaling\.through' is a step of a firmware that exists; use it with rule",
        ),
        (
            {"codes": {"pt": MinifloatConfig(mantissa_bits=6)}},
            ModelError,
            r"^Input type '.*' holds fewer than the 512 minifloat codes of",
        ),
    ],
)
def test_input_steps_that_do_not_fit_are_refused(changes: dict[str, object], error: type[Exception], message: str) -> None:
    layout, x = LAYOUT, events()
    with pytest.raises(error, match=message):
        choose_scaling(ScalingConfig(**changes), INPUT, layout, x, np.ones(len(x)))
