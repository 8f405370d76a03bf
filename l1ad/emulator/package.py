"""Make the self-contained C++ emulator of a network: sources, interfaces, builds and a test, without Python, hls4ml or ap_types."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np

import l1ad
from l1ad.core.board import ConditionTypes
from l1ad.core.errors import ConversionError
from l1ad.core.network import Network
from l1ad.emulator.condition import condition_files, unfit
from l1ad.emulator.source import HEADERS, header, kernel_source

#: Trigger bits of one event come as one unsigned integer.
MASK_BITS = 64
_FILES = (
    "AnomalyScoreTool.h",
    "CMakeLists.txt",
    "Makefile",
    "hls4ml_model.cpp",
    "hls4ml_model.h",
    "l1ad_emulator.cpp",
    "l1ad_emulator.h",
    "test_golden.cpp",
)


def package_files(
    network: Network, golden_inputs: str, golden_scores: str, condition: ConditionTypes | None = None
) -> dict[str, str]:
    """Make every file of the emulator's folder.

    Args:
        network: the network, with its thresholds.
        golden_inputs: hardware integers, an event a line.
        golden_scores: integer score and trigger bits, an event a line.
        condition: types of the trigger's own software, where the board has one that calls the emulator.

    Returns:
        Text by file name.

    Raises:
        ConversionError: the network has no exact emulator, or more thresholds than a mask has bits.
    """
    if len(network.thresholds) > MASK_BITS:
        raise ConversionError(
            f"The emulator gives up to {MASK_BITS} trigger bits, got {len(network.thresholds)} thresholds; give fewer."
        )
    folder = resources.files("l1ad.emulator") / "templates" / "package"
    files = {name: (folder / name).read_text(encoding="utf-8") for name in _FILES}
    files |= {name: header(name) for name in HEADERS} | condition_files(network, condition)
    return files | {
        "kernel.cpp": kernel_source(network),
        "model_info.h": model_info(network),
        "golden_inputs.txt": golden_inputs,
        "golden_scores.txt": golden_scores,
        "README.md": readme(network, condition),
    }


def model_info(network: Network) -> str:
    """Write the constants that say what the emulator is."""
    columns = network.layout.columns
    lines = [
        f"constexpr const char* VERSION = {_text(l1ad.__version__)};",
        f"constexpr const char* DIGEST = {_text(network.digest)};",
        f"constexpr const char* NETWORK = {_text(network.name)};",
        f"constexpr const char* LAYOUT = {_text(network.layout.name)};",
        f"constexpr double STEP = {network.score.total.step!r};",
        f"constexpr int COLUMNS = {len(columns)};",
        _array("const char* const", "COLUMN_NAME", [_text(name) for name in network.layout.names]),
        _array("const int32_t", "COLUMN_LOW", [str(column.type.min_int) for column in columns]),
        _array("const int32_t", "COLUMN_HIGH", [str(column.type.max_int) for column in columns]),
        f"constexpr int THRESHOLDS = {len(network.thresholds)};",
        _array("const char* const", "THRESHOLD_NAME", [_text(t.name) for t in network.thresholds] or ["nullptr"]),
        _array("const int64_t", "THRESHOLD_VALUE", [f"{t.value}LL" for t in network.thresholds] or ["0"]),
        *_follows(network),
    ]
    body = "\n".join(lines)
    return f"// What this emulator is. Generated: do not edit.\n#pragma once\n#include <cstdint>\n\nnamespace model {{\n{body}\n}}  // namespace model\n"


def _follows(network: Network) -> list[str]:
    """Write what each threshold takes from the score: a shift, and for each column the weight of its count and of its not being 0."""
    shifts, rows = [], list[str]()
    for threshold in network.thresholds:
        shifts.append(str(threshold.follow.shift if threshold.follow else -1))
        weights = threshold.follow.weights(network.layout) if threshold.follow else [np.zeros(network.n_inputs, np.int64)] * 2
        rows += ["{" + ", ".join(f"{int(w)}LL" for w in one) + "}" for one in weights]
    n = network.n_inputs
    return [
        "// -1: the threshold follows nothing.",
        _array("const int", "FOLLOW_SHIFT", shifts or ["-1"]),
        f"const int64_t FOLLOW_WEIGHT[][{n}] = {{{', '.join(rows or ['{0}'])}}};",
    ]


def _text(value: str) -> str:
    return json.dumps(value)


def _array(type_: str, name: str, values: list[str]) -> str:
    return f"{type_} {name}[] = {{{', '.join(values)}}};"


def readme(network: Network, condition: ConditionTypes | None = None) -> str:
    """Write the folder's own page."""
    texts = [f"`{t.name}` from {t.value}{', less what it follows' if t.follow else ''}" for t in network.thresholds]
    thresholds = ", ".join(texts) or "none"
    return f"""# Emulator of `{network.name}`

The firmware's integer score of network {network.shape} on layout `{network.layout.name}` ({network.layout.n_columns} columns), bit for bit.
Version {l1ad.__version__}, digest `{network.digest}`. One unit of the score is {network.score.total.step:g}. Thresholds: {thresholds}.

    make && make check                                   # or
    cmake -B build && cmake --build build && ctest --test-dir build

`test_golden` replays `golden_inputs.txt` (an event a line, one hardware integer a column) against `golden_scores.txt` (score, then
trigger bits) through every interface and says how long one event per call takes.

| file | what |
|---|---|
| `l1ad_emulator.h` | C interface: batches or single events, thread-safe; names, ranges, thresholds, version, digest |
| `hls4ml_model.h`, `.cpp` | `create_model` / `destroy_model` and the class that CMSSW's hls4mlEmulator loader expects |
| `AnomalyScoreTool.h` | a class without state for Athena-style tools; refuses another digest or layout |
| `kernel.cpp`, `lanes.h`, `driver.h` | the generated arithmetic; compiled for plain x86-64 (or any machine), AVX2 and AVX-512 VNNI; the best is chosen at run time |

For CMSSW name the library `<model>.so`, as its loader expects. `OPENMP=` builds without threads.
{_condition(network, condition)}"""


def _condition(network: Network, types: ConditionTypes | None) -> str:
    """Return how the condition's types are built in, or why they cannot be."""
    if types is None:
        return ""
    reason = unfit(network, types)
    if reason is not None:
        return f"\nThe types of CMSSW's condition are not offered: {reason}.\n"
    return f"""
`make AP_TYPES=/path/to/ap_types` (CMake: `-DAP_TYPES=…`) also takes `{types.input}*` (pT in GeV, the rest in counts), as CMSSW's AXOL1TLCondition hands inputs
over, and gives its `std::pair` of the network's outputs (of the score itself where that is not a sum of squared outputs) and the score as `{types.score}`.
"""
