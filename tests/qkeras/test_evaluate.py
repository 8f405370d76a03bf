"""QKeras gives the specification's integers, in float32 where that is proved and in float64 where it is not."""

import numpy as np
import pytest

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.qkeras.evaluate import qkeras_outputs, qkeras_scores
from l1ad.spec import reference
from tests.networks import make_events, make_network, make_threshold_events, outputs_for, tiny_layout

OUTPUT = FixedPoint.parse("ap_fixed<7,4,AP_RND_CONV,AP_SAT>")


def wide() -> Network:
    """Build a network whose sums need more than float32's 24 bits."""
    return make_network(
        widths=(6, 3),
        input_type=FixedPoint.parse("ap_fixed<14,8,AP_RND_CONV,AP_SAT>"),
        weight_type=FixedPoint.from_quantized_bits(14, 3),
        hidden_type=FixedPoint.from_quantized_relu(14, 8),
        output_type=FixedPoint.parse("ap_fixed<14,9,AP_RND_CONV,AP_SAT>"),
    )


@pytest.mark.parametrize("kind", list(Score), ids=lambda k: k.value)
@pytest.mark.parametrize("cyclic", [True, False])
def test_scores_equal_the_specification(kind: Score, cyclic: bool) -> None:
    network = make_network(widths=(6, outputs_for(kind)), score=kind, output_type=OUTPUT, cyclic=cyclic)
    x = make_events(tiny_layout(), 2000)
    np.testing.assert_array_equal(qkeras_scores(network, x), reference.scores(network, x))


@pytest.mark.parametrize("phi_reference", [None, "jet"])
def test_objects_below_their_pt_threshold_are_left_out(phi_reference: str | None) -> None:
    network = make_network(
        widths=(6, 8),
        score=Score.MASKED_MSE,
        output_type=OUTPUT,
        phi_reference=phi_reference,
        min_pt_hw=(("jet", 40), ("met", 7)),
    )
    x = make_threshold_events(network, 2000)
    np.testing.assert_array_equal(qkeras_scores(network, x), reference.scores(network, x))


def test_outputs_equal_the_specification_in_float32() -> None:
    network = make_network(widths=(6, 3))
    x = make_events(tiny_layout(), 2000)
    codes, precision = qkeras_outputs(network, x)
    assert precision == "float32"
    np.testing.assert_array_equal(codes, reference.evaluate(network, x)["dense2.output"])


def test_outputs_fall_back_to_float64() -> None:
    network, x = wide(), make_events(tiny_layout(), 2000)
    codes, precision = qkeras_outputs(network, x)
    assert precision == "float64"
    np.testing.assert_array_equal(codes, reference.evaluate(network, x)["dense2.output"])


def test_no_events() -> None:
    x = np.zeros((0, 8), dtype=np.int64)
    assert qkeras_scores(make_network(), x).shape == (0,)
    assert qkeras_outputs(wide(), x)[0].shape == (0, 3)


def test_wrapping_accumulator_is_refused() -> None:
    network = make_network(accumulator=FixedPoint.parse("ap_fixed<24,12>"))
    with pytest.raises(ConversionError, match=r"^Network 'tiny' has no exact QKeras model: layer 'dense1' has an accumulator.*$"):
        qkeras_outputs(network, make_events(tiny_layout(), 1))


def test_sum_beyond_float64_is_refused() -> None:
    network = make_network(
        input_type=FixedPoint.parse("ap_fixed<24,12,AP_RND_CONV,AP_SAT>"),
        weight_type=FixedPoint.from_quantized_bits(24, 3),
        hidden_type=FixedPoint.from_quantized_relu(24, 12),
    )
    pattern = r"^The sum of layer 'dense\d' may need \d+ bits, float64 has 53; use narrower types for an exact comparison\.$"
    big = network.layers[0]
    wider = Network(
        "big", network.layout, network.scaling, (big.__class__(**_more_weight(big)), network.layers[1]), network.score
    )
    with pytest.raises(ConversionError, match=pattern):
        qkeras_outputs(wider, make_events(tiny_layout(), 1))


def _more_weight(layer):  # type: ignore[no-untyped-def]
    values = {name: getattr(layer, name) for name in layer.__slots__}
    return values | {"bias": np.full(layer.n_out, 2**22), "bias_type": FixedPoint(True, 24, 40, *_modes(layer.bias_type))}


def _modes(type_: FixedPoint):  # type: ignore[no-untyped-def]
    return type_.rounding, type_.overflow


def test_score_beyond_float64_is_refused() -> None:
    network = make_network(output_type=FixedPoint.parse("ap_fixed<24,9,AP_RND_CONV,AP_SAT>"))
    wide_square = Network(
        "wide",
        network.layout,
        network.scaling,
        network.layers,
        network.score.__class__(Score.LATENT_L2, FixedPoint(False, 54, 20), FixedPoint(False, 58, 24)),
    )
    with pytest.raises(ConversionError, match=r"^The score may need \d+ bits, float64 has 53; give the output, .* fewer bits\.$"):
        qkeras_scores(wide_square, make_events(tiny_layout(), 1))
