"""Cast symbolic variables as FixedPoint.cast casts integers: every mode, exhaustively over short types."""

import itertools

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, Overflow, Rounding
from l1ad.rtl.quantise import cast, choose, constant, plus

SOURCES = ("ap_fixed<8,4>", "ap_ufixed<7,2>", "ap_fixed<6,-1>", "ap_fixed<5,7>", "ap_ufixed<1,0>")
TARGETS = ((True, 5, 3), (False, 5, 3), (True, 4, 6), (False, 3, -2), (True, 1, 1), (True, 2, 2), (True, 3, 9), (True, 12, 6))


def variable(type_: FixedPoint):
    from alkaid.trace import FVArray

    signed, integer, fractional = type_.kif
    return FVArray.from_kif(np.array([int(signed)]), np.array([integer]), np.array([fractional]))[0]


def computed(source: FixedPoint, outputs, codes: np.ndarray, inputs) -> np.ndarray:
    from alkaid.trace import trace

    return trace([inputs], outputs).predict(source.from_int(codes)[:, np.newaxis])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("overflow", Overflow)
def test_every_code_is_cast_as_the_integers_are(source: str, overflow: Overflow) -> None:
    from_type = FixedPoint.parse(source)
    codes = np.arange(from_type.min_int, from_type.max_int + 1)
    types = [FixedPoint(*shape, rounding, overflow) for shape, rounding in itertools.product(TARGETS, Rounding)]
    value = variable(from_type)
    got = computed(from_type, [cast(value, to) for to in types], codes, value)
    for to, column in zip(types, got.T, strict=True):
        np.testing.assert_array_equal(column, to.from_int(to.cast(codes, from_type.fractional)), err_msg=str(to))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("ap_fixed<40,20>", "ap_fixed<30,12,AP_RND_CONV,AP_SAT>"),
        ("ap_fixed<40,20>", "ap_ufixed<36,15,AP_TRN,AP_SAT>"),
        ("ap_ufixed<40,20>", "ap_fixed<33,16,AP_RND,AP_SAT_SYM>"),
        ("ap_fixed<40,20>", "ap_fixed<30,5,AP_RND_ZERO,AP_SAT_ZERO>"),
    ],
)
def test_wide_types_are_cast_exactly(source: str, target: str) -> None:
    from_type, to = FixedPoint.parse(source), FixedPoint.parse(target)
    random = np.random.default_rng(1)
    codes = random.integers(from_type.min_int, from_type.max_int, 4000) >> random.integers(0, 30, 4000)
    value = variable(from_type)
    got = computed(from_type, [cast(value, to)], codes, value)[:, 0]
    np.testing.assert_array_equal(got, to.from_int(to.cast(codes, from_type.fractional)))


def test_constants_stay_constants() -> None:
    value = variable(FixedPoint.parse("ap_fixed<8,4>"))
    fixed = constant(value, 3.75)
    assert cast(fixed, FixedPoint.parse("ap_fixed<4,3,AP_RND,AP_SAT>")).low == 3.5
    assert plus(fixed, 0.25).high == 4.0
    assert choose(constant(value, 1.0), 2.0, value).low == 2.0


def test_a_constant_that_alkaid_would_round_is_refused() -> None:
    value = variable(FixedPoint.parse("ap_fixed<8,4>"))
    with pytest.raises(
        ConversionError, match=r"^The RTL needs the constant 16777217\.0, which has more than 24 significant bits;"
    ):
        plus(value, 2.0**24 + 1.0)
