"""Read hls4ml's C++ function and make it one that the top can call."""

from __future__ import annotations

import re

from l1ad.core.errors import ConversionError
from l1ad.core.network import Network

#: Name of the function that hls4ml writes.
FUNCTION = "l1ad_network"
#: For each layer the arrays that hold its result and its output.
Variables = dict[str, tuple[str, str]]

_TYPEDEF = re.compile(r"^typedef (?P<type>ap_u?fixed<[^>]*>|ap_u?int<\d+>) (?P<name>\w+);", re.MULTILINE)
_CALL = re.compile(r"^\s*nnet::(?P<kind>\w+)<[^>]*>\((?P<input>\w+), (?P<output>\w+)", re.MULTILINE)
_HEADER = re.compile(rf"void {FUNCTION}\(\s*(?P<input_type>\w+) \w+\[\d+\],\s*(?P<output_type>\w+) \w+\[\d+\]\s*\)\s*{{")


def declared_types(defines: str) -> dict[str, str]:
    """Read the types of ``defines.h`` by name."""
    return {match["name"]: match["type"] for match in _TYPEDEF.finditer(defines)}


def signature(source: str) -> tuple[str, str]:
    """Read the C++ names of the input's and the output's type.

    Raises:
        ConversionError: the source is not of the expected form.
    """
    match = _HEADER.search(source)
    if match is None:
        raise ConversionError(
            f"hls4ml's {FUNCTION}.cpp has no function of the expected form; this version of hls4ml is not supported."
        )
    return match["input_type"], match["output_type"]


def layer_variables(source: str, network: Network) -> Variables:
    """Find the arrays of each layer's result and output.

    Args:
        source: hls4ml's function.
        network: the network.

    Returns:
        ``(result, output)`` by layer name; both are the same array where hls4ml left an activation out because its type changes nothing.

    Raises:
        ConversionError: the calls are not those of the network's layers.
    """
    found: list[list[str]] = []
    for match in _CALL.finditer(source):
        if match["kind"] == "dense" or match["kind"].startswith("dense_da_"):
            found.append([match["output"]])
        elif match["kind"] in ("relu", "linear") and found:
            found[-1].append(match["output"])
        else:
            raise ConversionError(f"hls4ml put a step {match['kind']!r} that network {network.name!r} does not have.")
    if len(found) != len(network.layers) or any(len(steps) > 2 for steps in found):
        raise ConversionError(
            f"hls4ml wrote {len(found)} dense layers for the {len(network.layers)} of network {network.name!r}."
        )
    return {layer.name: (steps[0], steps[-1]) for layer, steps in zip(network.layers, found, strict=True)}


_INNER_PRAGMA = re.compile(r"^\s*#pragma HLS (INTERFACE|PIPELINE|DATAFLOW)\b.*\n", re.MULTILINE)


def inlined(source: str, network: Network, variables: Variables) -> str:
    """Make hls4ml's function one to be called: no interface or pipeline of its own, inlined, its arrays open to tracing.

    Args:
        source: hls4ml's function.
        network: the network.
        variables: what ``layer_variables`` found.

    Returns:
        The changed source.

    Raises:
        ConversionError: the source is not of the expected form.
    """
    arguments = re.search(rf"void {FUNCTION}\(\s*\w+ (\w+)\[\d+\],\s*\w+ (\w+)\[\d+\]", source)
    if arguments is None or not _INNER_PRAGMA.search(source):
        raise ConversionError(
            f"hls4ml's {FUNCTION}.cpp has no function of the expected form; this version of hls4ml is not supported."
        )
    text = _INNER_PRAGMA.sub("", source)
    for name in arguments.groups():
        text = re.sub(rf"^\s*#pragma HLS ARRAY_\w+ variable={name} .*\n", "", text, flags=re.MULTILINE)
    text = _HEADER.sub(lambda match: match.group() + "\n    #pragma HLS INLINE", text)
    sizes = {layer.name: layer.n_out for layer in network.layers}
    return _traced(text, variables, sizes).replace(
        f'#include "{FUNCTION}.h"', f'#include "{FUNCTION}.h"\n#include "l1ad_trace.h"'
    )


def _traced(source: str, variables: Variables, sizes: dict[str, int]) -> str:
    lines = []
    for line in source.splitlines():
        lines.append(line)
        match = _CALL.match(line)
        if match is not None:
            lines += [f"    {call}" for call in _trace_calls(match["output"], variables, sizes)]
    return "\n".join(lines) + "\n"


def _trace_calls(variable: str, variables: Variables, sizes: dict[str, int]) -> list[str]:
    calls = []
    for layer, steps in variables.items():
        for step, name in zip(("result", "output"), steps, strict=True):
            if name == variable:
                calls.append(f'L1AD_TRACE("{layer}.{step}", {name}, {sizes[layer]});')
    return calls
