"""Offer the types in which a trigger's own software hands inputs over and takes results back, as CMSSW's condition of the Global Trigger does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from l1ad.core.board import ConditionTypes
from l1ad.core.fixed import MAX_WIDTH, FixedPoint, IntArray
from l1ad.core.layer import Activation, Dense
from l1ad.core.network import Network
from l1ad.core.score import Score, ScoreSpec
from l1ad.emulator.source import kernel_source

#: Bits of outputs that one kernel gives, packed into one integer.
_PACKED_BITS = MAX_WIDTH - 2
HEADER = "condition.h"


def condition_files(network: Network, types: ConditionTypes | None) -> dict[str, str]:
    """Make what a package needs for the condition's types: a header, and the kernels of the network's outputs.

    Args:
        network: the network.
        types: the condition's types; None for a board whose software has none.

    Returns:
        Text by file name; a header that says why there are none where that is so.
    """
    reason = "no condition's types are known for this board" if types is None else unfit(network, types)
    if types is None or reason is not None:
        return {HEADER: f'// Built with AP_TYPES only.\n#pragma once\n#error "{reason}: build without AP_TYPES"\n'}
    packs = _packs(network)
    kernels = {f"outputs_{k}.cpp": kernel_source(_packed(network, first, n)) for k, (first, n) in enumerate(packs)}
    return {HEADER: _header(network, types, packs)} | kernels


def unfit(network: Network, types: ConditionTypes) -> str | None:
    """Explain why a network's inputs or score do not fit the condition's types; None if they do."""
    total, score, given = network.score.total, FixedPoint.parse(types.score), FixedPoint.parse(types.input)
    if total.fractional > score.fractional or not score.holds(0, total.max_int, total.fractional):
        return f"the score's type {total} does not fit the condition's {score}; give score.total in the configuration"
    for column in network.layout.columns:
        unit = column.lsb if column.feature == "pt" else 1.0
        if np.log2(unit) != int(np.log2(unit)) or -np.log2(unit) > given.fractional:
            return f"steps of {column.name} ({column.lsb:g} GeV) do not fit the condition's {given}"
    return None


def _packs(network: Network) -> list[tuple[int, int]]:
    """Share the outputs out over kernels: first output and number; none where the score itself is the result."""
    if network.score.kind is not Score.LATENT_L2 or network.layers[-1].own_outputs:
        return []
    n_out, each = network.layers[-1].n_out, _PACKED_BITS // network.layers[-1].output.width
    return [(first, min(each, n_out - first)) for first in range(0, n_out, each)]


def _packed(network: Network, first: int, n: int) -> Network:
    """Make a network whose score is some of the outputs, one above the other in one integer."""
    last = network.layers[-1]
    weight: IntArray = np.zeros((last.n_out, 1), dtype=np.int64)
    weight[first : first + n, 0] = np.int64(1) << (last.output.width * np.arange(n, dtype=np.int64))
    whole = FixedPoint(True, MAX_WIDTH, MAX_WIDTH - last.output.fractional)
    factors = FixedPoint(False, MAX_WIDTH, MAX_WIDTH)
    zero = np.zeros(1, dtype=np.int64)
    layer = Dense("packed_outputs", weight, factors, zero, factors, Activation.LINEAR, whole, sources=(last.name,))
    return replace(network, layers=(*network.layers, layer), score=ScoreSpec(Score.LINEAR, whole, whole), thresholds=())


def _header(network: Network, types: ConditionTypes, packs: list[tuple[int, int]]) -> str:
    result = network.layers[-1].output if packs else network.score.total
    n_results = network.layers[-1].n_out if packs else 0
    units = [1.0 / column.lsb if column.feature == "pt" else 1.0 for column in network.layout.columns]
    first = f"std::array<result_t, {n_results}>" if packs else "result_t"
    declared = [f"int l1ad_score_int32_outputs_{k}(const int32_t*, int64_t, int64_t*, int);" for k in range(len(packs))]
    filled = [_unpack(k, first_output, n, result) for k, (first_output, n) in enumerate(packs)]
    return "\n".join(
        [
            "// The types in which the Global Trigger's condition hands inputs over and takes results back. Generated: do not edit.",
            "#pragma once",
            "#pragma GCC system_header",
            '#include "ap_fixed.h"',
            "#include <array>",
            "#include <cstdint>",
            "#include <utility>",
            'extern "C" {',
            *declared,
            "}",
            "namespace condition {",
            f"using input_t = {FixedPoint.parse(types.input)};  // pT in GeV, η and φ in counts",
            f"using score_t = {FixedPoint.parse(types.score)};",
            f"using result_t = {result};",
            f"using answer_t = std::pair<{first}, score_t>;",
            "// Hardware counts in one unit of each column.",
            f"constexpr double COUNTS[] = {{{', '.join(f'{unit:g}' for unit in units)}}};",
            "inline int answer(const int32_t* x, double score, answer_t& out) {",
            *([f"  double values[{n_results}];", "  int64_t packed = 0;", *filled] if packs else ["  (void)x;"]),
            *([f"  for (int i = 0; i < {n_results}; ++i) out.first[i] = values[i];"] if packs else ["  out.first = score;"]),
            "  out.second = score;",
            "  return 0;",
            "}",
            "}  // namespace condition",
            "",
        ]
    )


def _unpack(kernel: int, first: int, n: int, type_: FixedPoint) -> str:
    """Write the statements that take the outputs out of a kernel's integer, the lowest first."""
    low = f"(packed & {(1 << type_.width) - 1}LL)"
    digit = f"(({low} ^ {1 << (type_.width - 1)}LL) - {1 << (type_.width - 1)}LL)" if type_.signed else low
    return "\n".join(
        [
            f"  if (l1ad_score_int32_outputs_{kernel}(x, 1, &packed, 1) != 0) return 1;",
            f"  for (int i = {first}; i < {first + n}; ++i) {{",
            f"    const int64_t digit = {digit};",
            f"    values[i] = (double)digit * {type_.step!r};",
            f"    packed = (packed - digit) >> {type_.width};",
            "  }",
        ]
    )
