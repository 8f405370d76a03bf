"""Write test benches that compare the RTL with golden vectors: SystemVerilog and VHDL-2008, for any simulator."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.firmware.golden import Golden
from l1ad.firmware.ports import Port
from l1ad.rtl.design import Design, outputs
from l1ad.rtl.verilog import TOP, Files

BENCH = "testbench.sv"
VHDL_BENCH = "testbench.vhd"
INPUTS = "golden_inputs.hex"
OUTPUTS = "golden_outputs.hex"


def bench_files(design: Design, golden: Golden) -> Files:
    """Write the test bench and its vectors.

    Args:
        design: what is tested.
        golden: at least one event.

    Returns:
        Text by file name; no VHDL for a design that shares multipliers, which has none.
    """
    inputs = design.interface.events(design.network)
    expected = np.column_stack([golden.scores, golden.bits.astype(np.int64)])
    vhdl = {} if design.shared else {VHDL_BENCH: _vhdl_bench(design, len(golden.scores))}
    return vhdl | {
        BENCH: _bench(design, len(golden.scores)),
        INPUTS: _words(inputs.rows(golden.x_hw), [field.type.width for field in inputs.fields]),
        OUTPUTS: _words(expected, [port.width for port in outputs(design.network)]),
    }


def _words(rows: NDArray[Any], widths: Sequence[int]) -> str:
    """Pack each row into one hexadecimal word, the first column in the lowest bits, with as many digits as the widths need."""
    digits = -(-sum(widths) // 4)
    return "".join(f"{_word(row, widths):0{digits}x}\n" for row in rows.tolist())


def _word(row: list[int], widths: Sequence[int]) -> int:
    word, place = 0, 0
    for value, width in zip(row, widths, strict=True):
        word |= (int(value) & ((1 << width) - 1)) << place
        place += width
    return word


def _bench(design: Design, n_events: int) -> str:
    connections = [f".{port}({actual})" for port, actual in _connections(design, "event_in[{}:{}]", "event_out[{}:{}]", "{}'b{}")]
    clock = [".clk(clk)"] * design.clocked + [".start(start)"] * design.shared
    return _fill(_BENCH, design, n_events, ",\n        ".join([*clock, *connections]))


def _vhdl_bench(design: Design, n_events: int) -> str:
    pairs = _connections(design, "event_in({} downto {})", "event_out({} downto {})", '"{1}"')
    bits = {port.name for port in outputs(design.network)[1:]}
    connections = [f"{port} => {re.sub(r' downto .*', ')', actual) if port in bits else actual}" for port, actual in pairs]
    return _fill(_VHDL_BENCH, design, n_events, ",\n        ".join(["clk => clk"] * design.registered + connections))


def _connections(design: Design, event_in: str, event_out: str, literal: str) -> list[tuple[str, str]]:
    """Describe what each port but the clock is connected to, in a language's spelling of slices and of binary literals."""
    network, interface = design.network, design.interface
    pairs = [(port.name, event_in.format(high, low)) for port, high, low in slices(interface.data(network))]
    mask = (1 << network.score.total.width) - 1
    for port, threshold in zip(interface.thresholds(network), network.thresholds, strict=False):
        pairs.append((port.name, literal.format(port.width, f"{threshold.value & mask:0{port.width}b}")))
    return pairs + [(port.name, event_out.format(high, low)) for port, high, low in slices(outputs(network))]


def slices(ports: Sequence[Port]) -> list[tuple[Port, int, int]]:
    """Return highest and lowest bit of each port in a word that holds them all, the first one in the lowest bits."""
    edges = [0, *itertools.accumulate(port.width for port in ports)]
    return [(port, high - 1, low) for port, (low, high) in zip(ports, itertools.pairwise(edges), strict=True)]


def _fill(template: str, design: Design, n_events: int, ports: str) -> str:
    network = design.network
    return template.format(
        top=TOP,
        ports=ports,
        n=n_events,
        bits_in=sum(port.width for port in design.interface.data(network)),
        bits_out=sum(port.width for port in outputs(network)),
        latency=design.latency_cycles,
        interval=design.interval,
        inputs=INPUTS,
        outputs=OUTPUTS,
    )


_BENCH = """\
// Compares the RTL with golden vectors and ends with an error at the first difference; run it in the folder of the vectors.
`timescale 1ns / 1ps
module testbench;
    localparam N = {n};
    localparam LATENCY = {latency};
    localparam INTERVAL = {interval};
    reg clk = 0;
    reg start = 0;
    reg [{bits_in}-1:0] inputs [0:N-1];
    reg [{bits_out}-1:0] expected [0:N-1];
    reg [{bits_in}-1:0] event_in;
    wire [{bits_out}-1:0] event_out;
    integer cycle, entered, done;
    {top} dut (
        {ports}
    );
    initial begin
        $readmemh("{inputs}", inputs);
        $readmemh("{outputs}", expected);
        for (cycle = 0; cycle < N * INTERVAL + LATENCY; cycle = cycle + 1) begin
            entered = cycle / INTERVAL;
            start = cycle % INTERVAL == 0;
            event_in = inputs[entered < N ? entered : N - 1];
            #1 clk = 1;
            #1 clk = 0;
            #1;
            done = (cycle - LATENCY) / INTERVAL;
            if (cycle >= LATENCY && (cycle - LATENCY) % INTERVAL == 0 && done < N && event_out !== expected[done])
                $fatal(1, "event %0d differs: expected %h, got %h", done, expected[done], event_out);
        end
        $display("%0d events agree", N);
        $finish;
    end
endmodule
"""

_VHDL_BENCH = """\
-- Compares the RTL with golden vectors and ends with an error at the first difference; run it in the folder of the vectors (VHDL-2008).
library ieee;
use ieee.std_logic_1164.all;
use std.textio.all;
use std.env.all;

entity testbench is
end entity testbench;

architecture simulation of testbench is
    constant N : natural := {n};
    constant LATENCY : natural := {latency};
    signal clk : std_logic := '0';
    signal event_in : std_logic_vector({bits_in} - 1 downto 0) := (others => '0');
    signal event_out : std_logic_vector({bits_out} - 1 downto 0);
begin
    dut : entity work.{top} port map (
        {ports}
    );

    process
        file inputs : text open read_mode is "{inputs}";
        file outputs : text open read_mode is "{outputs}";
        variable row : line;
        variable word : std_logic_vector({bits_in} - 1 downto 0);
        variable expected : std_logic_vector({bits_out} - 1 downto 0);
    begin
        for cycle in 0 to N + LATENCY - 1 loop
            if cycle < N then
                readline(inputs, row);
                hread(row, word);
                event_in <= word;
            end if;
            wait for 1 ns;
            clk <= '1';
            wait for 1 ns;
            clk <= '0';
            wait for 1 ns;
            if cycle >= LATENCY then
                readline(outputs, row);
                hread(row, expected);
                assert event_out = expected
                    report "event " & integer'image(cycle - LATENCY) & " differs: expected " & to_hstring(expected)
                        & ", got " & to_hstring(event_out)
                    severity failure;
            end if;
        end loop;
        report integer'image(N) & " events agree";
        finish;
    end process;
end architecture simulation;
"""
