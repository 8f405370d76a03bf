"""Write a design's modules as VHDL text; the same modules and ports as the Verilog."""

from __future__ import annotations

from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.rtl.design import Design, Net, Stage, input_places, live_inputs, outputs
from l1ad.rtl.verilog import TOP, Files, module, primitives


def vhdl_files(design: Design) -> Files:
    """Write all VHDL files of a design.

    Args:
        design: the design.

    Returns:
        Text by file name: the top, a file for each module, the tables and alkaid's primitives.

    Raises:
        ConversionError: the design shares multipliers, which is written as Verilog only.
    """
    if design.shared:
        raise ConversionError("A design that shares multipliers is written as Verilog only; leave VHDL out.")
    from alkaid.codegen.rtl import vhdl_comb_logic_gen
    from alkaid.codegen.rtl.vhdl.lookup import lookup_source

    files = {f"{TOP}.vhd": top(design)}
    for stage in design.stages:
        files[f"{module(stage)}.vhd"] = vhdl_comb_logic_gen(stage.logic, module(stage))
    tables = lookup_source([stage.logic for stage in design.stages])
    if tables:
        files[f"{TOP}_tables.vhd"] = tables
    return files | primitives("vhdl", ".vhd")


def top(design: Design) -> str:
    """Write the top entity: the named ports, the chain of modules and, if it has any, the registers."""
    ports = ["clk : in std_logic"] if design.registered else []
    ports += [f"{port.name} : in {_vector(port.width)}" for port in design.interface.inputs(design.network)]
    score, *bits = outputs(design.network)
    ports += [f"{score.name} : out {_vector(score.width)}", *(f"{port.name} : out std_logic" for port in bits)]
    stages = [stage for stage in design.stages if any(net.width for net in stage.outputs)]
    signals = _input_signals(design) + [line for stage in stages for line in _signals(stage)]
    body = _inputs(design) + [line for stage in stages for line in _stage(design, stage)] + _results(design)
    return _TOP.format(top=TOP, ports=";\n        ".join(ports), signals="\n    ".join(signals), body="\n    ".join(body))


def _vector(width: int) -> str:
    return f"std_logic_vector({width - 1} downto 0)"


def _input_signals(design: Design) -> list[str]:
    return [f"signal n_{net.name} : {_vector(net.width)};" for net, _, _ in input_places(design.network, design.interface)]


def _inputs(design: Design) -> list[str]:
    """Take the nets that come in out of the ports, over registers where the design has them."""
    places = input_places(design.network, design.interface)
    pairs = [(f"n_{net.name}", f"{port.name}({low + net.width - 1} downto {low})") for net, port, low in places]
    return _clocked(pairs) if design.registered else [f"{to} <= {source};" for to, source in pairs]


def _clocked(pairs: list[tuple[str, str]]) -> list[str]:
    moves = [f"        {to} <= {source};" for to, source in pairs]
    return ["process (clk) begin", "    if rising_edge(clk) then", *moves, "    end if;", "end process;"]


def _signals(stage: Stage) -> list[str]:
    written = [net for net in stage.outputs if net.width]
    reads = sum(net.width for net in live_inputs(stage)) or 2
    lines = [
        f"signal in_{stage.name} : {_vector(reads)};",
        f"signal out_{stage.name} : {_vector(sum(net.width for net in written))};",
    ]
    return lines + [f"signal n_{net.name} : {_vector(net.width)};" for net in written]


def _stage(design: Design, stage: Stage) -> list[str]:
    """Pack a stage's inputs, instantiate its module and take its outputs apart."""
    packed = " & ".join(f"n_{net.name}" for net in reversed(live_inputs(stage))) or '"00"'
    lines = [
        f"in_{stage.name} <= {packed};",
        f"i_{stage.name} : entity work.{module(stage)} port map (model_inp => in_{stage.name}, model_out => out_{stage.name});",
    ]
    pairs, place = [], 0
    for net in (net for net in stage.outputs if net.width):
        pairs.append((f"n_{net.name}", f"out_{stage.name}({place + net.width - 1} downto {place})"))
        place += net.width
    return lines + (_clocked(pairs) if design.registered else [f"{to} <= {source};" for to, source in pairs])


def _results(design: Design) -> list[str]:
    """Drive the outputs; the score on its type's whole width."""
    nets = {net.name: net for net in design.stages[-1].outputs}
    drivers = {t.port: f"n_{t.name}(0)" if nets[t.name].width else "'0'" for t in design.network.thresholds}
    bits = [f"{name} <= {driver};" for name, driver in drivers.items()]
    return [f"score <= {_extended(nets['score'], design.network.score.total)};", *bits]


def _extended(net: Net, to: FixedPoint) -> str:
    if not net.width:
        return "(others => '0')"
    right = to.fractional - net.fractional
    left = to.width - net.width - right
    sign = f"(1 to {left} => n_{net.name}({net.width - 1}))" if net.signed else f'"{"0" * left}"'
    return " & ".join([*([sign] if left else []), f"n_{net.name}", *([f'"{"0" * right}"'] if right else [])])


_TOP = """\
library ieee;
use ieee.std_logic_1164.all;

entity {top} is
    port (
        {ports}
    );
end entity {top};

architecture rtl of {top} is
    {signals}
begin
    {body}
end architecture rtl;
"""
