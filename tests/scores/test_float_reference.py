"""The float reference: scores of constructed events by hand, and the exact network's scores where nothing is rounded."""

import numpy as np
import pytest

from l1ad.core.errors import LayoutError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Activation, Network, Score
from l1ad.core.scaling import Scaling
from l1ad.core.trained import FloatDense, FloatNetwork, FloatScore
from l1ad.scores.float_reference import float_outputs, float_scores
from l1ad.spec import reference
from tests.networks import make_events, make_network, tiny_layout

WIDE = FixedPoint.parse("ap_fixed<30,18,AP_RND_CONV,AP_SAT>")
WIDE_RELU = FixedPoint.parse("ap_ufixed<30,18,AP_RND_CONV,AP_SAT>")


def as_float(network: Network, saturate: bool = True) -> FloatNetwork:
    layers = tuple(
        FloatDense(layer.name, layer.weight_type.from_int(layer.weight), layer.bias_type.from_int(layer.bias), layer.activation)
        for layer in network.layers
    )
    score = FloatScore(network.score.kind, network.score.columns, network.score.cyclic)
    return FloatNetwork(network.layout, network.scaling, layers, score, saturate)


def test_outputs_equal_the_exact_network_where_nothing_is_rounded() -> None:
    layout = tiny_layout()
    scaling = Scaling((0,) * 8, (2,) * 8, FixedPoint.parse("ap_fixed<16,12,AP_RND_CONV,AP_SAT>"))
    network = make_network(layout, hidden_type=WIDE_RELU, output_type=WIDE)
    network = Network("wide", layout, scaling, network.layers, network.score)
    x = make_events(layout, 200)
    nodes = reference.evaluate(network, x)
    np.testing.assert_array_equal(float_outputs(as_float(network), x), WIDE.from_int(nodes["dense2.output"]))


def test_saturation_is_optional() -> None:
    network = make_network()
    x = np.zeros((1, 8), dtype=np.int64)
    x[0, 0] = network.layout.columns[0].type.max_int
    assert float_scores(as_float(network), x) != float_scores(as_float(network, saturate=False), x)


def latent_score(kind: Score, *outputs: float) -> float:
    """Score outputs that zero weights and these biases give."""
    layer = FloatDense("dense1", np.zeros((8, len(outputs))), np.array(outputs), Activation.LINEAR)
    network = FloatNetwork(tiny_layout(), make_network().scaling, (layer,), FloatScore(kind))
    return float(float_scores(network, np.zeros((1, 8), dtype=np.int64))[0])


def test_latent_scores_by_hand() -> None:
    both = (1.0, -2.0, 0.0, np.log(2.0))
    assert latent_score(Score.LATENT_L2, 1.0, -2.0) == pytest.approx(5.0)
    assert latent_score(Score.LINEAR, -2.0) == pytest.approx(-2.0)
    assert latent_score(Score.R_Z, *both) == pytest.approx(1.0 + 2.0)
    assert latent_score(Score.KL, *both) == pytest.approx(5.0 + 1.0 - np.log(2.0))


@pytest.mark.parametrize(("kind", "wanted"), [(Score.MSE, 9.0 + 4.0 + 25.0), (Score.MASKED_MSE, 9.0 + 4.0)])
def test_reconstruction_scores_by_hand(kind: Score, wanted: float) -> None:
    """Zero weights reconstruct the biases; the second jet is absent."""
    layout = tiny_layout()
    bias = np.array([1.0, 2.0, 0.0, 5.0, 0.0, 0.0, 0.0, 0.0])
    layer = FloatDense("dense1", np.zeros((8, 8)), bias, Activation.LINEAR)
    scaling = Scaling((0,) * 8, (0,) * 8, FixedPoint.parse("ap_fixed<16,16,AP_RND_CONV,AP_SAT>"))
    network = FloatNetwork(layout, scaling, (layer,), FloatScore(kind, (0, 1, 3), True))
    x = np.array([[4, 0, 0, 0, 0, 0, 0, 0]])
    assert float_scores(network, x) == pytest.approx(wanted)


@pytest.mark.parametrize(("cyclic", "wanted"), [(True, 4.0), (False, 62.0**2)])
def test_phi_is_cyclic(cyclic: bool, wanted: float) -> None:
    """Phi 63 of 64 against a reconstruction of 1 is 2 counts away, not 62."""
    layout = tiny_layout()
    bias = np.zeros(8)
    bias[2] = 1.0
    layer = FloatDense("dense1", np.zeros((8, 8)), bias, Activation.LINEAR)
    scaling = Scaling((0,) * 8, (0,) * 8, FixedPoint.parse("ap_fixed<16,16,AP_RND_CONV,AP_SAT>"))
    network = FloatNetwork(layout, scaling, (layer,), FloatScore(Score.MASKED_MSE, (2,), cyclic))
    x = np.array([[1, 0, 63, 0, 0, 0, 0, 0]])
    assert float_scores(network, x) == pytest.approx(wanted)


def test_no_events() -> None:
    assert float_scores(as_float(make_network()), np.zeros((0, 8), dtype=np.int64)).shape == (0,)


def test_events_of_another_layout() -> None:
    with pytest.raises(LayoutError, match=r"^Events to score: layout 'tiny8' needs shape \(n_events, 8\), got \(1, 3\).*$"):
        float_scores(as_float(make_network()), np.zeros((1, 3), dtype=np.int64))


def test_an_object_below_its_pt_threshold_does_not_count() -> None:
    """With zero weights the masked score is the present objects' squares: a jet at its threshold counts, one count below it does not."""
    layout = tiny_layout()
    layer = FloatDense("dense1", np.zeros((8, 8)), np.zeros(8), Activation.LINEAR)
    type_ = FixedPoint.parse("ap_fixed<16,16,AP_RND_CONV,AP_SAT>")
    scaling = Scaling((0,) * 8, (0,) * 8, type_, min_pt_hw=(("jet", 5), ("met", 3)))
    network = FloatNetwork(layout, scaling, (layer,), FloatScore(Score.MASKED_MSE, tuple(range(8)), True))
    x = np.array([[5, 1, 0, 4, 9, 9, 2, 7], [4, 1, 0, 5, 2, 0, 3, 0]])
    assert float_scores(network, x).tolist() == [25.0 + 1.0, 25.0 + 4.0 + 9.0]
