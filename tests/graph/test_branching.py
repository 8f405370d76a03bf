"""Networks that are no chains go through every implementation to the same integers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.core.affine import Padding, Window, average_pooling, convolution, node_sum, upsampling
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network, Score
from l1ad.emulator.kernel import Emulator
from l1ad.firmware.golden import adversarial_events
from l1ad.graph import evaluate, lower
from l1ad.hls.csim import Csim
from l1ad.ranges import prove, require_safe
from l1ad.rtl.trace import trace_network
from l1ad.spec import reference
from tests.branching_networks import NETWORKS, PLAIN, embedding, skip, two_branches
from tests.networks import make_events
from tests.projects import make_project
from tests.rtl.test_trace import require_equal


def events(network: Network) -> np.ndarray:
    return np.concatenate([make_events(network.layout, 3000, seed=8), adversarial_events(network, 1000, seed=3)])


@pytest.mark.parametrize("name", NETWORKS)
def test_graph_emulator_and_bounds_are_the_witness_s(name: str) -> None:
    network = NETWORKS[name]
    x = events(network)
    wanted = reference.evaluate(network, x)
    assert len(np.unique(wanted["score"])) > 20
    values = evaluate(lower(network), x)
    for layer in network.layers:
        np.testing.assert_array_equal(values[f"{layer.name}.output"], wanted[f"{layer.name}.output"], err_msg=layer.name)
    np.testing.assert_array_equal(values["score"][:, 0], wanted["score"])
    np.testing.assert_array_equal(Emulator(network).scores(x), wanted["score"])
    require_safe(network)
    nodes = {node.node: node for node in prove(network)}
    assert nodes["score"].low <= wanted["score"].min()
    assert wanted["score"].max() <= nodes["score"].high


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rtl_s_logic_is_the_network(name: str) -> None:
    require_equal(NETWORKS[name], trace_network(NETWORKS[name]))


@pytest.mark.parametrize("name", PLAIN)
def test_qkeras_is_the_network_where_it_can_express_it(name: str) -> None:
    from l1ad.qkeras.build import refusal
    from l1ad.qkeras.evaluate import qkeras_scores

    network = PLAIN[name]
    assert refusal(network) is None
    x = events(network)
    np.testing.assert_array_equal(qkeras_scores(network, x), reference.scores(network, x))


def test_qkeras_refuses_types_a_neuron() -> None:
    from l1ad.qkeras.build import refusal

    reason = refusal(NETWORKS["skip, own types"])
    assert reason == "layer 'second' has neurons with types of their own, QKeras has one type a layer"


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_that_is_no_chain_survives_json(name: str) -> None:
    network = NETWORKS[name]
    again = Network.from_dict(network.to_dict())
    assert again.digest == network.digest
    x = make_events(network.layout, 200)
    np.testing.assert_array_equal(reference.scores(again, x), reference.scores(network, x))


def test_chains_keep_the_form_of_earlier_versions() -> None:
    from tests.networks import make_network

    data = make_network().to_dict()
    assert not {"sources", "own_outputs"} & data["layers"][0].keys()
    assert "sources" not in data["score"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda n: {"layers": (replace(n.layers[0], sources=("latent",)), *n.layers[1:])},
            r"^Layer 'left' reads 'latent', which is not a node",
        ),
        (
            lambda n: {"layers": (*n.layers[:2], replace(n.layers[2], name="left"))},
            r"^Network 'two_branches' has two nodes called 'left'",
        ),
        (
            lambda n: {"layers": (*n.layers[:2], replace(n.layers[2], sources=("left",), weight=n.layers[2].weight[:4]))},
            r"^Layer 'right' has no consumer: no layer and no score reads it; connect it or leave it out\.$",
        ),
        (
            lambda n: {"layers": (replace(n.layers[0], own_outputs=(n.layers[0].output,)), *n.layers[1:])},
            r"^Layer 'left' has 4 outputs",
        ),
        (
            lambda n: {"score": replace(n.score, sources=("nowhere",))},
            r"^Score 'latent_l2' reads 'nowhere', which is not a node of network",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_layer_s_name(change, message) -> None:
    network = two_branches()
    with pytest.raises(ModelError, match=message):
        replace(network, **change(network))


def test_a_score_of_nodes_of_different_shapes_is_refused() -> None:
    network = embedding()
    with pytest.raises(ModelError, match=r"^Score 'mse' compares 'inner' of 3 elements with 'decoded' of 5; use equal shapes\.$"):
        replace(network, score=replace(network.score, sources=("inner", "decoded")))
    with pytest.raises(ModelError, match=r"^Score 'masked_mse' compares 'encoded', which has no objects and no phi; use 'mse'"):
        replace(network, score=replace(network.score, kind=Score.MASKED_MSE))


@pytest.mark.parametrize("padding", Padding)
@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (2, 3)])
def test_a_convolution_is_the_sum_over_its_window(padding: Padding, strides: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    image, kernel = random.integers(-9, 9, size=(5, 7, 2)), random.integers(-9, 9, size=(3, 2, 2, 4))
    window = Window(image.shape, (3, 2), strides, padding)
    weight, bias = convolution(window, kernel, np.arange(4))
    rows, columns = window.places
    found = (image.ravel() @ weight + bias).reshape(rows, columns, 4)
    pad = [
        max((n - 1) * s + k - size, 0) if padding is Padding.SAME else 0
        for n, s, k, size in zip((rows, columns), strides, (3, 2), (5, 7), strict=True)
    ]
    padded = np.pad(image, [(p // 2, p - p // 2) for p in pad] + [(0, 0)])
    for i in range(rows):
        for j in range(columns):
            part = padded[i * strides[0] : i * strides[0] + 3, j * strides[1] : j * strides[1] + 2]
            np.testing.assert_array_equal(found[i, j], np.einsum("ijc,ijcf->f", part, kernel) + np.arange(4))


def test_keras_computes_the_same_convolution() -> None:
    import tensorflow as tf

    random = np.random.default_rng(6)
    image, kernel = random.integers(-9, 9, size=(4, 6, 3)), random.integers(-9, 9, size=(3, 3, 3, 2))
    weight, bias = convolution(Window(image.shape, (3, 3), (2, 2), Padding.SAME), kernel, np.zeros(2, dtype=np.int64))
    wanted = tf.nn.conv2d(image[np.newaxis].astype(np.float32), kernel.astype(np.float32), 2, "SAME").numpy()
    np.testing.assert_array_equal(image.ravel() @ weight + bias, wanted.ravel())


def test_pooling_upsampling_and_sums_of_nodes() -> None:
    image = np.arange(24).reshape(2, 4, 3)
    weight, bits = average_pooling(Window(image.shape, (2, 2), (2, 2)))
    np.testing.assert_array_equal(image.ravel() @ weight, (image.reshape(1, 2, 2, 2, 3).sum(axis=(1, 3))).ravel())
    assert bits == 2
    np.testing.assert_array_equal(image.ravel() @ upsampling(image.shape, (1, 2)), image.repeat(2, axis=1).ravel())
    np.testing.assert_array_equal(np.arange(6) @ node_sum(3), [3, 5, 7])


def test_windows_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        ModelError, match=r"^A window of 3 x 1 does not fit an input of 2 x 4; use a smaller one or padding 'same'\.$"
    ):
        Window((2, 4, 1), (3, 1))
    with pytest.raises(
        ModelError, match=r"^Pooling by averages of 3 x 1 elements, padding 'valid', does not divide by a power of two; use"
    ):
        average_pooling(Window((3, 4, 1), (3, 1)))
    with pytest.raises(
        ModelError, match=r"^A convolution of window \(2, 2\) over \(4, 4, 1\) needs a kernel of shape \(2, 2, 1\)"
    ):
        convolution(Window((4, 4, 1), (2, 2)), np.zeros((2, 2, 2, 1), dtype=np.int64), np.zeros(1, dtype=np.int64))


def test_a_skip_is_no_chain_and_a_chain_is() -> None:
    assert not skip().is_chain
    assert PLAIN["convolutional"].is_chain


@pytest.mark.parametrize("name", [name for name, network in NETWORKS.items() if not network.is_chain])
def test_the_c_simulation_is_the_network_at_every_node(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    project = make_project(tmp_path / "project", network)
    assert project.route == "graph"
    simulation = Csim(project)
    x = events(network)[:2500]
    wanted = reference.evaluate(network, x)
    scores, bits = simulation.run(x)
    np.testing.assert_array_equal(scores, wanted["score"])
    np.testing.assert_array_equal(bits, reference.bits(network, wanted["score"]))
    traced = simulation.trace(x[:300])
    for node in ("scaled", *(f"{layer.name}.output" for layer in network.layers), "square"):
        np.testing.assert_array_equal(traced[node], wanted[node][:300], err_msg=node)


def test_accumulators_of_a_branching_network_round_and_wrap_in_the_c_simulation(tmp_path: Path) -> None:
    accumulator = FixedPoint.parse("ap_fixed<11,7,AP_RND_CONV,AP_WRAP>")
    network = two_branches()
    layers = tuple(replace(layer, accumulator=accumulator) for layer in network.layers)
    network = replace(network, layers=layers, may_wrap=True)
    x = events(network)[:2500]
    wanted = reference.scores(network, x)
    np.testing.assert_array_equal(Csim(make_project(tmp_path / "project", network)).scores(x), wanted)
    np.testing.assert_array_equal(Emulator(network).scores(x), wanted)
    require_equal(network, trace_network(network))
