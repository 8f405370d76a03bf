"""Write an ONNX graph with QONNX' quantisers as calls of layers that are understood: QDense, activations, sums, concatenations.

QONNX (arXiv:2206.07527, qonnx 1.0): ``Quant(x) = scale * (round(clip(x / scale + zero_point)) - zero_point)``, ``BipolarQuant(x) = scale`` or ``-scale``,
``Trunc`` drops the lowest bits of what is quantised. Imported where scales are powers of two and zero points 0: then these are casts of fixed-point numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from l1ad.core.errors import ModelError
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, FloatArray, Overflow, Rounding
from l1ad.core.network import Activation
from l1ad.qkeras.importing.keras_file import KerasModel, LayerRecord
from l1ad.qkeras.importing.onnx_file import OnnxGraph, OnnxNode
from l1ad.qkeras.importing.qonnx_values import Constant, are_powers, exponent_of, holding, require_finite, spread
from l1ad.qkeras.importing.quantisers import Quantiser

#: Domains under which QONNX' operations are known.
_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
#: Roundings of QONNX that fixed-point types know.
_ROUNDINGS = {
    "ROUND": Rounding.RND_CONV,
    "HALF_EVEN": Rounding.RND_CONV,
    "FLOOR": Rounding.TRN,
    "DOWN": Rounding.TRN_ZERO,
    "HALF_UP": Rounding.RND_INF,
    "HALF_DOWN": Rounding.RND_ZERO,
}
#: Bits of a type that nothing of a trigger network leaves.
_WIDE = 40


def calls_of_onnx(graph: OnnxGraph) -> KerasModel:
    """Write a graph as calls of layers.

    Args:
        graph: what was read.

    Returns:
        The calls, each after those it reads.

    Raises:
        ModelError: a node that is not understood or not exactly convertible, by name.
    """
    reader = _Reader(graph)
    for node in graph.nodes:
        reader.take(node)
    return reader.finish()


class _Reader:
    """Turn nodes into calls; what depends on constants only is computed."""

    def __init__(self, graph: OnnxGraph) -> None:
        self.graph = graph
        self.constants = {name: Constant(values, are_powers(values)) for name, values in graph.constants.items()}
        self.calls: dict[str, LayerRecord] = {}
        self.given = {graph.input_name: self._call("InputLayer", graph.input_name, ())}
        self.takes: Mapping[str, Callable[[OnnxNode], None]] = {
            **dict.fromkeys(("MatMul", "Gemm"), self._dense),
            **dict.fromkeys(("Add", "Sub", "Mul", "Div"), self._arithmetic),
            "Relu": lambda node: self._one("ReLU", node),
            "LeakyRelu": lambda node: self._one("LeakyReLU", node, alpha=node.attributes.get("alpha", 0.01)),
            "BatchNormalization": self._normalisation,
            "Concat": self._concatenation,
            "Flatten": self._flatten,
            "Reshape": self._reshape,
            **dict.fromkeys(("Identity", "Dropout"), self._same),
            **dict.fromkeys(("Quant", "IntQuant"), self._quant),
            "BipolarQuant": self._bipolar,
            "Trunc": self._trunc,
        }

    def take(self, node: OnnxNode) -> None:
        """Take the next node."""
        domain, _, kind = node.kind.rpartition(".")
        own = kind in ("Quant", "IntQuant", "BipolarQuant", "Trunc")
        if kind not in self.takes or (domain in _DOMAINS) is not own or (domain and not own) or not node.gives:
            raise ModelError(
                f"Node {node.name!r} is a {node.kind!r}, which is not imported; known are {', '.join(self.takes)}, the last four of QONNX."
            )
        for name in node.reads:
            if name and name not in self.constants and name not in self.given:
                raise ModelError(f"Node {node.name!r} reads {name!r}, which nothing before it gives; export the model again.")
        if any(name in self.constants or name in self.given for name in node.gives):
            raise ModelError(f"Node {node.name!r} gives {node.gives[0]!r}, which is there already; export the model again.")
        self.takes[kind](replace(node, kind=kind))

    def finish(self) -> KerasModel:
        """Return the calls, where all lead to the output."""
        output = self.given.get(self.graph.output)
        if output is None:
            raise ModelError(f"The model's output is {self.graph.output!r}, which no node gives; export it again.")
        needed, kept = {output}, []
        for name, record in reversed(self.calls.items()):
            if name in needed:
                needed |= set(record.sources)
                kept.append(record)
        left = sorted(self.calls.keys() - needed)
        if left:
            raise ModelError(
                f"The model's output is {self.graph.output!r}, to which the nodes {left[:5]!r} do not lead; export it without."
            )
        if not self.graph.input_shape or min(self.graph.input_shape) < 1:
            raise ModelError(
                f"The model's input has shape {self.graph.input_shape!r} beside the batch, expected numbers above 0."
            )
        return KerasModel(tuple(reversed(kept)), self.graph.input_shape)

    def _call(
        self, kind: str, name: str, sources: tuple[str, ...], arrays: Mapping[str, FloatArray] | None = None, **config: Any
    ) -> str:
        """Add a call, under a name that is not there yet."""
        free = name
        while free in self.calls:
            free = f"{free}_"
        self.calls[free] = LayerRecord(kind, free, {"name": free, **config}, arrays or {}, free, sources)
        return free

    def _one(self, kind: str, node: OnnxNode, **config: Any) -> None:
        self.given[node.gives[0]] = self._call(kind, node.name, (self._tensor(node, 0),), **config)

    def _tensor(self, node: OnnxNode, place: int) -> str:
        """Return the call that an operand comes from."""
        name = node.reads[place] if place < len(node.reads) else ""
        if name not in self.given:
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) reads {name!r}, which depends on constants only or is missing; this is not understood."
            )
        return self.given[name]

    def _fixed(self, node: OnnxNode, place: int, what: str) -> Constant:
        name = node.reads[place] if place < len(node.reads) else ""
        if name not in self.constants:
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) has {what} {name!r}, which is not a constant; only constants are imported there."
            )
        return self.constants[name]

    def _number(self, node: OnnxNode, place: int, what: str) -> float:
        """Return a constant that is one number, or the same number everywhere."""
        values = np.unique(self._fixed(node, place, what).values)
        if len(values) != 1 or not math.isfinite(values[0]):
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) has a {what} that is not one number; only one for a whole tensor is imported."
            )
        return float(values[0])

    def _same(self, node: OnnxNode) -> None:
        name = node.reads[0] if node.reads else ""
        if name in self.constants:
            self.constants[node.gives[0]] = self.constants[name]
        else:
            self.given[node.gives[0]] = self._tensor(node, 0)

    def _dense(self, node: OnnxNode) -> None:
        weight = self._fixed(node, 1, "weights")
        kernel = weight.values
        attributes = node.attributes
        if attributes.get("transA") or any(attributes.get(key, 1.0) != 1.0 for key in ("alpha", "beta")):
            raise ModelError(f"Node {node.name!r} (Gemm) has alpha, beta or transA, which are not imported; export it without.")
        if attributes.get("transB"):
            kernel = kernel.T
        if kernel.ndim != 2:
            raise ModelError(f"Node {node.name!r} ({node.kind}) has weights of shape {kernel.shape!r}, expected two dimensions.")
        bias = self._fixed(node, 2, "biases") if len(node.reads) > 2 and node.reads[2] else Constant(np.zeros(0), True)
        self._put_dense(node, replace(weight, values=kernel), bias)

    def _put_dense(self, node: OnnxNode, weight: Constant, bias: Constant) -> None:
        has_bias = bias.values.size > 0
        arrays = {"kernel": weight.values}
        if has_bias:
            arrays["bias"] = spread(bias.values, weight.values.shape[1], node)
        config = {"units": weight.values.shape[1], "use_bias": has_bias}
        held = {"kernel_quantizer": holding(weight, node), "bias_quantizer": holding(bias, node) if has_bias else None}
        self.given[node.gives[0]] = self._call("QDense", node.name, (self._tensor(node, 0),), arrays, **config, **held)

    def _arithmetic(self, node: OnnxNode) -> None:
        places = [i for i, name in enumerate(node.reads) if name in self.constants]
        if len(node.reads) == 2 and not places and node.kind in ("Add", "Sub"):
            kind = "Add" if node.kind == "Add" else "Subtract"
            self.given[node.gives[0]] = self._call(kind, node.name, tuple(self._tensor(node, i) for i in (0, 1)))
        elif len(node.reads) != 2 or len(places) != 1 or (places == [0] and node.kind in ("Sub", "Div")):
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) is no sum of tensors and no sum or product with a constant; it is not imported."
            )
        else:
            self._with_constant(node, 1 - places[0], self.constants[node.reads[places[0]]])

    def _with_constant(self, node: OnnxNode, place: int, constant: Constant) -> None:
        """Fold a constant into the sums before it, where nobody else reads them; there is no other place for it."""
        record = self.calls[self._tensor(node, place)]
        readers = sum(name == node.reads[place] for other in self.graph.nodes for name in other.reads)
        if record.kind != "QDense" or readers != 1 or node.reads[place] == self.graph.output:
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) puts a constant to what is no matrix product that it alone reads; it is not imported."
            )
        n = int(record.config["units"])
        values = spread(constant.values, n, node)
        kernel, bias = record.arrays["kernel"], record.arrays.get("bias", np.zeros(n))
        exact = [constant.quantised and record.config[key] is not None for key in ("kernel_quantizer", "bias_quantizer")]
        exact[1] = constant.quantised and ("bias" not in record.arrays or exact[1])
        if node.kind in ("Mul", "Div"):
            factor = values if node.kind == "Mul" else 1.0 / values
            kernel, bias = kernel * factor, bias * factor
        else:
            bias = bias + (values if node.kind == "Add" else -values)
            exact[0] = record.config["kernel_quantizer"] is not None
        held = {
            key: holding(Constant(v, e), node)
            for key, v, e in zip(("kernel_quantizer", "bias_quantizer"), (kernel, bias), exact, strict=True)
        }
        config = {**record.config, **held, "use_bias": True}
        self.calls[record.call] = replace(record, config=config, arrays={"kernel": kernel, "bias": bias})
        self.given[node.gives[0]] = record.call

    def _normalisation(self, node: OnnxNode) -> None:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        arrays = {name: self._fixed(node, i + 1, name).values for i, name in enumerate(names)}
        epsilon = node.attributes.get("epsilon", 1e-5)
        source = (self._tensor(node, 0),)
        self.given[node.gives[0]] = self._call("BatchNormalization", node.name, source, arrays, epsilon=epsilon)

    def _concatenation(self, node: OnnxNode) -> None:
        sources = tuple(self._tensor(node, i) for i in range(len(node.reads)))
        self.given[node.gives[0]] = self._call("Concatenate", node.name, sources, axis=node.attributes.get("axis"))

    def _flatten(self, node: OnnxNode) -> None:
        if node.attributes.get("axis", 1) != 1:
            raise ModelError(
                f"Node {node.name!r} (Flatten) has axis {node.attributes['axis']!r}; only 1, all but the batch, is imported."
            )
        self._one("Flatten", node)

    def _reshape(self, node: OnnxNode) -> None:
        target = [int(size) for size in self._fixed(node, 1, "shape").values.ravel()]
        if (
            len(target) < 2
            or target[0] not in (-1, 0, 1)
            or node.attributes.get("allowzero")
            or min(target[1:]) < -1
            or 0 in target[1:]
        ):
            raise ModelError(
                f"Node {node.name!r} (Reshape) has shape {target!r}, expected the batch (1, 0 or -1) and whole numbers behind it."
            )
        self._one("Reshape", node, target_shape=target[1:])

    def _quant(self, node: OnnxNode) -> None:
        if np.any(self._fixed(node, 2, "zero point").values != 0):
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) has a zero point other than 0, which is not imported; train it without."
            )
        bits = self._number(node, 3, "bit width")
        signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
        rounding = str(node.attributes.get("rounding_mode", "ROUND")).upper()
        if (
            bits != int(bits)
            or not 1 <= bits <= MAX_WIDTH
            or rounding not in _ROUNDINGS
            or (narrow and not signed)
            or (signed and bits < 2)
        ):
            raise ModelError(
                f"Node {node.name!r} ({node.kind}) has {bits:g} bits, signed {signed}, narrow {narrow}, rounding {rounding!r}, which no fixed-point "
                f"type has; known roundings are {', '.join(_ROUNDINGS)}."
            )
        type_ = FixedPoint(signed, int(bits), int(bits), _ROUNDINGS[rounding], Overflow.SAT_SYM if narrow else Overflow.SAT)
        if node.reads[0] in self.constants:
            scale = self._fixed(node, 1, "scale").values
            exponent_of(scale, node)
            values = self.constants[node.reads[0]].values
            require_finite(values, node)
            codes = type_.to_int(np.broadcast_to(values / scale, np.broadcast_shapes(values.shape, scale.shape)))
            self.constants[node.gives[0]] = Constant(codes * scale, True)
        else:
            self._cast(node, replace(type_, integer=int(bits) + self._exponent(node, 1, "scale")))

    def _exponent(self, node: OnnxNode, place: int, what: str) -> int:
        return exponent_of(np.array(self._number(node, place, what)), node)

    def _cast(self, node: OnnxNode, *types: FixedPoint) -> None:
        source = self._tensor(node, 0)
        for type_ in types:
            source = self._call("QActivation", node.name, (source,), activation=Quantiser(Activation.LINEAR, type_))
        self.given[node.gives[0]] = source

    def _bipolar(self, node: OnnxNode) -> None:
        if node.reads[0] not in self.constants:
            raise ModelError(
                f"Node {node.name!r} (BipolarQuant) gives the sign of sums, which is not imported; quantise them with at least 2 bits."
            )
        scale = self._fixed(node, 1, "scale").values
        exponent_of(scale, node)
        values = self.constants[node.reads[0]].values
        self.constants[node.gives[0]] = Constant(np.where(values >= 0, 1.0, -1.0) * scale, True)

    def _trunc(self, node: OnnxNode) -> None:
        """Round to the grid that came in, then drop bits; the second version of Trunc says the grid that goes out."""
        if max(self.graph.versions.get(domain, 0) for domain in _DOMAINS) < 2 or len(node.reads) != 6:
            raise ModelError(
                f"Node {node.name!r} (Trunc) is of version 1, which scales what it gives; export it with version 2 of QONNX' operations."
            )
        rounding = str(node.attributes.get("rounding_mode", "FLOOR")).upper()
        bits, zero = self._number(node, 5, "output bit width"), self._number(node, 2, "zero point")
        signed, narrow = bool(node.attributes.get("signed", 1)), bool(node.attributes.get("narrow", 0))
        if zero or rounding not in _ROUNDINGS or bits != int(bits) or not 2 <= bits <= _WIDE or narrow:
            raise ModelError(
                f"Node {node.name!r} (Trunc) has {bits:g} bits, zero point {zero:g}, narrow {narrow}, rounding {rounding!r}; it is not imported."
            )
        before, after = self._exponent(node, 1, "scale"), self._exponent(node, 4, "output scale")
        came = FixedPoint(True, _WIDE, _WIDE + before, Rounding.RND_CONV, Overflow.SAT)
        self._cast(node, came, FixedPoint(signed, int(bits), int(bits) + after, _ROUNDINGS[rounding], Overflow.SAT))
