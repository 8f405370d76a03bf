"""Test what the firmware section accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from l1ad.config.load import parse_config
from l1ad.core.errors import ConfigError

TEXT = """
name: tiny
layout: l1topo44
data: {background: {zero_bias: none.h5}}
model: {kind: vae}
score: {kind: latent_l2}
"""


def test_defaults_are_constants_named_columns_and_no_handshake() -> None:
    firmware = parse_config(TEXT, "c.yaml", Path()).firmware
    assert (firmware.ports, firmware.interface, firmware.control, firmware.style) == (
        "columns",
        "ap_none",
        "ap_ctrl_none",
        "auto",
    )
    assert not firmware.threshold_ports


def test_several_thresholds_by_name() -> None:
    text = TEXT + "firmware: {thresholds: {loose: 1, nominal: 20, tight: 300}, threshold_ports: true, ports: packed}"
    assert parse_config(text, "c.yaml", Path()).firmware.thresholds == {"loose": 1, "nominal": 20, "tight": 300}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "firmware: {thresholds: {Loose: 1}}",
            r"^c\.yaml: key 'firmware\.thresholds': 'Loose' is not a valid port name: it must consist of lower-case letters",
        ),
        ("firmware: {thresholds: {loose: 1.5}}", r"^c\.yaml: key 'firmware\.thresholds\.loose': "),
        (
            "firmware: {thresholds: {loose: 1}, thresholds_file: a.yaml}",
            r"^c\.yaml: key 'firmware': thresholds and thresholds_file are both given; keep one",
        ),
        (
            "firmware: {strategy: distributed_arithmetic, reuse_factor: 2}",
            r"^c\.yaml: key 'firmware': strategy 'distributed_arithmetic' has no multipliers to share; leave reuse_factor at 1",
        ),
        (
            "firmware: {style: combinational, reuse_factor: 2}",
            r"^c\.yaml: key 'firmware': a reuse_factor above 1 needs style 'pipelined'",
        ),
        (
            "firmware: {style: dataflow}",
            r"^c\.yaml: key 'firmware\.style': input should be 'auto', 'combinational' or 'pipelined', got 'da",
        ),
        ("firmware: {intreface: ap_vld}", r"^c\.yaml: key 'firmware\.intreface' is unknown; did you mean 'interface'\?$"),
        ("csim: {max_flips: 2}", r"^c\.yaml: key 'csim\.max_flips': "),
    ],
)
def test_impossible_firmware_is_refused(line: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(TEXT + line, "c.yaml", Path())
