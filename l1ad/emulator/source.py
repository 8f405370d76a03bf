"""Generate the C++ source of one network's emulator."""

from __future__ import annotations

import textwrap
from importlib import resources

from l1ad.core.errors import ConversionError
from l1ad.core.network import SCALED, Dense, Network
from l1ad.emulator.dense import Tables, dense
from l1ad.emulator.inputs import cuts, given_columns, loads_pairs, range_checks, scaled
from l1ad.emulator.interpret import Interpreter, LookUp
from l1ad.emulator.lanes import Lanes, Writer, resized
from l1ad.graph import lower
from l1ad.graph.lower import node_of
from l1ad.ranges import prove, require_safe
from l1ad.ranges.nodes import hardware_intervals

HEADERS = ("lanes.h", "driver.h")


def header(name: str) -> str:
    """Read one of the headers that come with the package."""
    return (resources.files("l1ad.emulator") / "templates" / name).read_text(encoding="utf-8")


def traced_nodes(network: Network) -> dict[str, int]:
    """Name the nodes that a traced emulator keeps, in order, with their sizes; the score comes with them."""
    return {"scaled": network.n_inputs} | {f"{layer.name}.output": layer.n_out for layer in network.layers}


def kernel_source(network: Network, *, traced: bool = False) -> str:
    """Write the C++ source of a network's emulator; it includes the two headers and nothing else that is not standard.

    Args:
        network: the network.
        traced: whether inner values are kept, for ``l1ad_trace``; such an emulator is slower and takes one thread.

    Returns:
        The text of one translation unit.

    Raises:
        ConversionError: a node can wrap without being declared so, or needs integers of more than 64 bits.
    """
    require_safe(network)
    _require_32_bits(network)
    writer, tables, table = Writer(), Tables(), LookUp()
    code = _statements(network, writer, tables, table, traced)
    kept = [f"#define L1AD_TRACED {sum(traced_nodes(network).values())}"] if traced else []
    constants = [*_ranges(network), *_tables(tables, table)]
    body = textwrap.indent("\n".join([*_opening(network), *writer.lines, f"codes = {code.name};"]), "  ")
    return "\n".join(
        [
            f"// Emulator of network '{network.name}' ({network.shape}), digest {network.digest}. Generated: do not edit.",
            *kept,
            '#include "lanes.h"',
            "namespace {",
            *constants,
            "// Score LANES events: set bits of bad where one is outside its range, put the scores into codes.",
            "void block(const i32* raw, i32& bad, i64& codes) {",
            body,
            "}",
            "}  // namespace",
            '#include "driver.h"',
            "",
        ]
    )


def _require_32_bits(network: Network) -> None:
    columns = zip(network.layout.columns, hardware_intervals(network.layout), strict=True)
    wide = next((column for column, interval in columns if interval.magnitude >= 1 << 31), None)
    if wide is not None:
        raise ConversionError(
            f"The emulator takes hardware integers smaller than 2**31, column {wide.name!r} of layout {network.layout.name!r} is "
            f"{wide.type}; use a narrower type there, or the C simulation."
        )


def _statements(network: Network, writer: Writer, tables: Tables, table: LookUp, traced: bool) -> Lanes:
    proved = prove(network)[0].values
    interpreter = Interpreter(writer, table, lower(network), given_columns(network, writer))
    inputs = scaled(network, writer, interpreter, proved)
    interpreter.give("scaled", inputs.values)
    kept = _keep(writer, inputs.values, 0, traced)
    for layer in network.layers:
        writer.lines.append(f"// {layer.name}: {layer.n_in} to {layer.n_out}")
        values = _layer(network, writer, tables, interpreter, layer, inputs.pairs)
        interpreter.give(f"{layer.name}.output", values)
        kept = _keep(writer, values, kept, traced)
    return resized(writer, interpreter.element("score", 0), 64)


def _layer(
    network: Network, writer: Writer, tables: Tables, interpreter: Interpreter, layer: Dense, pairs: tuple[str, ...]
) -> tuple[Lanes, ...]:
    """Write a layer by dot products where all that it reads is on one grid and all it gives of one type; else term by term."""
    sources = network.sources_of(layer)
    types = [type_ for name in sources for type_ in network.types_of(name)]
    if layer.own_outputs or len({type_.fractional for type_ in types}) > 1:
        return tuple(interpreter.element(f"{layer.name}.output", j) for j in range(layer.n_out))
    values = [interpreter.element(node_of(name), i) for name in sources for i in range(len(network.types_of(name)))]
    return dense(writer, tables, layer, tuple(values), pairs if sources == (SCALED,) else (), types[0])


def _keep(writer: Writer, values: tuple[Lanes, ...], first: int, traced: bool) -> int:
    """Write what keeps a node's values, if the emulator is traced; gives the place of the next one."""
    if traced:
        wide = [value.name if value.bits == 64 else f"widen({value.name})" for value in values]
        writer.lines += [f"keep({first + i}, {name});" for i, name in enumerate(wide)]
    return first + len(values)


def _opening(network: Network) -> list[str]:
    return [
        "const int32_t *W = from_memory(WORDS), *Q = from_memory(QUADS), *QP = from_memory(QUAD_PAIRS);",
        "(void)W, (void)Q, (void)QP;",
        *range_checks(network),
        *cuts(network),
    ]


def _ranges(network: Network) -> list[str]:
    ranges = hardware_intervals(network.layout)
    return [
        f"constexpr int COLUMNS = {network.n_inputs};",
        f"constexpr bool PAIRED = {'true' if loads_pairs(network) else 'false'};",
        _array("int32_t", "LOW", [i.low for i in ranges]),
        _array("int32_t", "HIGH", [i.high for i in ranges]),
    ]


def _tables(tables: Tables, table: LookUp) -> list[str]:
    lines = [
        _array("int32_t", "WORDS", tables.words),
        _array("int32_t", "QUADS", tables.quads),
        _array("int32_t", "QUAD_PAIRS", tables.quad_pairs),
    ]
    return lines + ([_array(f"int{table.bits}_t", "TABLE", table.entries)] if table.entries else [])


def _array(type_: str, name: str, values: list[int]) -> str:
    text = ", ".join(str(value) for value in values or [0])
    lines = textwrap.fill(text, 118, initial_indent="  ", subsequent_indent="  ")
    return f"alignas(64) const {type_} {name}[] = {{\n{lines}}};"
