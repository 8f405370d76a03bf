"""Understand the layers of an hls4ml firmware from its calls: each becomes an affine layer with the types that the sources give it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from l1ad.core.affine import node_sum
from l1ad.core.errors import ModelError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.layer import Activation
from l1ad.core.network import SCALED
from l1ad.importing.adders import Adders, affine_map
from l1ad.importing.cpp import Call, Declarations, Struct
from l1ad.importing.draft import Layers, Node, SquaredDistance
from l1ad.importing.windows import CONVOLUTIONS, convolution_codes, convolution_window

_UNIT = FixedPoint(False, 1, 1)
_SIGN = FixedPoint(True, 2, 2)
_PRODUCTS = ("mult", "weight_ternary", "weight_binary")
_LARGEST = 1 << 22


def understand(found: list[Call | tuple[str, str]], declared: Declarations, adders: Mapping[str, Adders]) -> Layers:
    """Interpret the calls of a firmware's top function.

    Args:
        found: calls and aliases, in their order.
        declared: types, arrays and configurations.
        adders: functions that are layers written out as adders, by name.

    Returns:
        The layers.

    Raises:
        ModelError: a call is not understood, or does not fit what it reads; by name.
    """
    reader = _Reader(declared, found, adders)
    for entry in found:
        reader.take(entry)
    return reader.finish()


class _Reader:
    """Make layers of calls, one after the other; variables of the sources are known by the nodes that they hold."""

    def __init__(self, declared: Declarations, found: list[Call | tuple[str, str]], adders: Mapping[str, Adders]) -> None:
        self.declared, self.adders = declared, adders
        self.layers = Layers()
        self.holds: dict[str, tuple[str, ...]] = {}
        self.sizes: dict[str, int] = {}
        self.types: dict[str, FixedPoint] = {}
        self.differences: dict[str, tuple[Call, tuple[str, str]]] = {}
        self.readers = [name for entry in found if isinstance(entry, Call) for name in entry.arguments]
        self.takes: Mapping[str, Callable[[Call], None]] = {
            "dense": self._dense,
            **dict.fromkeys(CONVOLUTIONS, self._convolution),
            "relu": self._activation,
            "linear": self._activation,
            "normalize": self._normalise,
            "add": self._sum,
            "subtract": self._subtract,
            "concatenate1d": self._concatenate,
            "dot1d": self._dot,
        }

    def take(self, entry: Call | tuple[str, str]) -> None:
        """Take the next call, or alias."""
        if not isinstance(entry, Call):
            self.holds[entry[0]] = self._nodes(entry[1])
            return
        if self.layers.score is not None:
            raise ModelError(
                f"{entry} follows the score's dot1d, which is not understood; give the firmware of the network alone."
            )
        if entry.function in self.adders:
            self._add(entry)
        elif entry.space != "nnet" or entry.function not in self.takes:
            known = ", ".join(sorted(self.takes))
            raise ModelError(f"The firmware calls '{entry}', which is not imported; known are {known} of nnet.")
        else:
            self.takes[entry.function](entry)

    def finish(self) -> Layers:
        """Return what was understood."""
        if not self.layers.nodes:
            raise ModelError(
                "The firmware calls no layer of hls4ml; give the folder with defines.h, parameters.h and the network."
            )
        if self.differences and self.layers.score is None:
            name = next(iter(self.differences))
            raise ModelError(
                f"The firmware subtracts two layers into {name!r} and does not square it; this is not a score that is known."
            )
        return self.layers

    def _nodes(self, variable: str) -> tuple[str, ...]:
        if variable in self.holds:
            return self.holds[variable]
        if variable in self.differences:
            raise ModelError(f"{variable!r} is a difference of layers, which only a score may read; this one is not understood.")
        if self.layers.input_type is not None:
            raise ModelError(f"{variable!r} is read and written by no layer before; a firmware has one input array.")
        return ()

    def _read(self, call: Call, variable: str, type_text: str, size: int | None) -> tuple[str, ...]:
        """Name the nodes that a call reads; the first variable that nothing wrote is the firmware's input."""
        type_, nodes = self.declared.type(type_text), self._nodes(variable)
        if not nodes:
            if size is None:
                raise ModelError(f"{call} reads the input and does not say how many values it has; this is not understood.")
            self.layers.input_type, nodes = type_, (SCALED,)
            self.holds[variable], self.sizes[SCALED], self.types[SCALED] = nodes, size, type_
        width = sum(self.sizes[name] for name in nodes)
        if size is not None and width != size:
            raise ModelError(
                f"{call} {call.name!r} reads {size} values, {variable!r} has {width}; the sources do not fit together."
            )
        for name in nodes:
            if self.types[name] != type_:
                raise ModelError(
                    f"{call} {call.name!r} reads {variable!r} as {type_}, it is {self.types[name]}; this is not understood."
                )
        return nodes

    def _write(self, variable: str, node: Node) -> None:
        if node.name in self.layers.nodes or variable in self.holds:
            raise ModelError(f"Layer {node.name!r} is written twice in the sources; give each a name of its own.")
        if node.accumulator is not None and node.weight.size > _LARGEST:
            raise ModelError(f"Layer {node.name!r} has {node.weight.size} weights; this is not a trigger network.")
        self.layers.nodes[node.name] = node
        self.holds[variable], self.sizes[node.name], self.types[node.name] = (node.name,), node.weight.shape[1], node.output

    def _name(self, call: Call, variable: str) -> str:
        return call.name or f"{call.function}_{re.sub(r'_out$|^layer', '', variable)}"

    def _configuration(self, call: Call, name: str) -> Struct:
        found = self.declared.struct(name)
        io, product = (
            found.values.get("io_type", "nnet::io_parallel"),
            re.search(r"using product = nnet::product::(\w+)", found.text),
        )
        if io != "nnet::io_parallel":
            raise ModelError(f"{call} {call.name!r} has io_type {io!r}, which is not imported; use io_parallel.")
        if product is not None and product[1] not in _PRODUCTS:
            raise ModelError(
                f"{call} {call.name!r} multiplies by {product[1]!r}, which is not imported; known are {', '.join(_PRODUCTS)}."
            )
        return found

    def _size(self, found: Struct, key: str, call: Call) -> int:
        if key not in found.values:
            raise ModelError(f"The configuration of {call} {call.name!r} has no {key!r}; the sources are incomplete.")
        return self.declared.number(found.values[key], f"{key!r} of {call} {call.name!r}")

    def _codes(self, name: str, size: int, text: str) -> tuple[IntArray, FixedPoint]:
        """Quantise an array as the compiler does, to its own type, which is what the configuration names."""
        codes, type_ = self.declared.codes(name)
        if type_ != self.declared.type(text):
            raise ModelError(f"Array {name!r} is {type_}, its layer takes {self.declared.type(text)}; this is not understood.")
        if len(codes) != size:
            raise ModelError(
                f"Array {name!r} holds {len(codes)} values, its layer needs {size}; the sources do not fit together."
            )
        return codes, type_

    def _dense(self, call: Call) -> None:
        types, (x, y, w, b) = _expect(call, 3, 4)
        made = self._configuration(call, types[2])
        n_in, n_out = self._size(made, "n_in", call), self._size(made, "n_out", call)
        sources = self._read(call, x, types[0], n_in)
        codes, type_ = self._codes(w, n_in * n_out, _own(made, "weight_t", call))
        weight, weight_type = self._weights(made, codes, type_, (n_in, n_out), call)
        bias, bias_type = self._codes(b, n_out, _own(made, "bias_t", call))
        accumulator = self.declared.type(_own(made, "accum_t", call))
        output = self.declared.type(types[1])
        self._write(y, Node(self._name(call, y), sources, weight, weight_type, bias, bias_type, output, accumulator))

    def _convolution(self, call: Call) -> None:
        types, (x, y, w, b) = _expect(call, 3, 4)
        made = self._configuration(call, types[2])
        multiplied = self._configuration(call, _own(made, "mult_config", call))
        window, filters = convolution_window(call.function, lambda key: self._size(made, key, call), self._name(call, y))
        sources = self._read(call, x, types[0], window.shape[0] * window.shape[1] * window.shape[2])
        size = window.size[0] * window.size[1] * window.shape[2]
        codes, type_ = self._codes(w, size * filters, _own(made, "weight_t", call))
        flat, weight_type = self._weights(multiplied, codes, type_, (size, filters), call)
        bias, bias_type = self._codes(b, filters, _own(made, "bias_t", call))
        weight, biases = convolution_codes(window, flat, bias)
        accumulator, output = self.declared.type(_own(made, "accum_t", call)), self.declared.type(types[1])
        self._write(y, Node(self._name(call, y), sources, weight, weight_type, biases, bias_type, output, accumulator))

    def _add(self, call: Call) -> None:
        """Take a dense layer that is written out as a tree of adders."""
        types, (x, y) = _expect(call, 2, 2)
        adders = self.adders[call.function]
        sources = self._read(call, x, types[0], adders.n_in)
        inputs = [self.types[name] for name in sources for _ in range(self.sizes[name])]
        output = self.declared.type(types[1])
        self._write(y, Node(self._name(call, y), sources, *affine_map(adders, call.function, inputs), output))

    def _weights(
        self, made: Struct, codes: IntArray, type_: FixedPoint, shape: tuple[int, int], call: Call
    ) -> tuple[IntArray, FixedPoint]:
        """Bring weights into the shape ``(n_in, n_out)``: the resource strategy keeps them the other way round."""
        strategy = made.values.get("strategy", "nnet::latency")
        if strategy not in ("nnet::latency", "nnet::resource"):
            raise ModelError(
                f"{call} {call.name!r} has strategy {strategy!r}, which is not imported; known are latency and resource."
            )
        weight = codes.reshape(shape) if strategy == "nnet::latency" else codes.reshape(shape[::-1]).T
        if "nnet::product::weight_binary" not in made.text:
            return weight, type_
        if type_ != _UNIT:
            raise ModelError(f"{call} {call.name!r} multiplies by signs and has weights of type {type_}, expected ap_uint<1>.")
        return 2 * weight - 1, _SIGN

    def _normalise(self, call: Call) -> None:
        types, (x, y, s, b) = _expect(call, 3, 4)
        made = self._configuration(call, types[2])
        n = self._size(made, "n_in", call)
        sources, filters = self._read(call, x, types[0], n), made.values.get("n_filt", "-1")
        size = n if filters == "-1" else self._size(made, "n_filt", call)
        if n % size or n > 1 << 11:
            raise ModelError(f"{call} {call.name!r} normalises {n} values with {size} factors, which is not understood.")
        scale, scale_type = self._codes(s, size, _own(made, "scale_t", call))
        bias, bias_type = self._codes(b, size, _own(made, "bias_t", call))
        weight = np.diag(np.tile(scale, n // size))
        output = self.declared.type(types[1])
        self._write(y, Node(self._name(call, y), sources, weight, scale_type, np.tile(bias, n // size), bias_type, output))

    def _activation(self, call: Call) -> None:
        types, (x, y) = _expect(call, 3, 2)
        size = self._size(self._configuration(call, types[2]), "n_in", call)
        sources, output = self._read(call, x, types[0], size), self.declared.type(types[1])
        activation = Activation.RELU if call.function == "relu" else Activation.LINEAR
        before = self.layers.nodes.get(sources[0]) if len(sources) == 1 else None
        if before is None or not before.bare or self.readers.count(x) > 2:
            before = self._identity(self._name(call, y), sources, size, output)
            self._write(y, before)
        else:
            self._follow(before, x, y, output)
        before.activation = activation

    def _follow(self, node: Node, x: str, y: str, output: FixedPoint) -> None:
        """Let a variable stand for a layer with its activation; the layer without is read by nobody else."""
        if y in self.holds:
            raise ModelError(f"{y!r} is written twice in the sources; this is not understood.")
        del self.holds[x]
        self.holds[y] = (node.name,)
        node.result = node.output if node.output != node.accumulator else None
        node.output, node.bare = output, False
        self.types[node.name] = output

    def _identity(self, name: str, sources: tuple[str, ...], size: int, output: FixedPoint) -> Node:
        zeros = np.zeros(size, dtype=np.int64)
        return Node(name, sources, np.eye(size, dtype=np.int64), _UNIT, zeros, _UNIT, output, bare=False)

    def _sum(self, call: Call) -> None:
        types, (a, b, y) = _expect(call, 4, 3)
        size = self._size(self._configuration(call, types[3]), "n_elem", call)
        sources = (*self._read(call, a, types[0], size), *self._read(call, b, types[1], size))
        node = self._identity(self._name(call, y), sources, size, self.declared.type(types[2]))
        node.weight, node.bare = node_sum(size), True
        self._write(y, node)

    def _concatenate(self, call: Call) -> None:
        types, (a, b, y) = _expect(call, 4, 3)
        made = self._configuration(call, types[3])
        nodes: tuple[str, ...] = ()
        for variable, text, key in ((a, types[0], "n_elem1_0"), (b, types[1], "n_elem2_0")):
            nodes += self._read(call, variable, text, self._size(made, key, call))
        output = self.declared.type(types[2])
        if all(self.types[name] == output for name in nodes):
            self.holds[y] = nodes
        else:
            self._write(y, self._identity(self._name(call, y), nodes, sum(self.sizes[name] for name in nodes), output))

    def _subtract(self, call: Call) -> None:
        types, (a, b, y) = _expect(call, 4, 3)
        size = self._size(self._configuration(call, types[3]), "n_elem", call)
        left, right = self._read(call, a, types[0], size), self._read(call, b, types[1], size)
        if len(left) != 1 or len(right) != 1:
            raise ModelError(f"{call} {call.name!r} reads several layers at once, which is not understood.")
        self.differences[y] = (call, (left[0], right[0]))

    def _dot(self, call: Call) -> None:
        types, (a, b, _) = _expect(call, 4, 3)
        if a != b or a not in self.differences:
            raise ModelError(
                f"{call} {call.name!r} multiplies two layers, which is not imported; only the square of a difference is."
            )
        made = self._configuration(call, types[3])
        difference, sources = self.differences[a]
        self.layers.score = SquaredDistance(
            sources,
            self.declared.type(difference.templates[2]),
            self.declared.type(_own(made, "accum_t", call)),
            self.declared.type(types[2]),
        )


def _expect(call: Call, n_types: int, n_arguments: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(call.templates) != n_types or len(call.arguments) != n_arguments:
        raise ModelError(
            f"'{call}' {call.name!r} has {len(call.templates)} types and {len(call.arguments)} arguments, expected {n_types} and "
            f"{n_arguments}; this version of hls4ml is not understood."
        )
    return call.templates, call.arguments


def _own(made: Struct, key: str, call: Call) -> str:
    if key not in made.types:
        raise ModelError(f"The configuration of {call} {call.name!r} has no type {key!r}; the sources are incomplete.")
    return made.types[key]
