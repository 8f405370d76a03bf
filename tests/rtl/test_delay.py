"""The delay model: fitted to a path, and applied to netlists whose longest path is known."""

import pytest

from l1ad.core.errors import ReportError, ToolFailedError
from l1ad.rtl.delay import ULTRASCALE_PLUS, Cell, DelayModel, Netlist, fit, output_times
from tests.reference_network import reference_file

MODEL = DelayModel(1.0, 10.0, 20.0, 30.0, 100.0, 7.0, 4.0, "made")
PATH = """
Max Delay Paths
                         net (fo=8, unset)            0.000     0.000    a
    SLICE_X1Y1           LUT1 (Prop_F6LUT_SLICEL_I0_O)
                                                      0.100     0.100 r  b/O
                         net (fo=1, routed)           0.010     0.110    b
    SLICE_X1Y1           CARRY8 (Prop_CARRY8_SLICEL_S[5]_CO[7])
                                                      0.200     0.310 r  c/CO[7]
                         net (fo=1, routed)           0.020     0.330    c
    SLICE_X1Y2           CARRY8 (Prop_CARRY8_SLICEL_CI_O[0])
                                                      0.060     0.390 r  d/O[0]
                         net (fo=6, routed)           0.900     1.290    d
    SLICE_X2Y2           LUT2 (Prop_E6LUT_SLICEL_I1_O)
                                                      0.300     1.590 r  e/O
                         net (fo=1, routed)           0.030     1.620    e
    SLICE_X2Y2           CARRY8 (Prop_CARRY8_SLICEL_S[4]_O[5])
                                                      0.080     1.700 r  f/O[5]
                         net (fo=0)                   0.031     1.731    out
                         arrival time                         -1.731
                         slack                                  6.0
"""


def test_a_path_is_fitted_arc_by_arc() -> None:
    model = fit(PATH, "made")
    assert model == DelayModel(0.2, 0.08, 0.2, 0.06, 0.9, 0.02, 0.02, "made")


def test_the_shipped_numbers_are_those_of_the_routed_path() -> None:
    report = reference_file("gelato/vivado_2024.1/Topo2A_AD_proj_timing_routed.rpt").read_text(encoding="utf-8")
    assert fit(report, ULTRASCALE_PLUS.source) == ULTRASCALE_PLUS


def test_a_report_without_carries_is_refused() -> None:
    with pytest.raises(ReportError, match=r"^The timing report of a design has no arcs of the kinds \['lut', "):
        fit("nothing", "a design")


def lut(inputs: tuple[int, ...], output: int) -> Cell:
    return Cell(f"LUT{len(inputs)}", {f"I{i}": (bit,) for i, bit in enumerate(inputs)}, {"O": (output,)})


def test_ports_cost_no_net_and_inner_nets_do() -> None:
    netlist = Netlist((lut((1, 2), 3), lut((3,), 4)), (1, 2), (4, 3))
    assert output_times(netlist, [0.0, 5.0], MODEL, external=True)[0] == [107.0, 6.0]
    assert output_times(netlist, [0.0, 5.0], MODEL, external=False)[0] == [207.0, 106.0]


def test_a_carry_chain_is_entered_locally_and_left_through_its_end() -> None:
    first = Cell(
        "CARRY4", {"CI": ("0",), "S": (3, "0", "0", "0"), "DI": ("0",) * 4}, {"CO": (10, 11, 12, 13), "O": (14, 15, 16, 17)}
    )
    second = Cell("CARRY4", {"CI": (13,), "S": ("0",) * 4, "DI": ("0",) * 4}, {"CO": (20, 21, 22, 23), "O": (24, 25, 26, 27)})
    netlist = Netlist((second, first, lut((1,), 3)), (1,), (14, 13, 24))
    lut_end = 1.0
    assert output_times(netlist, [0.0], MODEL, external=True)[0] == [
        lut_end + 7 + 10,
        lut_end + 7 + 20,
        lut_end + 7 + 20 + 2 + 30,
    ]


def test_an_operand_reaches_no_lower_sum() -> None:
    chain = Cell(
        "CARRY4", {"CI": ("0",), "S": (1, 2, "0", "0"), "DI": ("0",) * 4}, {"O": (10, 11, 12, 13), "CO": (14, 15, 16, 17)}
    )
    times = output_times(Netlist((chain,), (1, 2), (10, 11)), [0.0, 50.0], MODEL, external=True)[0]
    assert times == [10.0, 60.0]


def test_wires_and_constants_pass() -> None:
    assert output_times(Netlist((), (1,), (1, "0")), [3.0], MODEL, external=True)[0] == [3.0, 0.0]


def test_a_loop_is_an_error() -> None:
    with pytest.raises(ToolFailedError, match=r"^The mapped logic has a loop, which combinational logic must not have"):
        output_times(Netlist((lut((2,), 1), lut((1,), 2)), (), (1,)), [], MODEL, external=True)


def test_a_netlist_without_the_module_is_refused() -> None:
    with pytest.raises(ReportError, match=r"^Yosys' netlist has no module 'm' with cells and ports"):
        Netlist.from_json({"modules": {}}, "m")


def test_registers_begin_and_end_paths() -> None:
    cells = {
        "a": {"type": "LUT1", "connections": {"I0": [2], "O": [3]}},
        "r": {"type": "$_DFF_P_", "connections": {"C": [9], "D": [3], "Q": [4]}},
        "b": {"type": "LUT1", "connections": {"I0": [4], "O": [5]}},
    }
    ports = {"model_inp": {"bits": [2]}, "model_out": {"bits": [5]}}
    netlist = Netlist.from_json({"modules": {"m": {"ports": ports, "cells": cells}}}, "m")
    step = MODEL.net_fabric + MODEL.lut
    assert output_times(netlist, [1000.0], MODEL, external=False) == ([step], 1000.0 + step)
