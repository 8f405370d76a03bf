#!/usr/bin/env python
"""Make the QONNX models of ``tests/golden/qonnx`` and what qonnx' own executor answers.

python -m venv .venv-qonnx
.venv-qonnx/bin/pip install qonnx==1.0.0
.venv-qonnx/bin/python scripts/make_qonnx_models.py tests/golden/qonnx/1.0.0
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

OWN = "qonnx.custom_op.general"
#: Hardware integers of the events, as ``l1ad``'s tests scale them: divided by 8.
N_EVENTS, N_INPUTS, SHIFT = 500, 8, 3


class Graph:
    """Collect nodes and constants."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any) -> str:
        """Add a constant; gives its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def node(self, kind: str, *reads: str, **attributes: Any) -> str:
        """Add a node; gives the tensor it makes."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        domain = {"domain": OWN} if kind in ("Quant", "IntQuant", "BipolarQuant", "Trunc") else {}
        self.nodes.append(helper.make_node(kind, list(reads), [f"{name}_out"], name=name, **domain, **attributes))
        return f"{name}_out"

    def quant(
        self, x: str, scale: Any, bits: int, signed: int = 1, narrow: int = 0, mode: str = "ROUND", kind: str = "Quant"
    ) -> str:
        """Add a quantiser."""
        given = [self.constant(value) for value in (scale, 0.0, float(bits))]
        return self.node(kind, x, *given, signed=signed, narrow=narrow, rounding_mode=mode)

    def weights(self, *shape: int, scale: Any = 0.125, bits: int = 6) -> str:
        """Add random weights and their quantiser."""
        return self.quant(self.constant(self.random.normal(0, 1, shape)), scale, bits, narrow=1)

    def save(self, folder: Path, name: str, output: str, n_out: int) -> None:
        """Write the model, random events and the executor's answers."""
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, N_INPUTS])
        found = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, n_out])
        graph = helper.make_graph(self.nodes, name, [given], [found], self.constants)
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(OWN, 2)]
        model = ModelWrapper(helper.make_model(graph, opset_imports=opsets, producer_name="l1ad"))
        model = model.transform(InferShapes())
        x = self.random.integers(-128, 128, (N_EVENTS, N_INPUTS))
        scaled = (x / 2.0**SHIFT).astype(np.float32)
        answers = [execute_onnx(model, {"x": row[np.newaxis]})[output] for row in scaled]
        model.save(str(folder / f"{name}.onnx"))
        np.savez_compressed(folder / f"{name}.npz", x=x.astype(np.int16), answers=np.concatenate(answers).astype(np.float32))


def chain(folder: Path) -> None:
    """Weights with a scale for each output, biases, bipolar weights, factors, every rounding that fixed-point types know."""
    g = Graph(1)
    x = g.quant("x", 0.25, 8)
    y = g.node("MatMul", x, g.weights(8, 6, scale=2.0 ** -np.arange(1.0, 7.0)))
    y = g.node("Add", y, g.quant(g.constant(g.random.normal(0, 1, 6)), 0.0625, 8))
    y = g.quant(g.node("Relu", y), 0.25, 6, signed=0, mode="FLOOR", kind="IntQuant")
    bipolar = g.node("BipolarQuant", g.constant(g.random.normal(0, 1, (5, 6))), g.constant(0.5))
    y = g.node("Mul", g.node("Gemm", y, bipolar, transB=1), g.constant(0.5))
    y = g.quant(y, 0.125, 6, narrow=1, mode="HALF_UP")
    y = g.quant(g.node("MatMul", y, g.weights(5, 4)), 0.25, 7, mode="DOWN")
    y = g.quant(g.node("MatMul", y, g.weights(4, 3)), 0.0625, 9, mode="HALF_DOWN")
    g.save(folder, "chain", y, 3)


def branches(folder: Path) -> None:
    """A skip, tensors one behind the other, a slope, dropped bits, and an output that is a sum."""
    g = Graph(2)
    x = g.quant("x", 0.25, 8)
    left = g.quant(g.node("Relu", g.node("MatMul", x, g.weights(8, 4))), 0.125, 6, signed=0)
    right = g.quant(g.node("LeakyRelu", g.node("MatMul", x, g.weights(8, 4)), alpha=0.25), 0.25, 6)
    added = g.node("Add", left, right)
    given = [g.constant(value) for value in (0.125, 0.0, 8.0, 0.5, 5.0)]
    dropped = g.node("Trunc", g.node("Sub", left, right), *given, signed=1, narrow=0, rounding_mode="FLOOR")
    both = g.node("Concat", added, dropped, left, axis=-1)
    out = g.quant(g.node("MatMul", g.node("Flatten", both, axis=1), g.weights(12, 3)), 0.125, 8)
    again = g.quant(g.node("MatMul", left, g.weights(4, 3)), 0.125, 8)
    g.save(folder, "branches", g.node("Add", out, g.node("Identity", again)), 3)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    where.mkdir(parents=True, exist_ok=True)
    chain(where)
    branches(where)
