"""Write a SystemVerilog test bench that compares the RTL with golden vectors, for any simulator that has ``$readmemh``."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ad.emulator.golden import Golden
from l1ad.hls.ports import Port
from l1ad.network import Network
from l1ad.rtl.design import Design, outputs
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
    expected = np.column_stack([golden.scores, golden.bits.astype(np.int64)])
    return {
        BENCH: _bench(design, len(golden.scores)),
        INPUTS: _words(golden.x_hw, [column.type.width for column in design.network.layout.columns]),
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


def slices(ports: Sequence[Port]) -> list[tuple[Port, int, int]]:
    """Give highest and lowest bit of each port in a word that holds them all, the first one in the lowest bits."""
    edges = [0, *itertools.accumulate(port.width for port in ports)]
    return [(port, high - 1, low) for port, (low, high) in zip(ports, itertools.pairwise(edges), strict=True)]


def threshold_words(network: Network) -> list[int]:
    """Give the thresholds' values as the bits that their ports carry."""
    mask = (1 << network.score.total.width) - 1
    return [threshold.value & mask for threshold in network.thresholds]


def _bench(design: Design, n_events: int) -> str:
    network, interface = design.network, design.interface
    data, results = slices(interface.data(network)), slices(outputs(network))
    ports = [".clk(clk)"] if design.registered else []
    ports += [f".{port.name}(event_in[{high}:{low}])" for port, high, low in data]
    thresholds = zip(interface.thresholds(network), threshold_words(network), strict=False)
    ports += [f".{port.name}({port.width}'d{value})" for port, value in thresholds]
    ports += [f".{port.name}(event_out[{high}:{low}])" for port, high, low in results]
    return _BENCH.format(
        top=TOP,
        ports=",\n        ".join(ports),
        n=n_events,
        bits_in=data[-1][1] + 1,
        bits_out=results[-1][1] + 1,
        latency=design.latency_cycles,
        inputs=INPUTS,
        outputs=OUTPUTS,
    )


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
