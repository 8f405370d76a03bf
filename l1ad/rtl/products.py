"""Write a layer's sums of products as Verilog with multipliers, all at once or shared over clock cycles, without any sharing of terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint, IntArray
from l1ad.core.network import Dense
from l1ad.rtl.design import Net


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """The exact sums of a layer: ``weight.T @ inputs + bias`` in integers, each product with a multiplier.

    With a ``reuse_factor`` R above 1 a neuron has a multiplier for R inputs, and adds up over the R cycles of a counter.

    Attributes:
        inputs: the nets that are read.
        weight: what each input's integer is multiplied by, ``(n_inputs, n_outputs)``.
        bias: what is added, on the sums' grid, ``(n_outputs,)``.
        outputs: the sums' nets.
        reuse_factor: products that share a multiplier.
    """

    inputs: tuple[Net, ...]
    weight: IntArray
    bias: IntArray
    outputs: tuple[Net, ...]
    reuse_factor: int = 1

    @property
    def clocked(self) -> bool:
        """Whether the module has registers."""
        return self.reuse_factor > 1

    @property
    def multipliers(self) -> int:
        """Count the multipliers; a constant of 0 has none."""
        if not self.clocked:
            return int(np.count_nonzero(self.weight))
        return sum(bool(block.any()) for j in range(len(self.outputs)) for block in self._shares(j))

    @property
    def register_bits(self) -> int:
        """Count the flip-flops: a running and a finished sum for each neuron."""
        return 2 * sum(net.width for net in self.outputs) if self.clocked else 0

    @property
    def inp_qint(self) -> list[Any]:
        """The inputs' intervals, as alkaid's logic has them."""
        from alkaid.types import QInterval

        return [QInterval(net.low, net.high, net.step) for net in self.inputs]

    @property
    def cost(self) -> float:
        """Guess the LUTs: one for each bit of a partial product."""
        bits = np.array([[abs(int(w)).bit_count() for w in row] for row in self.weight.tolist()])
        widths = np.array([net.width for net in self.inputs])[:, np.newaxis]
        return float((bits * widths).sum()) / self.reuse_factor

    @property
    def latency(self) -> tuple[float, float]:
        """No estimate: alkaid has not seen this logic."""
        return (0.0, 0.0)

    def _shares(self, neuron: int) -> list[IntArray]:
        """Return the weights that each multiplier of a neuron has in turn: multiplier k takes inputs k R to k R + R - 1."""
        column = self.weight[:, neuron]
        n = -(-len(column) // self.reuse_factor)
        return list(np.pad(column, (0, n * self.reuse_factor - len(column))).reshape(n, self.reuse_factor))

    def verilog(self, name: str) -> str:
        """Write the module."""
        bits_in = max(2, sum(net.width for net in self.inputs))
        bits_out = sum(net.width for net in self.outputs)
        clock = f"input clk, input [{_counter_bits(self.reuse_factor) - 1}:0] phase, " if self.clocked else ""
        body = "\n".join(f"    {line}" for line in self._body())
        return (
            f"module {name} ({clock}input [{bits_in - 1}:0] model_inp, output [{bits_out - 1}:0] model_out);\n{body}\nendmodule\n"
        )

    def _body(self) -> Iterator[str]:
        low = 0
        for i, net in enumerate(self.inputs):
            sign = f"model_inp[{low + net.width - 1}]" if net.signed else "1'b0"
            yield f"wire signed [{net.width}:0] x{i} = {{{sign}, model_inp[{low + net.width - 1}:{low}]}};"
            low += net.width
        for j, net in enumerate(self.outputs):
            yield from self._shared(j, net) if self.clocked else self._parallel(j, net)
        results = ", ".join(f"{'y' if self.clocked else 's'}{j}" for j in reversed(range(len(self.outputs))))
        yield f"assign model_out = {{{results}}};"

    def _parallel(self, j: int, net: Net) -> Iterator[str]:
        """Multiply every input by its constant and add in a tree; negative weights are subtracted."""
        signs: dict[bool, list[str]] = {True: [], False: []}
        for i in np.flatnonzero(self.weight[:, j]):
            weight = int(self.weight[i, j])
            yield f"wire signed [{net.width - 1}:0] p{i}_{j} = x{i} * {_literal(abs(weight))};"
            signs[weight > 0].append(f"p{i}_{j}")
        total = _tree([*signs[True], _literal(int(self.bias[j]), net.width)])
        difference = f"{total} - {_tree(signs[False])}" if signs[False] else total
        yield f"wire signed [{net.width - 1}:0] s{j} = {difference};"

    def _shared(self, j: int, net: Net) -> Iterator[str]:
        """Multiply one input a multiplier and cycle, add to the running sum, keep the sum of the last cycle."""
        reuse, bits = self.reuse_factor, _counter_bits(self.reuse_factor)
        terms = []
        for k, weights in enumerate(self._shares(j)):
            if not weights.any():
                continue
            width = max(int(abs(weights).max()).bit_length() + 1, 2)
            widest = max(net.width for net in self.inputs) + 1
            yield f"reg signed [{width - 1}:0] w{k}_{j}; reg signed [{widest - 1}:0] v{k}_{j};"
            yield "always @(*) case (phase)"
            for phase, weight in enumerate(weights.tolist()):
                value = f"x{k * reuse + phase}" if k * reuse + phase < len(self.inputs) else "0"
                yield f"    {bits}'d{phase}: begin w{k}_{j} = {_literal(weight, width)}; v{k}_{j} = {value}; end"
            yield f"    default: begin w{k}_{j} = 0; v{k}_{j} = 0; end"
            yield "endcase"
            yield f"wire signed [{net.width - 1}:0] p{k}_{j} = v{k}_{j} * w{k}_{j};"
            terms.append(f"p{k}_{j}")
        last = f"[{net.width - 1}:0]"
        yield f"reg signed {last} a{j}; reg signed {last} y{j};"
        start = f"(phase == 0 ? {_literal(int(self.bias[j]), net.width)} : a{j})"
        yield f"wire signed {last} s{j} = {_tree([*terms, start])};"
        yield f"always @(posedge clk) begin a{j} <= s{j}; if (phase == {bits}'d{reuse - 1}) y{j} <= s{j}; end"


def _counter_bits(states: int) -> int:
    return max(1, (states - 1).bit_length())


def _literal(value: int, width: int | None = None) -> str:
    """Write a signed constant."""
    bits = width or abs(value).bit_length() + 1
    return f"{'-' if value < 0 else ''}{bits}'sd{abs(value)}"


def _tree(terms: Sequence[str]) -> str:
    """Add terms in a balanced tree."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_tree(terms[:middle])} + {_tree(terms[middle:])})"


def products_of(layer: Dense, inputs: Sequence[Net], reuse_factor: int = 1) -> Products:
    """Put a layer's sums into integers.

    Args:
        layer: the layer; its sums must be kept in full.
        inputs: the nets it reads, in the order of its inputs.
        reuse_factor: products that share a multiplier, at most as many as there are inputs.

    Raises:
        ConversionError: the layer rounds its products one by one.
    """
    if layer.accumulator is not None:
        raise ConversionError(
            f"Layer {layer.name!r} rounds each product to {layer.accumulator}; sums with multipliers are made for exact sums only."
        )
    live = [i for i, net in enumerate(inputs) if net.width]
    nets = tuple(inputs[i] for i in live)
    grid = max([net.fractional + layer.weight_type.fractional for net in nets] + [layer.bias_type.fractional])
    shifts = np.array([grid - net.fractional - layer.weight_type.fractional for net in nets], dtype=np.int64)
    weight = layer.weight[live] << shifts[:, np.newaxis]
    bias = layer.bias << (grid - layer.bias_type.fractional)
    outputs = tuple(_sum_net(f"{layer.name}_sum_{j}", nets, weight[:, j], int(bias[j]), grid) for j in range(layer.n_out))
    return Products(nets, weight, bias, outputs, reuse_factor)


def _sum_net(name: str, inputs: Sequence[Net], weight: IntArray, bias: int, grid: int) -> Net:
    """Describe a sum: signed, as wide as the sum of all terms' magnitudes needs, so that no part of the tree overflows."""
    largest = [int(max(abs(net.low), abs(net.high)) * 2.0**net.fractional) for net in inputs]
    reach = abs(bias) + sum(abs(int(w)) * x for w, x in zip(weight, largest, strict=True))
    type_ = FixedPoint(True, reach.bit_length() + 1, reach.bit_length() + 1 - grid)
    return Net(name, type_.min, type_.max, type_.step, True, type_.width, grid)
