"""QONNX files: what qonnx' own executor answered, and sentences for what is not imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ad.config.imported import ScalingFile, TypesFile
from l1ad.config.model import ScoreConfig
from l1ad.core.errors import ModelError
from l1ad.core.layout import parse_layout_dict
from l1ad.core.network import Network
from l1ad.emulator.kernel import Emulator
from l1ad.qkeras.importing.assemble import assemble
from l1ad.qkeras.importing.layers import understand
from l1ad.qkeras.importing.onnx_file import read_onnx
from l1ad.qkeras.importing.qonnx import calls_of_onnx
from l1ad.spec import reference
from tests.qkeras.importing.handmade import attribute, onnx_model, onnx_node, onnx_tensor

GOLDEN = Path(__file__).parents[2] / "golden/qonnx/1.0.0"
LAYOUT = parse_layout_dict(
    {
        "name": "eight",
        "source": "t",
        "slots": [{"kind": "obj", "multiplicity": 8, "features": {"pt": {"type": "int<8>", "lsb": 1.0}}}],
    },
    "t",
)
SCALING = ScalingFile(shift=(3,) * 8)


def network_of(path: Path, **types: Any) -> Network:
    model = understand(calls_of_onnx(read_onnx(path)))
    return assemble("m", model, LAYOUT, SCALING, TypesFile(**types), ScoreConfig(kind="latent_l2"))[0]


@pytest.mark.parametrize("name", ["chain", "branches"])
def test_every_output_is_qonnx_s(name: str) -> None:
    network = network_of(GOLDEN / f"{name}.onnx")
    with np.load(GOLDEN / f"{name}.npz") as golden:
        x, wanted = golden["x"].astype(np.int64), golden["answers"].astype(np.float64)
    nodes, last = reference.evaluate(network, x), network.layers[-1]
    np.testing.assert_array_equal(last.output.from_int(nodes[f"{last.name}.output"]), wanted)
    assert len(np.unique(wanted)) > 30
    np.testing.assert_array_equal(Emulator(network).scores(x), nodes["score"])


#: The tensors of a small model: scales, zero, bits, weights and biases.
TENSORS = {"s": 0.25, "z": 0.0, "b": 6.0, "w": np.linspace(-1, 1, 16).reshape(8, 2), "c": np.array([1.0, -1.0]), "third": 1 / 3}
QUANT = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"}


def small(change: Callable[[list[Any]], Any] = lambda nodes: None, **tensors: Any) -> bytes:
    """Quantise, multiply, quantise; the nodes may be changed."""
    nodes = [
        ["Quant", ["x", "s", "z", "b"], "q", QUANT],
        ["Quant", ["w", "s", "z", "b"], "k", QUANT],
        ["MatMul", ["q", "k"], "m", {}],
        ["Quant", ["m", "s", "z", "b"], "y", QUANT],
    ]
    change(nodes)
    made = [onnx_node(kind, reads, [gives], **attributes) for kind, reads, gives, attributes in nodes]
    return onnx_model(made, [onnx_tensor(name, values) for name, values in (TENSORS | tensors).items()], ("x", [1, 8]), "y")


def test_model_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(small())
    network = network_of(tmp_path / "m.onnx")
    assert [str(layer.output) for layer in network.layers] == ["ap_fixed<6,4,AP_RND_CONV,AP_SAT>"]
    assert network.shape == "8-2"


def put(place: int, part: int, value: Any) -> Callable[[list[Any]], Any]:
    return lambda nodes: nodes[place].__setitem__(part, value)


@pytest.mark.parametrize(
    ("change", "tensors", "message"),
    [
        (
            put(2, 0, "Conv"),
            {},
            r"^Node 'm' is a 'Conv', which is not imported; known are MatMul, Gemm, .*, the last four of QONNX\.$",
        ),
        (put(3, 0, "Sigmoid"), {}, r"^Node 'y' is a 'Sigmoid', which is not imported; "),
        (put(2, 1, ["k", "q"]), {}, r"^Node 'm' \(MatMul\) has weights 'q', which is not a constant; only"),
        (put(2, 1, ["y", "k"]), {}, r"^Node 'm' reads 'y', which nothing before it gives; export"),
        (put(3, 2, "q"), {}, r"^Node 'q' gives 'q', which is there already; export"),
        (put(3, 2, "other"), {}, r"^The model's output is 'y', which no node gives; export"),
        (
            lambda nodes: nodes.append(["Relu", ["q"], "r", {}]),
            {},
            r"^The model's output is 'y', to which the nodes \['r'\] do not lead; ",
        ),
        (put(3, 1, ["m", "third", "z", "b"]), {}, r"^Node 'y' \(Quant\) has a scale 0\.333333 that is no power of two, so that"),
        (put(3, 1, ["m", "c", "z", "b"]), {}, r"^Node 'y' \(Quant\) has a scale that is not one number; only"),
        (put(3, 1, ["m", "s", "b", "b"]), {}, r"^Node 'y' \(Quant\) has a zero point other than 0, which is not"),
        (
            put(3, 3, QUANT | {"rounding_mode": "CEIL"}),
            {},
            r"^Node 'y' \(Quant\) has 6 bits, signed True, narrow False, rounding 'CEIL', which no",
        ),
        (lambda nodes: None, {"b": 70.0}, r"^Node 'q' \(Quant\) has 70 bits, signed True"),
        (lambda nodes: None, {"b": np.nan}, r"^Node 'q' \(Quant\) has a bit width that is not one number"),
        (
            lambda nodes: None,
            {"w": np.full((8, 2), np.nan)},
            r"^Node 'k' \(Quant\) has values that are not all finite; train the model again\.$",
        ),
        (
            put(2, 1, ["q", "w"]),
            {"w": (11, (8, 2), np.ldexp(1.0, [[-1000, 1000]] * 8).astype("<f8").tobytes())},
            r"^Node 'm' \(MatMul\) has values that need 2002 bits; this is not a trigger network\.$",
        ),
        (lambda nodes: None, {"w": np.ones((8, 2, 2))}, r"^Node 'm' \(MatMul\) has weights of shape \(8, 2, 2\), expected two"),
        (lambda nodes: None, {"w": np.ones((7, 2))}, r"^Layer 'm' has a kernel of shape \(7, 2\) .*, expected \(8, 2\)"),
        (put(3, 0, "BipolarQuant"), {}, r"^Node 'y' \(BipolarQuant\) gives the sign of sums, which is not imported; quantise"),
        (put(3, 0, "Trunc"), {}, r"^Node 'y' \(Trunc\) is of version 1, which scales what it gives; export"),
        (
            lambda nodes: nodes.insert(1, ["Mul", ["q", "c"], "p", {}]),
            {},
            r"^Node 'p' \(Mul\) puts a constant to what is no matrix product",
        ),
        (
            put(2, 1, ["q", "w"]),
            {},
            r"^The kernel of layer 'm' has no quantiser in the model; give its type as 'layers\.m\.weight'",
        ),
    ],
)
def test_what_is_not_imported_is_one_sentence(change: Any, tensors: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(small(change, **tensors))
    with pytest.raises(ModelError, match=message):
        network_of(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"^'.*' is no ONNX file \(it holds 0 graphs\); export the model again\.$"),
        (small()[:-3], r"^'.*' is no ONNX file \(no protocol buffer at byte \d+\)"),
        (b"\xff" * 50, r"^'.*' is no ONNX file \("),
        (
            onnx_model([], [onnx_tensor("w", (1, (2**20, 2**20), b""))], ("x", [1, 8]), "y"),
            r"^Constant 'w' has shape \(1048576, 1048576\); this",
        ),
        (
            onnx_model([], [onnx_tensor("w", (1, (-1, 2), b""))], ("x", [1, 8]), "y"),
            r"^Constant 'w' has shape \(-1, 2\); this is not",
        ),
        (
            onnx_model([], [onnx_tensor("w", (1, (4,), b"1234"))], ("x", [1, 8]), "y"),
            r"^'.*' is no ONNX file \(constant 'w' of shape \(4,\) has 1",
        ),
        (
            onnx_model([], [onnx_tensor("w", (8, (1,), b""))], ("x", [1, 8]), "y"),
            r"^Constant 'w' holds no numbers \(kind 8 of ONNX\); ",
        ),
        (
            onnx_model([], [onnx_tensor("w", (1, (1,), b"1234"), outside=True)], ("x", [1, 8]), "y"),
            r"^Constant 'w' lies in another file; ",
        ),
        (
            onnx_model([onnx_node("Identity", ["x"], ["y"])], [], ("x", [1, 10**9]), "y"),
            r"^The model's input gives 1000000000 values; this",
        ),
        (
            onnx_model([onnx_node("Identity", ["x"], ["y"])], [], ("x", [1]), "y"),
            r"^The model's input has shape \(\) beside the batch, expected",
        ),
        (
            onnx_model([onnx_node("Identity", ["x"], ["y"])], [], ("x", [1, 8]), "y"),
            r"^The model has no dense layer; there is nothing",
        ),
    ],
)
def test_files_that_lie_are_one_sentence(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=message):
        network_of(tmp_path / "m.onnx")


def test_attributes_of_every_kind(tmp_path: Path) -> None:
    node = onnx_node("LeakyRelu", ["x"], ["y"], alpha=0.25, ints=(1, -2), text="T")
    (tmp_path / "m.onnx").write_bytes(onnx_model([node], [], ("x", [1, 8]), "y"))
    graph = read_onnx(tmp_path / "m.onnx")
    assert graph.nodes[0].attributes == {"alpha": 0.25, "ints": (1, -2), "text": "T"}
    assert (graph.input_name, graph.input_shape, graph.output) == ("x", (8,), "y")
    assert attribute("i", 3)
