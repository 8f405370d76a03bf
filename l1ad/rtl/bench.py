"""Write a SystemVerilog test bench that compares the RTL with golden vectors, for any simulator that has ``$readmemh``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.emulator.golden import Golden
from l1ad.fixed import FixedPoint
from l1ad.rtl.trace import Design
from l1ad.rtl.verilog import TOP, Files

BENCH = "testbench.sv"
INPUTS = "golden_inputs.hex"
OUTPUTS = "golden_outputs.hex"


def bench_files(design: Design, golden: Golden) -> Files:
    """Write the test bench and its vectors.

    Args:
        design: what is tested.
        golden: at least one event.

    Returns:
        Text by file name.
    """
    columns = [column.type for column in design.network.layout.columns]
    outputs = [design.network.score.total, *[FixedPoint(False, 1, 1)] * len(design.network.thresholds)]
    expected = np.column_stack([golden.scores, golden.bits.astype(np.int64)])
    return {
        BENCH: _bench(design, len(golden.scores), columns, outputs),
        INPUTS: _words(golden.x_hw, columns),
        OUTPUTS: _words(expected, outputs),
    }


def _words(rows: NDArray[Any], types: list[FixedPoint]) -> str:
    """Pack each row into one hexadecimal word, the first column in the lowest bits."""
    return "".join(f"{_word(row, types):x}\n" for row in rows.tolist())


def _word(row: list[int], types: list[FixedPoint]) -> int:
    word, place = 0, 0
    for value, type_ in zip(row, types, strict=True):
        word |= (int(value) & ((1 << type_.width) - 1)) << place
        place += type_.width
    return word


def _bench(design: Design, n_events: int, columns: list[FixedPoint], outputs: list[FixedPoint]) -> str:
    names = ["score", *(t.port for t in design.network.thresholds)]
    ports = [f".{port}({_slice('event_in', columns, i)})" for i, port in enumerate(design.network.layout.ports)]
    ports += [f".{name}({_slice('event_out', outputs, i)})" for i, name in enumerate(names)]
    return _BENCH.format(
        top=TOP,
        ports=",\n        ".join([*([".clk(clk)"] if design.registered else []), *ports]),
        n=n_events,
        bits_in=sum(type_.width for type_ in columns),
        bits_out=sum(type_.width for type_ in outputs),
        latency=design.latency_cycles,
        inputs=INPUTS,
        outputs=OUTPUTS,
    )


def _slice(bus: str, types: list[FixedPoint], index: int) -> str:
    low = sum(type_.width for type_ in types[:index])
    return f"{bus}[{low + types[index].width - 1}:{low}]"


_BENCH = """\
// Compares the RTL with golden vectors; run it in the folder of the vectors.
`timescale 1ns / 1ps
module testbench;
    localparam N = {n};
    localparam LATENCY = {latency};
    reg clk = 0;
    reg [{bits_in}-1:0] inputs [0:N-1];
    reg [{bits_out}-1:0] expected [0:N-1];
    reg [{bits_in}-1:0] event_in;
    wire [{bits_out}-1:0] event_out;
    integer cycle, different;
    {top} dut (
        {ports}
    );
    initial begin
        $readmemh("{inputs}", inputs);
        $readmemh("{outputs}", expected);
        different = 0;
        for (cycle = 0; cycle < N + LATENCY; cycle = cycle + 1) begin
            event_in = inputs[cycle < N ? cycle : N - 1];
            #1 clk = 1;
            #1 clk = 0;
            #1;
            if (cycle >= LATENCY && event_out !== expected[cycle - LATENCY]) different = different + 1;
        end
        if (different != 0) $fatal(1, "%0d of %0d events differ", different, N);
        $display("%0d events agree", N);
        $finish;
    end
endmodule
"""
