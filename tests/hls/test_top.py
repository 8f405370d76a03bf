"""Test the generated top's ports, pragmas and statements."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from l1ad.config import parse_config
from l1ad.config.firmware import FirmwareConfig
from l1ad.core.board import load_board
from l1ad.core.choices import Style
from l1ad.core.errors import ConversionError
from l1ad.core.fixed import FixedPoint
from l1ad.core.layout import load_layout
from l1ad.core.network import Score, Threshold
from l1ad.core.thresholds import ThresholdsFile
from l1ad.firmware.ports import input_ports, score_port, threshold_ports, trigger_ports
from l1ad.firmware.target import Target, resolve_target, with_configured_thresholds
from l1ad.graph import Interval
from l1ad.hls import statements
from l1ad.hls.codes import Code
from l1ad.hls.top import pragmas
from l1ad.studies.trainings import changed
from tests.networks import make_network, tiny_layout
from tests.projects import TARGET


def test_one_port_a_column_is_named_by_object_feature_and_rank() -> None:
    ports = input_ports(load_layout("l1topo44"), packed=False)
    assert [(p.name, p.hls_type) for p in ports[:4]] == [
        ("jet_pt_0", "ap_uint<15>"),
        ("jet_eta_0", "ap_int<9>"),
        ("jet_phi_0", "ap_uint<7>"),
        ("jet_pt_1", "ap_uint<15>"),
    ]
    assert [p.name for p in ports[-2:]] == ["met_pt", "met_phi"]
    assert len(ports) == 44


def test_a_packed_word_holds_an_object_lowest_feature_first() -> None:
    jet, _, met = input_ports(tiny_layout(), packed=True)
    assert (jet.name, jet.hls_type) == ("jet_0", "ap_uint<23>")
    assert [(f.name, f.low, f.type.width) for f in jet.fields] == [
        ("jet_pt_0", 0, 10),
        ("jet_eta_0", 10, 7),
        ("jet_phi_0", 17, 6),
    ]
    assert (met.name, met.width) == ("met", 15)


def test_outputs_are_the_scores_bits_and_the_triggers() -> None:
    network = make_network()
    assert (score_port(network).name, score_port(network).hls_type) == ("score", "ap_uint<21>")
    assert [p.name for p in trigger_ports(network)] == ["trigger_loose", "trigger_nominal", "trigger_tight"]
    assert {p.hls_type for p in threshold_ports(network)} == {"ap_uint<21>"}


def test_unpacking_and_packing_name_the_same_bits() -> None:
    ports = input_ports(tiny_layout(), packed=True)
    assert "jet_eta_1.range() = jet_1.range(16, 10);" in statements.unpack(ports)
    assert "jet_1.range(16, 10) = ap_int<7>(row[4]).range();" in statements.pack(ports, "row")
    assert statements.unpack(input_ports(tiny_layout(), packed=False)) == []


@pytest.mark.parametrize(
    ("firmware", "board", "style"),
    [
        ({}, "l1topo", Style.COMBINATIONAL),
        ({}, "l1topo_5ns", Style.PIPELINED),
        ({"clock_ns": 5.0}, "l1topo", Style.PIPELINED),
        ({"style": "pipelined"}, "l1topo", Style.PIPELINED),
        ({"reuse_factor": 4}, "l1topo", Style.PIPELINED),
    ],
)
def test_the_style_follows_from_clock_and_budget(firmware: dict[str, object], board: str, style: Style) -> None:
    assert resolve_target(FirmwareConfig(**firmware), load_board(board)).style is style


def test_a_target_survives_json() -> None:
    assert Target.from_dict(TARGET.to_dict()) == TARGET


def test_pragmas_say_interface_control_and_stage() -> None:
    network = make_network()
    combinational = pragmas(network, TARGET)
    assert "INTERFACE ap_none port=jet_pt_0" in combinational
    assert combinational[-3:] == ["INTERFACE ap_ctrl_none port=return", "PIPELINE II=1", "LATENCY min=0 max=0"]
    other = replace(TARGET, style=Style.PIPELINED, interface="ap_vld", control="ap_ctrl_hs", threshold_ports=True, reuse_factor=4)
    pipelined = pragmas(network, other)
    assert "INTERFACE ap_vld port=score" in pipelined
    assert "INTERFACE ap_none port=threshold_loose" in pipelined
    assert pipelined[-2:] == ["INTERFACE ap_ctrl_hs port=return", "PIPELINE II=4"]


def thresholds_config(thresholds=None, file=None, folder=Path()):
    text = "{name: a, layout: l1topo44, data: {background: {b: b.h5}}, model: {kind: ae}, score: {kind: latent_l2}}"
    return changed(parse_config(text, "a.yaml", folder), "firmware", {"thresholds": thresholds or {}, "thresholds_file": file})


def test_thresholds_of_the_configuration_replace_the_models() -> None:
    network = with_configured_thresholds(make_network(), thresholds_config({"nominal": 12}))
    assert [(t.name, t.value) for t in network.thresholds] == [("nominal", 12)]
    bit = "trigger_nominal = trigger_0;"
    code = "l1ad::unsigned_code<21>(score_0)"
    assert statements.steps(network).comparators == [f"const bool trigger_0 = {code} >= 12LL;", bit]
    ported = statements.steps(network, threshold_ports=True).comparators
    assert ported == [f"const bool trigger_0 = {code} >= threshold_nominal;", bit]
    assert with_configured_thresholds(network, thresholds_config()) is network


def test_a_threshold_the_score_cannot_have_is_refused() -> None:
    message = r"^Threshold 'high' is 2097152, the score ap_ufixed<21,11> has codes 0 to 2097151; give an integer in that range\.$"
    with pytest.raises(ConversionError, match=message):
        with_configured_thresholds(make_network(), thresholds_config({"high": 1 << 21}))


def test_thresholds_come_from_the_file_of_rates_for_the_same_network_only(tmp_path):
    network = make_network()
    bits = (Threshold("nominal", 12), Threshold("tight", 20))
    for digest in (network.digest, "0" * 64):
        (tmp_path / f"{digest[0]}.yaml").write_text(ThresholdsFile(digest, bits).text("t", ("", "")), encoding="utf-8")
    config = thresholds_config(file=f"{network.digest[0]}.yaml", folder=tmp_path)
    assert with_configured_thresholds(network, config).trigger_bits == {"nominal": 12, "tight": 20}
    assert network.digest[0] != "0"
    with pytest.raises(ConversionError, match=r"^The thresholds in '0\.yaml' were found for network 000000000000, this one is "):
        with_configured_thresholds(network, thresholds_config(file="0.yaml", folder=tmp_path))


def test_phi_periods_that_do_not_divide_by_two_are_refused() -> None:
    layout = tiny_layout()
    met = replace(layout.slots[1], phi_period=96)
    jet = replace(layout.slots[0], phi_period=32)
    network = make_network(replace(layout, slots=(jet, met)), phi_reference="met")
    with pytest.raises(
        ConversionError, match=r"^Phi of met_phi is 3 times finer than another column's, which is not a power of two; use"
    ):
        statements.steps(network)


def test_an_offset_and_a_shift_are_an_exact_subtraction_and_a_moved_point() -> None:
    network = make_network()
    lines = statements.steps(network).scaling
    assert lines[0] == "const ap_int<11> scaled_moved_0 = ap_int<11>(jet_pt_0) - ap_int<11>(ap_int<4>(5LL));"
    assert lines[1] == "scaled[0] = l1ad::shifted<11, 6>(ap_int<11>(scaled_moved_0));"
    assert lines[-1] == "scaled[7] = l1ad::shifted<5, -1>(ap_int<5>(scaled_moved_7));"


def test_casts_have_the_score_s_types_and_sums_lose_nothing() -> None:
    text = "\n".join(statements.steps(make_network(score=Score.MASKED_MSE, widths=(3, 8))).score)
    assert "ap_fixed<10,6,AP_RND_CONV,AP_SAT> difference[7];" in text
    assert "ap_ufixed<19,11> square[7];" in text
    assert re.search(r"const ap_int<2[0-3]> score_sum_5 = ", text)


def test_the_table_is_in_the_order_of_its_address() -> None:
    network = make_network(score=Score.KL, widths=(3, 4), output_type=FixedPoint.from_quantized_bits(4, 1))
    header = statements.steps(network).table
    assert header is not None
    numbers = re.search(r"score_table\[16\] = {\n(.*)}", header, re.DOTALL)
    assert numbers is not None
    codes = [int(value) for value in numbers[1].replace("\n", " ").split(",")]
    address = network.layers[-1].output
    v = address.from_int(np.arange(address.min_int, address.max_int + 1))
    assert network.score.table is not None
    assert codes == network.score.table.to_int(np.exp(v) - v - 1.0).tolist()
    assert statements.steps(make_network()).table is None


@pytest.mark.parametrize(("low", "high", "grid", "width"), [(0, 0, 6, 2), (0, 0, 5, 1), (-3, 2, 6, 3), (-1, 0, 9, 5)])
def test_a_value_has_as_many_bits_as_its_cast_drops(low: int, high: int, grid: int, width: int) -> None:
    """With fewer, ap_fixed's rounding reads a bit beyond the value: an assertion that ends C simulation."""
    code = Code("x", Interval(low, high))
    assert (
        code.shifted(grid, FixedPoint.parse("ap_fixed<8,4,AP_RND_CONV,AP_SAT>"))
        == f"l1ad::shifted<{width}, {grid}>(ap_int<{width}>(x))"
    )
    assert code.shifted(grid) == f"l1ad::shifted<{code.width}, {grid}>(ap_int<{code.width}>(x))"
