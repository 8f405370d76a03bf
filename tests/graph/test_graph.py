"""The graph gives the witness's integers at every node, in int64 and in float64, and refuses what does not fit by the node's name."""

from __future__ import annotations

import numpy as np
import pytest

from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint
from l1ad.core.network import Network
from l1ad.graph import Node, bounds, evaluate, lower, make_graph
from l1ad.graph.operations import Add, Affine, Cast, Constant, Gather, Input, Lookup, Multiply, Relu, Sum
from l1ad.graph.run_float import evaluate_float
from l1ad.spec import reference
from tests.networks import make_events
from tests.ranges.test_nodes import NETWORKS


def named_as_the_witness(network: Network, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    summed = "terms" if network.score.table else "square"
    return values | {"square": values[summed]}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_node_is_the_witness_s_in_int64_and_in_float64(name: str) -> None:
    network = NETWORKS[name]
    x = make_events(network.layout, 3000, seed=4)
    graph = lower(network)
    codes = named_as_the_witness(network, evaluate(graph, x))
    floats = named_as_the_witness(network, evaluate_float(graph, x))
    grids = dict(graph.grids) | {alias: graph.grids[node] for alias, node in graph.aliases.items()}
    grids = named_as_the_witness(network, grids)
    for node, wanted in reference.evaluate(network, x).items():
        wanted = wanted.reshape(len(x), -1)
        np.testing.assert_array_equal(codes[node], wanted, err_msg=node)
        np.testing.assert_array_equal(np.ldexp(floats[node], np.array(grids[node])), wanted, err_msg=node)


@pytest.mark.parametrize("name", ["latent", "masked"])
def test_trigger_bits_are_the_witness_s(name: str) -> None:
    network = NETWORKS[name]
    x = make_events(network.layout, 3000, seed=6)
    values = evaluate(lower(network), x)
    wanted = reference.bits(network, reference.scores(network, x))
    np.testing.assert_array_equal(values["trigger"].astype(bool), wanted)
    assert 0 < wanted[:, 0].sum() < len(x)


def test_elements_have_types_of_their_own() -> None:
    types = (FixedPoint.parse("ap_fixed<6,3,AP_RND,AP_SAT>"), FixedPoint.parse("ap_ufixed<3,3>"))
    nodes = [
        Node("hardware", Input((-64, -64), (63, 63))),
        Node("cast", Cast(types), ("hardware",)),
        Node("sum", Sum(), ("cast",)),
    ]
    graph = make_graph(nodes, ("sum",))
    x = np.arange(-64, 64)[:, np.newaxis] * np.array([1, 1])
    values = evaluate(graph, x)
    np.testing.assert_array_equal(values["cast"], np.stack([types[i].cast(x[:, i], 0) for i in range(2)], axis=1))
    assert graph.grids["cast"] == (3, 0)
    np.testing.assert_array_equal(values["sum"][:, 0], values["cast"][:, 0] + 8 * values["cast"][:, 1])
    bound = bounds(graph)["sum"].values[0]
    assert (bound.low, bound.high) == (-32, 31 + 8 * 7)


def test_a_skip_a_branch_and_a_shared_affine_are_expressible() -> None:
    """Concatenate, add and repeat by hand in int64, against the graph; bounds hold every value."""
    random = np.random.default_rng(7)
    weight = random.integers(-8, 8, size=(3, 3))
    dense = Affine(weight, 2, np.zeros(3, dtype=np.int64), 0)
    eight = (FixedPoint.parse("ap_fixed<8,6,AP_RND_CONV,AP_SAT>"),) * 3
    nodes = [
        Node("hardware", Input((-16,) * 3, (15,) * 3)),
        Node("one", Relu(), ("dense.output",)),
        Node("dense", dense, ("hardware",)),
        Node("dense.output", Cast(eight), ("dense",)),
        Node("skip", Add(), ("one", "hardware")),
        Node("both", Gather(((0, 0), (0, 1), (0, 2), (1, 0))), ("skip", "one")),
        Node("score", Sum(), ("squares",)),
        Node("squares", Multiply(), ("both", "both")),
    ]
    graph = make_graph(nodes, ("score",))
    x = random.integers(-16, 16, size=(2000, 3))
    one = np.maximum(eight[0].cast(x @ weight, 2), 0)
    both = np.concatenate([one + (x << 2), one[:, :1]], axis=1)
    values = evaluate(graph, x)
    np.testing.assert_array_equal(values["score"][:, 0], (both**2).sum(axis=1))
    for name, bound in bounds(graph).items():
        for column, interval in zip(values[name].T, bound.values, strict=True):
            assert interval.low <= column.min()
            assert column.max() <= interval.high


X = Node("hardware", Input((0, 0), (7, 7)))
BAD = [
    (
        [X, Node("a", Relu(), ("b",)), Node("b", Relu(), ("a",))],
        ("b",),
        r"^Node '[ab]' reads its own output through .*; cut the cycle\.$",
    ),
    (
        [X, Node("lost", Relu(), ("hardware",)), Node("a", Relu(), ("hardware",))],
        ("a",),
        r"^Node 'lost' has no consumer and is not an output; .*\.$",
    ),
    ([X, Node("a", Relu(), ("y",))], ("a",), r"^Node 'a' reads 'y', which is not a node of the graph\.$"),
    ([X, X], ("hardware",), r"^Node 'hardware' is defined twice; .*\.$"),
    ([X], ("y",), r"^Output 'y' is not a node of the graph\.$"),
    ([X, Node("a", Add(), ("hardware",))], ("a",), r"^Node 'a' \(Add\) needs 2 inputs, got 1\.$"),
    (
        [X, Node("c", Constant((1,), (0,))), Node("a", Add(), ("hardware", "c"))],
        ("a",),
        r"^Node 'a' gets 2 elements where 1 fit; give both the same shape\.$",
    ),
    ([X, Node("a", Cast((FixedPoint(True, 4, 4),)), ("hardware",))], ("a",), r"^Node 'a' gets 2 elements where 1 fit; .*\.$"),
    ([X, Node("a", Gather(((0, 2),)), ("hardware",))], ("a",), r"^Node 'a' takes element 2 of input 0, which is not there\.$"),
    (
        [X, Node("a", Affine(np.zeros((3, 1), dtype=np.int64), 0, np.zeros(1, dtype=np.int64), 0), ("hardware",))],
        ("a",),
        r"^Node 'a' has weights for 3 inputs, got 2\.$",
    ),
]


@pytest.mark.parametrize(("nodes", "outputs", "message"), BAD)
def test_what_does_not_fit_is_refused_by_the_node_s_name(nodes: list[Node], outputs: tuple[str, ...], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make_graph(nodes, outputs)


def test_a_lookup_is_bounded_by_the_entries_it_can_reach() -> None:
    table = Lookup(np.array([9, 1, 4, 2]), 0, -2)
    graph = make_graph([Node("hardware", Input((-1,), (0,))), Node("t", table, ("hardware",))], ("t",))
    assert (bounds(graph)["t"].values[0].low, bounds(graph)["t"].values[0].high) == (1, 4)
    np.testing.assert_array_equal(evaluate(graph, np.array([[-1], [0]]))["t"], [[1], [4]])
