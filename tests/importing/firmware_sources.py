"""Write small firmwares in the form of hls4ml's and CMSSW's sources, and compute their scores in Python integers by hand.

Nothing here knows ``l1ad``: values are integers of ``2 ** -GRID``, casts are written out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

GRID = 24
#: (signed, width, integer, rounds half to even, saturates)
Type = tuple[bool, int, int, bool, bool]
INPUT: Type = (True, 8, 6, True, True)
UNSCALED: Type = (True, 18, 13, False, False)
WEIGHT: Type = (True, 6, 3, False, False)
BIAS: Type = (True, 10, 7, False, False)
HIDDEN: Type = (False, 10, 6, True, True)


def text(type_: Type) -> str:
    signed, width, integer, rounds, saturates = type_
    modes = ",AP_RND_CONV,AP_SAT,0" if rounds and saturates else ""
    return f"ap_{'' if signed else 'u'}fixed<{width},{integer}{modes}>"


def cast(value: int, type_: Type) -> int:
    """Cast a value of the grid as the standard's quantisation and overflow modes say."""
    signed, width, integer, rounds, saturates = type_
    drop = GRID - (width - integer)
    code, rest = divmod(value, 1 << drop)
    if rounds and (2 * rest > (1 << drop) or (2 * rest == (1 << drop) and code % 2)):
        code += 1
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
    code = min(max(code, low), high) if saturates else (code - low) % (1 << width) + low
    return code << drop


def shifted(value: int, bits: int) -> int:
    return value >> bits if bits >= 0 else value << -bits


@dataclass
class Layer:
    """One dense layer with what the sources call it, its types and its literals in units of 1/8."""

    number: int
    name: str
    n_in: int
    n_out: int
    accumulator: Type
    output: Type
    activation: str = "relu"
    eighths: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))
    biases: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=int))

    def __call__(self, x: list[int]) -> list[int]:
        w = self.eighths.reshape(self.n_in, self.n_out)
        out = []
        for j in range(self.n_out):
            total = cast(int(self.biases[j]) << (GRID - 3), self.accumulator)
            for i in range(self.n_in):
                total = cast(total + cast((x[i] * int(w[i, j])) >> 3, self.accumulator), self.accumulator)
            result = cast(total, self.accumulator)
            out.append(cast(max(result, 0) if self.activation == "relu" else result, self.output))
        return out


def dense(
    random: np.random.Generator,
    number: int,
    name: str,
    shape: tuple[int, int],
    accumulator: Type,
    output: Type,
    activation: str = "relu",
) -> Layer:
    return Layer(
        number,
        name,
        *shape,
        accumulator,
        output,
        activation,
        random.integers(-6, 7, shape[0] * shape[1]),
        random.integers(-12, 30, shape[1]),
    )


@dataclass
class Firmware:
    """Layers with a scaling, and the score that the emulator computes."""

    layers: list[Layer]
    offsets: list[float]
    shifts: list[int]
    #: AXOL1TL's version 5: the squared distance of these two layers; None for the squared outputs.
    compared: tuple[int, int] | None = None
    offset_type: Type = (True, 10, 10, False, False)
    difference: Type = (True, 18, 11, False, False)
    dot: Type = (True, 37, 23, False, False)
    result: Type = (True, 18, 14, True, True)
    total: Type = (False, 18, 14, False, False)

    def scaled(self, x: list[int], half: list[bool]) -> list[int]:
        values = []
        for count, is_half, offset, bits in zip(x, half, self.offsets, self.shifts, strict=True):
            unscaled = cast(count << (GRID - is_half), UNSCALED)
            moved = cast(unscaled - cast(int(offset * 2**GRID), self.offset_type), UNSCALED)
            values.append(cast(cast(shifted(moved, bits), UNSCALED), INPUT))
        return values

    def score(self, x: list[int], half: list[bool]) -> int:
        """Code of the score of one event: hardware counts, and which of them are halves of a GeV."""
        nodes = {0: self.scaled(x, half)}
        last = nodes[0]
        for layer in self.layers:
            last = nodes[layer.number] = layer(last)
        drop = GRID - 4
        if self.compared is None:
            total = 0
            for value in last:
                total = cast(total + cast((value * value) >> GRID, self.total), self.total)
            return total >> drop
        total = 0
        for a, b in zip(*(nodes[number] for number in self.compared), strict=True):
            d = cast(a - b, self.difference)
            total = cast(total + cast((d * d) >> GRID, self.dot), self.dot)
        return cast(cast(total, self.result), self.total) >> drop

    def write(self, folder: Path, space: str = "axol_test") -> Path:
        """Write the sources as the public emulators have them: scaling and score beside, the network in ``NN``."""
        (folder / "NN").mkdir(parents=True)
        n = len(self.shifts)
        scales = ", ".join(str(s) for s in self.shifts), ", ".join(str(o) for o in self.offsets)
        files = {
            "scales.h": f"namespace {space}{{\ntypedef ap_fixed<5,5> ad_shift_t;\ntypedef {text(self.offset_type)} ad_offset_t;\n"
            f"const ad_shift_t ad_shift[{n}] = {{{scales[0]}}};\nstatic const ad_offset_t ad_offsets[N_INPUT_1_1] = {{\n  {scales[1]}}};\n}}\n",
            "emulator.cpp": _EMULATOR.replace("SPACE", space) + (_ONE if self.compared else _SQUARES),
            "NN/defines.h": self._defines(space),
            "NN/parameters.h": self._parameters(space),
            "NN/weights.h": self._weights(space),
            "NN/network.cpp": self._network(space),
        }
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
        return folder

    def _defines(self, space: str) -> str:
        lines = [
            f"namespace {space} {{",
            f"static const int N_INPUT_1_1 = {self.layers[0].n_in};",
            "//typedef ap_fixed<2,1> input_t;",
        ]
        lines += [
            f"typedef {text(t)} {n};" for n, t in (("input_t", INPUT), ("unscaled_t", UNSCALED), ("resultsq_t", self.total))
        ]
        for layer in self.layers:
            lines += [
                f"static const int N_LAYER_{layer.number} = {layer.n_out};",
                f"typedef {text(layer.accumulator)} {layer.name}_accum_t;",
                f"typedef {layer.name}_accum_t layer{layer.number}_t;",
                f"typedef {text(WEIGHT)} weight{layer.number}_t;",
                f"typedef {text(BIAS)} bias{layer.number}_t;",
                f"typedef {text(layer.output)} layer{layer.number + 1}_t;",
                f"extern weight{layer.number}_t w{layer.number}[{layer.n_in * layer.n_out}];",
            ]
        lines += [
            f"typedef {text(self.difference)} subtract_t;",
            f"typedef {text(self.dot)} dot_accum_t;",
            f"typedef {text(self.result)} result_t;",
        ]
        return "\n".join([*lines, "}", ""])

    def _parameters(self, space: str) -> str:
        parts = [f"namespace {space} {{", *(self._configuration(layer) for layer in self.layers)]
        if self.compared:
            parts.append(
                f"struct config31 : nnet::merge_config {{\n  static const unsigned n_elem = N_LAYER_{self.layers[-1].number};\n}};\n"
                "struct config32 : nnet::dot_config {\n  static const unsigned n_in = 3;\n  typedef dot_accum_t accum_t;\n};"
            )
        return "\n".join([*parts, "}", ""])

    @staticmethod
    def _configuration(layer: Layer) -> str:
        return (
            f"struct config{layer.number} : nnet::dense_config {{\n  static const unsigned n_in = {layer.n_in};\n"
            f"  static const unsigned n_out = N_LAYER_{layer.number};\n  static const unsigned io_type = nnet::io_parallel;\n"
            f"  static const unsigned strategy = nnet::latency;\n  typedef {layer.name}_accum_t accum_t;\n  typedef bias{layer.number}_t bias_t;\n"
            f"  typedef weight{layer.number}_t weight_t;\n  template<class x_T, class y_T>\n  using product = nnet::product::mult<x_T, y_T>;\n}};\n"
            f"struct {layer.activation}_config{layer.number + 1} : nnet::activ_config {{\n  static const unsigned n_in = {layer.n_out};\n}};"
        )

    def _weights(self, space: str) -> str:
        lines = [f"namespace {space} {{"]
        for layer in self.layers:
            for letter, kind, values in (("w", "weight", layer.eighths), ("b", "bias", layer.biases)):
                literals = ", ".join(f"{value / 8:.3f}" for value in values)
                lines.append(f"{kind}{layer.number}_t {letter}{layer.number}[{len(values)}] = {{{literals}}};")
        return "\n".join([*lines, "}", ""])

    def _network(self, space: str) -> str:
        lines, before, before_type = (
            [f"namespace {space} {{", "void network(input_t x[N_INPUT_1_1], result_t out[1]) {"],
            "x",
            "input_t",
        )
        for layer in self.layers:
            k = layer.number
            lines += [
                f"    layer{k}_t layer{k}_out[N_LAYER_{k}];",
                "    #pragma HLS ARRAY_PARTITION variable=layer_out complete dim=0",
                f"    // nnet::dense<input_t, layer{k}_t, config{k}>(x, layer{k}_out, w{k}, b{k}); // an older one",
                f"    nnet::dense<{before_type}, layer{k}_t, config{k}>({before}, layer{k}_out, w{k}, b{k}); // {layer.name}",
                f"    layer{k + 1}_t layer{k + 1}_out[N_LAYER_{k}];",
                f"    nnet::{layer.activation}<layer{k}_t, layer{k + 1}_t, {layer.activation}_config{k + 1}>(layer{k}_out, layer{k + 1}_out); // {layer.name}_activation",
            ]
            before, before_type = f"layer{k + 1}_out", f"layer{k + 1}_t"
        if self.compared:
            a, b = self.compared
            lines += [
                f"    nnet::subtract<layer{a + 1}_t, layer{b + 1}_t, subtract_t, config31>(layer{a + 1}_out, layer{b + 1}_out, layer31_out); // subtract",
                "    nnet::dot1d<subtract_t, subtract_t, result_t, config32>(layer31_out, layer31_out, out); // dot",
            ]
        return "\n".join([*lines, "}", "}", ""])


_EMULATOR = """
  virtual void _scaleNNInputs(unscaled_t unscaled[N_INPUT_1_1], input_t scaled[N_INPUT_1_1])
  {
    for (int i = 0; i < N_INPUT_1_1; i++)
    {
      unscaled_t tmp0 = unscaled[i] - SPACE::ad_offsets[i];
      input_t tmp1 = tmp0 >> SPACE::ad_shift[i];
      scaled[i] = tmp1;
    }
  }
"""
_SQUARES = """
  virtual resultsq_t _computeLoss(result_t result_p[N_LAYER_6]) {
      resultsq_t squares[N_LAYER_6];
      resultsq_t square_sum;
      for (int i = 0; i < N_LAYER_6; i++) {
        squares[i]  = result_p[i] * result_p[i];
      }
      nnet::Op_add<resultsq_t> op;
      square_sum = nnet::reduce<resultsq_t, N_LAYER_6, nnet::Op_add<resultsq_t>>(squares, op);
      return square_sum;
  }
"""
_ONE = """
  virtual resultsq_t _computeLoss(result_t result_p[OUT_DOT_32]) {
    resultsq_t loss;
    loss = result_p[0];
    return loss;
  }
"""


def scales(random: np.random.Generator, n_columns: int) -> tuple[list[float], list[int]]:
    """Offsets in GeV and counts, whole ones for η and φ, and shifts of both signs."""
    offsets = [float(random.integers(0, 30)) + (0.5 if i % 3 == 0 and random.random() < 0.5 else 0.0) for i in range(n_columns)]
    return offsets, [int(random.integers(-1, 5)) for _ in range(n_columns)]


def chain(seed: int = 1, *, narrow: bool = True) -> Firmware:
    """In the form of versions 3 and 4: squared outputs; ``narrow`` accumulators wrap."""
    random = np.random.default_rng(seed)
    accumulator: Type = (True, 14, 9, False, False) if narrow else (True, 26, 16, False, False)
    layers = [
        dense(random, 2, "q_dense", (57, 6), accumulator, HIDDEN),
        dense(random, 4, "q_dense_1", (6, 5), (True, 22, 15, False, False), HIDDEN),
        dense(random, 6, "mu", (5, 4), (True, 21, 14, False, False), (True, 10, 7, True, True), "linear"),
    ]
    return Firmware(layers, *scales(random, 57))


def embedding(seed: int = 2) -> Firmware:
    """In the form of version 5: an autoencoder of the embedding, the squared distance in the embedding."""
    random = np.random.default_rng(seed)
    layers = [
        dense(random, 3, "q_dense", (57, 5), (True, 26, 14, False, False), HIDDEN),
        dense(random, 7, "q_dense_1", (5, 3), (True, 20, 12, False, False), HIDDEN),
        dense(random, 11, "q_dense_2", (3, 2), (True, 16, 9, False, False), HIDDEN),
        dense(random, 29, "q_dense_8", (2, 3), (True, 17, 10, False, False), (True, 17, 10, False, False), "linear"),
    ]
    return Firmware(layers, *scales(random, 57), compared=(29, 7))
