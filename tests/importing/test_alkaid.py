"""Graphs that alkaid saves: every output of the imported network is what alkaid's own interpreter gives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import LayoutError, ModelError
from l1ad.core.layout import parse_layout_dict
from l1ad.core.network import Network
from l1ad.emulator.kernel import Emulator
from l1ad.importing.alkaid_file import read_alkaid
from l1ad.importing.alkaid_network import network_of_alkaid
from l1ad.rtl.saved import compared_with_alkaid
from l1ad.spec import reference
from tests.networks import make_network

N = 5
LAYOUT = parse_layout_dict(
    {
        "name": "five",
        "source": "t",
        "slots": [{"kind": "obj", "multiplicity": N, "features": {"pt": {"type": "int<8>", "lsb": 1.0}}}],
    },
    "t",
)


def network_of(path: Path, shift: int = 2) -> Network:
    return network_of_alkaid("t", read_alkaid(path), LAYOUT, ScalingFile(shift=(shift,) * N), ScoreConfig(kind="latent_l2"))


def events() -> np.ndarray:
    """Random events, every column's ends against every other's, and neighbours of 0."""
    random = np.random.default_rng(3)
    ends = np.array(np.meshgrid(*[(-128, 127)] * N)).reshape(N, -1).T
    return np.concatenate([random.integers(-128, 128, (3000, N)), ends, random.integers(-2, 3, (500, N))])


def inputs(random: np.random.Generator) -> Any:
    """Five inputs, each with a type of its own, all of which wrap."""
    from alkaid.trace import FVArray

    step = 2.0 ** -random.integers(0, 4, N)
    high = 2.0 ** random.integers(1, 5, N)
    return FVArray.from_lhs(np.where(random.random(N) < 0.7, -high, 0), high - step, step)


def weights(random: np.random.Generator, *shape: int) -> np.ndarray:
    return random.integers(-12, 13, shape) * 2.0 ** random.integers(-3, 1, shape)


def casts(random: np.random.Generator) -> tuple[Any, Any]:
    x = inputs(random)
    y = (x @ weights(random, N, 6) + weights(random, 6)).relu(np.full(6, 4), np.arange(6) % 4)
    z = (y @ weights(random, 6, 4)).quantize(np.ones(4, dtype=int), np.full(4, 4), np.full(4, 2), "WRAP", "RND")
    return x, z @ weights(random, 4, 3) + (x @ weights(random, N, 3)).relu()


def saturating(random: np.random.Generator) -> tuple[Any, Any]:
    x = inputs(random)
    y = (x @ weights(random, N, 4)).quantize(np.ones(4, dtype=int), np.full(4, 3), np.full(4, 2), "SAT", "RND_CONV")
    return x, (y @ weights(random, 4, 2)).quantize(np.zeros(2, dtype=int), np.full(2, 4), np.full(2, 1), "SAT", "TRN")


def choices(random: np.random.Generator) -> tuple[Any, Any]:
    x = inputs(random)
    y = x @ weights(random, N, 4)
    return x, np.array([np.maximum(y[0], y[1]), abs(y[2]), np.minimum(y[3], x[0]), -y[1]])


def saved(path: Path, traced: tuple[Any, Any]) -> Path:
    from alkaid.trace import FVArray, trace

    given, found = traced
    trace(given, found if isinstance(found, FVArray) else FVArray(found)).save(path)
    return path


@pytest.mark.parametrize("make", [casts, saturating, choices])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_output_is_alkaid_s(make: Callable[[np.random.Generator], tuple[Any, Any]], seed: int, tmp_path: Path) -> None:
    from alkaid.types import CombLogic

    path = saved(tmp_path / "g.json.gz", make(np.random.default_rng(seed)))
    network, x = network_of(path), events()
    wanted = CombLogic.load(path).predict(x / 4.0, n_threads=1)
    nodes, last = reference.evaluate(network, x), network.layers[-1]
    found = np.ldexp(nodes[f"{last.name}.output"].astype(float), [-t.fractional for t in last.outputs])
    np.testing.assert_array_equal(found, wanted)
    assert len(np.unique(wanted)) > 20
    np.testing.assert_array_equal(Emulator(network).scores(x), nodes["score"])
    assert compared_with_alkaid(path, network) == "0 of 2500 events differ"


#: Input 0, minus input 1, then rectified.
OPERATIONS = [
    [[], -1, [0], [-4, 3.5, 0.5], 0, 0],
    [[], -1, [1], [-4, 3.5, 0.5], 0, 0],
    [[0, 1], 1, [0], [-7.5, 7.5, 0.5], 0, 1],
    [[2], 2, [], [0, 7.5, 0.5], 0, 1],
]


def written(path: Path, change: Callable[[dict[str, Any]], Any] = lambda data: None) -> Path:
    model = [[N, 1], [0] * N, [3], [0], [False], [list(op) for op in OPERATIONS], -1, -1]
    data = {"model": model, "meta": "ALIRModel", "spec_version": 4}
    changed = change(data)
    path.write_text(json.dumps(data if changed is None else changed))
    return path


def test_graph_written_by_hand(tmp_path: Path) -> None:
    network = network_of(written(tmp_path / "g.json"))
    assert [(layer.name, layer.activation.value) for layer in network.layers] == [("stage_1_relu", "relu")]
    x = events()
    scaled = (x[:, :2] // 2 + 8) % 16 - 8  # ap_fixed<4,3> of x / 4, truncating and wrapping
    np.testing.assert_array_equal(
        reference.evaluate(network, x)["stage_1_relu.output"][:, 0], np.maximum(scaled[:, 0] - scaled[:, 1], 0)
    )


def operation(place: int, *values: Any) -> Callable[[dict[str, Any]], None]:
    """Change the first values of an operation."""
    return lambda data: data["model"][5].__setitem__(place, [*values, *OPERATIONS[place][len(values) :]])


def part(place: int, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["model"].__setitem__(place, value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data.update(spec_version=3),
            r"^'.*' is 'ALIRModel' of version 3, expected 'ALIRModel' of version 4; load it",
        ),
        (lambda data: data.update(meta="ALIRFSM"), r"^'.*' is 'ALIRFSM' of version 4, expected "),
        (lambda data: [], r"^'.*' is 'list' of version None, expected "),
        (lambda data: data.pop("model") and None, r"^'.*' is no graph of alkaid \(KeyError 'model'\); save"),
        (part(0, [10**9, 1]), r"^The graph has 1000000000 inputs, 1 outputs and 4 operations, expected up to 4096, "),
        (part(1, [1] * N), r"^The graph moves its inputs before it reads them, which is not understood; "),
        (part(2, [4]), r"^'.*' is no graph of alkaid \(ValueError its outputs are not those it declares\)"),
        (part(2, [-1]), r"^The graph's outputs do not depend on its inputs; there is nothing to import\.$"),
        (part(3, [10**6]), r"^'.*' is no graph of alkaid \(ValueError a value moved by 1000000 bits\)"),
        (operation(2, [2, 3]), r"^'.*' is no graph of alkaid \(ValueError operation 2 reads one that is not before it\)"),
        (operation(0, [], -1, [7]), r"^The graph reads an input that it does not have; save it"),
        (
            operation(0, [], -1, [0], [-4, 3.5, 0.3]),
            r"^'.*' is no graph of alkaid \(ValueError an interval from -4 to 3\.5 in steps",
        ),
        (operation(0, [], -1, [0], [-4, float("nan"), 0.5]), r"^'.*' is no graph of alkaid \(ValueError "),
        (operation(0, [], -1, [0], [-4, float("inf"), 0.5]), r"^'.*' is no graph of alkaid \(OverflowError "),
        (operation(0, [], -1, [0], [-4, 1e300, 0.5]), r"^The graph has a value of \d+ bits; this is not a trigger network\.$"),
        (operation(2, [0, 1], 1, [10**9]), r"^The graph moves a value by 1000000000 bits; this is not"),
        (operation(2, [0, 1], 1, ["x"]), r"^'.*' is no graph of alkaid \(ValueError "),
        (operation(2, [0], 1), r"^The graph's operation 2 has too few values; save it"),
        (operation(2, [0, 1], 7), r"^Operation 2 of the graph is a product of two values, which is not imported; "),
        (operation(2, [0], 8), r"^Operation 2 of the graph is a lookup table, which is not imported; "),
        (operation(2, [0], 99), r"^Operation 2 of the graph is operation code 99, which is not imported; "),
        (
            operation(2, [0, 1], 10, [0, 0]),
            r"^Operation 2 of the graph is an operation on the bits of two values, which is imported of single",
        ),
    ],
)
def test_graphs_that_are_not_imported_are_one_sentence(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        network_of(written(tmp_path / "g.json", change))


def test_files_that_are_no_graphs(tmp_path: Path) -> None:
    whole = gzip.compress(written(tmp_path / "g.json").read_bytes())
    for name, data, message in (
        (
            "cut.json",
            b'{"model": [',
            r"^'.*' is no graph of alkaid \(Expecting value.*\); save it with alkaid's CombLogic\.save\.$",
        ),
        ("cut.json.gz", whole[:-20], r"^'.*' is no graph of alkaid \(.*\); save it"),
        (
            "bomb.json.gz",
            gzip.compress(b" " * (65 * 2**20)),
            r"^'.*' unpacks to more than 64 MB; this is not a trigger network\.$",
        ),
        ("deep.json", b"[" * 10**5, r"^'.*' is no graph of alkaid \(it is nested too deeply\)"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=message):
            read_alkaid(tmp_path / name)
    with pytest.raises(ModelError, match=r"^Cannot read '.*none\.json': No such file or directory\.$"):
        read_alkaid(tmp_path / "none.json")


def test_graph_of_another_layout(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"^The graph takes 5 inputs, layout '.*' has 8 columns; choose the layout"):
        network_of_alkaid(
            "t",
            read_alkaid(written(tmp_path / "g.json")),
            make_network().layout,
            ScalingFile(shift=(0,) * 8),
            ScoreConfig(kind="latent_l2"),
        )
