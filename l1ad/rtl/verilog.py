"""Write a design's modules as Verilog text.

alkaid writes the modules, whose ports are two packed vectors; the top here has the ports of the HLS top: named by the layout, a
column or an object each, thresholds where they are requested as ports, ``score`` and one bit for each threshold.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from l1ad.core.fixed import FixedPoint
from l1ad.rtl.design import Design, Net, Stage, delays, input_places, outputs, reads_of
from l1ad.rtl.products import Products

#: Name of the top module; that of the HLS top, so that one can stand for the other.
TOP = "l1ad_top"
#: Files by name: what a writer gives.
Files = dict[str, str]


def verilog_files(design: Design) -> Files:
    """Write all Verilog files of a design.

    Args:
        design: the design.

    Returns:
        Text by file name: the top, a file for each module, the tables and alkaid's primitives.
    """
    from alkaid.codegen.rtl import verilog_comb_logic_gen

    files = {f"{TOP}.v": top(design)}
    for stage in design.stages:
        name = module(stage)
        products = isinstance(stage.logic, Products)
        files[f"{name}.v"] = stage.logic.verilog(name) if products else verilog_comb_logic_gen(stage.logic, name)
    tables = _tables(design)
    if tables:
        files[f"{TOP}_tables.v"] = "\n".join(tables[name] for name in sorted(tables))
    return files | primitives("verilog", ".v")


def _tables(design: Design) -> dict[str, str]:
    """Write the modules of all lookup tables, by name.

    alkaid writes them as ``case`` statements, of which Yosys makes comparators and three times the LUTs: here each output bit is a
    constant vector that the address indexes. What can never be addressed is 0.
    """
    from alkaid.codegen.rtl.verilog.lookup import lookup_name, lookup_ops, table_hex

    modules: dict[str, str] = {}
    for stage in (stage for stage in design.stages if not isinstance(stage.logic, Products)):
        for op in lookup_ops(stage.logic):
            words = [0 if "X" in word else int(word, 16) for word in table_hex(stage.logic, op)]
            name = lookup_name(stage.logic, op)
            modules[name] = _table(name, words, sum(op.qint.kif))
    return modules


def _table(name: str, words: list[int], width: int) -> str:
    address = (len(words) - 1).bit_length()
    lines = [f"module {name} (input [{address - 1}:0] in, output [{width - 1}:0] out);"]
    for bit in range(width):
        column = "".join(str((word >> bit) & 1) for word in reversed(words))
        lines += [f"    wire [{len(words) - 1}:0] bit_{bit} = {len(words)}'b{column};", f"    assign out[{bit}] = bit_{bit}[in];"]
    return "\n".join([*lines, "endmodule\n"])


def primitives(language: str, suffix: str) -> Files:
    """Read the sources of alkaid's adders, multiplexers and multipliers."""
    import alkaid.codegen.rtl as package

    folder = Path(package.__file__).parent / language / "source"
    return {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob(f"*{suffix}"))}


def module(stage: Stage) -> str:
    """Name a stage's module."""
    return f"{TOP}_{stage.name}"


def top(design: Design) -> str:
    """Write the top module: the named ports, the chain of modules and, if it has any, the registers."""
    ports = [*["input clk"] * design.clocked, *["input start"] * design.shared]
    ports += [f"input {_range(port.width)}{port.name}" for port in design.interface.inputs(design.network)]
    ports += [f"output {_range(port.width) if port.width > 1 else ''}{port.name}" for port in outputs(design.network)]
    stages = [line for stage in design.stages for line in _stage(design, stage)]
    body = [*_inputs(design), *_late(design), *stages, *_results(design)]
    lines = "\n".join(f"    {line}" for line in body)
    return f"module {TOP} (\n    {_list(ports)}\n);\n{lines}\nendmodule\n"


def _range(width: int) -> str:
    return f"[{width - 1}:0] "


def _list(entries: list[str]) -> str:
    return ",\n    ".join(entries)


def _inputs(design: Design) -> list[str]:
    """Declare the nets that come in and take them out of the ports, over registers where the design has them."""
    places = input_places(design.network, design.interface)
    pairs = [(f"n_{net.name}", f"{port.name}[{low + net.width - 1}:{low}]") for net, port, low in places]
    if not design.clocked:
        return [f"wire {_range(net.width)}{to} = {source};" for (net, _, _), (to, source) in zip(places, pairs, strict=True)]
    registers = [f"reg {_range(net.width)}n_{net.name};" for net, _, _ in places]
    return registers + (_on_start(design, pairs) if design.shared else _clocked(pairs))


def _late(design: Design) -> list[str]:
    """Keep nets that later layers read for as many events as are on their way between."""
    lines = []
    for net, events in delays(design).items():
        names = [f"n_{net.name}" + "_late" * i for i in range(events + 1)]
        lines += [f"reg {_range(net.width)}{name};" for name in names[1:]]
        lines += [f"always @(posedge clk) if (start) {to} <= {source};" for source, to in itertools.pairwise(names)]
    return lines


def _on_start(design: Design, pairs: list[tuple[str, str]]) -> list[str]:
    """Take an event in when it starts, and count the cycles from there."""
    return [
        f"reg {_range(max(1, (design.interval - 1).bit_length()))}phase;",
        "always @(posedge clk) phase <= start ? 0 : phase + 1;",
        "always @(posedge clk) if (start) begin",
        *(f"    {to} <= {source};" for to, source in pairs),
        "end",
    ]


def _clocked(pairs: list[tuple[str, str]]) -> list[str]:
    return ["always @(posedge clk) begin", *(f"    {to} <= {source};" for to, source in pairs), "end"]


def _stage(design: Design, stage: Stage) -> list[str]:
    """Declare a stage's output nets and instantiate its module; an output register where the design has them."""
    written = [net for net in stage.outputs if net.width]
    if not written:
        return []
    driven = "d_" if design.registered else "n_"
    lines = [f"wire {_range(net.width)}{driven}{net.name};" for net in written]
    name = module(stage)
    reads = [f"n_{net.name}" + "_late" * late for net, late in reads_of(design, stage)] or ["2'b0"]
    clock = ".clk(clk), .phase(phase), " if isinstance(stage.logic, Products) and stage.logic.clocked else ""
    lines.append(
        f"{name} i_{stage.name} ({clock}.model_inp({_packed(reads)}), .model_out({_packed([driven + n.name for n in written])}));"
    )
    if design.registered:
        lines += [f"reg {_range(net.width)}n_{net.name};" for net in written]
        lines += _clocked([(f"n_{net.name}", f"d_{net.name}") for net in written])
    return lines


def _packed(names: list[str]) -> str:
    """Concatenate, the first one in the lowest bits."""
    return "{" + ", ".join(reversed(names)) + "}"


def _results(design: Design) -> list[str]:
    """Drive the outputs; the score on its type's whole width."""
    nets = {net.name: net for net in design.stages[-1].outputs}
    drivers = {t.port: f"n_{t.name}" if nets[t.name].width else _zeros(1) for t in design.network.thresholds}
    drivers = {"score": _extended(nets["score"], design.network.score.total)} | drivers
    if not design.shared:
        return [f"assign {output} = {driver};" for output, driver in drivers.items()]
    widths = {port.name: port.width for port in outputs(design.network)}
    registers = [f"reg {_range(widths[output])}r_{output}; assign {output} = r_{output};" for output in drivers]
    return registers + _clocked([(f"r_{output}", driver) for output, driver in drivers.items()])


def _zeros(width: int) -> str:
    return f"{width}'b{'0' * width}"


def _extended(net: Net, to: FixedPoint) -> str:
    if not net.width:
        return _zeros(to.width)
    right = to.fractional - net.fractional
    left = to.width - net.width - right
    sign = f"{{{left}{{n_{net.name}[{net.width - 1}]}}}}" if net.signed else _zeros(left)
    parts = [*([sign] if left else []), f"n_{net.name}", *([_zeros(right)] if right else [])]
    return "{" + ", ".join(parts) + "}"
