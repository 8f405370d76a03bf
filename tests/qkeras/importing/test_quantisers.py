"""QKeras' quantisers are read as types, and those that cannot be exact are refused by name."""

from typing import Any

import pytest

from l1ad.core.errors import ModelError
from l1ad.qkeras.importing.quantisers import parse_quantiser


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quantized_bits(6,1)", r"^K has alpha None: its scale is not 1, .*train with alpha=1\.$"),
        ("quantized_bits(6,1,alpha='auto_po2')", r"^K has alpha 'auto_po2': its scale is not 1, .*$"),
        ("quantized_bits(6,1,alpha=0.5)", r"^K has alpha 0.5: .*$"),
        ("quantized_bits(1,0,alpha=1)", r"^K is a binary quantiser \(1 bit\), .*$"),
        ("quantized_bits(6,1,alpha=1,use_stochastic_rounding=True)", r"^K rounds at random .*$"),
        ("quantized_bits(6,1,alpha=1,qnoise_factor=0.5)", r"^K: qnoise_factor must be 1 .*, got 0.5; .*$"),
        ("quantized_bits(6,1,alhpa=1)", r"^K: argument 'alhpa' of quantized_bits is not understood; .*$"),
        ("quantized_bits(6,1,0,True,1,False,7)", r"^K: quantized_bits has 7 arguments without a name, .*$"),
        ("quantized_relu(6,1,use_sigmoid=1)", r"^K is a quantized_relu with use_sigmoid, which is not a ReLU; .*$"),
        ("quantized_po2(4)", r"^K uses 'quantized_po2', which cannot be converted exactly; .*$"),
        ("__import__('os').system('true')", r"^K has a quantiser that is not understood: .*$"),
        ("quantized_bits(open('x'))", r"^K has a quantiser that is not understood: .*$"),
        (7, r"^K has a quantiser that is not understood: 7; .*$"),
    ],
)
def test_quantisers_that_are_refused(text: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        parse_quantiser(text, "K", data_scale=True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("quantized_bits(6,1,alpha=1)", "ap_fixed<6,2,AP_RND_CONV,AP_SAT>"),
        ("quantized_bits(6,1,1,alpha=1.0)", "ap_fixed<6,2,AP_RND_CONV,AP_SAT_SYM>"),
        ("quantized_bits(6,1,keep_negative=False,alpha=1)", "ap_ufixed<6,1,AP_RND_CONV,AP_SAT>"),
        ("quantized_relu(6,1)", "ap_ufixed<6,1,AP_RND_CONV,AP_SAT>"),
        ({"class_name": "quantized_relu", "config": {"bits": 6, "integer": 1}}, "ap_ufixed<6,1,AP_RND_CONV,AP_SAT>"),
    ],
)
def test_quantisers_that_are_understood(text: Any, wanted: str) -> None:
    quantiser = parse_quantiser(text, "K", data_scale=True)
    assert quantiser is not None
    assert str(quantiser.type) == wanted
    assert parse_quantiser(None, "K") is None
    assert parse_quantiser("linear", "K") is None
