"""Layers written out as adders give the matrix that was written, and sums that could lose bits are refused."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.importing.adders import adder_functions, affine_map

INPUTS = [FixedPoint.parse("ap_fixed<6,4>"), FixedPoint.parse("ap_ufixed<5,2>"), FixedPoint.parse("ap_fixed<6,4>")]
BODY = """
void dense_da_3(inp_t inp[3], out_t out[2]) {
    ap_fixed<10, 4> v1 = -bit_shift<-3>(inp[1]) - bit_shift<-1>(inp[0]);
    ap_fixed<14, 6> v2 = v1 + bit_shift<1>(inp[2]);
    ap_fixed<16, 7> v3 = v2 - bit_shift<1>(v1);
    ap_fixed<16, 7> v4 = v3 + ap_fixed<5, 0>(-0.375);
    out[0] = v4;
    out[1] = -inp[1];
}
"""


def found(body: str) -> tuple[np.ndarray, ...]:
    weight, weight_type, bias, bias_type = affine_map(adder_functions(body)["dense_da_3"], "dense_da_3", INPUTS)
    return weight_type.from_int(weight), bias_type.from_int(bias)


def test_the_map_is_that_of_the_statements() -> None:
    weight, bias = found(BODY)
    # v1 = -x1/8 - x0/2; v2 = v1 + 2 x2; v3 = v2 - 2 v1 = -v1 + 2 x2
    np.testing.assert_array_equal(weight, [[0.5, 0], [0.125, -1], [2, 0]])
    np.testing.assert_array_equal(bias, [-0.375, 0])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "ap_fixed<10, 4> v1",
            "ap_fixed<9, 3> v1",
            r"^'v1' of 'dense_da_3' is ap_fixed<9,3>, its sum spans \[-4\.\d+, 4\] in steps of 2\*\*-6; it",
        ),
        ("ap_fixed<14, 6> v2", "ap_fixed<13, 5> v2", r"^'v2' of 'dense_da_3' is ap_fixed<13,5>, its sum spans"),
        (
            "ap_fixed<5, 0>(-0.375)",
            "ap_fixed<2, 0>(-0.375)",
            r"^'dense_da_3' has a value -0\.375 that is not a multiple of 2\*\*-2",
        ),
        ("v2 - bit_shift<1>(v1)", "v2 - bit_shift<1>(v9)", r"^'dense_da_3' reads 'v9', which nothing before it writes"),
        ("v2 - bit_shift<1>(v1)", "exp(v1)", r"^'dense_da_3' holds 'ap_fixed<16, 7> v3 = exp\(v1\)', which is not understood"),
        ("    out[1] = -inp[1];\n", "", r"^'dense_da_3' writes 1 of its 2 outputs; the sources are incomplete\.$"),
    ],
)
def test_what_could_lose_bits_or_is_not_understood_is_refused(old: str, new: str, message: str) -> None:
    assert old in BODY
    with pytest.raises(ModelError, match=message):
        found(BODY.replace(old, new))
