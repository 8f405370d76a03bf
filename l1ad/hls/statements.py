"""Phrase the steps around the network in C++: unpacking, rotation, scaling, the score, the comparators."""

from __future__ import annotations

from dataclasses import dataclass

from l1ad.core.network import Network
from l1ad.firmware.inputs import Inputs
from l1ad.firmware.ports import Port, integer_type
from l1ad.graph import Interval, bounds, lower
from l1ad.graph.graph import THRESHOLDS
from l1ad.graph.triggers import TRIGGER
from l1ad.hls.codes import Code, Table, fixed_code
from l1ad.hls.interpret import Element, Interpreter


def unpack(ports: tuple[Port, ...]) -> list[str]:
    """Take the columns out of packed words, or the graph's words out of wider ones; nothing where each has its own port."""
    lines = []
    for port in ports:
        for field in port.fields:
            if field.name != port.name:
                type_ = integer_type(field.type.width, field.type.signed)
                high = field.low + field.type.width - 1
                lines += [f"{type_} {field.name};", f"{field.name}.range() = {port.name}.range({high}, {field.low});"]
    return lines


def pack(ports: tuple[Port, ...], row: str) -> list[str]:
    """Declare the ports' values from a row of hardware integers.

    Args:
        ports: the data inputs.
        row: C++ expression of the array of columns or words.
    """
    lines = []
    for port in ports:
        if len(port.fields) == 1 and port.fields[0].name == port.name:
            lines.append(f"{port.hls_type} {port.name} = {row}[{port.fields[0].element}];")
            continue
        lines.append(f"{port.hls_type} {port.name} = 0;")
        for field in port.fields:
            type_ = integer_type(field.type.width, field.type.signed)
            high = field.low + field.type.width - 1
            lines.append(f"{port.name}.range({high}, {field.low}) = {type_}({row}[{field.element}]).range();")
    return lines


@dataclass(frozen=True, slots=True)
class Steps:
    """The statements around hls4ml's function.

    Attributes:
        scaling: from the columns, or the words that hold them, to the array ``scaled``.
        layers: the layers of a network that is not a chain; hls4ml's function has those of a chain.
        score: from ``scaled`` and ``output`` to the port ``score``.
        comparators: from the score to the trigger bits' ports.
        table: the lookup table as a header; None for a score without one.
    """

    scaling: list[str]
    layers: list[str]
    score: list[str]
    comparators: list[str]
    table: str | None


def steps(network: Network, *, threshold_ports: bool = False, inputs: Inputs | None = None) -> Steps:
    """Write the statements around hls4ml's function.

    Args:
        network: the network with its thresholds.
        threshold_ports: whether thresholds are ports instead of constants.
        inputs: what comes in; None for the columns.

    Raises:
        ConversionError: an angle's grid is finer than another's by a factor that is not a power of two.
    """
    inputs = inputs or Inputs(network.layout)
    graph = lower(network, threshold_ports=threshold_ports, words=inputs.lowered)
    interpreter = Interpreter(graph, bounds(graph), lambda element: _given(network, inputs, element), {"scaled"})
    for i in range(network.n_inputs):
        interpreter.element("scaled", i)
    scaling = interpreter.taken()
    if not network.is_chain:
        for layer in network.layers:
            interpreter.array(f"{layer.name}.output", f"{layer.name}.output")
    layers = interpreter.taken()
    # What is summed is the witness's node "square", whatever it is made of.
    terms = graph.node("score.sum").inputs[0]
    for name, traced in (("difference", "difference"), (terms, "square")):
        if name in graph.grids:
            interpreter.array(name, traced)
    interpreter.element("score", 0)
    # Bits go into a variable: a range of the port would be read and written, for which HLS makes the output an input as well.
    word = integer_type(network.score.total.width, network.score.total.signed)
    score = [*interpreter.taken(), f"{word} score_bits;", "score_bits.range() = score_0.range();", "score = score_bits;"]
    bits = [f"{t.port} = {interpreter.element(TRIGGER, i).name};" for i, t in enumerate(network.thresholds)]
    return Steps(scaling, layers, score, [*interpreter.taken(), *bits], table_header(interpreter.table))


def _given(network: Network, inputs: Inputs, element: Element) -> Code | None:
    """Return what the ports and hls4ml's function bring."""
    node, i = element
    last = network.layers[-1]
    if node == inputs.node:
        field = inputs.fields[i]
        return Code(field.name, Interval(field.type.min_int, field.type.max_int))
    if node == THRESHOLDS:
        total = network.score.total
        return Code(network.thresholds[i].value_port, Interval(total.min_int, total.max_int))
    if network.is_chain and node == f"{last.name}.output":
        return fixed_code(f"output[{i}]", last.output, Interval(last.output.min_int, last.output.max_int))
    return None


def table_header(table: Table) -> str | None:
    """Write a lookup table as a constant array, by the address's code, lowest first; None where there is none."""
    if table.codes is None or table.type is None:
        return None
    mask, width = (1 << table.type.width) - 1, table.type.width
    codes = [str(int(code) & mask) for code in table.codes]
    values = ",\n".join(", ".join(codes[start : start + 16]) for start in range(0, len(codes), 16))
    return (
        "// Codes of the score's table by the address's code, lowest first.\n"
        "#ifndef L1AD_SCORE_TABLE_H_\n#define L1AD_SCORE_TABLE_H_\n\n"
        '#include "ap_int.h"\n\n'
        f"static const ap_uint<{width}> score_table[{len(codes)}] = {{\n{values}}};\n\n#endif\n"
    )
